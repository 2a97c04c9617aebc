/* Where every packet of a send stream is. */
#include "send_ledger.h"

#include <assert.h>
#include <errno.h>

#include "tx_engine.h"

#define COUNTER_WORDS (sizeof(struct speadi_send_counters) / sizeof(uint64_t))

int speadi_send_ledger_init(struct speadi_send_ledger *ledger)
{
    *ledger = (struct speadi_send_ledger){0};
    return speadi_publish_init(&ledger->published, COUNTER_WORDS);
}

void speadi_send_ledger_release(struct speadi_send_ledger *ledger)
{
    speadi_publish_release(&ledger->published);
}

static void count(struct spead_count *to, uint64_t packets, uint64_t bytes)
{
    to->packets += packets;
    to->bytes += bytes;
}

void speadi_send_ledger_submit(struct speadi_send_ledger *ledger,
                               const struct speadi_heap_shape *shape)
{
    count(&ledger->counters.submitted, shape->packets, shape->bytes);
    count(&ledger->counters.bucket[SPEAD_SEND_PENDING], shape->packets, shape->bytes);
    ledger->counters.heaps_submitted++;
    ledger->changed = true;
}

static enum spead_send_bucket bucket_of(int error)
{
    if (error == 0)
        return SPEAD_SEND_SENT;
    if (error == SPEADI_TX_INJECTED)
        return SPEAD_SEND_INJECTED;
    return error == -ECANCELED ? SPEAD_SEND_ABANDONED : SPEAD_SEND_FAILED;
}

/* Errors beyond the table's length are in the failed bucket only. */
static void count_errno(struct speadi_send_counters *counters, uint64_t error, uint64_t packets)
{
    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX; i++) {
        if (counters->failed_errno[i].error != 0 && counters->failed_errno[i].error != error)
            continue;
        counters->failed_errno[i].error = error;
        counters->failed_errno[i].packets += packets;
        return;
    }
}

void speadi_send_ledger_end(struct speadi_send_ledger *ledger, uint64_t packets, uint64_t bytes,
                            int error)
{
    struct speadi_send_counters *counters = &ledger->counters;
    enum spead_send_bucket bucket = bucket_of(error);

    assert(counters->bucket[SPEAD_SEND_PENDING].packets >= packets);
    assert(counters->bucket[SPEAD_SEND_PENDING].bytes >= bytes);
    counters->bucket[SPEAD_SEND_PENDING].packets -= packets;
    counters->bucket[SPEAD_SEND_PENDING].bytes -= bytes;
    count(&counters->bucket[bucket], packets, bytes);
    if (bucket == SPEAD_SEND_FAILED && packets != 0)
        count_errno(counters, (uint64_t) - (int64_t)error, packets);
    ledger->changed = true;
}

void speadi_send_ledger_complete(struct speadi_send_ledger *ledger, uint64_t payload_bytes,
                                 int error)
{
    struct speadi_send_counters *counters = &ledger->counters;

    if (error == 0) {
        counters->heaps_sent++;
        counters->payload_bytes += payload_bytes;
    } else if (error == -ECANCELED) {
        counters->heaps_abandoned++;
    } else {
        counters->heaps_failed++;
    }
    ledger->changed = true;
}

void speadi_send_ledger_stamp(struct speadi_send_ledger *ledger, uint64_t utc_ns)
{
    if (ledger->counters.first_packet_ns == 0)
        ledger->counters.first_packet_ns = utc_ns;
    ledger->counters.last_packet_ns = utc_ns;
    ledger->changed = true;
}

void speadi_send_ledger_publish(struct speadi_send_ledger *ledger)
{
    speadi_publish_write(&ledger->published, (const uint64_t *)&ledger->counters);
    ledger->changed = false;
}

void speadi_send_ledger_snapshot(const struct speadi_send_ledger *ledger,
                                 struct spead_send_stats *stats)
{
    union {
        struct speadi_send_counters counters;
        uint64_t word[COUNTER_WORDS];
    } copy;
    const struct speadi_send_counters *from = &copy.counters;

    speadi_publish_read(&ledger->published, copy.word);
    stats->bucket_count = SPEAD_SEND_BUCKET_COUNT;
    stats->submitted = from->submitted;
    for (unsigned i = 0; i < SPEAD_SEND_BUCKET_COUNT; i++)
        stats->bucket[i] = from->bucket[i];
    stats->heaps_submitted = from->heaps_submitted;
    stats->heaps_sent = from->heaps_sent;
    stats->heaps_failed = from->heaps_failed;
    stats->heaps_abandoned = from->heaps_abandoned;
    stats->heaps_pending =
        from->heaps_submitted - from->heaps_sent - from->heaps_failed - from->heaps_abandoned;
    stats->payload_bytes = from->payload_bytes;
    stats->icmp_unreachable = from->icmp_unreachable;
    stats->messages = from->messages;
    stats->batches = from->batches;
    stats->engine_rebuilds = from->engine_rebuilds;
    stats->link_downs = from->link_downs;
    stats->neighbours_lost = from->neighbours_lost;
    stats->copied_bytes = from->copied_bytes;
    stats->first_packet_ns = from->first_packet_ns;
    stats->last_packet_ns = from->last_packet_ns;
    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX; i++) {
        stats->failed_errno[i].error = (int32_t)from->failed_errno[i].error;
        stats->failed_errno[i].packets = from->failed_errno[i].packets;
    }
}
