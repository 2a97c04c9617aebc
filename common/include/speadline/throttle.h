/* A throttle: a fixed number of tickets that limits how much work is under way, not how many messages are queued.
 *
 * A node or thread takes a ticket *before* the expensive work. The consumer of the result gives the ticket back when
 * it is done with the result. Threads and nodes that wait get tickets in the order in which they asked. As with a
 * semaphore, take and give may happen on different threads.
 *
 * Threads: Every function may be called on any thread. Memory: Only create allocates. */
#ifndef SPEADLINE_THROTTLE_H
#define SPEADLINE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_throttle; /* opaque, reference-counted */

/* Makes a throttle with this number of tickets. Returns 0, and *out holds one reference; or -EINVAL (tickets is 0) or
 * -ENOMEM. err may be NULL. */
int spead_throttle_create(struct spead_throttle **out, uint32_t tickets, struct spead_err *err);
struct spead_throttle *spead_throttle_ref(struct spead_throttle *throttle);
void spead_throttle_unref(struct spead_throttle *throttle); /* NULL is ignored */

/* Takes a ticket if one is free. Returns 0, -EAGAIN (all tickets are taken) or -ECANCELED. Never waits. */
int spead_throttle_try_take(struct spead_throttle *throttle);

/* Takes a ticket, and waits until it gets one. deadline_ns is a time of CLOCK_MONOTONIC; 0 means no limit. Returns 0,
 * -ETIMEDOUT or -ECANCELED. */
int spead_throttle_take(struct spead_throttle *throttle, uint64_t deadline_ns);

/* Takes a ticket, or queues a waker for one. Returns 1: the caller has a ticket now, and nothing is queued. Returns
 * 0: the waker is queued; when wake() is called, the caller already has the ticket, unless the throttle was cancelled
 * (spead_throttle_is_cancelled()). Returns -ECANCELED: the throttle was cancelled before. */
int spead_throttle_announce(struct spead_throttle *throttle, struct spead_waker *waker);

/* Takes a queued waker back. Returns true: the waker has left the queue, and the caller has no ticket. Returns false:
 * wake() has been called, or another thread is calling it at this moment. The caller then has the ticket, unless the
 * throttle was cancelled, and must give it back if it does not want it. */
bool spead_throttle_retract(struct spead_throttle *throttle, struct spead_waker *waker);

/* Gives a ticket back. If threads or nodes wait, the ticket passes to the one that has waited longest. Never blocks. */
void spead_throttle_give(struct spead_throttle *throttle);

/* Ends the throttle: each call that waits, and each later attempt to take a ticket, gets -ECANCELED. */
void spead_throttle_cancel(struct spead_throttle *throttle);
bool spead_throttle_is_cancelled(const struct spead_throttle *throttle);

struct spead_throttle_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t tickets;
    uint32_t out;        /* tickets that are taken and not given back yet */
    uint32_t high_water; /* the largest value of `out` until now */
    uint32_t waiting;    /* threads and nodes that wait for a ticket now */
    uint32_t reserved;
    uint64_t taken; /* how many tickets were taken in all */
};
/* clang-format off */
#define SPEAD_THROTTLE_STATS_INIT { .struct_size = sizeof(struct spead_throttle_stats) }
/* clang-format on */
void spead_throttle_stats(struct spead_throttle *throttle, struct spead_throttle_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
