/* The heap queue holds the heaps in flight, from submit() to completion. It is bounded. Any number of producers push
 * heaps; one owner thread completes them.
 *
 * Every heap has a position. Positions count up and are never used again. The slot of a heap is its position modulo the
 * capacity. Four positions divide the heaps, always in this order:
 *   finished <= freed <= admitted <= tail
 * tail:     producers have claimed the positions before it.
 * admitted: the owner thread has given heap counters to the heaps before it, and has counted them in its ledger.
 * freed:    the heaps before it are completed, and producers may claim their slots again.
 * finished: the completion functions of the heaps before it have returned.
 * tail - freed never exceeds heaps_max. */
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

#define SPEADI_HEAPS_MAX (1u << 20) /* the most heaps that a stream can have in flight */

/* One accepted heap. */
struct speadi_heap_entry {
    const struct spead_send_heap *heap; /* borrowed until completion */
    spead_send_done_fn *done;           /* may be NULL */
    void *done_arg;
    uint64_t counter; /* the owner thread sets it, unless explicit_counter is true */
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

    /* Producers and close() write this field. The top bit means that the queue is closed. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail;

    /* Only the owner thread writes these fields. Any thread reads freed and finished. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t freed;
    _Atomic uint64_t finished;
    uint64_t admitted;
};

/* heaps_max is 1 to SPEADI_HEAPS_MAX. Returns 0 or -ENOMEM. */
int speadi_heap_queue_init(struct speadi_heap_queue *queue, uint32_t heaps_max);
void speadi_heap_queue_release(struct speadi_heap_queue *queue);

/* ---- Any thread ---- */

/* Copies *entry into the queue. Returns 0, -EAGAIN (heaps_max heaps are in flight) or -ESHUTDOWN (the queue is closed).
 * by_owner is true when the owner thread calls it; any other caller must look next whether the owner thread sleeps
 * (OWNER1). */
int speadi_heap_queue_push(struct speadi_heap_queue *queue, const struct speadi_heap_entry *entry,
                           bool by_owner);

/* Makes the queue refuse every later push. Returns true when it was closed before. A signal handler may call it. */
bool speadi_heap_queue_close(struct speadi_heap_queue *queue);

/* Returns true when the queue is closed. */
bool speadi_heap_queue_is_closed(const struct speadi_heap_queue *queue);

/* These return how many heaps have been accepted and how many have finished so far. */
uint64_t speadi_heap_queue_accepted(const struct speadi_heap_queue *queue);
uint64_t speadi_heap_queue_finished(const struct speadi_heap_queue *queue);

/* Returns true when the queue is closed and every accepted heap has finished. */
bool speadi_heap_queue_is_drained(const struct speadi_heap_queue *queue);

/* ---- Owner thread ---- */

/* Returns the heap at a position from freed to admitted - 1. */
struct speadi_heap_entry *speadi_heap_queue_at(const struct speadi_heap_queue *queue,
                                               uint64_t position);

/* Returns true when a heap has been pushed and not yet admitted. */
bool speadi_heap_queue_has_new(const struct speadi_heap_queue *queue);

/* Admits the next heap and returns it. Returns NULL when there is none. */
struct speadi_heap_entry *speadi_heap_queue_admit(struct speadi_heap_queue *queue);

/* Returns the position of the oldest heap that is not completed. */
uint64_t speadi_heap_queue_oldest(const struct speadi_heap_queue *queue);

/* Frees the slot of the oldest heap. A producer may overwrite the entry from then on. */
void speadi_heap_queue_free_oldest(struct speadi_heap_queue *queue);

/* Marks all freed heaps as finished. The owner thread calls it when their completion functions have returned. */
void speadi_heap_queue_finish(struct speadi_heap_queue *queue);

#endif
