/* SPDX-License-Identifier: Apache-2.0 */
#include "send_rig.h"

#include "must.h"

static uint8_t data[SEND_RIG_HEAP_BYTES];

static void note(void *arg, const struct spead_send_result *result)
{
    struct send_rig_log *log = arg;

    MUST(log->count < 128, "too many heaps for the log");
    log->result[log->count++] = *result;
}

struct spead_send_heap *send_rig_heap(size_t bytes)
{
    struct spead_send_heap *heap = NULL;

    MUST(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "no heap");
    MUST(bytes == 0 || spead_send_heap_add_item(heap, 0x1000, data, bytes, false) == 0, "no item");
    return heap;
}

void send_rig_open(struct send_rig *rig, uint32_t heaps_max)
{
    *rig = (struct send_rig){.config = SPEAD_SEND_STREAM_CONFIG_INIT};
    rig->config.heaps_max = heaps_max;
    rig->tx = scripted_tx_create();
    rig->stream = scripted_tx_stream_to(rig->tx, &rig->config, 3, 0);
    rig->heap = send_rig_heap(SEND_RIG_HEAP_BYTES);
    rig->options.done = note;
    rig->options.done_arg = &rig->log;
}

void send_rig_close(struct send_rig *rig)
{
    spead_send_stream_destroy(rig->stream);
    MUST(rig->tx->closed, "the stream has left its engine open");
    scripted_tx_destroy(rig->tx);
    spead_send_heap_destroy(rig->heap);
}

int send_rig_submit(struct send_rig *rig)
{
    return spead_send_stream_submit(rig->stream, rig->heap, &rig->options);
}

struct spead_send_stats send_rig_stats(const struct send_rig *rig)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    struct spead_count sum = {0};

    spead_send_stream_stats(rig->stream, &stats);
    MUST(stats.bucket_count == SPEAD_SEND_BUCKET_COUNT, "%u buckets", stats.bucket_count);
    for (unsigned i = 0; i < stats.bucket_count; i++) {
        sum.packets += stats.bucket[i].packets;
        sum.bytes += stats.bucket[i].bytes;
    }
    MUST(stats.submitted.packets == sum.packets, "%zu packets submitted, %zu in buckets",
         (size_t)stats.submitted.packets, (size_t)sum.packets);
    MUST(stats.submitted.bytes == sum.bytes, "%zu bytes submitted, %zu in buckets",
         (size_t)stats.submitted.bytes, (size_t)sum.bytes);
    MUST(stats.counters.heaps_submitted == stats.counters.heaps_sent + stats.counters.heaps_failed +
                                               stats.counters.heaps_abandoned + stats.heaps_pending,
         "the heaps do not add up");
    return stats;
}

uint64_t send_rig_packets(const struct send_rig *rig, enum spead_send_bucket bucket)
{
    return send_rig_stats(rig).bucket[bucket].packets;
}
