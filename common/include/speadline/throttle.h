/* A throttle: k tickets that bound how much work is under way, not how long a queue is.
 *
 * A producer takes a ticket *before* the expensive work; the consumer gives it back when it is done with
 * the result. Tickets go to those who wait in the order in which they asked. It can count as a
 * semaphore: take and give may happen anywhere.
 * Threads: everything is safe from any thread. Memory: taken at create. */
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

/* Returns 0 and gives *out one reference, -EINVAL (no tickets) or -ENOMEM. */
int spead_throttle_create(struct spead_throttle **out, uint32_t tickets, struct spead_err *err);
struct spead_throttle *spead_throttle_ref(struct spead_throttle *throttle);
void spead_throttle_unref(struct spead_throttle *throttle); /* NULL is ignored */

/* A ticket without waiting. Returns 0, -EAGAIN (none, or others wait for one) or -ECANCELED. */
int spead_throttle_try_take(struct spead_throttle *throttle);

/* Waits for one; deadline_ns is CLOCK_MONOTONIC, 0 waits without limit. 0, -ETIMEDOUT, -ECANCELED. */
int spead_throttle_take(struct spead_throttle *throttle, uint64_t deadline_ns);

/* For nodes. Returns 1: a ticket was there, it is yours. Returns 0: queued; when wake() is called the ticket
 * is yours already (or the throttle was cancelled: spead_throttle_is_cancelled()). -ECANCELED. */
int spead_throttle_announce(struct spead_throttle *throttle, struct spead_waker *waker);

/* Leaves the queue. true: left it, no ticket. false: wake() has been or is being called: the ticket is
 * yours, give it back if it is not wanted (and the throttle was not cancelled). */
bool spead_throttle_retract(struct spead_throttle *throttle, struct spead_waker *waker);

/* Gives a ticket back: to the one who waits longest, if any. Never blocks. */
void spead_throttle_give(struct spead_throttle *throttle);

/* Everyone who waits or asks later gets -ECANCELED. */
void spead_throttle_cancel(struct spead_throttle *throttle);
bool spead_throttle_is_cancelled(const struct spead_throttle *throttle);

struct spead_throttle_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t tickets;
    uint32_t out;        /* taken and not given back */
    uint32_t high_water; /* most out at a time */
    uint32_t waiting;
    uint32_t reserved;
    uint64_t taken;
};
/* clang-format off */
#define SPEAD_THROTTLE_STATS_INIT { .struct_size = sizeof(struct spead_throttle_stats) }
/* clang-format on */
void spead_throttle_stats(struct spead_throttle *throttle, struct spead_throttle_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
