/* A send stream over the null engine, which takes every packet at once and sends none. */
#ifndef SPEADLINE_BENCH_NULL_TX_H
#define SPEADLINE_BENCH_NULL_TX_H

#include <stdint.h>

#include <speadline/send.h>

/* Returns a stream. The caller polls it or starts a runner for it, and destroys it. Exits with a sentence on
 * failure. */
struct spead_send_stream *null_tx_stream(uint32_t heaps_max, uint32_t packet_bytes);

#endif
