/* SPDX-License-Identifier: Apache-2.0 */
/* The custom counters of a stream, and its snapshots. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/snapshot.h>

#include "recv_stream.h"

int speadi_recv_copy_custom_counters(struct spead_recv_stream *stream)
{
    const struct spead_custom_counter *from = stream->config.custom_counters;
    uint32_t count = stream->config.custom_counter_count;
    size_t bytes = count * sizeof *from;
    char *name;

    if (count == 0)
        return 0;
    stream->custom = malloc(bytes + (size_t)count * SPEAD_STATISTIC_NAME_MAX);
    if (!stream->custom)
        return -ENOMEM;
    name = (char *)(stream->custom + count);
    for (uint32_t i = 0; i < count; i++, name += SPEAD_STATISTIC_NAME_MAX) {
        stream->custom[i] = (struct spead_custom_counter){.name = name, .mode = from[i].mode};
        memcpy(name, from[i].name, strlen(from[i].name) + 1);
    }
    stream->config.custom_counters = stream->custom;
    return 0;
}

void spead_recv_stream_count(struct spead_recv_stream *stream, uint32_t counter, uint64_t value)
{
    if (counter < stream->tally.custom_count)
        speadi_custom_counter_note(&stream->tally.custom[counter], stream->custom[counter].mode,
                                   value);
}

int spead_recv_stream_snapshot(const struct spead_recv_stream *stream, struct spead_snapshot **out)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    uint64_t custom[SPEAD_CUSTOM_COUNTERS_MAX];
    const uint64_t *word = (const uint64_t *)&stats.counters;
    struct spead_snapshot *snapshot = speadi_snapshot_make(
        2 * (1 + SPEAD_RECV_BUCKET_COUNT) + SPEADI_RECV_STATISTIC_ROWS + stream->tally.custom_count,
        speadi_clock_mono_ns());

    if (!snapshot)
        return -ENOMEM;
    speadi_recv_tally_stats(&stream->tally, speadi_outlet_high_water(&stream->outlet), &stats,
                            custom);
    speadi_recv_read_port(stream, &stats.counters);
    speadi_snapshot_put_ledger(snapshot, &stats.total.seen, stats.total.bucket, stats.bucket_count,
                               spead_recv_bucket_name);
    for (size_t i = 0; i < SPEADI_RECV_STATISTIC_ROWS; i++)
        speadi_snapshot_put(snapshot, speadi_recv_statistic_rows[i].name,
                            speadi_recv_statistic_rows[i].mode,
                            i < SPEADI_RECV_COUNTERS ? word[i] : stats.hand_over_high_water);
    for (uint32_t i = 0; i < stream->tally.custom_count; i++)
        speadi_snapshot_put_copy(snapshot, stream->custom[i].name, stream->custom[i].mode,
                                 custom[i]);
    *out = snapshot;
    return 0;
}
