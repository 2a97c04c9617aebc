/* Where finished heaps leave a stream: through a channel of its own, or through the output of a node.
 *
 * Threads: take and its kin belong to one consumer, everything else to the stream's owner; but anyone may ring
 * the wake_fd. */
#ifndef SPEADI_OUTLET_H
#define SPEADI_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/heap.h>
#include <speadline/node.h>
#include <speadline/recv.h>

#include <speadi/cache_line.h>
#include <speadi/wake_fd.h>

struct speadi_outlet {
    struct spead_channel *channel;        /* the stream's own */
    struct spead_sender *sender;          /* into it; NULL: closed */
    struct spead_node *node;              /* sends through its one output instead; NULL: none */
    _Atomic(struct spead_channel *) edge; /* of that output, from then on; NULL: none */
    struct spead_message *pending;        /* finished heaps, in order, not handed over yet */
    uint32_t pending_count, pending_max;
    uint32_t stream;                 /* number of the messages' stream */
    uint64_t sequence;               /* of the next message */
    bool waits;                      /* a full channel stops the stream, rather than shed */
    bool receiver_gone;              /* nobody receives any more */
    struct speadi_wake_fd stop_bell; /* ends a wait for room */

    _Alignas(SPEADI_CACHE_LINE) struct spead_receiver
        *receiver; /* the consumer's; NULL: not opened yet */
};

/* The channel that a stream of this config hands heaps over through. on_shed(arg, ...) hears of each heap
 * that the channel sheds. */
struct spead_channel_config speadi_outlet_channel_config(
    const struct spead_recv_stream_config *config,
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause),
    void *arg);

/* on_full and message_stream are the config's; channel becomes the outlet's, also on failure. Returns 0 or -errno:
 * then there is nothing to release. */
int speadi_outlet_init(struct speadi_outlet *outlet, const struct spead_recv_stream_config *config,
                       const struct spead_channel_config *channel, uint32_t pending_max,
                       struct spead_err *err);

/* Gives back the heaps in the channel; there are none pending. Neither thread may use it any more. */
void speadi_outlet_release(struct speadi_outlet *outlet);

uint64_t speadi_outlet_bytes(const struct speadi_outlet *outlet,
                             const struct spead_channel_config *channel);

static inline struct spead_heap *speadi_outlet_heap(const struct spead_message *message)
{
    return (struct spead_heap *)(uintptr_t)message->reference;
}

/* ---- The owner's side ---------------------------------------------------------------------- */

/* One more heap is pending; there is room for it. */
void speadi_outlet_add(struct speadi_outlet *outlet, struct spead_heap *heap);

/* How many heaps the channel takes now without shedding one. */
uint32_t speadi_outlet_room(struct speadi_outlet *outlet);

/* Sends count pending heaps from the first'th on, which stay in the list. Returns how many the channel took or shed,
 * or as spead_sender_try_send(). */
int speadi_outlet_send(struct speadi_outlet *outlet, uint32_t first, uint32_t count);

/* Most heaps that waited in the channel. Any thread. */
uint64_t speadi_outlet_high_water(const struct speadi_outlet *outlet);

/* The first count leave the list. */
void speadi_outlet_remove(struct speadi_outlet *outlet, uint32_t count);

/* From now on heaps go through the node's output 0 (NULL: nowhere, nobody receives them). The own channel ends. */
void speadi_outlet_bind(struct speadi_outlet *outlet, struct spead_node *node);

/* No heap follows. error: 0, or why the stream failed. */
void speadi_outlet_close(struct speadi_outlet *outlet, int error);

/* Sleeps until there is room in the own channel, the wake_fd is rung, or deadline_ns (UINT64_MAX: no limit). */
void speadi_outlet_wait_room(struct speadi_outlet *outlet, uint64_t deadline_ns);

/* ---- The consumer's side ------------------------------------------------------------------- */

/* Up to max heaps; with wait, sleeps for the first until deadline_ns (CLOCK_MONOTONIC; 0: no limit). Returns how
 * many, -EAGAIN (not waiting), -ETIMEDOUT, -ESHUTDOWN at the end however it came, -EBUSY (another
 * receiver was opened on the channel) or -ENOMEM. */
int speadi_outlet_take(struct speadi_outlet *outlet, struct spead_heap **heaps, uint32_t max,
                       bool wait, uint64_t deadline_ns);

/* A descriptor that polls readable while take() may not wait, or -errno. */
int speadi_outlet_fd(struct speadi_outlet *outlet);

#endif
