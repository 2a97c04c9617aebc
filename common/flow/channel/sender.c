/* The sending end of a channel. It puts messages into the channel, or the policy of the channel sheds them. */
#include <errno.h>

#include <speadi/clock.h>

#include "channel_parts.h"

/* ---- Putting into the ring ------------------------------------------------------------------ */

static inline uint64_t spsc_known_room(const struct spead_sender *sender,
                                       const struct spead_channel *channel)
{
    return channel->capacity - (sender->tail - sender->head_seen);
}

/* Returns for how many of `count` messages there are free places. The receiving end writes the cache line of the head,
 * so this function reads the head only if head_seen shows too few free places. */
static inline uint32_t spsc_room(struct spead_sender *sender, struct spead_channel *channel,
                                 uint32_t count)
{
    if (spsc_known_room(sender, channel) >= count)
        return count;
    /* RING2 acquire: the receiving end has read the slots before the head. */
    sender->head_seen = atomic_load_explicit(&channel->head, memory_order_acquire);
    if (spsc_known_room(sender, channel) >= count)
        return count;
    /* relaxed: the value is only reported. It is written only once, because the receiving end reads this cache line. */
    if (!atomic_load_explicit(&channel->full, memory_order_relaxed))
        atomic_store_explicit(&channel->full, 1, memory_order_relaxed);
    return (uint32_t)spsc_known_room(sender, channel);
}

/* Copies `count` messages into the ring. The caller knows that there are free places for them, and count >= 1. */
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

/* Notes in the latency log when these messages were put in. */
static void spsc_note_times(struct spead_channel *channel, uint64_t position, uint32_t count)
{
    uint64_t now_ns = speadi_clock_mono_ns();

    for (uint32_t i = 0; i < count; i++)
        speadi_latency_enter(channel->latency, (position + i) & channel->mask, now_ns);
}

/* Puts messages into an SPSC ring, from the first on, as long as there are free places. Returns how many it has put. If
 * `times` is true and the channel has a latency log, it notes the times of these messages. */
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

/* A priority above the highest lane counts as the highest lane. */
static uint32_t lane_of(const struct spead_channel *channel, const struct spead_message *message)
{
    return message->priority < channel->lanes ? message->priority : channel->lanes - 1;
}

/* Frees places that were claimed and not used. While the places were claimed, another sending end may have found the
 * channel full and gone to sleep. So one end is woken. */
static void return_room(struct spead_channel *channel, uint32_t count)
{
    speadi_shared_ring_unclaim(channel->shared, count);
    speadi_wait_queue_wake_one(&channel->waiting_senders);
}

/* Puts the first message, and the messages after it that are for the same lane, as long as there are free places.
 * Returns how many it has put. */
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

/* Puts messages, from the first on, as long as there are free places. Returns how many it has put. */
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

/* Puts messages, from the first on, as long as there are free places, and wakes a receiving end. Returns how many it
 * has put. */
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

/* Takes one message, the victim, out of the channel to make a place for a message of `lane`, and sheds the victim. The
 * victim is the oldest message of the lowest lane below `lane`. If all lower lanes are empty and the policy is
 * DROP_OLDEST, the victim is the oldest message of `lane` itself. Its place stays claimed. Returns false if there is no
 * victim. */
static bool take_victim(struct spead_sender *sender, struct spead_channel *channel, uint32_t lane)
{
    struct spead_message victim;

    for (uint32_t i = 0; i < lane; i++) {
        if (speadi_shared_ring_pop(channel->shared, i, &victim, 1, false) == 1) {
            shed(sender, &victim, SPEAD_SHED_LANE);
            return true;
        }
    }
    if (channel->policy != SPEAD_CHANNEL_DROP_OLDEST ||
        speadi_shared_ring_pop(channel->shared, lane, &victim, 1, false) == 0)
        return false;
    shed(sender, &victim, SPEAD_SHED_OLDEST);
    return true;
}

/* Puts a message that found the channel full into the place of another one. Returns false if that was not possible. */
static bool displace(struct spead_sender *sender, struct spead_channel *channel,
                     const struct spead_message *message)
{
    uint32_t lane = lane_of(channel, message);

    if (!take_victim(sender, channel, lane))
        return false;
    if (speadi_shared_ring_push(channel->shared, lane, message, 1) == 0) {
        /* Another thread still reads the slot: the caller sheds the message. */
        return_room(channel, 1);
        return false;
    }
    speadi_counter_add(&sender->end.moved, 1);
    speadi_wait_queue_wake_one(&channel->waiting_receivers); /* WAIT1 */
    return true;
}

static void put_or_shed_one(struct spead_sender *sender, struct spead_channel *channel,
                            const struct spead_message *message)
{
    bool displaces =
        channel->shared && (channel->lanes > 1 || channel->policy == SPEAD_CHANNEL_DROP_OLDEST);

    if (displaces && displace(sender, channel, message))
        return;
    /* displace() found no message that may give way. Receiving ends may have taken messages out meanwhile, so put() is
     * tried once more. It never waits. */
    if (!displaces || put(sender, channel, message, 1) == 0)
        shed(sender, message, SPEAD_SHED_NEWEST);
}

/* Puts or sheds each message. It is for all policies but BLOCK. */
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

/* A change wakes only one of many sending ends. That end wakes the next one if there is another free place. */
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
    /* relaxed: an end that does not see STOPPED yet puts its messages in. They are drained when the last sending end
     * closes. */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed);

    if (__builtin_expect(state & (SPEADI_STOPPED | SPEADI_CANCELLED), 0))
        return stop_error(state);
    if (count == 0)
        return 0;
    if (channel->policy == SPEAD_CHANNEL_BLOCK) {
        uint32_t accepted = put(sender, channel, messages, count);

        pass_on(sender, channel);
        return accepted > 0 ? (int)accepted : -EAGAIN;
    }
    if (channel->policy == SPEAD_CHANNEL_SAMPLE)
        sample(sender, channel, messages, count);
    else
        put_or_shed(sender, channel, messages, count);
    return (int)count;
}

/* Finishes a send of a plain end: only the first `accepted` of `count` messages are in the channel. */
static __attribute__((noinline)) int finish_plain_send(struct spead_sender *sender,
                                                       const struct spead_message *messages,
                                                       uint32_t count, uint32_t accepted)
{
    struct spead_channel *channel = sender->end.channel;

    if (count == 0)
        return 0; /* nothing was put, so no end is woken */
    if (accepted > 0)
        speadi_wait_queue_wake_single(&channel->waiting_receivers); /* WAIT1 */
    if (channel->policy == SPEAD_CHANNEL_BLOCK)
        return accepted > 0 ? (int)accepted : -EAGAIN;
    if (count > INT32_MAX)
        count = INT32_MAX;
    put_or_shed(sender, channel, messages + accepted, count - accepted);
    return (int)count;
}

/* Sends at a plain end when try_send_plain() cannot simply copy: head_seen shows too few free places, the channel is
 * stopped or cancelled, or count is 0. It is out of line so that the short path does not save registers for it. */
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

/* The short path to send at a plain end. Most ends are plain. */
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

/* Sends at an end that is not plain. It is out of line so that the short path does not save registers for it. */
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
