/* SPDX-License-Identifier: Apache-2.0 */
/* A throttle: a fixed number of tickets. It limits how much work is under way; a channel limits how many messages are
 * queued.
 *
 * A node or a thread takes a ticket *before* the expensive work. Threads and nodes that wait get tickets in the order
 * in which they asked. There are two ways to give a ticket back:
 *  - The ticket belongs to a message (spead_node_take_ticket_for(), spead_throttle_attach()). It comes back when the
 *    message ends, in whatever way: the consumer releases it, a channel sheds it, a graph is cancelled or fails.
 *  - The ticket belongs to no message. Then the program must call spead_throttle_give(), on any thread, as with a
 *    semaphore. But if the program makes this call only when it gets a certain message, and the library releases this
 *    message (see spead_message_unref()), the call is never made, and the ticket is lost. So in a graph the first way
 *    is the right one.
 *
 * Threads: Any thread may call every function. Memory: Only create allocates. */
#ifndef SPEADLINE_THROTTLE_H
#define SPEADLINE_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/deadline.h>
#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_throttle; /* opaque, reference-counted */

/* Makes a throttle with this number of tickets. Returns 0 and gives the caller one reference in *out, or -EINVAL
 * (`tickets` is 0) or -ENOMEM. err may be NULL. */
int spead_throttle_create(struct spead_throttle **out, uint32_t tickets, struct spead_err *err);
/* Adds one reference to the throttle. Returns throttle. Never blocks. */
struct spead_throttle *spead_throttle_ref(struct spead_throttle *throttle);
/* Gives one reference back; the last one frees the throttle. NULL is ignored. */
void spead_throttle_unref(struct spead_throttle *throttle);

/* Takes a ticket if one is free, and never waits. Returns 0 (the caller has a ticket), -EAGAIN (no ticket is free) or
 * -ECANCELED (the throttle was cancelled). */
int spead_throttle_try_take(struct spead_throttle *throttle);

/* Takes a ticket; waits until one is free. deadline_ns is a deadline (deadline.h). Returns 0 (the caller has a ticket),
 * -ETIMEDOUT, -ECANCELED (the throttle was cancelled) or -EINVAL (deadline_ns is a duration). */
int spead_throttle_take(struct spead_throttle *throttle, uint64_t deadline_ns);

/* Takes a ticket, or queues the waker of a caller that waits for a ticket. Returns
 *  1           the caller has a ticket now, and the waker is not queued
 *  0           the waker is queued. When the throttle calls wake(), the caller already has the ticket. wake() is also
 *              called when the throttle is cancelled; then the caller has none (see spead_throttle_is_cancelled())
 *  -ECANCELED  the throttle was cancelled before */
int spead_throttle_announce(struct spead_throttle *throttle, struct spead_waker *waker);

/* Takes back a waker that spead_throttle_announce() has queued. Returns true when the waker has left the queue; the
 * caller has no ticket then. Returns false when wake() has been called, or another thread is calling it at this moment.
 * After false, the caller has a ticket, except when the throttle was cancelled. A caller that does not want this ticket
 * must give it back. */
bool spead_throttle_retract(struct spead_throttle *throttle, struct spead_waker *waker);

/* Gives back a ticket that belongs to no message. If threads or nodes wait, the thread or node that has waited longest
 * gets the ticket. Never blocks. If no ticket is out, the call does nothing. */
void spead_throttle_give(struct spead_throttle *throttle);

/* In one process, at most this many throttles can give tickets to messages. */
#define SPEAD_THROTTLES_ATTACHED_MAX 63

/* Gives a ticket to a message. The caller must have the ticket. From now on the ticket belongs to the message, and
 * comes back when the message ends (spead_message_unref()) or by spead_message_give_ticket(). Nobody may call
 * spead_throttle_give() for this ticket. The ticket keeps the throttle alive. Returns 0, -EEXIST (the message has a
 * ticket already) or -ENOSPC (SPEAD_THROTTLES_ATTACHED_MAX throttles of this process have such tickets). On failure the
 * caller still has the ticket. */
int spead_throttle_attach(struct spead_throttle *throttle, struct spead_message *message);

/* Returns true if the message has a ticket of this throttle. */
bool spead_throttle_is_attached(const struct spead_throttle *throttle,
                                const struct spead_message *message);

/* Ends the throttle. Each call that waits for a ticket returns -ECANCELED, and so does each later attempt to take a
 * ticket. */
void spead_throttle_cancel(struct spead_throttle *throttle);
/* Returns true after spead_throttle_cancel(). */
bool spead_throttle_is_cancelled(const struct spead_throttle *throttle);

/* The statistics of a throttle. */
struct spead_throttle_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t tickets;     /* tickets of the throttle in all */
    /* Tickets that were taken and not given back yet. A copy of a message that has a ticket also has a ticket, so `out`
     * can be larger than `tickets`. */
    uint32_t out;
    uint32_t high_water; /* the largest value of `out` until now */
    uint32_t waiting;    /* threads and nodes that wait for a ticket now */
    uint32_t reserved;
    uint64_t taken; /* how often a ticket was taken, since the throttle was made */
};
/* clang-format off */
#define SPEAD_THROTTLE_STATS_INIT { .struct_size = sizeof(struct spead_throttle_stats) }
/* clang-format on */
/* Does what SPEAD_THROTTLE_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_throttle_stats_init(struct spead_throttle_stats *stats, size_t size);
/* Fills *stats. The caller must have set stats->struct_size by SPEAD_THROTTLE_STATS_INIT. */
void spead_throttle_stats(struct spead_throttle *throttle, struct spead_throttle_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
