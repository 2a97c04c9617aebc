/* SPDX-License-Identifier: Apache-2.0 */
/* The automatic heap counters of a stream. The owner thread takes one for each heap when it admits the heap, in the order
 * of the queue. Any thread may change the sequence while the stream runs. A change holds from a position of the queue on:
 * heaps that were accepted before keep the counters of the old sequence, although they are admitted later. */
#ifndef SPEADI_HEAP_COUNTERS_H
#define SPEADI_HEAP_COUNTERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "heap_queue.h"

/* The largest number of changes that wait until the owner thread has admitted the heaps before them. */
#define SPEADI_COUNTER_CHANGES_MAX 8u

struct speadi_counter_change {
    uint64_t position; /* of the first heap of the new sequence */
    uint64_t next, step;
};

struct speadi_heap_counters {
    uint64_t next, step; /* only the owner thread uses them */
    /* the position of the oldest change that waits; UINT64_MAX if there is none */
    _Atomic uint64_t changed_at;
    pthread_mutex_t lock; /* protects the changes that wait, oldest first */
    struct speadi_counter_change change[SPEADI_COUNTER_CHANGES_MAX];
    unsigned count;
};

void speadi_heap_counters_init(struct speadi_heap_counters *counters, uint64_t first,
                               uint64_t step);
void speadi_heap_counters_release(struct speadi_heap_counters *counters);

/* Begins a new sequence at the next heap that the queue accepts. Returns 0, or -EAGAIN when SPEADI_COUNTER_CHANGES_MAX
 * changes wait. Any thread. */
int speadi_heap_counters_change(struct speadi_heap_counters *counters,
                                const struct speadi_heap_queue *queue, uint64_t next,
                                uint64_t step);

/* Applies the changes that hold for the heap at `position`. Owner thread. */
void speadi_heap_counters_apply(struct speadi_heap_counters *counters, uint64_t position);

/* Applies the changes that hold from the heap at `position` on. The owner thread calls it for each heap in the order of
 * the queue, also if the heap has an explicit counter: such a heap can be the first of a group. No change comes between
 * two heaps of a group. Owner thread. */
static inline void speadi_heap_counters_reach(struct speadi_heap_counters *counters,
                                              uint64_t position, bool is_next_of_group)
{
    /* COUNTER1 acquire: this thread finds the change that another thread has stored. */
    if (position >= atomic_load_explicit(&counters->changed_at, memory_order_acquire) &&
        !is_next_of_group)
        speadi_heap_counters_apply(counters, position);
}

/* Returns the counter of the heap that speadi_heap_counters_reach() has reached, and advances. Owner thread. */
static inline uint64_t speadi_heap_counters_take(struct speadi_heap_counters *counters)
{
    const uint64_t counter = counters->next;

    counters->next += counters->step;
    return counter;
}

#endif
