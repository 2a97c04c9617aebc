/* SPDX-License-Identifier: Apache-2.0 */
/* A send stream over the null engine. The null engine accepts every packet immediately and sends none. */
#ifndef SPEADLINE_BENCH_NULL_TX_H
#define SPEADLINE_BENCH_NULL_TX_H

#include <stdint.h>

#include <speadline/send.h>

/* Makes a send stream over the null engine. The caller must poll the stream or start a runner for it, and must destroy
 * it at the end. On failure the function prints a sentence and exits the process. */
struct spead_send_stream *null_tx_stream(uint32_t heaps_max, uint32_t packet_bytes);

#endif
