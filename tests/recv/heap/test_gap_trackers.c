/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: each sender and substream is tracked apart, within a number of trackers that is fixed. Method: the test opens
 * heaps of several senders and reads the sums of the set. */
#include <criterion/criterion.h>

#include "gap_trackers.h"

static struct speadi_gap_trackers set;

static void make(uint32_t trackers_max, uint32_t substream_count, uint64_t step)
{
    cr_assert_eq(speadi_gap_trackers_init(&set, trackers_max, 16, substream_count, step), 0);
}

static void release(void)
{
    speadi_gap_trackers_release(&set);
}

TestSuite(gap_trackers, .fini = release);

static void open_heaps(uint32_t sender, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++)
        speadi_gap_trackers_open(&set, sender, (uint32_t)(i % set.substream_count), i, 48);
}

Test(gap_trackers, senders_with_equal_counters_are_apart)
{
    make(4, 1, 0);
    for (uint64_t i = 0; i < 300; i++)
        for (uint32_t sender = 0; sender < 2; sender++)
            if (sender == 1 || i % 97 != 50)
                open_heaps(sender, i, i + 1);
    cr_expect_eq(set.sums.missing, 3u);
    cr_expect_eq(set.sums.not_understood, 0u);
}

Test(gap_trackers, substreams_see_every_nth_counter_and_nothing_is_missing)
{
    make(8, 3, 0);
    open_heaps(0, 0, 900);
    open_heaps(0, 907, 1800);
    cr_expect_eq(set.sums.missing, 7u);
    cr_expect_eq(speadi_gap_trackers_step(&set, 0, 1), 3u);
    release();
    make(8, 4, 2);
    for (uint64_t i = 0; i < 400; i++)
        open_heaps(0, 2 * i, 2 * i + 1);
    cr_expect_eq(set.sums.missing, 0u, "the given step is that of the sender");
}

Test(gap_trackers, heaps_without_a_free_tracker_are_not_understood)
{
    make(1, 1, 0);
    open_heaps(0, 0, 10);
    open_heaps(1, 0, 10);
    cr_expect_eq(set.sums.not_understood, 10u);
    cr_expect_eq(set.trackers_refused, 10u);
}

Test(gap_trackers, a_forgotten_sender_frees_its_trackers_and_keeps_its_sums)
{
    make(2, 2, 0);
    open_heaps(3, 0, 200);
    open_heaps(3, 202, 400);
    cr_expect_eq(set.sums.missing, 2u);
    cr_expect_eq(set.count, 2u);
    speadi_gap_trackers_forget(&set, 3);
    cr_expect_eq(set.count, 0u);
    open_heaps(3, 1000000, 1000200);
    open_heaps(3, 1000202, 1000400);
    cr_expect_eq(set.sums.missing, 4u, "what lies between belongs to no sender");
    cr_expect_eq(set.trackers_refused, 0u);
}

Test(gap_trackers, a_start_item_begins_anew_in_all_substreams_of_its_sender_alone)
{
    make(4, 2, 0);
    open_heaps(0, 0, 200);
    open_heaps(1, 0, 200);
    speadi_gap_trackers_restart(&set, 0);
    open_heaps(0, 300, 500);
    open_heaps(1, 210, 500);
    cr_expect_eq(set.sums.missing, 10u);
}

Test(gap_trackers, a_million_senders_take_no_more_memory_than_was_planned)
{
    make(4, 1, 0);
    open_heaps(15, 0, 100);
    for (uint32_t i = 0; i < 1000000; i++) {
        open_heaps(i % 15, i, i + 1);
        speadi_gap_trackers_forget(&set, i % 15);
    }
    open_heaps(15, 101, 200);
    cr_expect_eq(set.sums.missing, 1u);
    cr_expect_eq(set.trackers_refused, 0u);
    cr_expect_lt(speadi_gap_trackers_bytes(&set), 4u * 16384 + 1024);
}

Test(gap_trackers, the_step_is_said_when_it_is_proven)
{
    make(1, 1, 0);
    cr_expect_eq(speadi_gap_trackers_step(&set, 0, 0), 0u);
    for (uint64_t i = 0; i < 5; i++)
        speadi_gap_trackers_open(&set, 0, 0, 4096 * i, 48);
    cr_expect_eq(speadi_gap_trackers_step(&set, 0, 0), 4096u);
}
