/* Every packet in exactly one bucket, by source, and the stream's other counters.
 *
 * The owner thread counts in plain memory and publishes the whole set at the end of each poll that changed it; readers
 * on any thread see one published set or the next, never a mixture. */
#ifndef SPEADLINE_RECV_RECV_LEDGER_H
#define SPEADLINE_RECV_RECV_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include <speadi/publish.h>

/* Published as words: uint64_t only. Meanings are those of struct spead_recv_stats. */
struct speadi_recv_totals {
    uint64_t heaps_complete, heaps_incomplete;
    uint64_t heaps_evicted, heaps_timed_out, heaps_flushed;
    uint64_t heaps_shed, heaps_no_memory;
    uint64_t heaps_live, heaps_leaving;
    uint64_t payload_bytes;
    uint64_t missing_packets, missing_heaps;
    uint64_t kernel_drops, gaps_with_local_drops;
    uint64_t placed, bounced, repaired;
    uint64_t messages, polls, wakeups;
    uint64_t engine_rebuilds, link_downs;
    uint64_t first_packet_ns, last_packet_ns;
    uint64_t memory_bytes, memory_high_water_bytes;
    uint64_t heaps_region_error, placement_stops, placement_off_packets;
};

struct speadi_recv_source_counts {
    struct spead_count seen;
    struct spead_count bucket[SPEAD_RECV_BUCKET_COUNT];
};

struct speadi_recv_ledger {
    struct speadi_recv_totals *totals;        /* start of one block of words ... */
    struct speadi_recv_source_counts *source; /* ... that goes on with [source_count] of these */
    uint32_t source_count;
    struct speadi_recv_totals shown; /* totals as last published; polls may be ahead of that */
    bool counted;                    /* a bucket has changed since */
    struct speadi_publish publish;
};

/* Returns 0 or -ENOMEM. */
int speadi_recv_ledger_init(struct speadi_recv_ledger *ledger, uint32_t source_count);
void speadi_recv_ledger_release(struct speadi_recv_ledger *ledger);

static inline void speadi_count_add(struct spead_count *count, uint64_t packets, uint64_t bytes)
{
    count->packets += packets;
    count->bytes += bytes;
}

static inline void speadi_recv_ledger_count(struct speadi_recv_ledger *ledger, uint32_t source,
                                            enum spead_recv_bucket bucket, uint64_t packets,
                                            uint64_t bytes)
{
    speadi_count_add(&ledger->source[source].bucket[bucket], packets, bytes);
    ledger->counted = true;
}

/* Moves counts[source_count] from one bucket to another. */
void speadi_recv_ledger_move(struct speadi_recv_ledger *ledger, const struct spead_count *counts,
                             enum spead_recv_bucket from, enum spead_recv_bucket to);

/* Owner: shows the counters to readers, if any but the number of polls has changed: readers need pauses
 * between two copies, and find them while a busy owner finds nothing. */
void speadi_recv_ledger_publish(struct speadi_recv_ledger *ledger);

/* Any thread: fills *stats as struct_size allows. */
void speadi_recv_ledger_stats(const struct speadi_recv_ledger *ledger, uint64_t ring_high_water,
                              struct spead_recv_stats *stats);

/* Any thread: one source's buckets. */
void speadi_recv_ledger_source(const struct speadi_recv_ledger *ledger, uint32_t source,
                               struct spead_recv_ledger *out);

/* What the ledger allocated. */
uint64_t speadi_recv_ledger_bytes(const struct speadi_recv_ledger *ledger);

#endif
