/* The sending end: messages go in, or are shed by the channel's policy. */
#include <errno.h>

#include <speadi/clock.h>

#include "channel_parts.h"

/* ---- Putting into the ring ------------------------------------------------------------------ */

static inline uint64_t spsc_known_room(const struct spead_sender *sender,
                                       const struct spead_channel *channel)
{
    return channel->capacity - (sender->tail - sender->head_seen);
}

/* How many of count there is room for. Looks at the receiver's index only when the room known of is not
 * enough: its cache line is the receiver's. */
static inline uint32_t spsc_room(struct spead_sender *sender, struct spead_channel *channel,
                                 uint32_t count)
{
    if (spsc_known_room(sender, channel) >= count)
        return count;
    /* RING2 acquire: the receiver is done with the slots before the index. */
    sender->head_seen = atomic_load_explicit(&channel->head, memory_order_acquire);
    if (spsc_known_room(sender, channel) >= count)
        return count;
    /* relaxed: read only for reports. Written once: the receiver reads from this cache line. */
    if (!atomic_load_explicit(&channel->full, memory_order_relaxed))
        atomic_store_explicit(&channel->full, 1, memory_order_relaxed);
    return (uint32_t)spsc_known_room(sender, channel);
}

/* There is room for them, and at least one. */
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

static void spsc_note_times(struct spead_channel *channel, uint64_t position, uint32_t count)
{
    uint64_t now_ns = speadi_clock_mono_ns();

    for (uint32_t i = 0; i < count; i++)
        speadi_latency_enter(channel->latency, (position + i) & channel->mask, now_ns);
}

/* times: whether the channel may keep them. */
static inline uint32_t spsc_put(struct spead_sender *sender, struct spead_channel *channel,
                                const struct spead_message *messages, uint32_t count, bool times)
{
    uint32_t taken = spsc_room(sender, channel, count);

    if (taken == 0)
        return 0;
    if (times && channel->latency)
        spsc_note_times(channel, sender->tail, taken);
    spsc_copy_in(sender, channel, messages, taken);
    return taken;
}

static uint32_t lane_of(const struct spead_channel *channel, const struct spead_message *message)
{
    return message->priority < channel->lanes ? message->priority : channel->lanes - 1;
}

/* Room that was claimed in vain: another sender may have been told meanwhile that there is none. */
static void return_room(struct spead_channel *channel, uint32_t count)
{
    speadi_shared_ring_unclaim(channel->shared, count);
    speadi_wait_queue_wake_one(&channel->waiting_senders);
}

/* As many of the first messages as go into one lane. */
static uint32_t shared_put_run(struct spead_sender *sender, struct spead_channel *channel,
                               const struct spead_message *messages, uint32_t count)
{
    uint32_t lane = lane_of(channel, messages), run = 1, claimed, taken;

    while (run < count && lane_of(channel, &messages[run]) == lane)
        run++;
    sender->full_lane = lane;
    claimed = speadi_shared_ring_claim(channel->shared, run);
    if (claimed == 0)
        return 0;
    taken = speadi_shared_ring_push(channel->shared, lane, messages, claimed);
    if (taken < claimed)
        return_room(channel, claimed - taken);
    return taken;
}

static uint32_t shared_put(struct spead_sender *sender, struct spead_channel *channel,
                           const struct spead_message *messages, uint32_t count)
{
    uint32_t taken = 0, run;

    do {
        run = shared_put_run(sender, channel, messages + taken, count - taken);
        taken += run;
    } while (run > 0 && taken < count);
    return taken;
}

/* The first messages, as many as there is room for; wakes who waits for them. */
static uint32_t put(struct spead_sender *sender, struct spead_channel *channel,
                    const struct spead_message *messages, uint32_t count)
{
    uint32_t taken;

    if (channel->shared) {
        taken = shared_put(sender, channel, messages, count);
        speadi_counter_add(&sender->end.moved, taken);
    } else {
        taken = spsc_put(sender, channel, messages, count, true);
    }
    if (taken > 0)
        speadi_wait_queue_wake_one(&channel->waiting_receivers); /* WAIT1 */
    return taken;
}

/* ---- Shedding ------------------------------------------------------------------------------ */

static void shed(struct spead_sender *sender, const struct spead_message *message,
                 enum spead_shed_cause cause)
{
    speadi_counter_add(&sender->shed[cause], 1);
    speadi_channel_shed(sender->end.channel, message, cause);
}

/* Takes the oldest message of the lowest lane that must give way to this lane; its room stays claimed. */
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

/* Puts a message that found the channel full into the place of another. */
static bool displace(struct spead_sender *sender, struct spead_channel *channel,
                     const struct spead_message *message)
{
    uint32_t lane = lane_of(channel, message);

    if (!take_victim(sender, channel, lane))
        return false;
    if (speadi_shared_ring_push(channel->shared, lane, message, 1) == 0) {
        return_room(channel, 1); /* the slot is still being read: the message has to go after all */
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
    /* With nothing to displace, receivers have just taken what was there: once more, then never wait. */
    if (!displaces || put(sender, channel, message, 1) == 0)
        shed(sender, message, SPEAD_SHED_NEWEST);
}

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

static int why_not(uint32_t state)
{
    return state & SPEADI_CANCELLED ? -ECANCELED : -EPIPE;
}

/* Of many senders one is woken for a change; while there is room it wakes the next. */
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
    /* relaxed: who sends while the last receiver closes has its messages released with the channel */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed);

    if (__builtin_expect(state & (SPEADI_STOPPED | SPEADI_CANCELLED), 0))
        return why_not(state);
    if (count == 0)
        return 0;
    if (channel->policy == SPEAD_CHANNEL_BLOCK) {
        uint32_t taken = put(sender, channel, messages, count);

        pass_on(sender, channel);
        return taken > 0 ? (int)taken : -EAGAIN;
    }
    if (channel->policy == SPEAD_CHANNEL_SAMPLE)
        sample(sender, channel, messages, count);
    else
        put_or_shed(sender, channel, messages, count);
    return (int)count;
}

/* What a plain end had no room for, or was not given. */
static __attribute__((noinline)) int plain_rest(struct spead_sender *sender,
                                                const struct spead_message *messages,
                                                uint32_t count, uint32_t taken)
{
    struct spead_channel *channel = sender->end.channel;

    if (count == 0)
        return 0; /* nothing happened that anyone should be woken for */
    if (taken > 0)
        speadi_wait_queue_wake_single(&channel->waiting_receivers); /* WAIT1 */
    if (channel->policy == SPEAD_CHANNEL_BLOCK)
        return taken > 0 ? (int)taken : -EAGAIN;
    if (count > INT32_MAX)
        count = INT32_MAX;
    put_or_shed(sender, channel, messages + taken, count - taken);
    return (int)count;
}

/* Where the room known of is not enough, or something is amiss. Out of line, so that the short way saves no
 * registers for it. */
static __attribute__((noinline)) int try_send_looking(struct spead_sender *sender,
                                                      const struct spead_message *messages,
                                                      uint32_t count)
{
    struct spead_channel *channel = sender->end.channel;
    /* relaxed: as in try_send() */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed), taken;

    if (state & (SPEADI_STOPPED | SPEADI_CANCELLED))
        return why_not(state);
    taken = spsc_put(sender, channel, messages, count, false);
    if (taken < count || count == 0)
        return plain_rest(sender, messages, count, taken);
    speadi_wait_queue_wake_single(&channel->waiting_receivers); /* WAIT1 */
    return (int)taken;
}

static __attribute__((noinline)) int wake_after(struct spead_channel *channel, uint32_t count)
{
    speadi_wait_queue_wake_first(&channel->waiting_receivers);
    return (int)count;
}

/* For an end where a message costs least; most ends are so. */
static inline int try_send_plain(struct spead_sender *sender, const struct spead_message *messages,
                                 uint32_t count)
{
    struct spead_channel *channel = sender->end.channel;
    /* relaxed: as in try_send() */
    uint32_t state = atomic_load_explicit(&channel->state, memory_order_relaxed);

    if (__builtin_expect((state & (SPEADI_STOPPED | SPEADI_CANCELLED)) || count == 0 ||
                             spsc_known_room(sender, channel) < count,
                         0))
        return try_send_looking(sender, messages, count);
    spsc_copy_in(sender, channel, messages, count);
    if (__builtin_expect(speadi_wait_queue_has_single(&channel->waiting_receivers), 0)) /* WAIT1 */
        return wake_after(channel, count);
    return (int)count;
}

/* Out of line, so that the short way saves no registers for it. */
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
