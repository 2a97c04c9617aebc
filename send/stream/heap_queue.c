/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of the heaps that are in flight, from submit() to completion. */
#include "heap_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>

/* This bit of `tail` says that the queue is closed. The bit and the position lie in the same word. So every claim of a
 * position comes either before the close or after it. If a heap is claimed before the close, the queue accepts it, and
 * it completes like all others. A claim after the close is refused. */
#define CLOSED (1ull << 63)

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

static struct speadi_heap_slot *slot_at(const struct speadi_heap_queue *queue, uint64_t position)
{
    return &queue->slot[position & queue->mask];
}

/* ---- Any thread ---------------------------------------------------------------------------- */

/* Claims positions for the calling thread. It reads `tail` before `freed` (QUEUE4 acquire keeps that order). So the
 * computed difference tail - freed can be too small but never too large, and no heap is refused without need. If the
 * difference is too small, another thread has changed `tail`, and the compare-exchange fails. QUEUE4 release: the next
 * thread that claims a position sees what this thread did before. */
static inline int claim(struct speadi_heap_queue *queue, uint32_t count, uint64_t *position)
{
    uint64_t tail = atomic_load_explicit(&queue->tail, memory_order_acquire);

    for (;;) {
        /* QUEUE1 acquire: the owner thread has finished reading the slot. */
        uint64_t freed = atomic_load_explicit(&queue->freed, memory_order_acquire);

        if (tail & CLOSED)
            return -ESHUTDOWN;
        if ((int64_t)(tail - freed) + (int64_t)count > (int64_t)queue->heaps_max)
            return -EAGAIN;
        if (atomic_compare_exchange_weak_explicit(&queue->tail, &tail, tail + count,
                                                  memory_order_acq_rel, memory_order_acquire))
            break;
    }
    *position = tail;
    return 0;
}

static inline void publish(struct speadi_heap_queue *queue, uint64_t position,
                           const struct speadi_heap_entry *entry, bool by_owner)
{
    struct speadi_heap_slot *slot = slot_at(queue, position);

    slot->entry = *entry;
    /* QUEUE2 store: when the owner thread sees `published`, it sees the entry. A producer that then looks whether the
     * owner thread sleeps (OWNER1) needs a sequentially consistent store. Such a store takes 5 ns of the 35 ns that a
     * small heap takes. The owner thread itself needs only a release store, which is cheaper. */
    if (by_owner)
        atomic_store_explicit(&slot->published, position + 1, memory_order_release);
    else
        atomic_store_explicit(&slot->published, position + 1, memory_order_seq_cst);
}

int speadi_heap_queue_push(struct speadi_heap_queue *queue, const struct speadi_heap_entry *entry,
                           bool by_owner)
{
    uint64_t position;
    int ret = claim(queue, 1, &position);

    if (ret == 0)
        publish(queue, position, entry, by_owner);
    return ret;
}

int speadi_heap_queue_claim(struct speadi_heap_queue *queue, uint32_t count, uint64_t *position)
{
    return claim(queue, count, position);
}

void speadi_heap_queue_publish(struct speadi_heap_queue *queue, uint64_t position,
                               const struct speadi_heap_entry *entry, bool by_owner)
{
    publish(queue, position, entry, by_owner);
}

bool speadi_heap_queue_close(struct speadi_heap_queue *queue)
{
    /* QUEUE4 release, acquire: a thread that finds the queue closed sees what the closing thread did before. */
    return (atomic_fetch_or_explicit(&queue->tail, CLOSED, memory_order_acq_rel) & CLOSED) != 0;
}

bool speadi_heap_queue_is_closed(const struct speadi_heap_queue *queue)
{
    /* QUEUE4 acquire: this thread sees what the closing thread did before. */
    return (atomic_load_explicit(&queue->tail, memory_order_acquire) & CLOSED) != 0;
}

uint64_t speadi_heap_queue_accepted(const struct speadi_heap_queue *queue)
{
    /* QUEUE4 acquire: the caller sees what the producers did before these heaps were accepted. */
    return atomic_load_explicit(&queue->tail, memory_order_acquire) & ~CLOSED;
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

    return (tail & CLOSED) && speadi_heap_queue_finished(queue) == (tail & ~CLOSED);
}

/* ---- Owner --------------------------------------------------------------------------------- */

void speadi_heap_queue_free_oldest(struct speadi_heap_queue *queue)
{
    /* QUEUE1 release: the owner thread has finished reading the slot, and the next producer may write it. */
    atomic_store_explicit(&queue->freed, speadi_heap_queue_oldest(queue) + 1, memory_order_release);
}

void speadi_heap_queue_finish(struct speadi_heap_queue *queue)
{
    /* QUEUE3 release: all freed heaps have finished, because the owner thread runs their completion functions one
     * after another. */
    atomic_store_explicit(&queue->finished, speadi_heap_queue_oldest(queue), memory_order_release);
}
