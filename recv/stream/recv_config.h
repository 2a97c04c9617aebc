/* From the configuration that a caller gives to the one that a stream uses: defaults, checks, and the engine. Any
 * thread may call these functions; they may block. */
#ifndef SPEADI_RECV_CONFIG_H
#define SPEADI_RECV_CONFIG_H

#include <speadline/recv.h>

#include "live_heap.h"
#include "rx_engine.h"

/* Fills *config with the defaults and then with the caller's config, which may be of another version's size. Checks
 * what can be checked without an engine. Returns 0, or -EINVAL; err names the field. */
int speadi_recv_config_read(struct spead_recv_stream_config *config,
                            const struct spead_recv_stream_config *from, struct spead_err *err);

/* Checks what depends on the engine. Returns 0, -EINVAL or -ENOTSUP; err names the field. */
int speadi_recv_config_check_engine(const struct spead_recv_stream_config *config,
                                    const struct speadi_rx_engine_ops *ops, struct spead_err *err);

/* Returns how many heaps may be leaving at a time, that is, have ended and still wait for posted receives. It is 0 if
 * nothing is placed. */
uint32_t speadi_recv_config_leaving_max(const struct spead_recv_stream_config *config,
                                        const struct speadi_rx_engine_ops *ops,
                                        uint32_t source_count);

/* Opens the engine that the config names, wrapped in a fault decorator if `fault` asks for one. reason gets one line:
 * why this engine. Returns 0, or -errno with a sentence in err; then nothing stays open. */
int speadi_recv_config_open_engine(const struct spead_recv_stream_config *config,
                                   const struct speadi_rx_engine_ops **ops, void **engine,
                                   char reason[256], struct speadi_rx_facts *facts,
                                   struct spead_err *err);

#endif
