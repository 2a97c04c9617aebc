/* SPDX-License-Identifier: Apache-2.0 */
/* The heap queue holds the heaps that are in flight, from submit() to completion. It is bounded. Any number of
 * producers push heaps; one owner thread completes them.
 *
 * Every heap has a position. Each heap gets the next higher position, and no position is used twice. The slot of a heap
 * is its position modulo the capacity. Four counters divide the positions. They are always in this order:
 *    finished <= freed <= admitted <= tail
 * `tail`:     producers have claimed all positions below this one.
 * `admitted`: the owner thread has given heap counters to the heaps below this position, and has counted these heaps
 *             in its ledger.
 * `freed`:    the heaps below this position are completed, and producers may claim their slots again.
 * `finished`: the completion functions of the heaps below this position have returned.
 * At most heaps_max heaps are in flight, so `tail` - `freed` never exceeds heaps_max. */
#ifndef SPEADI_HEAP_QUEUE_H
#define SPEADI_HEAP_QUEUE_H

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/cache_line.h>

#include "packetiser.h"

#define SPEADI_HEAPS_MAX (1u << 20) /* the largest heaps_max of a stream */

/* This bit of `tail` says that the queue is closed. The bit and the position lie in the same word. So every claim of a
 * position comes either before the close or after it. If a heap is claimed before the close, the queue accepts it, and
 * it completes like all others. A claim after the close is refused. */
#define SPEADI_HEAP_QUEUE_CLOSED (1ull << 63)

/* One accepted heap. Most small heaps are *plain*: they have one packet, have the rate of the stream, and are in no mix. Of
 * a plain heap all that is needed lies in one cache line of its slot, and the fields behind it are not valid: the functions
 * speadi_heap_entry_*() return what they would be. */
struct speadi_heap_entry {
    const struct spead_send_heap *heap; /* borrowed until completion */
    spead_send_done_fn *done;           /* the completion function; NULL if there is none */
    void *done_arg;
    /* The heap counter. The owner thread sets this field if explicit_counter is false; otherwise the producer has set
     * it. */
    uint64_t counter;
    uint64_t bytes, length; /* as in struct speadi_heap_shape */
    uint16_t destination;
    bool explicit_counter;
    bool is_next_of_group; /* true if the heap before it is of the same group */
    bool is_plain;
    bool uses_room; /* the header of the packet is in the room of the heap (header_room.h) */

    uint8_t mix_order; /* enum speadi_mix_order; valid if mix_count is more than 1 */
    /* The number of heaps of the mix that this heap belongs to (heap_mix.h). 0 or 1: the heap belongs to no mix. */
    uint32_t mix_count;
    uint64_t packets; /* as in struct speadi_heap_shape, and so is `pointers` */
    /* The time for a byte at the rate of the heap; 0 means no limit, and a negative value the rate of the stream. */
    double ns_per_byte;
    uint32_t pointers;
};

struct speadi_heap_slot {
    /* This is 1 + the position of the newest heap in this slot. It is 0 if the slot has never held a heap. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t published;
    struct speadi_heap_entry entry;
};

static_assert(offsetof(struct speadi_heap_slot, entry.mix_order) <= 64,
              "a plain heap takes one cache line");

static inline uint64_t speadi_heap_entry_packets(const struct speadi_heap_entry *entry)
{
    return entry->is_plain ? 1 : entry->packets;
}

static inline uint32_t speadi_heap_entry_mix_count(const struct speadi_heap_entry *entry)
{
    return entry->is_plain ? 0 : entry->mix_count;
}

static inline double speadi_heap_entry_ns_per_byte(const struct speadi_heap_entry *entry)
{
    return entry->is_plain ? -1 : entry->ns_per_byte;
}

/* Returns true if the heap has one packet and belongs to no mix. */
static inline bool speadi_heap_entry_is_single(const struct speadi_heap_entry *entry)
{
    return entry->is_plain || (entry->packets == 1 && entry->mix_count <= 1);
}

static inline struct speadi_heap_shape speadi_heap_entry_shape(
    const struct speadi_heap_entry *entry)
{
    struct speadi_heap_shape shape = {.packets = 1, .bytes = entry->bytes, .length = entry->length};

    if (entry->is_plain) {
        shape.pointers = speadi_single_packet_pointers(entry->bytes - entry->length);
    } else {
        shape.packets = entry->packets;
        shape.pointers = entry->pointers;
    }
    return shape;
}

/* Writes the shape, the rate and the mix of a heap, and so whether it is plain. If ns_per_byte is NULL, the heap has the rate
 * of the stream. */
static inline void speadi_heap_entry_set_shape(struct speadi_heap_entry *entry,
                                               const struct speadi_heap_shape *shape,
                                               const double *ns_per_byte, uint32_t mix_count)
{
    entry->bytes = shape->bytes;
    entry->length = shape->length;
    entry->is_plain = shape->packets == 1 && !ns_per_byte && mix_count <= 1;
    if (entry->is_plain)
        return;
    entry->packets = shape->packets;
    entry->pointers = shape->pointers;
    entry->ns_per_byte = ns_per_byte ? *ns_per_byte : -1;
    entry->mix_count = mix_count;
}

struct speadi_heap_queue {
    struct speadi_heap_slot *slot;
    size_t bytes;
    uint64_t mask;
    uint32_t heaps_max;

    /* Producers and close() write this field. Its top bit is set when the queue is closed. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail;

    /* Only the owner thread writes these fields. Any thread reads `freed` and `finished`. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t freed;
    _Atomic uint64_t finished;
    uint64_t admitted; /* the owner thread moves it on when it admits heaps */
};

/* Makes an empty queue. heaps_max must be 1 to SPEADI_HEAPS_MAX. Returns 0 or -ENOMEM. */
int speadi_heap_queue_init(struct speadi_heap_queue *queue, uint32_t heaps_max);
void speadi_heap_queue_release(struct speadi_heap_queue *queue);

/* ---- Any thread ---- */

/* Claims `count` consecutive positions, or none; *position gets the first. `count` is 1 to heaps_max. Returns 0, -EAGAIN
 * (the heaps would be more than heaps_max) or -ESHUTDOWN (the queue is closed). After it returned 0, the caller must
 * publish the entry of each claimed position, the first position last. So the owner thread sees either none of these heaps
 * or all of them.
 * It reads `tail` before `freed` (QUEUE4 acquire keeps that order). So the computed difference tail - freed can be too
 * small but never too large, and no heap is refused without need. If the difference is too small, another thread has
 * changed `tail`, and the compare-exchange fails. QUEUE4 release: the next thread that claims a position sees what this
 * thread did before. */
static inline int speadi_heap_queue_claim(struct speadi_heap_queue *queue, uint32_t count,
                                          uint64_t *position)
{
    uint64_t tail = atomic_load_explicit(&queue->tail, memory_order_acquire);

    for (;;) {
        /* QUEUE1 acquire: the owner thread has finished reading the slot. */
        uint64_t freed = atomic_load_explicit(&queue->freed, memory_order_acquire);

        if (tail & SPEADI_HEAP_QUEUE_CLOSED)
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

/* Returns the entry of a claimed position, or of a heap that has been admitted and not freed. */
static inline struct speadi_heap_entry *speadi_heap_queue_at(const struct speadi_heap_queue *queue,
                                                             uint64_t position)
{
    return &queue->slot[position & queue->mask].entry;
}

/* Publishes the heap of a claimed position, whose entry the caller has written. `by_owner` must be true if and only if the
 * owner thread calls the function, or another position is published after this one. Any other caller must afterwards look
 * whether the owner thread sleeps, and must wake the owner thread if it sleeps (OWNER1). */
static inline void speadi_heap_queue_publish(struct speadi_heap_queue *queue, uint64_t position,
                                             bool by_owner)
{
    struct speadi_heap_slot *slot = &queue->slot[position & queue->mask];

    /* QUEUE2 store: when the owner thread sees `published`, it sees the entry. A producer that then looks whether the
     * owner thread sleeps (OWNER1) needs a sequentially consistent store. Such a store takes 5 ns. The owner thread
     * itself needs only a release store, which is cheaper. */
    if (by_owner)
        atomic_store_explicit(&slot->published, position + 1, memory_order_release);
    else
        atomic_store_explicit(&slot->published, position + 1, memory_order_seq_cst);
}

/* Closes the queue, so that it refuses every later push. Returns true when the queue was already closed. A signal
 * handler may call it. */
bool speadi_heap_queue_close(struct speadi_heap_queue *queue);

/* Returns true when the queue is closed. */
bool speadi_heap_queue_is_closed(const struct speadi_heap_queue *queue);

/* speadi_heap_queue_accepted() returns how many heaps the queue has ever accepted. speadi_heap_queue_finished() returns
 * how many of those heaps have finished. */
uint64_t speadi_heap_queue_accepted(const struct speadi_heap_queue *queue);
uint64_t speadi_heap_queue_finished(const struct speadi_heap_queue *queue);

/* Returns true when the queue is closed and every accepted heap has finished. */
bool speadi_heap_queue_is_drained(const struct speadi_heap_queue *queue);

/* ---- Owner thread ---- */

/* Returns true when a producer has published the heap at this position, which must be the first position that is not
 * admitted, or one behind it. */
static inline bool speadi_heap_queue_is_published(const struct speadi_heap_queue *queue,
                                                  uint64_t position)
{
    const struct speadi_heap_slot *slot = &queue->slot[position & queue->mask];

    /* QUEUE2 load: when `published` is position + 1, this thread sees the entry. */
    return atomic_load_explicit(&slot->published, memory_order_seq_cst) == position + 1;
}

/* Returns true when a producer has pushed a heap that is not yet admitted. */
static inline bool speadi_heap_queue_has_new(const struct speadi_heap_queue *queue)
{
    return speadi_heap_queue_is_published(queue, queue->admitted);
}

/* Returns the position of the oldest heap that has not completed. */
static inline uint64_t speadi_heap_queue_oldest(const struct speadi_heap_queue *queue)
{
    /* Relaxed: only the calling thread, which is the owner thread, writes `freed`. */
    return atomic_load_explicit(&queue->freed, memory_order_relaxed);
}

/* Frees the slot of the oldest heap. After this call a producer may overwrite the entry of that heap. */
static inline void speadi_heap_queue_free_oldest(struct speadi_heap_queue *queue)
{
    /* QUEUE1 release: the owner thread has finished reading the slot, and the next producer may write it. */
    atomic_store_explicit(&queue->freed, speadi_heap_queue_oldest(queue) + 1, memory_order_release);
}

/* Marks all freed heaps as finished. The owner thread must call it only after the completion functions of these heaps
 * have returned. */
void speadi_heap_queue_finish(struct speadi_heap_queue *queue);

#endif
