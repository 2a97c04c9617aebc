/* The tally of a receive stream. It counts each packet in exactly one bucket of its source, and it holds the other
 * counters of the stream.
 *
 * The owner thread counts in plain memory. At the end of each poll that changed something, it publishes the whole
 * set. Readers on any thread see one published set or the next one, never a mixture. */
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
    /* totals and source point into one block of words: *totals is its beginning, and behind it lies one element of
     * source for each of the source_count sources. */
    struct spead_recv_counters *totals;
    struct speadi_recv_source_counts *source;
    uint32_t source_count;
    /* Copy of *totals that was made at the last publication. Only shown.polls may be newer. */
    struct spead_recv_counters shown;
    bool counted; /* a bucket has changed after the last publication */
    struct speadi_publish publish;
};

/* Makes a tally in which all counters are zero. Control plane. Returns 0 or -ENOMEM. */
int speadi_recv_tally_init(struct speadi_recv_tally *tally, uint32_t source_count);
void speadi_recv_tally_release(struct speadi_recv_tally *tally);

static inline void speadi_ledger_add(struct spead_count *count, uint64_t packets, uint64_t bytes)
{
    count->packets += packets;
    count->bytes += bytes;
}

static inline void speadi_recv_tally_count(struct speadi_recv_tally *tally, uint32_t source,
                                           enum spead_recv_bucket bucket, uint64_t packets,
                                           uint64_t bytes)
{
    speadi_ledger_add(&tally->source[source].bucket[bucket], packets, bytes);
    tally->counted = true;
}

/* Moves the packets and bytes in counts[i] from bucket `from` to bucket `to` of source i, for each source i. Only the
 * owner thread calls it. */
void speadi_recv_tally_move(struct speadi_recv_tally *tally, const struct spead_count *counts,
                            enum spead_recv_bucket from, enum spead_recv_bucket to);

/* Publishes the counters, but only if a counter other than the number of polls has changed. So an owner thread that
 * polls all the time and finds nothing does not publish. Readers need this: they can read only in a pause between two
 * publications. Only the owner thread calls it. */
void speadi_recv_tally_publish(struct speadi_recv_tally *tally);

/* Fills *stats from the published counters. Writes at most stats->struct_size bytes. Any thread may call it. */
void speadi_recv_tally_stats(const struct speadi_recv_tally *tally, uint64_t ring_high_water,
                             struct spead_recv_stats *stats);

/* Fills *out with the ledger of one source. `source` must be less than source_count. Any thread may call it. */
void speadi_recv_tally_source(const struct speadi_recv_tally *tally, uint32_t source,
                              struct spead_recv_ledger *out);

/* Returns the bytes that the tally has allocated. */
uint64_t speadi_recv_tally_bytes(const struct speadi_recv_tally *tally);

#endif
