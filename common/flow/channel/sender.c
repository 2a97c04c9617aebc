/* SPDX-License-Identifier: Apache-2.0 */
/* The sending end of a channel. It puts messages into the channel, or sheds them as the policy of the channel says. */
#include <errno.h>

#include <speadi/clock.h>
#include <speadi/deadline.h>

#include "channel_parts.h"

/* ---- Putting into the ring ------------------------------------------------------------------ */

static inline uint64_t spsc_known_room(const struct spead_sender *sender,
                                       const struct spead_channel *channel)
{
    return channel->capacity - (sender->tail - sender->head_seen);
}

/* Returns how many of `count` messages fit into the ring now. The receiving end writes the cache line of channel->head,
 * so a read of channel->head is slow. This function reads it only if head_seen shows too few free places. */
static inline uint32_t spsc_room(struct spead_sender *sender, struct spead_channel *channel,
                                 uint32_t count)
{
    if (spsc_known_room(sender, channel) >= count)
        return count;
    /* RING2 acquire: the receiving end has read the slots before the head. */
    sender->head_seen = atomic_load_explicit(&channel->head, memory_order_acquire);
    if (spsc_known_room(sender, channel) >= count)
        return count;
    /* relaxed: `full` is only reported. This end writes it only once. The receiving end reads the same cache line, so
     * more writes would make the receiving end slower. */
    if (!atomic_load_explicit(&channel->full, memory_order_relaxed))
        atomic_store_explicit(&channel->full, 1, memory_order_relaxed);
    return (uint32_t)spsc_known_room(sender, channel);
}

/* Copies `count` messages into the ring. The caller must know that the ring has at least `count` free places. `count`
 * must be at least 1. */
static inline void spsc_copy_in(struct spead_sender *sender, struct spead_channel *channel,
                                const struct spead_message *messages, uint32_t count)
{
    struct spead_message *slots = channel->slots;
    uint64_t mask = channel->mask, tail = sender->tail, end = tail + count;

    do
        slots[tail++ & mask] = *messages++;
    while (tail != end);
    sender->tail = end;
    speadi_publish_index(channel, &channel->tail, end); /* RING1, WAIT2 */
}

/* Writes the present time into the latency log for `count` messages that enter the ring now. `position` is the position
 * of the first of them. */
static void spsc_note_times(struct spead_channel *channel, uint64_t position, uint32_t count)
{
    uint64_t now_ns = speadi_clock_mono_ns();

    for (uint32_t i = 0; i < count; i++)
        speadi_latency_enter(channel->latency, (position + i) & channel->mask, now_ns);
}

/* Puts messages into an SPSC ring, beginning with the first, until no free place is left. Returns how many it has put.
 * If `times` is true, it also writes the times of these messages into the latency log of the channel. If the channel
 * has no latency log, `times` has no effect. */
static inline uint32_t spsc_put(struct spead_sender *sender, struct spead_channel *channel,
                                const struct spead_message *messages, uint32_t count, bool times)
{
    uint32_t accepted = spsc_room(sender, channel, count);

    if (accepted == 0)
        return 0;
    if (times && channel->latency)
        spsc_note_times(channel, sender->tail, accepted);
    spsc_copy_in(sender, channel, messages, accepted);
    return accepted;
}

/* Returns the lane of a message, which is its priority. A priority above the highest lane counts as the highest
 * lane. */
static uint32_t lane_of(const struct spead_channel *channel, const struct spead_message *message)
{
    return message->priority < channel->lanes ? message->priority : channel->lanes - 1;
}

/* Frees `count` places that this thread has claimed and not used. Another sending end has perhaps found the channel
 * full because of these places, and sleeps now. So this function wakes one sending end. */
static void return_room(struct spead_channel *channel, uint32_t count)
{
    speadi_shared_ring_unclaim(channel->shared, count);
    speadi_wait_queue_wake_one(&channel->waiting_senders);
}

/* Puts messages for one lane into a shared ring. These are the first message and the messages directly after it that
 * have the same lane. It stops when no free place is left. Returns how many messages it has put. */
static uint32_t shared_put_run(struct spead_sender *sender, struct spead_channel *channel,
                               const struct spead_message *messages, uint32_t count)
{
    uint32_t lane = lane_of(channel, messages), run = 1, claimed, accepted;

    while (run < count && lane_of(channel, &messages[run]) == lane)
        run++;
    sender->full_lane = lane;
    claimed = speadi_shared_ring_claim(channel->shared, run);
    if (claimed == 0)
        return 0;
    accepted = speadi_shared_ring_push(channel->shared, lane, messages, claimed);
    if (accepted < claimed)
        return_room(channel, claimed - accepted);
    return accepted;
}

/* Puts messages into a shared ring, beginning with the first, until no free place is left. Returns how many it has
 * put. */
static uint32_t shared_put(struct spead_sender *sender, struct spead_channel *channel,
                           const struct spead_message *messages, uint32_t count)
{
    uint32_t accepted = 0, run;

    do {
        run = shared_put_run(sender, channel, messages + accepted, count - accepted);
        accepted += run;
    } while (run > 0 && accepted < count);
    return accepted;
}

/* Puts messages into the channel, beginning with the first, until no free place is left. If it has put any, it wakes a
 * receiving end. Returns how many it has put. */
static uint32_t put(struct spead_sender *sender, struct spead_channel *channel,
                    const struct spead_message *messages, uint32_t count)
{
    uint32_t accepted;

    if (channel->shared) {
        accepted = shared_put(sender, channel, messages, count);
        speadi_counter_add(&sender->end.moved, accepted);
    } else {
        accepted = spsc_put(sender, channel, messages, count, true);
    }
    if (accepted > 0)
        speadi_wait_queue_wake_one(&channel->waiting_receivers); /* WAIT1 */
    return accepted;
}

/* ---- Shedding ------------------------------------------------------------------------------ */

static void shed(struct spead_sender *sender, const struct spead_message *message,
                 enum spead_shed_cause cause)
{
    speadi_counter_add(&sender->shed[cause], 1);
    speadi_channel_shed(sender->end.channel, message, cause);
}

/* Takes one message out of the channel and sheds it, to make a place for a message of `lane`. The message that is shed
 * is called the victim. The function looks for a victim in the lanes below `lane`, beginning with the lowest lane. If
 * all these lanes are empty and the policy is DROP_OLDEST, it looks in `lane` itself. In each lane it chooses the
 * oldest message. The place of the victim stays claimed. Returns false if there is no victim. */
static bool take_victim(struct spead_sender *sender, struct spead_channel *channel, uint32_t lane)
{
    struct spead_message victim;

    for (uint32_t i = 0; i < lane; i++) {
        if (speadi_shared_ring_pop(channel->shared, i, &victim, 1, false) == 1) {
            shed(sender, &victim, SPEAD_SHED_LANE);
            return true;
        }
    }
    if (channel->policy != SPEAD_ON_FULL_DROP_OLDEST ||
        speadi_shared_ring_pop(channel->shared, lane, &victim, 1, false) == 0)
        return false;
    shed(sender, &victim, SPEAD_SHED_OLDEST);
    return true;
}

/* Puts `message` into a channel that was full. To make a place, it first sheds another message, which is in the
 * channel. Returns false if it could not put `message` in. */
static bool displace(struct spead_sender *sender, struct spead_channel *channel,
                     const struct spead_message *message)
{
    uint32_t lane = lane_of(channel, message);

    if (!take_victim(sender, channel, lane))
        return false;
    if (speadi_shared_ring_push(channel->shared, lane, message, 1) == 0) {
        /* Another thread is still reading the slot, so this thread must not write to it now. */
        return_room(channel, 1);
        return false;
    }
    speadi_counter_add(&sender->end.moved, 1);
    speadi_wait_queue_wake_one(&channel->waiting_receivers); /* WAIT1 */
    return true;
}

void speadi_sender_shed(struct spead_sender *sender, const struct spead_message *messages,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        shed(sender, &messages[i], SPEAD_SHED_NEWEST);
}

bool speadi_sender_shed_oldest(struct spead_sender *sender)
{
    struct spead_channel *channel = sender->end.channel;

    if (!channel->shared || !take_victim(sender, channel, 0))
        return false;
    return_room(channel, 1);
    return true;
}

static void put_or_shed_one(struct spead_sender *sender, struct spead_channel *channel,
                            const struct spead_message *message)
{
    bool displaces =
        channel->shared && (channel->lanes > 1 || channel->policy == SPEAD_ON_FULL_DROP_OLDEST);

    if (displaces && displace(sender, channel, message))
        return;
    /* If `displaces` is true, displace() has failed. But receiving ends have perhaps taken messages out after that. So
     * this function tries put() once more. put() never waits. */
    if (!displaces || put(sender, channel, message, 1) == 0)
        shed(sender, message, SPEAD_SHED_NEWEST);
}

/* Puts each message into the channel, or sheds it. The policy can be any policy except BLOCK. */
static void put_or_shed(struct spead_sender *sender, struct spead_channel *channel,
                        const struct spead_message *messages, uint32_t count)
{
    uint32_t i = put(sender, channel, messages, count);

    while (i < count) {
        put_or_shed_one(sender, channel, &messages[i++]);
        if (i < count)
            i += put(sender, channel, &messages[i], count - i);
    }
}

static void sample(struct spead_sender *sender, struct spead_channel *channel,
                   const struct spead_message *messages, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sender->offered++ % channel->sample_n == 0)
            put_or_shed(sender, channel, &messages[i], 1);
        else
            shed(sender, &messages[i], SPEAD_SHED_SAMPLED);
    }
}

/* ---- Sending ------------------------------------------------------------------------------- */

static int stop_error(uint32_t state)
{
    return state & SPEADI_CANCELLED ? -ECANCELED : -EPIPE;
}

/* When several sending ends wait, a free place wakes only one of them. After the woken end has sent its messages, it
 * calls this function. The function wakes the next end if there is another free place. */
static void pass_on(struct spead_sender *sender, struct spead_channel *channel)
{
    if (channel->waiting_senders.many && speadi_wait_queue_is_waiting(&channel->waiting_senders) &&
        speadi_shared_ring_has_room(channel->shared, sender->full_lane))
        speadi_wait_queue_wake_first(&channel->waiting_senders);
}

void speadi_sender_pass_on(struct spead_sender *sender)
{
    pass_on(sender, sender->end.channel);
}

static int try_send(struct spead_sender *sender, const struct spead_message *messages,
                    uint32_t count)
{
    struct spead_channel *channel = sender->end.channel;
    /* relaxed: an end that does not see STOPPED yet still puts its messages into the channel. The last sending end
     * sheds these messages when it closes. */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed);

    if (__builtin_expect(state & (SPEADI_STOPPED | SPEADI_CANCELLED), 0))
        return stop_error(state);
    if (count == 0)
        return 0;
    if (channel->policy == SPEAD_ON_FULL_BLOCK) {
        uint32_t accepted = put(sender, channel, messages, count);

        pass_on(sender, channel);
        return accepted > 0 ? (int)accepted : -EAGAIN;
    }
    if (channel->policy == SPEAD_ON_FULL_SAMPLE)
        sample(sender, channel, messages, count);
    else
        put_or_shed(sender, channel, messages, count);
    return (int)count;
}

/* Finishes a send at an end that has `plain` set. The first `accepted` of `count` messages are already in the channel.
 * The policy of the channel decides what happens to the other messages. */
static __attribute__((noinline)) int finish_plain_send(struct spead_sender *sender,
                                                       const struct spead_message *messages,
                                                       uint32_t count, uint32_t accepted)
{
    struct spead_channel *channel = sender->end.channel;

    if (count == 0)
        return 0; /* nothing was put, so no end is woken */
    if (accepted > 0)
        speadi_wait_queue_wake_single(&channel->waiting_receivers); /* WAIT1 */
    if (channel->policy == SPEAD_ON_FULL_BLOCK)
        return accepted > 0 ? (int)accepted : -EAGAIN;
    if (count > INT32_MAX)
        count = INT32_MAX;
    put_or_shed(sender, channel, messages + accepted, count - accepted);
    return (int)count;
}

/* Sends at an end that has `plain` set, when try_send_plain() cannot simply copy: head_seen shows too few free places,
 * the channel is stopped or cancelled, or count is 0. The function is not inlined, so that the short path need not save
 * registers for the call. */
static __attribute__((noinline)) int try_send_plain_slow(struct spead_sender *sender,
                                                         const struct spead_message *messages,
                                                         uint32_t count)
{
    struct spead_channel *channel = sender->end.channel;
    /* relaxed: as in try_send() */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed), accepted;

    if (state & (SPEADI_STOPPED | SPEADI_CANCELLED))
        return stop_error(state);
    accepted = spsc_put(sender, channel, messages, count, false);
    if (accepted < count || count == 0)
        return finish_plain_send(sender, messages, count, accepted);
    speadi_wait_queue_wake_single(&channel->waiting_receivers); /* WAIT1 */
    return (int)accepted;
}

static __attribute__((noinline)) int wake_and_return(struct spead_channel *channel, uint32_t count)
{
    speadi_wait_queue_wake_first(&channel->waiting_receivers);
    return (int)count;
}

/* The short path: sends at an end that has `plain` set. Most ends are like this. */
static inline int try_send_plain(struct spead_sender *sender, const struct spead_message *messages,
                                 uint32_t count)
{
    struct spead_channel *channel = sender->end.channel;
    /* relaxed: as in try_send() */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed);

    if (__builtin_expect((state & (SPEADI_STOPPED | SPEADI_CANCELLED)) || count == 0 ||
                             spsc_known_room(sender, channel) < count,
                         0))
        return try_send_plain_slow(sender, messages, count);
    spsc_copy_in(sender, channel, messages, count);
    if (__builtin_expect(speadi_wait_queue_has_single(&channel->waiting_receivers), 0)) /* WAIT1 */
        return wake_and_return(channel, count);
    return (int)count;
}

/* Sends at an end that does not have `plain` set. The function is not inlined, so that the short path need not save
 * registers for the call. */
static __attribute__((noinline)) int try_send_any(struct spead_sender *sender,
                                                  const struct spead_message *messages,
                                                  uint32_t count)
{
    int ret;

    if (count > INT32_MAX)
        count = INT32_MAX;
    if (!speadi_end_polls(&sender->end))
        return try_send(sender, messages, count);
    speadi_end_before_try(&sender->end);
    do
        ret = try_send(sender, messages, count);
    while (ret == -EAGAIN && speadi_end_rearm(&sender->end));
    return ret;
}

int spead_sender_try_send(struct spead_sender *sender, const struct spead_message *messages,
                          uint32_t count)
{
    if (__builtin_expect(sender->end.plain, 1))
        return try_send_plain(sender, messages, count);
    return try_send_any(sender, messages, count);
}

int spead_sender_send(struct spead_sender *sender, const struct spead_message *messages,
                      uint32_t count, uint64_t deadline_ns)
{
    uint32_t sent = 0;
    int ret = 0;

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    while (sent < count) {
        ret = spead_sender_try_send(sender, messages + sent, count - sent);
        if (ret > 0)
            sent += (uint32_t)ret;
        else if (ret == -EAGAIN)
            ret = speadi_end_sleep(&sender->end, deadline_ns);
        if (ret < 0)
            break;
    }
    return sent > 0 ? (int)sent : ret;
}
