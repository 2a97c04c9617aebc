/* SPDX-License-Identifier: Apache-2.0 */
/* A send stream on a scripted engine (scripted_tx.h), a heap to send, and a log of the completions.
 *
 *     struct send_rig rig;
 *     send_rig_open(&rig, 4);             // heaps in flight; rig.tx is the engine
 *     send_rig_submit(&rig);
 *     spead_send_stream_poll(rig.stream);
 *     ... rig.log.result[0] ...
 *     send_rig_close(&rig);
 *
 * Some calls must not fail in any test. When such a call fails, these functions abort the test. */
#ifndef TEST_SEND_RIG_H
#define TEST_SEND_RIG_H

#include "scripted_tx.h"

/* The heap has one item. These constants are the size of the item, the number of packets of the heap, and the size of
 * all these packets together with their SPEAD headers. */
enum {
    SEND_RIG_HEAP_BYTES = 10000,
    SEND_RIG_PACKETS = 7,
    SEND_RIG_SPEAD_BYTES = SEND_RIG_HEAP_BYTES + SEND_RIG_PACKETS * 40 + 8,
};

struct send_rig_log {
    unsigned count;
    struct spead_send_result result[128];
};

struct send_rig {
    struct spead_send_stream_config config;
    struct scripted_tx *tx;
    struct spead_send_stream *stream;
    struct spead_send_heap *heap;
    struct send_rig_log log;           /* the results of the heaps that have completed */
    struct spead_send_options options; /* the callback `done` in the options writes `log` */
};

/* Opens a stream with three destinations. */
void send_rig_open(struct send_rig *rig, uint32_t heaps_max);
void send_rig_close(struct send_rig *rig);

/* Returns a heap with one item of `bytes` bytes, at most SEND_RIG_HEAP_BYTES. If `bytes` is 0, the heap has no item. */
struct spead_send_heap *send_rig_heap(size_t bytes);

/* Submits rig->heap with rig->options. */
int send_rig_submit(struct send_rig *rig);

/* Returns a snapshot of the ledger. Aborts if the sum of the buckets differs from the number of submitted packets. */
struct spead_send_stats send_rig_stats(const struct send_rig *rig);
uint64_t send_rig_packets(const struct send_rig *rig, enum spead_send_bucket bucket);

#endif
