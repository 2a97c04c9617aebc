/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the configuration that a caller gives into the one that a stream uses: sets defaults, checks the values, and
 * opens the engine. Any thread may call these functions; they may block. */
#ifndef SPEADI_RECV_CONFIG_H
#define SPEADI_RECV_CONFIG_H

#include <speadline/recv.h>

#include "live_heap.h"
#include "rx_engine.h"

/* Fills *config with the defaults and then with the fields of *from, the caller's struct. The caller may have been
 * built with another version of the library, in which the struct has another size. Checks what can be checked without
 * an engine. Returns 0, or -EINVAL; err names the field. */
int speadi_recv_config_read(struct spead_recv_stream_config *config,
                            const struct spead_recv_stream_config *from, struct spead_err *err);

/* Fills *point from the caller's struct. Returns 0, or -EINVAL; err names the field. */
int speadi_recv_config_read_start(struct spead_recv_start_point *point,
                                  const struct spead_recv_start_point *from, struct spead_err *err);

/* Returns the number of endpoints that are apart: 1 if the stream is joint. */
static inline uint32_t speadi_recv_config_endpoints(const struct spead_recv_stream_config *config)
{
    return config->joint ? 1 : config->endpoint_count + config->link_count;
}

/* Checks the options that depend on the engine. Returns 0, -EINVAL or -ENOTSUP; err names the field. */
int speadi_recv_config_check_engine(const struct spead_recv_stream_config *config,
                                    const struct speadi_rx_engine_ops *ops, struct spead_err *err);

/* Returns how many regions of each size class are set aside for heaps that must leave while receives are posted into
 * them. Returns 0 if the stream places nothing. */
uint32_t speadi_recv_config_aside_count(const struct spead_recv_stream_config *config,
                                        const struct speadi_rx_engine_ops *ops,
                                        uint32_t source_count, uint32_t queues);

/* Returns the largest number of live heaps of the stream. Each of them needs a region. */
uint64_t speadi_recv_config_live_blocks(const struct spead_recv_stream_config *config);

/* Opens the engine that the config names, wrapped in a fault decorator if `fault` asks for one. reason gets one line
 * that says why this engine was chosen. Returns 0, or -errno with a sentence in err; after an error nothing stays
 * open. */
int speadi_recv_config_open_engine(const struct spead_recv_stream_config *config,
                                   const struct speadi_rx_engine_ops **ops, void **engine,
                                   char reason[SPEADI_ENGINE_REASON_MAX],
                                   struct speadi_rx_facts *facts, struct spead_err *err);

#endif
