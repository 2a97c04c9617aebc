/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of a channel: the counters of the channel itself, of its open ends, and of the ends that have
 * closed. */
#include <errno.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/struct_size.h>

#include "channel_parts.h"

static uint64_t depth(const struct spead_channel *channel)
{
    uint64_t head;

    if (channel->shared)
        return speadi_shared_ring_used(channel->shared);
    /* RING2 acquire: the tail is read below, after the head. So the tail cannot be lower than the head, and the
     * difference cannot be negative. */
    head = atomic_load_explicit(&channel->head, memory_order_acquire);
    return speadi_counter_read(&channel->tail) - head;
}

static uint64_t high_water(const struct spead_channel *channel, uint64_t now)
{
    uint64_t high = speadi_counter_read(&channel->high_water);

    if (channel->shared)
        high = speadi_shared_ring_high_water(channel->shared);
    else if (speadi_counter_read(&channel->full))
        high = channel->capacity;
    return now > high ? now : high;
}

uint64_t speadi_channel_high_water(const struct spead_channel *channel)
{
    return high_water(channel, depth(channel));
}

static uint64_t waited_ns(const struct speadi_end *end, uint64_t now_ns)
{
    uint64_t since = speadi_counter_read(&end->waiting_since_ns);

    return speadi_counter_read(&end->waited_ns) + (since && now_ns > since ? now_ns - since : 0);
}

static void add_ends(const struct spead_channel *channel, struct spead_channel_stats *stats)
{
    uint64_t now_ns = speadi_clock_mono_ns();

    for (const struct speadi_end *end = channel->senders; end; end = end->next) {
        const struct spead_sender *sender = (const struct spead_sender *)end;

        stats->sent += speadi_counter_read(&end->moved);
        stats->blocked += speadi_counter_read(&end->waits);
        stats->blocked_ns += waited_ns(end, now_ns);
        for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
            stats->shed[i] += speadi_counter_read(&sender->shed[i]);
    }
    for (const struct speadi_end *end = channel->receivers; end; end = end->next) {
        stats->received += speadi_counter_read(&end->moved);
        stats->starved += speadi_counter_read(&end->waits);
        stats->starved_ns += waited_ns(end, now_ns);
    }
}

/* Returns the statistics without the counters of open ends: only the counters of the channel itself and of closed
 * ends. */
static struct spead_channel_stats stats_of_closed(const struct spead_channel *channel)
{
    const struct speadi_channel_totals *closed = &channel->closed;
    struct spead_channel_stats stats = {
        .capacity = channel->capacity,
        .senders = channel->sender_count,
        .receivers = channel->receiver_count,
        .type = channel->type,
        .sent = closed->sent,
        .received = closed->received,
        .starved_ns = closed->starved_ns,
        .blocked_ns = closed->blocked_ns,
        .starved = closed->starved,
        .blocked = closed->blocked,
    };

    memcpy(stats.shed, closed->shed, sizeof closed->shed);
    return stats;
}

void spead_channel_stats(struct spead_channel *channel, struct spead_channel_stats *stats)
{
    struct spead_channel_stats now;

    pthread_mutex_lock(&channel->control);
    now = stats_of_closed(channel);
    add_ends(channel, &now);
    pthread_mutex_unlock(&channel->control);
    if (!channel->shared) {
        /* The head also counts the messages that speadi_channel_drain() has taken out. These messages were not
         * received. */
        now.received = speadi_counter_read(&channel->head) - now.shed[SPEAD_SHED_CANCELLED];
        now.sent = speadi_counter_read(&channel->tail);
    }
    /* Messages that were shed before they got into the channel count as sent, too. */
    now.sent += now.shed[SPEAD_SHED_NEWEST] + now.shed[SPEAD_SHED_SAMPLED];
    now.depth = depth(channel);
    now.high_water = high_water(channel, now.depth);
    now.end =
        atomic_load(&channel->state) & SPEADI_CANCELLED ? -ECANCELED : atomic_load(&channel->end);
    (void)speadi_struct_write(stats, &now, sizeof now);
}

const char *spead_shed_cause_name(unsigned cause)
{
    static const char *const names[SPEAD_SHED_CAUSES] = {
        [SPEAD_SHED_NEWEST] = "newest",       [SPEAD_SHED_OLDEST] = "oldest",
        [SPEAD_SHED_LANE] = "lane",           [SPEAD_SHED_SAMPLED] = "sampled",
        [SPEAD_SHED_CANCELLED] = "cancelled",
    };

    return cause < SPEAD_SHED_CAUSES ? names[cause] : NULL;
}

int spead_channel_latency(struct spead_channel *channel, struct spead_latency *latency)
{
    const struct speadi_latency_log *log =
        channel->shared ? speadi_shared_ring_latency(channel->shared) : channel->latency;
    struct spead_latency now;

    if (!log)
        return -ENOTSUP;
    speadi_latency_read(log, &now);
    return speadi_struct_write(latency, &now, sizeof now);
}
