/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a heap that does not become complete ends in the right way. Such a heap can be evicted, can time out, can have
 * holes, or can lose its sender because the sender restarts.
 * Method: a scripted engine lends exactly the packets that a test names. The tests look at what a user sees: heaps,
 * their bytes, and the ledger. Each poll checks that `seen` equals the sum of the buckets. */
#include <stdlib.h>

#include "recv_expect.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_ends, .init = open_rig, .fini = close_rig);

Test(recv_ends, a_new_heap_evicts_the_one_so_many_earlier)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 32);
    for (uint64_t counter = 2; counter <= 4; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 3, live 1");
    /* The slots of heaps 2 to 4 are free. But heap 5 must use the slot of heap 1, so heap 1 is evicted. */
    recv_rig_data(&rig, 5, 8, 0, 8);
    recv_rig_data(&rig, 1, 64, 32, 32);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4, late 1, evicted 1");
    cr_expect_eq(rig.stats.counters.heaps_evicted, 1u);
    cr_expect_eq(rig.stats.counters.missing_packets, 0u, "what was missing came late");
}

Test(recv_ends, age_is_judged_only_when_the_source_is_empty)
{
    rig.config.heap_timeout_ns = 1;
    rig.engine->poll_max = 1;
    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 64; offset += 8)
        recv_rig_data(&rig, 1, 64, offset, 8);
    recv_rig_data(&rig, 2, 64, 0, 8);
    for (int i = 0; i < 9; i++)
        recv_rig_poll(&rig);
    EXPECT_BUCKETS(&rig, "delivered 8, live 1");
    recv_rig_poll(&rig);
    EXPECT_BUCKETS(&rig, "delivered 8, timed-out 1");
    cr_expect_eq(rig.stats.counters.heaps_timed_out, 1u);
    cr_expect_eq(rig.stats.counters.missing_packets, 7u);
}

Test(recv_ends, a_quiet_stream_wakes_at_its_oldest_heaps_deadline)
{
    rig.config.heap_timeout_ns = 200000000u;
    recv_rig_open(&rig);
    recv_rig_run(&rig);
    spead_recv_stream_wait(rig.stream, 0);
    cr_expect_eq(rig.engine->waited_until, UINT64_MAX, "no heap, no deadline");
    recv_rig_data(&rig, 1, 64, 0, 8);
    recv_rig_run(&rig);
    spead_recv_stream_wait(rig.stream, 0);
    cr_expect_eq(rig.engine->waited_until,
                 rig.stream->now_ns + 200000000u -
                     (rig.stream->age_ns - rig.stream->table.oldest->opened_ns));
    spead_recv_stream_wait(rig.stream, SPEAD_DEADLINE_NOW);
    cr_expect_eq(rig.engine->waited_until, SPEAD_DEADLINE_NOW, "the caller's deadline comes first");
}

Test(recv_ends, with_a_live_heap_a_stream_looks_four_times_a_second_whether_the_source_is_quiet)
{
    rig.config.heap_timeout_ns = UINT64_MAX;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 8);
    recv_rig_run(&rig);
    spead_recv_stream_wait(rig.stream, 0);
    cr_expect_eq(rig.engine->waited_until, rig.stream->now_ns + 250000000u);
}

/* ---- An engine with a clock of its own ----------------------------------------------------- */

/* In this test ten seconds pass on the engine's clock. Hardly any time passes on the host's clock. */
Test(recv_ends, heaps_age_by_the_clock_of_an_engine_that_has_one)
{
    rig.config.heap_timeout_ns = 2000000000u;
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 8)->clock_ns = 1000000000u;
    recv_rig_run(&rig);
    cr_expect_eq(rig.stream->table.oldest->opened_ns, 1000000000u);
    recv_rig_data(&rig, 2, 64, 0, 8)->clock_ns = 2900000000u;
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "live 2");
    rig.engine->clock_ns = 3000000000u; /* Heap 1 is now two seconds old; heap 2 is younger. */
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "live 1, timed-out 1");
    rig.engine->clock_ns = 10000000000u;
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "timed-out 2");
}

Test(recv_ends, while_the_engines_clock_stands_no_heap_ages)
{
    rig.config.heap_timeout_ns = 1;
    rig.ops = &script_clock_ops;
    rig.engine->clock_ns = 5;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 8);
    for (unsigned i = 0; i < 10; i++)
        recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "live 1");
}

/* A thread sleeps by the host's clock. So a time of the engine's clock cannot be the deadline of a sleep. */
Test(recv_ends, a_wait_has_no_deadline_of_the_engines_clock)
{
    rig.config.heap_timeout_ns = 1000;
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 8)->clock_ns = 7;
    recv_rig_run(&rig);
    spead_recv_stream_wait(rig.stream, 0);
    cr_expect_eq(rig.engine->waited_until, UINT64_MAX);
    spead_recv_stream_wait(rig.stream, SPEAD_DEADLINE_NOW);
    cr_expect_eq(rig.engine->waited_until, SPEAD_DEADLINE_NOW);
}

/* The stream remembers for one second that a heap has ended. With this engine, it is one second of the engine's
 * clock. */
Test(recv_ends, finished_heaps_are_forgotten_by_the_engines_clock)
{
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8)->clock_ns = 1000;
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 1, duplicate 1");
    rig.engine->clock_ns = 1000 + 2 * (uint64_t)SPEADI_FINISHED_FORGET_NS;
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 2, duplicate 1");
}

/* stop() gives the stream a limited time to end. The host's clock measures this time, because the caller of stop()
 * waits for the end. */
Test(recv_ends, the_limit_of_a_stop_is_the_hosts_time)
{
    rig.ops = &script_clock_ops;
    rig.config.stop_drain_ns = 1;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 8);
    recv_rig_run(&rig);
    /* The stream ends, although the engine's clock does not move. */
    recv_rig_stop(&rig);
    EXPECT_BUCKETS(&rig, "flushed 1");
}

/* ---- Heap counters that come again --------------------------------------------------------- */

Test(recv_ends, a_finished_heaps_packets_are_duplicates)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 1, duplicate 1");
}

Test(recv_ends, a_sender_that_restarts_is_not_eaten)
{
    rig.config.hand_over_heaps = 8;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_START);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 2, control 1");
    /* These are more ended heaps than the stream remembers. */
    for (uint64_t counter = 100; counter < 200; counter++)
        recv_rig_data(&rig, counter, 8, 0, 0);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_run(&rig);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 3u);
}

Test(recv_ends, no_byte_of_a_hole_is_another_heaps)
{
    rig.config.deliver_incomplete = true;
    rig.config.allow_out_of_order = true;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 20; counter++)
        recv_rig_data(&rig, counter, 5000, 0, 5000);
    rig.engine->poll_max = 1;
    for (uint64_t counter = 1; counter <= 20; counter++) {
        recv_rig_poll(&rig);
        expect_heap(&rig, counter, true);
    }
    recv_rig_data(&rig, 21, 5000, 1000, 1000);
    recv_rig_data(&rig, 21, 5000, 4000, 500);
    recv_rig_stop(&rig);
    expect_heap(&rig, 21, false); /* This also checks that the holes are zero. */
}

Test(recv_ends, holes_are_left_when_asked)
{
    struct spead_heap *heap;

    rig.config.deliver_incomplete = true;
    rig.config.keep_holes = true;
    rig.config.live_heaps_max = 1;
    rig.config.hand_over_heaps = 1;
    rig.config.held_heaps = 0;
    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 5000, 0, 5000);
    recv_rig_run(&rig);
    expect_heap(&rig, 1, true);
    recv_rig_data(&rig, 2, 5000, 0, 1000);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_payload(heap)[4000], test_packet_byte(1, 4000));
    spead_heap_unref(heap);
}

Test(recv_ends, gaps_say_whether_this_host_dropped)
{
    struct spead_heap *heap;
    struct spead_gap gap;

    rig.config.deliver_incomplete = true;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 32);
    recv_rig_run(&rig);
    rig.engine->kernel_drops = 3;
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_assert_eq(spead_heap_gaps(heap, &gap, 1), 1u);
    cr_expect_eq(gap.cause, SPEAD_GAP_LOCAL_DROPS);
    cr_expect_eq(gap.packets, 1u);
    spead_heap_unref(heap);
    cr_expect_eq(rig.stats.counters.kernel_drops, 3u);
    cr_expect_eq(rig.stats.counters.gaps_with_local_drops, 1u);
}

/* Makes a heap with one gap. While this heap is live, the kernel drops datagrams. Expects that the gap has this
 * cause. */
static void expect_cause(uint64_t kernel, uint64_t checksum, uint64_t filtered,
                         enum spead_gap_cause cause)
{
    struct spead_heap *heap;
    struct spead_gap gap;

    rig.config.deliver_incomplete = true;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 32);
    recv_rig_run(&rig);
    rig.engine->kernel_drops = kernel;
    rig.engine->checksum_drops = checksum;
    rig.engine->filtered_drops = filtered;
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_assert_eq(spead_heap_gaps(heap, &gap, 1), 1u);
    cr_expect_eq(gap.cause, cause);
    spead_heap_unref(heap);
    cr_expect_eq(rig.stats.counters.kernel_drops, kernel);
    cr_expect_eq(rig.stats.counters.checksum_drops, checksum);
    cr_expect_eq(rig.stats.counters.filtered_drops, filtered);
    cr_expect_eq(rig.stats.counters.gaps_with_local_drops, cause == SPEAD_GAP_LOCAL_DROPS);
    cr_expect_eq(rig.stats.counters.gaps_with_checksum_drops, cause == SPEAD_GAP_CHECKSUM);
}

Test(recv_ends, a_gap_is_put_down_to_checksums_when_nothing_else_was_dropped)
{
    expect_cause(3, 3, 0, SPEAD_GAP_CHECKSUM);
}

Test(recv_ends, a_gap_has_local_drops_when_a_buffer_was_full_too)
{
    expect_cause(3, 2, 0, SPEAD_GAP_LOCAL_DROPS);
}

Test(recv_ends, what_the_filter_refuses_is_no_cause_of_a_gap)
{
    expect_cause(3, 0, 3, SPEAD_GAP_UNSEEN);
}

/* The engine may learn the cause of a drop later than the drop. */
Test(recv_ends, a_cause_that_is_found_late_is_no_new_drop)
{
    struct spead_heap *heap;
    struct spead_gap gap;

    rig.config.deliver_incomplete = true;
    rig.engine->kernel_drops = 3;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 32);
    recv_rig_run(&rig);
    rig.engine->checksum_drops = 3;
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_assert_eq(spead_heap_gaps(heap, &gap, 1), 1u);
    cr_expect_eq(gap.cause, SPEAD_GAP_UNSEEN);
    spead_heap_unref(heap);
}

Test(recv_ends, sent_less_seen_is_missing)
{
    rig.config.allow_out_of_order = true;
    rig.config.deliver_incomplete = true;
    rig.config.live_heaps_max = 2;
    rig.config.hand_over_heaps = 64;
    recv_rig_open(&rig);
    srand(3);
    for (uint64_t counter = 0; counter < 50; counter++)
        for (uint64_t i = 0; i < 20; i++)
            /* One packet in ten is lost, except that packet 7 of each heap always arrives. */
            if (i == 7 || rand() % 10 != 0)
                recv_rig_data(&rig, counter, 2000, i * 100, 100);
    recv_rig_stop(&rig);
    cr_expect_eq(1000 - rig.stats.total.seen.packets, rig.stats.counters.missing_packets);
    cr_expect_eq(rig.stats.counters.missing_heaps, 0u);
}

Test(recv_ends, skipped_heaps_are_counted)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_data(&rig, 5, 8, 0, 8);
    recv_rig_data(&rig, 3, 8, 0, 8);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.missing_heaps, 2u);
}
