/* Messages are taken out of a channel: by its receivers, and by the drain of a channel that nobody receives from.
 * Inline, because a receiver's shortest way is a look at an index and a copy. */
#ifndef SPEADI_TAKING_H
#define SPEADI_TAKING_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/clock.h>

#include "channel_parts.h"

/* Looks at the sender's index; remembers the largest depth met. Returns how many messages are there. */
static inline uint64_t speadi_spsc_look(struct spead_receiver *receiver,
                                        struct spead_channel *channel)
{
    /* RING1 acquire: the messages before the index are there. */
    uint64_t tail = atomic_load_explicit(&channel->tail, memory_order_acquire);
    uint64_t depth = tail - receiver->head;

    receiver->tail_seen = tail;
    /* relaxed: read only for reports */
    if (__builtin_expect(depth > atomic_load_explicit(&channel->high_water, memory_order_relaxed),
                         0))
        atomic_store_explicit(&channel->high_water, depth, memory_order_relaxed);
    return depth;
}

/* They are there, and at least one. */
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

static inline void speadi_spsc_note_taken(struct spead_channel *channel, uint64_t position,
                                          uint32_t count)
{
    uint64_t now_ns = speadi_clock_mono_ns();

    for (uint32_t i = 0; i < count; i++)
        speadi_latency_leave(channel->latency, (position + i) & channel->mask, now_ns);
}

/* times: whether the channel may keep them, and they count. */
static inline uint32_t speadi_spsc_take(struct spead_receiver *receiver,
                                        struct spead_channel *channel,
                                        struct spead_message *messages, uint32_t max, bool times)
{
    uint64_t there = receiver->tail_seen - receiver->head;
    uint32_t taken;

    if (there < max) /* its cache line is the sender's: only when what is known of is not enough */
        there = speadi_spsc_look(receiver, channel);
    taken = there < max ? (uint32_t)there : max;
    if (taken == 0)
        return 0;
    if (times && channel->latency)
        speadi_spsc_note_taken(channel, receiver->head, taken);
    speadi_spsc_copy_out(receiver, channel, messages, taken);
    return taken;
}

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
