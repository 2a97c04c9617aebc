/* SPDX-License-Identifier: Apache-2.0 */
/* Messages where they lie: a receiving end looks at messages in the ring, and a sending end writes messages into the
 * ring, without a copy. Only ends with `plain` set can do that. */
#include <errno.h>

#include "channel_parts.h"
#include "taking.h"

/* Returns how many slots lie behind each other from the position on, before the ring begins anew. */
static uint64_t run_of(const struct spead_channel *channel, uint64_t position)
{
    return channel->mask + 1 - (position & channel->mask);
}

static uint32_t least(uint64_t a, uint64_t b, uint32_t c)
{
    uint64_t least = a < b ? a : b;

    return least < c ? (uint32_t)least : c;
}

/* ---- Receiving ------------------------------------------------------------------------------ */

bool speadi_receiver_can_peek(const struct spead_receiver *receiver)
{
    return receiver->end.plain;
}

static int nothing_there(const struct spead_channel *channel, uint32_t state)
{
    /* relaxed: CHANNEL1 gives the order. */
    return state & SPEADI_ENDED ? atomic_load_explicit(&channel->end, memory_order_relaxed)
                                : -EAGAIN;
}

int speadi_receiver_peek(struct spead_receiver *receiver, struct spead_message **messages,
                         uint32_t max)
{
    struct spead_channel *channel = receiver->end.channel;
    uint64_t there = receiver->tail_seen - receiver->head;
    uint32_t state;

    /* relaxed: a cancel that is not seen yet is seen at the next call. */
    if (atomic_load_explicit(&channel->state, memory_order_relaxed) & SPEADI_CANCELLED)
        return -ECANCELED;
    if (there < max)
        there = speadi_spsc_look(receiver, channel);
    if (there == 0) {
        /* CHANNEL1 acquire: the second look sees every message that was sent before ENDED was set. */
        state = atomic_load_explicit(&channel->state, memory_order_acquire);
        there = state & SPEADI_ENDED ? speadi_spsc_look(receiver, channel) : 0;
        if (there == 0)
            return nothing_there(channel, state);
    }
    *messages = &channel->slots[receiver->head & channel->mask];
    return (int)least(there, run_of(channel, receiver->head), max);
}

void speadi_receiver_advance(struct spead_receiver *receiver, uint32_t count)
{
    struct spead_channel *channel = receiver->end.channel;

    receiver->head += count;
    speadi_publish_index(channel, &channel->head, receiver->head); /* RING2, WAIT2 */
    if (speadi_wait_queue_has_single(&channel->waiting_senders))   /* WAIT1 */
        speadi_wait_queue_wake_first(&channel->waiting_senders);
}

/* ---- Sending -------------------------------------------------------------------------------- */

bool speadi_sender_can_reserve(const struct spead_sender *sender)
{
    return sender->end.plain && sender->end.channel->policy == SPEAD_ON_FULL_BLOCK;
}

static uint64_t known_room(const struct spead_sender *sender)
{
    return sender->end.channel->capacity - (sender->tail - sender->head_seen);
}

int speadi_sender_reserve(struct spead_sender *sender, struct spead_message **slots, uint32_t max)
{
    struct spead_channel *channel = sender->end.channel;
    /* relaxed: an end that does not see STOPPED yet still puts its messages into the channel. */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed);

    if (state & (SPEADI_STOPPED | SPEADI_CANCELLED))
        return state & SPEADI_CANCELLED ? -ECANCELED : -EPIPE;
    if (known_room(sender) < max)
        /* RING2 acquire: the receiving end has read the slots before the head. */
        sender->head_seen = atomic_load_explicit(&channel->head, memory_order_acquire);
    if (known_room(sender) == 0) {
        /* relaxed: `full` is only reported. */
        if (!atomic_load_explicit(&channel->full, memory_order_relaxed))
            atomic_store_explicit(&channel->full, 1, memory_order_relaxed);
        return -EAGAIN;
    }
    *slots = &channel->slots[sender->tail & channel->mask];
    return (int)least(known_room(sender), run_of(channel, sender->tail), max);
}

void speadi_sender_commit(struct spead_sender *sender, uint32_t count)
{
    struct spead_channel *channel = sender->end.channel;

    sender->tail += count;
    speadi_publish_index(channel, &channel->tail, sender->tail);   /* RING1, WAIT2 */
    if (speadi_wait_queue_has_single(&channel->waiting_receivers)) /* WAIT1 */
        speadi_wait_queue_wake_first(&channel->waiting_receivers);
}
