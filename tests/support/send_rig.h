/* A send stream on an engine that does as the test says, a heap for it, and what became of that.
 *
 *     struct send_rig rig;
 *     send_rig_open(&rig, 4);             // heaps in flight; rig.tx is the engine
 *     send_rig_submit(&rig);
 *     spead_send_stream_poll(rig.stream);
 *     ... rig.log.result[0] ...
 *     send_rig_close(&rig);
 *
 * Aborts when a call fails that no test is about. */
#ifndef TEST_SEND_RIG_H
#define TEST_SEND_RIG_H

#include "scripted_tx.h"

/* The heap: one item in so many packets. */
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
    struct send_rig_log log;           /* the heaps that have ended */
    struct spead_send_options options; /* note that in the log */
};

/* To three destinations. */
void send_rig_open(struct send_rig *rig, uint32_t heaps_max);
void send_rig_close(struct send_rig *rig);

/* A heap with one item, or none for 0 bytes; at most SEND_RIG_HEAP_BYTES. */
struct spead_send_heap *send_rig_heap(size_t bytes);

/* Submits rig->heap with rig->options. */
int send_rig_submit(struct send_rig *rig);

/* A snapshot, checked: every packet is in exactly one bucket. Aborts if it is not. */
struct spead_send_stats send_rig_stats(const struct send_rig *rig);
uint64_t send_rig_packets(const struct send_rig *rig, enum spead_send_bucket bucket);

#endif
