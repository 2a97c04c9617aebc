/* SPDX-License-Identifier: Apache-2.0 */
/* The wakers of the ends that wait at one side of a channel. The other side of the channel wakes these ends.
 *
 * If a side can have only one end, its queue is a single atomic pointer. If a side can have many ends, its queue is a
 * waker list under a lock; the other side takes that lock only when an end waits. Each waker that is added leaves the
 * queue exactly once: either a thread calls its wake(), or speadi_wait_queue_remove() returns true.
 *
 * A thread that changes the channel first publishes the change, and then looks whether an end of the other side waits.
 * Between these two steps there must be a full barrier. Either this thread executes the barrier, or the thread that
 * waits executes it for both threads (speadi_membarrier_heavy()). See docs/adr/0013. */
#ifndef SPEADI_WAIT_QUEUE_H
#define SPEADI_WAIT_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>

#include "waker_list.h"

struct speadi_wait_queue_many {
    pthread_mutex_t lock; /* protects `queue`; `waiting` changes only under this lock */
    struct speadi_waker_list queue;
};

struct speadi_wait_queue {
    /* In a queue for one end: the waker of that end if the end waits, else NULL. */
    _Atomic(struct spead_waker *) single;
    _Atomic uint32_t waiting;            /* in a queue for many ends: how many ends wait */
    struct speadi_wait_queue_many *many; /* NULL if this is a queue for one end */
};

/* Makes an empty queue for one end, or for many ends if `many` is true. Returns false if there is no memory. */
bool speadi_wait_queue_init(struct speadi_wait_queue *queue, bool many);
/* Frees the memory of the queue, which must be empty. A zeroed queue that was never initialised is also accepted. */
void speadi_wait_queue_release(struct speadi_wait_queue *queue);

void speadi_wait_queue_add(struct speadi_wait_queue *queue, struct spead_waker *waker);
/* Takes a waker out of the queue. Returns true if the waker was in the queue, which means that no thread will call its
 * wake(). Returns false if another thread has called wake() or is calling it. */
bool speadi_wait_queue_remove(struct speadi_wait_queue *queue, struct spead_waker *waker);

/* wake_first() wakes the end that has waited longest. wake_all() wakes all ends that wait. If no end waits, the two
 * functions do nothing. In a queue for many ends, they hold the lock of the queue when they call wake(). Any thread may
 * call them. */
void speadi_wait_queue_wake_first(struct speadi_wait_queue *queue);
void speadi_wait_queue_wake_all(struct speadi_wait_queue *queue);

/* Returns true if an end waits. WAIT1 load: the caller must publish its change (WAIT2) before it calls this function.
 * Otherwise a wake-up can be lost. */
static inline bool speadi_wait_queue_is_waiting(struct speadi_wait_queue *queue)
{
    return queue->many ? atomic_load(&queue->waiting) != 0 : !!atomic_load(&queue->single);
}

/* Returns true if the end waits. This function and speadi_wait_queue_wake_single() are only for a queue for one end.
 * WAIT1 load: as in speadi_wait_queue_is_waiting(). */
static inline bool speadi_wait_queue_has_single(struct speadi_wait_queue *queue)
{
    return atomic_load(&queue->single);
}

static inline void speadi_wait_queue_wake_single(struct speadi_wait_queue *queue)
{
    if (__builtin_expect(speadi_wait_queue_has_single(queue), 0))
        speadi_wait_queue_wake_first(queue);
}

/* Wakes the end that has waited longest, if any end waits. It works for a queue for one end and for a queue for many
 * ends. */
static inline void speadi_wait_queue_wake_one(struct speadi_wait_queue *queue)
{
    if (__builtin_expect(speadi_wait_queue_is_waiting(queue), 0))
        speadi_wait_queue_wake_first(queue);
}

#endif
