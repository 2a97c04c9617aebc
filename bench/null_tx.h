/* A send stream over the null engine. The null engine accepts every packet immediately and sends none. */
#ifndef SPEADLINE_BENCH_NULL_TX_H
#define SPEADLINE_BENCH_NULL_TX_H

#include <stdint.h>

#include <speadline/send.h>

/* Makes a send stream over the null engine. The caller polls the stream or starts a runner for it, and destroys it
 * at the end. On failure, prints a sentence and exits. */
struct spead_send_stream *null_tx_stream(uint32_t heaps_max, uint32_t packet_bytes);

#endif
