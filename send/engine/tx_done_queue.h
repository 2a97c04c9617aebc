/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of packets that the engine has finished and that reap() has not yet reported. Consecutive packets with the
 * same error form a *run*. The queue holds the runs, oldest first. */
#ifndef SPEADI_TX_DONE_QUEUE_H
#define SPEADI_TX_DONE_QUEUE_H

#include <assert.h>
#include <stdbool.h>

#include "tx_engine.h"

#define SPEADI_TX_DONE_RUNS_MAX 256u

struct speadi_tx_done_queue {
    /* a ring: run[first] is the oldest run */
    struct speadi_tx_done run[SPEADI_TX_DONE_RUNS_MAX];
    unsigned first, count;
};

/* Returns true when the queue has room for `runs` more runs. The answer assumes that no new run can be joined with the
 * newest run of the queue. */
static inline bool speadi_tx_done_has_room(const struct speadi_tx_done_queue *queue, unsigned runs)
{
    return SPEADI_TX_DONE_RUNS_MAX - queue->count >= runs;
}

/* Adds `packets` packets, which all ended with `error`. If the newest run of the queue has the same error, the packets
 * become a part of that run. */
static inline void speadi_tx_done_put(struct speadi_tx_done_queue *queue, uint32_t packets,
                                      int error)
{
    struct speadi_tx_done *last =
        &queue->run[(queue->first + queue->count - 1) % SPEADI_TX_DONE_RUNS_MAX];

    if (queue->count && last->error == error && last->packets <= UINT32_MAX - packets) {
        last->packets += packets;
        return;
    }
    assert(queue->count < SPEADI_TX_DONE_RUNS_MAX);
    queue->run[(queue->first + queue->count) % SPEADI_TX_DONE_RUNS_MAX] =
        (struct speadi_tx_done){.packets = packets, .error = error};
    queue->count++;
}

/* Removes `packets` packets from the oldest run. The queue must have a run, and the oldest run must have at least
 * `packets` packets. */
static inline void speadi_tx_done_drop(struct speadi_tx_done_queue *queue, uint32_t packets)
{
    assert(queue->count && queue->run[queue->first].packets >= packets);
    queue->run[queue->first].packets -= packets;
    if (queue->run[queue->first].packets == 0) {
        queue->first = (queue->first + 1) % SPEADI_TX_DONE_RUNS_MAX;
        queue->count--;
    }
}

/* Moves the oldest runs, at most `max` of them, into done[]. Returns how many runs it moved. */
static inline unsigned speadi_tx_done_take(struct speadi_tx_done_queue *queue,
                                           struct speadi_tx_done *done, unsigned max)
{
    unsigned taken = 0;

    while (taken < max && queue->count) {
        done[taken] = queue->run[queue->first];
        speadi_tx_done_drop(queue, done[taken++].packets);
    }
    return taken;
}

#endif
