/* SPDX-License-Identifier: Apache-2.0 */
/* The outlet hands over the finished heaps of a stream: to the stream's own channel, or to the output of a node.
 *
 * Threads: one consumer thread calls speadi_outlet_take() and speadi_outlet_fd(). The owner thread of the stream calls
 * all other functions, except where their comments say otherwise. Any thread may signal stop_wake. */
#ifndef SPEADI_OUTLET_H
#define SPEADI_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/heap.h>
#include <speadline/node.h>
#include <speadline/recv.h>

#include <speadi/cache_line.h>
#include <speadi/pool.h>
#include <speadi/wake_fd.h>

/* The bound of the bytes in the channel. Each heap in the channel has a weight, the share of the channel that it fills;
 * the weights of all heaps in the channel together stay below SPEADI_OUTLET_FULL. The weight of a heap is its length
 * divided by the bound of the bytes, but at least 1 / (the number of heaps of its size class that may wait). The second
 * part makes sure that the channel never holds the regions that live heaps need. */
#define SPEADI_OUTLET_FULL (1ull << 32)

struct speadi_outlet_bound {
    /* weights[n & mask] is the weight of heap number n in the channel. NULL means no bound of bytes. */
    uint32_t *weights;
    uint32_t mask;     /* the size of the ring - 1 */
    uint64_t inside;   /* the sum of the weights of the heaps numbered `gone` to `sent` - 1 */
    uint64_t longest;  /* bytes of the longest heap so far */
    uint64_t per_byte; /* the weight of one byte, times 2^16 */
    /* for each size class: the least weight of a heap */
    uint64_t least[SPEADI_POOL_CLASSES_MAX];
};

struct speadi_outlet {
    struct spead_channel *channel; /* the stream's own channel */
    struct spead_sender *sender;   /* sending end of `channel`; NULL if it is closed */
    /* If this is not NULL, heaps go through output 0 of this node instead of `channel`. */
    struct spead_node *node;
    /* The channel that is joined to output 0 of `node`, or NULL if there is none. */
    _Atomic(struct spead_channel *) edge;
    struct spead_message *pending; /* finished heaps that are not handed over yet, in order */
    uint32_t pending_count, pending_max;
    uint32_t stream;   /* value for the field `stream` of each message */
    uint16_t type;     /* type of the messages */
    uint64_t sequence; /* sequence number of the next message */
    /* True: when the channel is full, finished heaps wait for room. False: the stream sheds them. */
    bool waits;
    /* True: when the channel is full, the stream sheds the heap that has finished last. It may let the heaps wait
     * instead, while its source has room for the packets that come. */
    bool may_pause;
    /* True: when the channel is full, the stream sheds the heap that has waited longest in it. */
    bool sheds_oldest;
    /* True: only this stream sends to the channel that heaps go to now, so `sent` and `gone` say how many heaps are in
     * it. The channel then has `places` places, of which the stream uses `capacity`. */
    bool counted;
    uint32_t capacity, places;
    /* The argument of on_shed(). By this argument the outlet recognises the channels of the stream. */
    void *shed_arg;
    /* The number of heaps that went into the channel, and of those that have left it as far as this thread knows. */
    uint64_t sent, gone;
    struct speadi_outlet_bound bound;
    bool receiver_gone;              /* the channel has no open receiving end any more */
    struct speadi_wake_fd stop_wake; /* a signal to it ends speadi_outlet_wait_room() */

    /* The receiving end of the consumer thread, or NULL if that thread has not opened it yet. Only the consumer thread
     * uses this field. */
    _Alignas(SPEADI_CACHE_LINE) struct spead_receiver *receiver;
};

/* Returns a configuration for the channel through which a stream hands over its heaps. `config` is the configuration
 * of that stream. The channel calls on_shed(arg, ...) for each heap that it sheds. */
struct spead_channel_config speadi_outlet_channel_config(
    const struct spead_recv_stream_config *config,
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause),
    void *arg);

/* Makes the channel and opens its sending end. The function reads on_full, message_stream and chunks of config. *channel must
 * come from speadi_outlet_channel_config(). pending_max is the largest number of heaps that can be pending at the same
 * time. Returns 0 or -errno; after an error nothing is left to release. */
int speadi_outlet_init(struct speadi_outlet *outlet, const struct spead_recv_stream_config *config,
                       const struct spead_channel_config *channel, uint32_t pending_max,
                       struct spead_err *err);

/* Bounds the bytes of the heaps in the channel, too. ring[] says for each of the class_count size classes how many
 * heaps of this class may wait if no other heap waits. Returns 0 or -ENOMEM. Must be called before the first heap is
 * added. */
int speadi_outlet_set_bound(struct speadi_outlet *outlet, const uint32_t *ring,
                            uint32_t class_count, struct spead_err *err);

/* Closes the sending end and the receiving end, and releases the heaps in the channel. No heap may be pending, and
 * neither the owner thread nor the consumer may use the outlet any more. */
void speadi_outlet_release(struct speadi_outlet *outlet);

uint64_t speadi_outlet_bytes(const struct speadi_outlet *outlet,
                             const struct spead_channel_config *channel);

static inline struct spead_heap *speadi_outlet_heap(const struct spead_message *message)
{
    return (struct spead_heap *)(uintptr_t)message->reference;
}

/* ---- Calls of the owner thread ------------------------------------------------------------- */

/* Puts a heap at the end of the list of pending heaps. The list has room for every region of the pool, and each
 * region holds at most one heap. */
void speadi_outlet_add(struct speadi_outlet *outlet, struct spead_heap *heap);

/* Puts any other message of the type of the outlet there. Sets its `sequence` and `stream`. The list must have room. */
void speadi_outlet_add_message(struct speadi_outlet *outlet, const struct spead_message *message);

/* Returns how many heaps fit into the free places of the channel now. The bound of the bytes does not count here.
 * Returns UINT32_MAX if no receiving end is open. */
uint32_t speadi_outlet_room(struct speadi_outlet *outlet);

/* Returns how many of the pending heaps, from the first on, the channel may take now: it has room for them, and their
 * bytes are within the bound. Returns the number of all pending heaps if `counted`, `waits` and `may_pause` are all
 * false, or if no receiving end is open. In these cases speadi_outlet_send() sheds heaps or returns the error. */
uint32_t speadi_outlet_fitting(struct speadi_outlet *outlet);

/* Sheds the first `count` pending heaps, as the channel does when it is full. The heaps stay in the list until
 * speadi_outlet_remove(). */
void speadi_outlet_shed(struct speadi_outlet *outlet, uint32_t count);

/* If the policy of the channel is drop-oldest, sheds the heap that has waited longest in it. Returns false if there is
 * no such heap, or if the channel has another policy. There can be none although the channel was full a moment ago: the
 * consumer has taken it. */
bool speadi_outlet_shed_oldest(struct speadi_outlet *outlet);

/* Sends `count` pending heaps, beginning with number `first` of the list. The heaps stay in the list until
 * speadi_outlet_remove(). Returns how many heaps the channel took or shed, or an error of spead_sender_try_send(). */
int speadi_outlet_send(struct speadi_outlet *outlet, uint32_t first, uint32_t count);

/* Returns the largest number of heaps that ever waited in the channel. Any thread may call it. */
uint64_t speadi_outlet_high_water(const struct speadi_outlet *outlet);

/* Takes the first `count` heaps out of the list of pending heaps. */
void speadi_outlet_remove(struct speadi_outlet *outlet, uint32_t count);

/* Makes heaps go through output 0 of the node after this call, and ends the stream's own channel. If node is NULL,
 * nobody receives heaps any more, and the stream sheds them. */
void speadi_outlet_bind(struct speadi_outlet *outlet, struct spead_node *node);

/* Closes the sending end: no heap may be sent after this. error is 0, or the -errno with which the stream failed. */
void speadi_outlet_close(struct speadi_outlet *outlet, int error);

/* Sleeps until there may be room, stop_wake is signalled, or deadline_ns has passed. deadline_ns is a time of
 * CLOCK_MONOTONIC; UINT64_MAX means no limit. The function may also return earlier. If the channel blocks, the consumer
 * ends the sleep when it takes a heap. A stream that pauses sleeps for a short fixed time, because it must see how its
 * source fills. So does a stream whose channel has several sending ends. */
void speadi_outlet_wait_room(struct speadi_outlet *outlet, uint64_t deadline_ns);

/* ---- Calls of the consumer thread ---------------------------------------------------------- */

/* Takes up to max heaps and returns how many it took. If `wait` is true and no heap is there, it first sleeps until one
 * comes or deadline_ns has passed. deadline_ns is a time of CLOCK_MONOTONIC; 0 means no limit.
 *
 * Errors: -EAGAIN if no heap is there and `wait` is false; -ETIMEDOUT after the deadline; -ESHUTDOWN when the stream
 * has ended, with or without an error; -EBUSY if another receiving end was opened on the channel; -ENOMEM. */
int speadi_outlet_take(struct speadi_outlet *outlet, struct spead_heap **heaps, uint32_t max,
                       bool wait, uint64_t deadline_ns);

/* Returns a descriptor that poll(2) finds readable when speadi_outlet_take() may have something to return, or
 * -errno. */
int speadi_outlet_fd(struct speadi_outlet *outlet);

#endif
