/* SPDX-License-Identifier: Apache-2.0 */
/* The tally of a receive stream. It counts each packet in exactly one bucket of its source, and it holds the other
 * counters of the stream.
 *
 * The owner thread counts in plain memory. At the end of each poll that changed something, it publishes the whole
 * set. Readers on any thread see one published set or the next one, never a mixture. */
#ifndef SPEADI_RECV_LEDGER_H
#define SPEADI_RECV_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/heap.h>
#include <speadline/stats.h>

#include <speadi/publish.h>

#include "rx_engine.h"

/* The counts of one source. Most polls change only the first three: what was seen, what was delivered, what is live. */
struct speadi_recv_source_counts {
    struct spead_count seen;
    struct spead_count bucket[SPEAD_RECV_BUCKET_COUNT];
};

/* Which counts of a source have changed after the last publication. */
enum speadi_recv_tally_change {
    SPEADI_TALLY_FIRST_COUNTS = 1, /* only the first three */
    SPEADI_TALLY_ALL_COUNTS = 3,
};

/* Heaps that were handed over and that nobody has taken, because the receiving end was closed. The thread that closes
 * the receiving end counts them; it need not be the owner thread. Any thread reads the counts. relaxed: no other data
 * depends on these counts. */
struct speadi_recv_untaken {
    _Atomic uint64_t complete, incomplete, payload_bytes, chunks_complete, chunks_incomplete;
    /* for each source, the number of its packets in these heaps, and the bytes of these packets */
    struct {
        _Atomic uint64_t packets, bytes;
    } source[SPEADI_RX_SOURCES_MAX];
};

/* What a thread adds to them: a heap, or a chunk with its heaps. counts[i] are the packets of source first_source + i. */
struct speadi_recv_untaken_part {
    uint64_t complete, incomplete, payload_bytes, chunks_complete, chunks_incomplete;
    const struct spead_count *counts;
    uint32_t first_source, source_count;
};

struct speadi_recv_tally {
    /* `totals`, `custom` and `source` point into one block of words. *totals is the beginning of the block. Behind it
     * lie custom_count words of the custom counters, and then source_count elements of `source`. */
    struct spead_recv_counters *totals;
    uint64_t *custom;
    uint32_t custom_count;
    struct speadi_recv_source_counts *source;
    uint32_t source_count;
    /* For each source: enum speadi_recv_tally_change, or 0. */
    uint8_t changed[SPEADI_RX_SOURCES_MAX];
    /* These heaps are published as delivered, but every snapshot counts them as shed. */
    struct speadi_recv_untaken untaken;
    struct speadi_publish publish;
};

/* Says that a bucket of the source has changed. */
static inline void speadi_recv_tally_changed(struct speadi_recv_tally *tally, uint32_t source,
                                             enum spead_recv_bucket bucket)
{
    tally->changed[source] |=
        bucket <= SPEAD_RECV_LIVE ? SPEADI_TALLY_FIRST_COUNTS : SPEADI_TALLY_ALL_COUNTS;
}

/* Makes a tally in which all counters are zero. Control plane. Returns 0 or -ENOMEM. */
int speadi_recv_tally_init(struct speadi_recv_tally *tally, uint32_t source_count,
                           uint32_t custom_count);
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
    speadi_recv_tally_changed(tally, source, bucket);
}

/* Moves these packets and bytes from bucket `from` to bucket `to` of the source. Only the owner thread calls it. */
static inline void speadi_recv_tally_move(struct speadi_recv_tally *tally, uint32_t source,
                                          const struct spead_count *count,
                                          enum spead_recv_bucket from, enum spead_recv_bucket to)
{
    struct spead_count *bucket = tally->source[source].bucket;

    speadi_ledger_add(&bucket[from], -count->packets, -count->bytes);
    speadi_ledger_add(&bucket[to], count->packets, count->bytes);
    speadi_recv_tally_changed(tally, source, from > to ? from : to);
}

/* Counts a heap or a chunk that was counted as delivered, and that nobody has taken. After this call every snapshot
 * counts it as shed. Any thread may call it. */
void speadi_recv_tally_untaken(struct speadi_recv_tally *tally,
                               const struct speadi_recv_untaken_part *part);

/* Publishes the counters, but only if a counter other than the number of polls has changed. So an owner thread that
 * polls all the time and finds nothing does not publish. Readers need this: they can read only in a pause between two
 * publications. Only the owner thread calls it. */
void speadi_recv_tally_publish(struct speadi_recv_tally *tally);

/* Fills *stats from the published counters. Writes at most stats->struct_size bytes. If `custom` is not NULL, writes the
 * custom_count custom counters of the same moment there. Any thread may call it. */
void speadi_recv_tally_stats(const struct speadi_recv_tally *tally, uint64_t hand_over_high_water,
                             struct spead_recv_stats *stats, uint64_t *custom);

/* Fills *out with the ledger of one source. `source` must be less than source_count. Any thread may call it. */
void speadi_recv_tally_source(const struct speadi_recv_tally *tally, uint32_t source,
                              struct spead_recv_ledger *out);

/* Returns the bytes that the tally has allocated. */
uint64_t speadi_recv_tally_bytes(const struct speadi_recv_tally *tally);

#endif
