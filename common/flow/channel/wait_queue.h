/* The wakers of the ends that wait at one side of a channel. The other side wakes them.
 *
 * If the side can have only one end, the queue is a single atomic pointer. If it can have many, the queue is a waker
 * list under a lock, and the other side takes the lock only when an end waits. For each add there is either one call of
 * wake(), or one remove that returns true.
 *
 * A thread first publishes its change and then looks whether an end waits. Between the two there must be a full
 * barrier. Either this thread executes the barrier, or the thread that waits executes it for both
 * (speadi_membarrier_heavy()). See docs/adr/0013. */
#ifndef SPEADI_WAIT_QUEUE_H
#define SPEADI_WAIT_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>

#include "waker_list.h"

struct speadi_wait_queue_many {
    pthread_mutex_t lock; /* protects `queue`; `waiting` changes only under it */
    struct speadi_waker_list queue;
};

struct speadi_wait_queue {
    _Atomic(struct spead_waker *) single; /* queue for one end: its waker while it waits, or NULL */
    _Atomic uint32_t waiting;             /* queue for many ends: how many wait */
    struct speadi_wait_queue_many *many;  /* NULL: this is a queue for one end */
};

bool speadi_wait_queue_init(struct speadi_wait_queue *queue, bool many); /* false: out of memory */
/* The queue must be empty. A queue that is all zero and was never initialised is also accepted. */
void speadi_wait_queue_release(struct speadi_wait_queue *queue);

void speadi_wait_queue_add(struct speadi_wait_queue *queue, struct spead_waker *waker);
/* Takes a waker out of the queue. Returns true if it was in the queue: then wake() will not be called. Returns false if
 * wake() was called or is being called. */
bool speadi_wait_queue_remove(struct speadi_wait_queue *queue, struct spead_waker *waker);

/* Wake the end that has waited longest, or all ends that wait. In a queue for many ends they call wake() while they
 * hold the lock of the queue. If no end waits, they do nothing. Any thread. */
void speadi_wait_queue_wake_first(struct speadi_wait_queue *queue);
void speadi_wait_queue_wake_all(struct speadi_wait_queue *queue);

/* Returns true if an end waits. WAIT1 load: the caller must publish its change (WAIT2) before it calls this function,
 * else a wake-up can be lost. */
static inline bool speadi_wait_queue_is_waiting(struct speadi_wait_queue *queue)
{
    return queue->many ? atomic_load(&queue->waiting) != 0 : !!atomic_load(&queue->single);
}

/* This function and the next are for a queue for one end. WAIT1 load: as in speadi_wait_queue_is_waiting(). */
static inline bool speadi_wait_queue_has_single(struct speadi_wait_queue *queue)
{
    return atomic_load(&queue->single);
}

static inline void speadi_wait_queue_wake_single(struct speadi_wait_queue *queue)
{
    if (__builtin_expect(speadi_wait_queue_has_single(queue), 0))
        speadi_wait_queue_wake_first(queue);
}

/* Wakes the end that has waited longest, if an end waits. For both kinds of queue. */
static inline void speadi_wait_queue_wake_one(struct speadi_wait_queue *queue)
{
    if (__builtin_expect(speadi_wait_queue_is_waiting(queue), 0))
        speadi_wait_queue_wake_first(queue);
}

#endif
