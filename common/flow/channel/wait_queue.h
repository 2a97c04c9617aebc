/* Where the ends of one side of a channel wait to be woken by the other side.
 *
 * A queue for one end is a single atomic pointer; a queue for many is a queue under a lock that is taken
 * only when somebody waits. Either way an add ends in one wake() or one successful remove.
 *
 * The caller of wake has published what it did before, with a full barrier in between (or the waiter makes
 * one for both, speadi_membarrier_heavy()); see docs/adr/0013. */
#ifndef SPEADI_WAIT_QUEUE_H
#define SPEADI_WAIT_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>

#include "waker_list.h"

struct speadi_wait_queue_many {
    pthread_mutex_t lock; /* of the queue, and of waiting's changes */
    struct speadi_waker_list queue;
};

struct speadi_wait_queue {
    _Atomic(struct spead_waker *) single; /* the one who waits, in a queue for one */
    _Atomic uint32_t waiting;             /* how many do, in a queue for many */
    struct speadi_wait_queue_many *many;  /* NULL: a queue for one, of which there are more */
};

bool speadi_wait_queue_init(struct speadi_wait_queue *queue, bool many); /* false: out of memory */
void speadi_wait_queue_release(
    struct speadi_wait_queue *queue); /* empty; or zeroed, not initialised */

void speadi_wait_queue_add(struct speadi_wait_queue *queue, struct spead_waker *waker);
bool speadi_wait_queue_remove(struct speadi_wait_queue *queue, struct spead_waker *waker);

/* Slow halves of the two below. */
void speadi_wait_queue_wake_first(struct speadi_wait_queue *queue);
void speadi_wait_queue_wake_all(struct speadi_wait_queue *queue);

/* WAIT1 load: after the caller has published its change (WAIT2). */
static inline bool speadi_wait_queue_is_waiting(struct speadi_wait_queue *queue)
{
    return queue->many ? atomic_load(&queue->waiting) != 0 : !!atomic_load(&queue->single);
}

/* Both in a queue that is known to be for one. WAIT1 load, as above. */
static inline bool speadi_wait_queue_has_single(struct speadi_wait_queue *queue)
{
    return atomic_load(&queue->single);
}

static inline void speadi_wait_queue_wake_single(struct speadi_wait_queue *queue)
{
    if (__builtin_expect(speadi_wait_queue_has_single(queue), 0))
        speadi_wait_queue_wake_first(queue);
}

static inline void speadi_wait_queue_wake_one(struct speadi_wait_queue *queue)
{
    if (__builtin_expect(speadi_wait_queue_is_waiting(queue), 0))
        speadi_wait_queue_wake_first(queue);
}

#endif
