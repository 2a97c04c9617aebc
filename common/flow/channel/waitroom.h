/* Where the ends of one side of a channel wait to be woken by the other side.
 *
 * A room for one end is a single atomic pointer; a room for many is a queue under a lock that is taken
 * only when somebody waits. Either way an add ends in one wake() or one successful remove.
 *
 * The caller of wake has published what it did before, with a full barrier in between (or the waiter makes
 * one for both, speadi_barrier_heavy()); see docs/adr/0013. */
#ifndef SPEADI_FLOW_WAITROOM_H
#define SPEADI_FLOW_WAITROOM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>

#include "waker_queue.h"

struct speadi_crowd {
    pthread_mutex_t lock; /* of the queue, and of waiting's changes */
    struct speadi_waker_queue queue;
};

struct speadi_waitroom {
    _Atomic(struct spead_waker *) single; /* the one who waits, in a room for one */
    _Atomic uint32_t waiting;             /* how many do, in a room for many */
    struct speadi_crowd *crowd;           /* NULL: a room for one, of which there are more */
};

bool speadi_waitroom_init(struct speadi_waitroom *room, bool many); /* false: out of memory */
void speadi_waitroom_release(struct speadi_waitroom *room); /* empty; or zeroed, not initialised */

void speadi_waitroom_add(struct speadi_waitroom *room, struct spead_waker *waker);
bool speadi_waitroom_remove(struct speadi_waitroom *room, struct spead_waker *waker);

/* Slow halves of the two below. */
void speadi_waitroom_wake_first(struct speadi_waitroom *room);
void speadi_waitroom_wake_all(struct speadi_waitroom *room);

/* WAIT1 load: after the caller has published its change (WAIT2). */
static inline bool speadi_waitroom_is_waiting(struct speadi_waitroom *room)
{
    return room->crowd ? atomic_load(&room->waiting) != 0 : atomic_load(&room->single) != NULL;
}

/* Both in a room that is known to be for one. WAIT1 load, as above. */
static inline bool speadi_waitroom_has_single(struct speadi_waitroom *room)
{
    return atomic_load(&room->single) != NULL;
}

static inline void speadi_waitroom_wake_single(struct speadi_waitroom *room)
{
    if (__builtin_expect(speadi_waitroom_has_single(room), 0))
        speadi_waitroom_wake_first(room);
}

static inline void speadi_waitroom_wake_one(struct speadi_waitroom *room)
{
    if (__builtin_expect(speadi_waitroom_is_waiting(room), 0))
        speadi_waitroom_wake_first(room);
}

#endif
