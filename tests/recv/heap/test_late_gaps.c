/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a late packet changes what is missing only if it fills a gap, and the ring of gaps is bounded. Method: the
 * tests fill the fields of heaps by hand. */
#include <criterion/criterion.h>

#include "late_gaps.h"

static struct speadi_late_gaps late;

static void make_ring(void)
{
    cr_assert_eq(speadi_late_gaps_init(&late), 0);
}

static void free_ring(void)
{
    speadi_late_gaps_release(&late);
}

TestSuite(late_gaps, .init = make_ring, .fini = free_ring);

/* Keeps the gaps of a heap of this length. The heap has packets of 10 bytes, and every second packet came. */
static struct speadi_kept_gaps keep_every_second(uint64_t length)
{
    static struct speadi_span spans[4096];
    struct spead_heap heap = {
        .length = length, .spans = spans, .packet_payload_bytes = 10, .packet_payload_max = 50};
    struct speadi_heap_missing missing;

    for (uint64_t offset = 0; offset < length; offset += 20)
        spans[heap.span_count++] = (struct speadi_span){offset, offset + 10};
    missing = speadi_heap_missing(&heap);
    return speadi_late_gaps_keep(&late, &heap, &missing);
}

Test(late_gaps, each_gap_is_filled_once)
{
    struct speadi_kept_gaps kept = keep_every_second(100);

    cr_expect_eq(kept.packets, 5u);
    for (uint64_t offset = 0; offset < 100; offset += 10)
        cr_expect_eq(speadi_late_gaps_fill(&late, &kept, offset, offset + 10), offset % 20 == 10);
    for (uint64_t offset = 0; offset < 100; offset += 10)
        cr_expect_not(speadi_late_gaps_fill(&late, &kept, offset, offset + 10));
    cr_expect_eq(kept.packets, 0u);
    cr_expect_eq(kept.least, 0u);
    cr_expect_eq(kept.count, 0u);
}

Test(late_gaps, a_heap_whose_ranges_were_overwritten_stays_as_it_is)
{
    struct speadi_kept_gaps old = keep_every_second(100), kept;

    for (unsigned i = 0; i < SPEADI_LATE_GAPS_RANGES; i++)
        kept = keep_every_second(40);
    cr_expect_not(speadi_late_gaps_fill(&late, &old, 10, 20));
    cr_expect_eq(old.packets, 5u);
    cr_expect(speadi_late_gaps_fill(&late, &kept, 10, 20));
    cr_expect_eq(kept.packets, 1u);
}

Test(late_gaps, of_a_heap_with_many_gaps_the_first_ones_are_kept)
{
    struct speadi_kept_gaps kept = keep_every_second(20 * 2000);

    cr_expect_eq(kept.packets, 2000u);
    cr_expect_eq(kept.count, SPEADI_LATE_GAPS_EACH);
    cr_expect(speadi_late_gaps_fill(&late, &kept, 20 * 1023 + 10, 20 * 1024));
    cr_expect_not(speadi_late_gaps_fill(&late, &kept, 20 * 1024 + 10, 20 * 1025));
    cr_expect_eq(kept.packets, 1999u);
}

/* ---- Forged packets -------------------------------------------------------------------------- */

/* Keeps the gaps of a heap of ten packets of 10 bytes. The third to the eighth packet were lost. */
static struct speadi_kept_gaps keep_with_a_gap(bool estimated)
{
    static struct speadi_span spans[] = {{0, 20}, {80, 100}};
    struct spead_heap heap = {.length = 100,
                              .spans = spans,
                              .span_count = 2,
                              .packet_payload_bytes = 10,
                              .packet_payload_max = 10,
                              .packets_estimated = estimated};
    struct speadi_heap_missing missing = speadi_heap_missing(&heap);

    cr_assert_eq(missing.packets, 6u);
    return speadi_late_gaps_keep(&late, &heap, &missing);
}

Test(late_gaps, only_a_packet_that_can_have_been_lost_counts)
{
    struct speadi_kept_gaps kept = keep_with_a_gap(false);

    for (uint64_t start = 0; start < 100; start++)
        for (uint64_t end = start + 1; end <= 100; end++) {
            bool fits = start % 10 == 0 && end == start + 10 && start >= 20 && end <= 80;

            if (!fits)
                cr_assert_not(speadi_late_gaps_fill(&late, &kept, start, end), "%lu to %lu", start,
                              end);
        }
    cr_expect_eq(kept.packets, 6u);
    for (uint64_t start = 70; start >= 20; start -= 10)
        cr_expect(speadi_late_gaps_fill(&late, &kept, start, start + 10));
    cr_expect_eq(kept.packets, 0u);
}

Test(late_gaps, where_sizes_are_an_estimate_a_packet_takes_back_one_at_most)
{
    struct speadi_kept_gaps kept = keep_with_a_gap(true);

    cr_expect_not(speadi_late_gaps_fill(&late, &kept, 0, 100), "it overlaps what has come");
    cr_expect_not(speadi_late_gaps_fill(&late, &kept, 70, 90), "it overlaps what has come");
    cr_expect(speadi_late_gaps_fill(&late, &kept, 20, 80));
    cr_expect_eq(kept.packets, 5u);
    cr_expect_not(speadi_late_gaps_fill(&late, &kept, 20, 80));
    cr_expect_eq(kept.packets, 5u);
}

Test(late_gaps, the_first_and_the_last_packet_may_be_shorter)
{
    static struct speadi_span spans[] = {{4, 14}};
    struct spead_heap heap = {.length = 17,
                              .spans = spans,
                              .span_count = 1,
                              .packet_payload_bytes = 10,
                              .packet_payload_max = 10};
    struct speadi_heap_missing missing = speadi_heap_missing(&heap);
    struct speadi_kept_gaps kept = speadi_late_gaps_keep(&late, &heap, &missing);

    cr_expect_eq(kept.packets, 2u);
    cr_expect(speadi_late_gaps_fill(&late, &kept, 14, 17));
    cr_expect(speadi_late_gaps_fill(&late, &kept, 0, 4));
    cr_expect_eq(kept.packets, 0u);
}
