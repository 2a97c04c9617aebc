/* Every packet in exactly one bucket, by source, and the stream's other counters.
 *
 * The owner thread counts in plain memory and publishes the whole set at the end of each poll that changed it; readers
 * on any thread see one published set or the next, never a mixture. */
#ifndef SPEADI_RECV_LEDGER_H
#define SPEADI_RECV_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include <speadi/publish.h>

struct speadi_recv_source_counts {
    struct spead_count seen;
    struct spead_count bucket[SPEAD_RECV_BUCKET_COUNT];
};

struct speadi_recv_tally {
    struct spead_recv_counters *totals;       /* start of one block of words ... */
    struct speadi_recv_source_counts *source; /* ... that goes on with [source_count] of these */
    uint32_t source_count;
    struct spead_recv_counters shown; /* totals as last published; polls may be ahead of that */
    bool counted;                     /* a bucket has changed since */
    struct speadi_publish publish;
};

/* Returns 0 or -ENOMEM. */
int speadi_recv_tally_init(struct speadi_recv_tally *ledger, uint32_t source_count);
void speadi_recv_tally_release(struct speadi_recv_tally *ledger);

static inline void speadi_ledger_add(struct spead_count *count, uint64_t packets, uint64_t bytes)
{
    count->packets += packets;
    count->bytes += bytes;
}

static inline void speadi_recv_tally_count(struct speadi_recv_tally *ledger, uint32_t source,
                                           enum spead_recv_bucket bucket, uint64_t packets,
                                           uint64_t bytes)
{
    speadi_ledger_add(&ledger->source[source].bucket[bucket], packets, bytes);
    ledger->counted = true;
}

/* Moves counts[source_count] from one bucket to another. */
void speadi_recv_tally_move(struct speadi_recv_tally *ledger, const struct spead_count *counts,
                            enum spead_recv_bucket from, enum spead_recv_bucket to);

/* Owner: shows the counters to readers, if any but the number of polls has changed: readers need pauses
 * between two copies, and find them while a busy owner finds nothing. */
void speadi_recv_tally_publish(struct speadi_recv_tally *ledger);

/* Any thread: fills *stats as struct_size allows. */
void speadi_recv_tally_stats(const struct speadi_recv_tally *ledger, uint64_t ring_high_water,
                             struct spead_recv_stats *stats);

/* Any thread: one source's buckets. */
void speadi_recv_tally_source(const struct speadi_recv_tally *ledger, uint32_t source,
                              struct spead_recv_ledger *out);

/* What the ledger allocated. */
uint64_t speadi_recv_tally_bytes(const struct speadi_recv_tally *ledger);

#endif
