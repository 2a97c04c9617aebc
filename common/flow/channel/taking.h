/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that take messages out of a channel. Receiving ends call them. speadi_channel_drain() also calls them, when
 * no receiving end is left. The functions are inline because most calls only load an index and copy messages. */
#ifndef SPEADI_TAKING_H
#define SPEADI_TAKING_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/clock.h>

#include "channel_parts.h"

/* Reads channel->tail, and returns how many messages are in the ring. If this is more than a receiving end has ever
 * found before, the function raises channel->high_water. */
static inline uint64_t speadi_spsc_look(struct spead_receiver *receiver,
                                        struct spead_channel *channel)
{
    /* RING1 acquire: this thread sees the messages before the tail. */
    uint64_t tail = atomic_load_explicit(&channel->tail, memory_order_acquire);
    uint64_t depth = tail - receiver->head;

    receiver->tail_seen = tail;
    /* relaxed: the value is only reported. */
    if (__builtin_expect(depth > atomic_load_explicit(&channel->high_water, memory_order_relaxed),
                         0))
        atomic_store_explicit(&channel->high_water, depth, memory_order_relaxed);
    return depth;
}

/* Takes `count` messages out of the ring. The caller must know that the ring has at least `count` messages. `count`
 * must be at least 1. */
static inline void speadi_spsc_copy_out(struct spead_receiver *receiver,
                                        struct spead_channel *channel,
                                        struct spead_message *messages, uint32_t count)
{
    const struct spead_message *slots = channel->slots;
    uint64_t mask = channel->mask, head = receiver->head, end = head + count;

    do
        *messages++ = slots[head++ & mask];
    while (head != end);
    receiver->head = end;
    speadi_publish_index(channel, &channel->head, end); /* RING2, WAIT2 */
}

/* Adds to the latency log how long each of `count` messages was in the ring. The caller, a receiving end, takes these
 * messages now. `position` is the position of the first message. */
static inline void speadi_spsc_note_taken(struct spead_channel *channel, uint64_t position,
                                          uint32_t count)
{
    uint64_t now_ns = speadi_clock_mono_ns();

    for (uint32_t i = 0; i < count; i++)
        speadi_latency_leave(channel->latency, (position + i) & channel->mask, now_ns);
}

/* Takes up to `max` messages out of an SPSC ring. Returns how many it has taken. If `times` is true, it also adds the
 * times of these messages to the latency log of the channel. If the channel has no latency log, `times` has no
 * effect. */
static inline uint32_t speadi_spsc_take(struct spead_receiver *receiver,
                                        struct spead_channel *channel,
                                        struct spead_message *messages, uint32_t max, bool times)
{
    uint64_t there = receiver->tail_seen - receiver->head;
    uint32_t taken;

    /* The sending end writes the cache line of channel->tail, so a read of channel->tail is slow. The receiving end
     * reads it only if tail_seen shows fewer messages than the caller wants. */
    if (there < max)
        there = speadi_spsc_look(receiver, channel);
    taken = there < max ? (uint32_t)there : max;
    if (taken == 0)
        return 0;
    if (times && channel->latency)
        speadi_spsc_note_taken(channel, receiver->head, taken);
    speadi_spsc_copy_out(receiver, channel, messages, taken);
    return taken;
}

/* Takes up to `max` messages out of a shared ring, beginning with the highest lane. Returns how many it has taken.
 * `arrived` means the same as for speadi_shared_ring_pop(). */
static inline uint32_t speadi_shared_take(struct spead_channel *channel,
                                          struct spead_message *messages, uint32_t max,
                                          bool arrived)
{
    uint32_t taken = 0;

    for (uint32_t lane = channel->lanes; lane-- > 0 && taken < max;)
        taken +=
            speadi_shared_ring_pop(channel->shared, lane, messages + taken, max - taken, arrived);
    if (taken > 0)
        speadi_shared_ring_unclaim(channel->shared, taken); /* WAIT2 */
    return taken;
}

#endif
