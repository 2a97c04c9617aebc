/* The heaps in flight, from submit() to completion: bounded, any number of producers, one owner.
 *
 * Positions count up for ever; a slot is position modulo capacity. In order:
 *   finished <= freed <= admitted <= tail
 * tail: claimed by producers. admitted: seen by the owner, numbered and in its ledger. freed: completed,
 * the slot may be claimed again. finished: its callback has returned as well. tail - freed never exceeds
 * heaps_max. */
#ifndef SPEADI_HEAP_QUEUE_H
#define SPEADI_HEAP_QUEUE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/cache_line.h>

#include "packetiser.h"

#define SPEADI_HEAPS_MAX (1u << 20) /* most that a stream can have in flight */

/* One accepted heap. */
struct speadi_heap_entry {
    const struct spead_send_heap *heap; /* borrowed until completion */
    spead_send_done_fn *done;           /* may be NULL */
    void *done_arg;
    uint64_t counter; /* automatic ones are set by the owner */
    struct speadi_heap_shape shape;
    uint16_t destination;
    bool explicit_counter;
};

struct speadi_heap_slot; /* private */

struct speadi_heap_queue {
    struct speadi_heap_slot *slot;
    size_t bytes;
    uint64_t mask;
    uint32_t heaps_max;

    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail;  /* producers; top bit: closed */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t freed; /* owner */
    _Atomic uint64_t finished;                         /* owner */
    uint64_t admitted;                                 /* owner only */
};

/* heaps_max in 1..SPEADI_HEAPS_MAX. Returns 0 or -ENOMEM. */
int speadi_heap_queue_init(struct speadi_heap_queue *queue, uint32_t heaps_max);
void speadi_heap_queue_release(struct speadi_heap_queue *queue);

/* ---- Any thread ---- */

/* Returns 0, -EAGAIN (exactly heaps_max are in flight) or -ESHUTDOWN (closed). *entry is copied.
 * by_owner: the caller is the owner, and need not ask whether the owner sleeps. */
int speadi_heap_queue_push(struct speadi_heap_queue *queue, const struct speadi_heap_entry *entry,
                           bool by_owner);

/* Nothing is accepted any more. Returns whether it was closed before. Signal-safe. */
bool speadi_heap_queue_close(struct speadi_heap_queue *queue);

/* Heaps are no longer accepted. */
bool speadi_heap_queue_is_closed(const struct speadi_heap_queue *queue);

/* How many heaps have been accepted / have finished so far. */
uint64_t speadi_heap_queue_accepted(const struct speadi_heap_queue *queue);
uint64_t speadi_heap_queue_finished(const struct speadi_heap_queue *queue);

/* Closed, and everything accepted has finished. */
bool speadi_heap_queue_is_drained(const struct speadi_heap_queue *queue);

/* ---- Owner ---- */

/* The heap at a position from freed to admitted - 1. */
struct speadi_heap_entry *speadi_heap_queue_at(const struct speadi_heap_queue *queue,
                                               uint64_t position);

/* Something waits to be admitted. */
bool speadi_heap_queue_has_new(const struct speadi_heap_queue *queue);

/* Admits the next heap and returns it, or NULL. */
struct speadi_heap_entry *speadi_heap_queue_admit(struct speadi_heap_queue *queue);

/* Position of the oldest heap not completed. */
uint64_t speadi_heap_queue_oldest(const struct speadi_heap_queue *queue);

/* Frees the oldest heap's slot; its entry is gone. Then, after its callback, finish(). */
void speadi_heap_queue_free_oldest(struct speadi_heap_queue *queue);
void speadi_heap_queue_finish(struct speadi_heap_queue *queue);

#endif
