/* A send stream over an engine that takes every packet at once and sends none. */
#ifndef SPEADLINE_BENCH_NULL_TX_H
#define SPEADLINE_BENCH_NULL_TX_H

#include <stdint.h>

#include <speadline/send.h>

/* Exits with a sentence on failure. The owner may poll it, or a runner run it. */
struct spead_send_stream *null_tx_stream(uint32_t heaps_max, uint32_t packet_bytes);

#endif
