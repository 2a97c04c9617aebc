/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the counters of the engine into the tally, and publishes all counters. */
#include <string.h>

#include "recv_stream.h"

_Static_assert(SPEAD_RECV_QUEUES_MAX == SPEADI_RX_QUEUES_MAX, "each queue has a counter");

void speadi_recv_read_counters(struct spead_recv_stream *stream)
{
    struct spead_recv_counters *totals = stream->tally.totals;
    struct speadi_rx_counters counters;
    uint64_t before = speadi_recv_kernel_drops(stream).other;

    if (stream->ops->refresh && stream->started)
        stream->ops->refresh(stream->engine);
    stream->ops->counters(stream->engine, &counters);
    if (stream->now_ns > stream->counters_ns) {
        speadi_coalesce_observe(&stream->coalesce, counters.messages - stream->coalesce_messages,
                                stream->now_ns - stream->counters_ns);
        stream->coalesce_messages = counters.messages;
    }
    totals->kernel_drops = counters.kernel_drops;
    totals->checksum_drops = counters.checksum_drops;
    totals->buffer_drops = counters.buffer_drops;
    totals->filtered_drops = counters.filtered_drops;
    /* The source overflowed because the stream did not read while the consumer had no room. */
    if (stream->paused || stream->catching_up)
        totals->kernel_drops_after_pause += speadi_recv_kernel_drops(stream).other - before;
    totals->messages = counters.messages;
    totals->engine_rebuilds = counters.rebuilds;
    totals->engine_rebuild_ns = counters.rebuild_ns;
    totals->engine_rebuild_failures = counters.rebuild_failures;
    totals->link_downs = counters.link_downs;
    if (stream->facts.queues > 1) {
        totals->queue_count = stream->facts.queues;
        memcpy(totals->packets_by_queue, counters.packets_by_queue,
               sizeof totals->packets_by_queue);
    }
    totals->unverified_packets = counters.unverified;
    totals->rejoins = counters.rejoins;
    totals->wakeups = counters.sleeps + stream->coalesced;
    stream->counters_ns = stream->now_ns;
}

struct speadi_kernel_drops speadi_recv_kernel_drops(const struct spead_recv_stream *stream)
{
    const struct spead_recv_counters *totals = stream->tally.totals;

    return (struct speadi_kernel_drops){
        .checksum = totals->checksum_drops,
        .other = totals->kernel_drops - totals->checksum_drops - totals->filtered_drops,
    };
}

void speadi_recv_publish(struct spead_recv_stream *stream)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    totals->senders = stream->senders.count;
    totals->senders_replaced = stream->senders.replaced;
    totals->heaps_live = stream->table.count;
    totals->search_steps = stream->table.search_steps;
    totals->heaps_leaving = stream->leaving.count;
    totals->missing_heaps = stream->gaps.sums.missing;
    totals->missing_heaps_provisional = stream->gaps.sums.provisional;
    totals->heaps_absent = stream->gaps.sums.absent;
    totals->heaps_not_understood = stream->gaps.sums.not_understood;
    totals->memory_bytes =
        speadi_pool_memory_bytes(speadi_recv_memory_pool(stream), &totals->memory_high_water_bytes);
    if (stream->chunks)
        speadi_recv_publish_chunks(stream);
    speadi_recv_tally_publish(&stream->tally);
}
