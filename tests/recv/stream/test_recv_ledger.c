/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: readers see the receive counters as the owner thread has published them.
 * Method: the test counts as the owner thread does, and reads as any thread is allowed to read. A reader must not see
 * counts that are not published yet. */
#include <criterion/criterion.h>

#include "recv_ledger.h"

static struct speadi_recv_tally tally;

static void open_two_sources(void)
{
    cr_assert_eq(speadi_recv_tally_init(&tally, 2, 3), 0);
}

static void release(void)
{
    speadi_recv_tally_release(&tally);
}

TestSuite(recv_ledger, .init = open_two_sources, .fini = release);

static struct spead_recv_stats read_stats(void)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

    speadi_recv_tally_stats(&tally, 7, &stats, NULL);
    return stats;
}

Test(recv_ledger, readers_see_what_was_published)
{
    speadi_recv_tally_count(&tally, 1, SPEAD_RECV_LATE, 2, 100);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_LATE].packets, 0u);
    speadi_recv_tally_publish(&tally);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_LATE].packets, 2u);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_LATE].bytes, 100u);
}

Test(recv_ledger, the_total_is_the_sum_of_the_sources)
{
    struct spead_recv_ledger source;

    speadi_recv_tally_count(&tally, 0, SPEAD_RECV_LIVE, 1, 10);
    speadi_recv_tally_count(&tally, 1, SPEAD_RECV_LIVE, 2, 20);
    speadi_recv_tally_publish(&tally);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_LIVE].packets, 3u);
    speadi_recv_tally_source(&tally, 1, &source);
    cr_expect_eq(source.bucket[SPEAD_RECV_LIVE].packets, 2u);
    cr_expect_eq(source.bucket[SPEAD_RECV_LIVE].bytes, 20u);
    cr_expect_eq(read_stats().source_count, 2u);
    cr_expect_eq(read_stats().bucket_count, SPEAD_RECV_BUCKET_COUNT);
}

/* If only the first buckets of a source have changed, a publication writes only these. So the test changes every
 * bucket. */
Test(recv_ledger, each_publication_shows_what_has_changed_in_any_bucket)
{
    for (unsigned i = 0; i < SPEAD_RECV_BUCKET_COUNT; i++) {
        speadi_recv_tally_count(&tally, i % 2, (enum spead_recv_bucket)i, 1 + i, 10 + i);
        speadi_recv_tally_publish(&tally);
        cr_expect_eq(read_stats().total.bucket[i].packets, 1 + i);
        cr_expect_eq(read_stats().total.bucket[i].bytes, 10 + i);
        speadi_recv_tally_publish(&tally);
        cr_expect_eq(read_stats().total.bucket[i].packets, 1 + i);
    }
}

Test(recv_ledger, a_heaps_packets_move_together)
{
    const struct spead_count heap[] = {{3, 30}, {1, 10}};

    speadi_recv_tally_count(&tally, 0, SPEAD_RECV_LIVE, 5, 50);
    speadi_recv_tally_count(&tally, 1, SPEAD_RECV_LIVE, 1, 10);
    for (uint32_t i = 0; i < 2; i++)
        speadi_recv_tally_move(&tally, i, &heap[i], SPEAD_RECV_LIVE, SPEAD_RECV_EVICTED);
    speadi_recv_tally_publish(&tally);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_LIVE].packets, 2u);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_LIVE].bytes, 20u);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_EVICTED].packets, 4u);
    cr_expect_eq(read_stats().total.bucket[SPEAD_RECV_EVICTED].bytes, 40u);
}

Test(recv_ledger, every_counter_reaches_its_field)
{
    struct spead_recv_stats stats;
    uint64_t *word = (uint64_t *)tally.totals;

    for (uint64_t i = 0; i < sizeof *tally.totals / sizeof *word; i++)
        word[i] = 100 + i;
    speadi_recv_tally_publish(&tally);
    stats = read_stats();
    cr_expect_eq(stats.counters.heaps_complete, tally.totals->heaps_complete);
    cr_expect_eq(stats.counters.heaps_no_memory, tally.totals->heaps_no_memory);
    cr_expect_eq(stats.counters.missing_packets, tally.totals->missing_packets);
    cr_expect_eq(stats.counters.repaired, tally.totals->repaired);
    cr_expect_eq(stats.counters.last_packet_ns, tally.totals->last_packet_ns);
    cr_expect_eq(stats.counters.first_packet_mono_ns, tally.totals->first_packet_mono_ns);
    cr_expect_eq(stats.counters.last_packet_mono_ns, tally.totals->last_packet_mono_ns);
    cr_expect_eq(stats.hand_over_high_water, 7u);
    cr_expect_eq(stats.counters.memory_high_water_bytes, tally.totals->memory_high_water_bytes);
}
