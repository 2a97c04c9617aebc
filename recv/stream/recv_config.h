/* From what a caller asks to what a stream needs: defaults, checks, and the memory plan. */
#ifndef SPEADI_RECV_CONFIG_H
#define SPEADI_RECV_CONFIG_H

#include <speadline/recv.h>

#include "live_heap.h"
#include "rx_engine.h"

/* Copies the caller's config, of whatever size, over the defaults, and checks what needs no engine.
 * Returns 0, or -EINVAL with the field in *err. */
int speadi_recv_config_read(struct spead_recv_stream_config *config,
                            const struct spead_recv_stream_config *from, struct spead_err *err);

/* Checks what depends on the engine: -EINVAL or -ENOTSUP. */
int speadi_recv_config_check_engine(const struct spead_recv_stream_config *config,
                                    const struct speadi_rx_engine_ops *ops, struct spead_err *err);

/* How many incomplete heaps may wait for posted receives to end; 0 where nothing is placed. */
uint32_t speadi_recv_config_leaving_max(const struct spead_recv_stream_config *config,
                                        const struct speadi_rx_engine_ops *ops,
                                        uint32_t source_count);

/* Opens the engine that the config names, in its fault decorator if one is asked for. Returns 0, or
 * -errno with a sentence. */
int speadi_recv_config_open_engine(const struct spead_recv_stream_config *config,
                                   const struct speadi_rx_engine_ops **ops, void **engine,
                                   char reason[256], struct speadi_rx_facts *facts,
                                   struct spead_err *err);

#endif
