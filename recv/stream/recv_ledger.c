/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the counters of a receive stream and publishes them to other threads. */
#include "recv_ledger.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/snapshot.h>

#include <speadi/numbers.h>
#include <speadi/struct_size.h>

#define TOTALS_WORDS (sizeof(struct spead_recv_counters) / sizeof(uint64_t))
#define SOURCE_WORDS (sizeof(struct speadi_recv_source_counts) / sizeof(uint64_t))
#define FIRST_WORDS \
    (offsetof(struct speadi_recv_source_counts, bucket[SPEAD_RECV_LIVE + 1]) / sizeof(uint64_t))
#define POLLS     (offsetof(struct spead_recv_counters, polls) / sizeof(uint64_t))
#define WORDS_MAX (TOTALS_WORDS + SPEAD_CUSTOM_COUNTERS_MAX + SPEADI_RX_SOURCES_MAX * SOURCE_WORDS)

_Static_assert((int)SPEAD_RECV_BUCKET_COUNT <= SPEAD_BUCKETS_MAX, "snapshots have too little room");

/* Returns how many words lie before those of the sources. */
static size_t words_of_stream(const struct speadi_recv_tally *tally)
{
    return TOTALS_WORDS + tally->custom_count;
}

int speadi_recv_tally_init(struct speadi_recv_tally *tally, uint32_t source_count,
                           uint32_t custom_count)
{
    size_t words = TOTALS_WORDS + custom_count + source_count * SOURCE_WORDS;
    uint64_t *word = calloc(words, sizeof *word);

    if (!word)
        return -ENOMEM;
    if (speadi_publish_init(&tally->publish, words) < 0) {
        free(word);
        return -ENOMEM;
    }
    tally->totals = (struct spead_recv_counters *)(void *)word;
    tally->custom = word + TOTALS_WORDS;
    tally->custom_count = custom_count;
    tally->source = (struct speadi_recv_source_counts *)(void *)(tally->custom + custom_count);
    tally->source_count = source_count;
    memset(tally->changed, 0, sizeof tally->changed);
    memset(&tally->untaken, 0, sizeof tally->untaken);
    return 0;
}

void speadi_recv_tally_release(struct speadi_recv_tally *tally)
{
    speadi_publish_release(&tally->publish);
    free(tally->totals);
    tally->totals = NULL;
}

/* Returns true if a counter other than the number of polls has changed after the last publication. */
static bool has_changed(const struct speadi_recv_tally *tally)
{
    const uint64_t *totals = (const uint64_t *)(const void *)tally->totals;

    for (uint32_t i = 0; i < tally->source_count; i++)
        if (tally->changed[i] != 0)
            return true;
    return speadi_publish_differs(&tally->publish, 0, POLLS, totals) ||
           speadi_publish_differs(&tally->publish, POLLS + 1, words_of_stream(tally) - POLLS - 1,
                                  totals + POLLS + 1);
}

static void publish_source(struct speadi_recv_tally *tally, uint32_t source)
{
    size_t words = tally->changed[source] == SPEADI_TALLY_ALL_COUNTS ? SOURCE_WORDS : FIRST_WORDS;

    speadi_publish_words(&tally->publish, words_of_stream(tally) + source * SOURCE_WORDS, words,
                         (const uint64_t *)(const void *)&tally->source[source]);
    tally->changed[source] = 0;
}

void speadi_recv_tally_publish(struct speadi_recv_tally *tally)
{
    if (!has_changed(tally))
        return;
    speadi_publish_begin(&tally->publish);
    speadi_publish_words(&tally->publish, 0, words_of_stream(tally),
                         (const uint64_t *)(const void *)tally->totals);
    for (uint32_t i = 0; i < tally->source_count; i++)
        if (tally->changed[i] != 0)
            publish_source(tally, i);
    speadi_publish_end(&tally->publish);
}

static void count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed); /* relaxed: see recv_ledger.h */
}

static uint64_t value(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed); /* relaxed: see recv_ledger.h */
}

void speadi_recv_tally_untaken(struct speadi_recv_tally *tally,
                               const struct speadi_recv_untaken_part *part)
{
    struct speadi_recv_untaken *untaken = &tally->untaken;

    count(&untaken->complete, part->complete);
    count(&untaken->incomplete, part->incomplete);
    count(&untaken->payload_bytes, part->payload_bytes);
    count(&untaken->chunks_complete, part->chunks_complete);
    count(&untaken->chunks_incomplete, part->chunks_incomplete);
    for (uint32_t i = 0; i < part->source_count; i++) {
        count(&untaken->source[part->first_source + i].packets, part->counts[i].packets);
        count(&untaken->source[part->first_source + i].bytes, part->counts[i].bytes);
    }
}

/* Counts the packets of untaken heaps of this source as shed, no longer as delivered. A heap may count as untaken
 * before it is published as delivered; its packets are then still among the live ones. */
static void shed_untaken(const struct speadi_recv_tally *tally, uint32_t source,
                         struct speadi_recv_source_counts *counts)
{
    struct spead_count *delivered = &counts->bucket[SPEAD_RECV_DELIVERED];
    uint64_t packets =
        speadi_min_u64(value(&tally->untaken.source[source].packets), delivered->packets);
    uint64_t bytes = speadi_min_u64(value(&tally->untaken.source[source].bytes), delivered->bytes);

    delivered->packets -= packets;
    delivered->bytes -= bytes;
    speadi_ledger_add(&counts->bucket[SPEAD_RECV_SHED], packets, bytes);
}

static void shed_untaken_heaps(const struct speadi_recv_tally *tally,
                               struct spead_recv_counters *counters)
{
    uint64_t complete = speadi_min_u64(value(&tally->untaken.complete), counters->heaps_complete);
    uint64_t incomplete =
        speadi_min_u64(value(&tally->untaken.incomplete), counters->heaps_incomplete);

    counters->heaps_complete -= complete;
    counters->heaps_incomplete -= incomplete;
    counters->heaps_shed += complete + incomplete;
    counters->payload_bytes -=
        speadi_min_u64(value(&tally->untaken.payload_bytes), counters->payload_bytes);
}

static void shed_untaken_chunks(const struct speadi_recv_tally *tally,
                                struct spead_recv_counters *counters)
{
    uint64_t complete =
        speadi_min_u64(value(&tally->untaken.chunks_complete), counters->chunks_complete);
    uint64_t incomplete =
        speadi_min_u64(value(&tally->untaken.chunks_incomplete), counters->chunks_incomplete);

    counters->chunks_complete -= complete;
    counters->chunks_incomplete -= incomplete;
    counters->chunks_shed += complete + incomplete;
}

/* Returns the counts of one source in a published set of words. */
static struct speadi_recv_source_counts *source_of(const struct speadi_recv_tally *tally,
                                                   uint64_t *words, uint32_t source)
{
    struct speadi_recv_source_counts *counts =
        (struct speadi_recv_source_counts *)(void *)(words + words_of_stream(tally) +
                                                     source * SOURCE_WORDS);

    shed_untaken(tally, source, counts);
    return counts;
}

static void add_counts(struct spead_recv_ledger *sum, const struct speadi_recv_source_counts *from)
{
    speadi_ledger_add(&sum->seen, from->seen.packets, from->seen.bytes);
    for (unsigned i = 0; i < SPEAD_RECV_BUCKET_COUNT; i++)
        speadi_ledger_add(&sum->bucket[i], from->bucket[i].packets, from->bucket[i].bytes);
}

void speadi_recv_tally_stats(const struct speadi_recv_tally *tally, uint64_t hand_over_high_water,
                             struct spead_recv_stats *stats, uint64_t *custom)
{
    uint64_t words[WORDS_MAX];
    struct spead_recv_stats full = SPEAD_RECV_STATS_INIT;

    speadi_publish_read(&tally->publish, words);
    full.bucket_count = SPEAD_RECV_BUCKET_COUNT;
    full.source_count = tally->source_count;
    for (uint32_t i = 0; i < tally->source_count; i++)
        add_counts(&full.total, source_of(tally, words, i));
    memcpy(&full.counters, words, sizeof full.counters);
    shed_untaken_heaps(tally, &full.counters);
    shed_untaken_chunks(tally, &full.counters);
    if (custom)
        memcpy(custom, words + TOTALS_WORDS, tally->custom_count * sizeof *custom);
    full.hand_over_high_water = hand_over_high_water;
    (void)speadi_struct_write(stats, &full, sizeof full);
}

void speadi_recv_tally_source(const struct speadi_recv_tally *tally, uint32_t source,
                              struct spead_recv_ledger *out)
{
    uint64_t words[WORDS_MAX];

    speadi_publish_read(&tally->publish, words);
    *out = (struct spead_recv_ledger){0};
    add_counts(out, source_of(tally, words, source));
}

uint64_t speadi_recv_tally_bytes(const struct speadi_recv_tally *tally)
{
    /* Times two, because the owner thread counts in one set of words and publishes a copy of it. */
    return 2 * (words_of_stream(tally) + tally->source_count * SOURCE_WORDS) * sizeof(uint64_t);
}
