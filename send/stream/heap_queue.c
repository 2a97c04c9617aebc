/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of the heaps that are in flight, from submit() to completion. */
#include "heap_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>

int speadi_heap_queue_init(struct speadi_heap_queue *queue, uint32_t heaps_max)
{
    size_t capacity = speadi_power_of_two_from(heaps_max);

    *queue = (struct speadi_heap_queue){.mask = capacity - 1,
                                        .heaps_max = heaps_max,
                                        .bytes = capacity * sizeof(struct speadi_heap_slot)};
    queue->slot = aligned_alloc(alignof(struct speadi_heap_slot), queue->bytes);
    if (!queue->slot)
        return -ENOMEM;
    memset(queue->slot, 0, queue->bytes);
    return 0;
}

void speadi_heap_queue_release(struct speadi_heap_queue *queue)
{
    free(queue->slot);
    queue->slot = NULL;
}

/* ---- Any thread ---------------------------------------------------------------------------- */

bool speadi_heap_queue_close(struct speadi_heap_queue *queue)
{
    /* QUEUE4 release, acquire: a thread that finds the queue closed sees what the closing thread did before. */
    return (atomic_fetch_or_explicit(&queue->tail, SPEADI_HEAP_QUEUE_CLOSED, memory_order_acq_rel) &
            SPEADI_HEAP_QUEUE_CLOSED) != 0;
}

bool speadi_heap_queue_is_closed(const struct speadi_heap_queue *queue)
{
    /* QUEUE4 acquire: this thread sees what the closing thread did before. */
    return (atomic_load_explicit(&queue->tail, memory_order_acquire) & SPEADI_HEAP_QUEUE_CLOSED) !=
           0;
}

uint64_t speadi_heap_queue_accepted(const struct speadi_heap_queue *queue)
{
    /* QUEUE4 acquire: the caller sees what the producers did before these heaps were accepted. */
    return atomic_load_explicit(&queue->tail, memory_order_acquire) & ~SPEADI_HEAP_QUEUE_CLOSED;
}

uint64_t speadi_heap_queue_finished(const struct speadi_heap_queue *queue)
{
    /* QUEUE3 acquire: the calling thread sees what the completion functions of these heaps did. */
    return atomic_load_explicit(&queue->finished, memory_order_acquire);
}

bool speadi_heap_queue_is_drained(const struct speadi_heap_queue *queue)
{
    /* QUEUE4 acquire: this thread sees what the closing thread did before. */
    uint64_t tail = atomic_load_explicit(&queue->tail, memory_order_acquire);

    return (tail & SPEADI_HEAP_QUEUE_CLOSED) &&
           speadi_heap_queue_finished(queue) == (tail & ~SPEADI_HEAP_QUEUE_CLOSED);
}

/* ---- Owner --------------------------------------------------------------------------------- */

void speadi_heap_queue_finish(struct speadi_heap_queue *queue)
{
    /* QUEUE3 release: all freed heaps have finished, because the owner thread runs their completion functions one
     * after another. */
    atomic_store_explicit(&queue->finished, speadi_heap_queue_oldest(queue), memory_order_release);
}
