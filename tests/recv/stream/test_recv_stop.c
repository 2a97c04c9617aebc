/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream ends as it should: by a stop item, by stop(), because its source ends, or because its source fails.
 * Method: the packets come from a scripted engine, and the tests call poll() as the thread of a runner does. */
#include <criterion/criterion.h>

#include <errno.h>

#include <speadi/clock.h>

#include "recv_rig.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_stop, .init = open_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

static void take_heap(uint64_t counter)
{
    struct spead_heap *heap = recv_rig_take(&rig);

    cr_assert_not_null(heap, "heap %llu", (unsigned long long)counter);
    cr_expect_eq(spead_heap_counter(heap), counter);
    spead_heap_unref(heap);
}

static void expect_end(void)
{
    struct spead_heap *heap;

    cr_expect_eq(spead_recv_stream_try_take(rig.stream, &heap), -ESHUTDOWN);
    cr_expect_eq(spead_recv_stream_poll(rig.stream), -ESHUTDOWN);
}

Test(recv_stop, a_stop_item_ends_the_stream)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP);
    recv_rig_data(&rig, 3, 8, 0, 8);
    cr_expect_eq(recv_rig_run(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS("delivered 1, control 1, after-stop 1");
    take_heap(1);
    expect_end();
}

/* spead2 hands over start heaps. This library does not hand over a heap that carries only control items. */
Test(recv_stop, a_start_item_is_control_and_ends_nothing)
{
    recv_rig_open(&rig);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    recv_rig_data(&rig, 2, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 1, control 1");
    take_heap(2);
    cr_expect_eq(rig.stats.counters.heaps_complete, 1u);
}

Test(recv_stop, reissued_descriptors_are_an_ordinary_heap)
{
    recv_rig_open(&rig);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_DESCRIPTORS_REISSUED);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 1");
    take_heap(1);
}

/* The same case as test_no_stop_on_stop_item in the tests of spead2. */
Test(recv_stop, a_stop_item_can_be_ignored)
{
    rig.config.ignore_stop_item = true;
    recv_rig_open(&rig);
    for (int i = 0; i < 100; i++)
        recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP);
    recv_rig_data(&rig, 3, 8, 0, 8);
    cr_expect_eq(recv_rig_run(&rig), 0);
    EXPECT_BUCKETS("delivered 1, control 100");
    take_heap(3);
}

Test(recv_stop, a_stop_heap_with_items_is_handed_over_and_then_ends_the_stream)
{
    recv_rig_open(&rig);
    test_packet_specials(&rig.packet, 40, 1, 8, 0, 8);
    test_packet_immediate(&rig.packet, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP);
    test_packet_immediate(&rig.packet, 0x1000, 42);
    test_packet_payload(&rig.packet, "12345678", 8);
    recv_rig_push(&rig);
    cr_expect_eq(recv_rig_run(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS("delivered 1");
    take_heap(1);
    expect_end();
}

/* A stop item has its effect as soon as its packet is accepted. Packets that come later are counted as after-stop. But
 * later packets of the stop heap itself are not counted as after-stop. Even an ordinary stop heap has two packets if
 * packets are 56 bytes long. */
Test(recv_stop, a_stop_item_in_the_first_packet_of_a_long_heap_acts_at_once)
{
    recv_rig_open(&rig);
    test_packet_specials(&rig.packet, 40, 1, 16, 0, 8);
    test_packet_immediate(&rig.packet, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP);
    test_packet_payload(&rig.packet, "12345678", 8);
    recv_rig_push(&rig);
    recv_rig_data(&rig, 2, 8, 0, 8);
    recv_rig_data(&rig, 1, 16, 8, 8);
    cr_expect_eq(recv_rig_run(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS("control 2, after-stop 1");
}

Test(recv_stop, a_stop_item_ends_only_its_own_source_until_the_others_are_read)
{
    rig.sources = 2;
    rig.engine->poll_max = 1;
    recv_rig_open(&rig);
    recv_rig_control(&rig, 10, SPEAD_CONTROL_STOP)->source = 1;
    recv_rig_data(&rig, 11, 8, 0, 8)->source = 1;
    recv_rig_data(&rig, 1, 8, 0, 8)->source = 0;
    while (recv_rig_poll(&rig) >= 0)
        ;
    EXPECT_BUCKETS("delivered 1, control 1, after-stop 1");
    take_heap(1);
    expect_end();
}

Test(recv_stop, stop_reads_what_is_there_and_flushes_live_heaps)
{
    rig.engine->poll_max = 1;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 16, 0, 8);
    recv_rig_data(&rig, 2, 8, 0, 8);
    recv_rig_stop(&rig);
    EXPECT_BUCKETS("delivered 1, flushed 1");
    cr_expect_eq(rig.stats.counters.heaps_flushed, 1u);
    cr_expect_eq(rig.stats.counters.heaps_live, 0u);
    take_heap(2);
    expect_end();
}

Test(recv_stop, stop_hands_incomplete_heaps_over_when_asked)
{
    rig.config.deliver_incomplete = true;
    rig.config.hand_over_heaps = 1;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 3; counter++)
        recv_rig_data(&rig, counter, 16, 0, 8);
    recv_rig_run(&rig);
    spead_recv_stream_stop(rig.stream);
    /* The heaps are handed over one after another: each waits, until the deadline, for room in the channel. */
    for (uint64_t counter = 1; counter <= 3; counter++) {
        recv_rig_poll(&rig);
        take_heap(counter);
    }
    recv_rig_poll(&rig);
    EXPECT_BUCKETS("delivered 3");
    expect_end();
}

Test(recv_stop, a_consumer_that_does_not_come_costs_its_heaps_not_the_stop)
{
    rig.config.hand_over_heaps = 1;
    rig.config.on_full = SPEAD_ON_FULL_BLOCK;
    rig.config.stop_drain_ns = 1000000;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 3; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
    recv_rig_run(&rig);
    /* stop() must end although no consumer takes heaps. It is the same case as test_full_stop in the tests of
     * spead2. */
    recv_rig_stop(&rig);
    EXPECT_BUCKETS("delivered 1, shed 2");
    take_heap(1);
    expect_end();
}

Test(recv_stop, a_second_stop_means_now)
{
    rig.config.stop_drain_ns = UINT64_C(1) << 60;
    rig.engine->poll_max = 1;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 3; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
    recv_rig_poll(&rig);
    spead_recv_stream_stop(rig.stream);
    spead_recv_stream_stop(rig.stream);
    cr_expect_eq(recv_rig_poll(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS("delivered 1");
    cr_expect_eq(rig.engine->next, 1u, "nothing more is read");
    take_heap(1);
    expect_end();
}

/* The deadline passes while packets are still unread. They are counted while the finished heap waits for room. */
Test(recv_stop, what_is_unread_when_the_time_is_over_is_counted)
{
    rig.config.stop_drain_ns = 20000000;
    rig.config.hand_over_heaps = 1;
    rig.config.on_full = SPEAD_ON_FULL_BLOCK;
    rig.engine->poll_max = 2;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 11; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
    recv_rig_poll(&rig); /* the channel has room for one of two heaps, so nothing more is read */
    recv_rig_stop(&rig);
    EXPECT_BUCKETS("delivered 1, shed 1");
    cr_expect_eq(rig.stats.counters.undrained_packets, 9u);
    cr_expect_eq(rig.stats.counters.undrained_bytes, 9u * rig.packet.length);
    cr_expect_eq(rig.stats.counters.undrained_memory_bytes, 0u);
}

Test(recv_stop, what_is_left_in_a_memory_link_is_counted_and_stays)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;

    cr_assert_eq(spead_mem_link_create(&link, 16, 1472, NULL), 0);
    config.links = &link;
    config.link_count = 1;
    config.heap_bytes_max = 1u << 20;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, NULL), 0);
    test_packet_data(&rig.packet, 40, 1, 8, 0, NULL, 8);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(spead_mem_link_push(link, rig.packet.bytes, rig.packet.length), 0);
    spead_recv_stream_stop(stream);
    spead_recv_stream_stop(stream);
    cr_expect_eq(spead_recv_stream_poll(stream), -ESHUTDOWN);
    spead_recv_stream_stats(stream, &stats);
    cr_expect_eq(stats.total.seen.packets, 0u);
    cr_expect_eq(stats.counters.undrained_packets, 5u);
    cr_expect_eq(stats.counters.undrained_bytes, 5u * rig.packet.length);
    spead_recv_stream_destroy(stream);
    for (int i = 0; i < 11; i++)
        cr_expect_eq(spead_mem_link_push(link, rig.packet.bytes, rig.packet.length), 0);
    cr_expect_eq(spead_mem_link_push(link, rig.packet.bytes, rig.packet.length), -EAGAIN);
    spead_mem_link_unref(link);
}

Test(recv_stop, what_was_read_and_not_looked_at_is_counted)
{
    rig.config.on_full = SPEAD_ON_FULL_BLOCK;
    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    rig.config.live_heaps_max = 1;
    rig.config.hand_over_heaps = 1;
    rig.config.held_heaps = 0;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 10; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
    recv_rig_run(&rig);
    spead_recv_stream_stop(rig.stream);
    spead_recv_stream_stop(rig.stream);
    recv_rig_poll(&rig);
    cr_expect_eq(rig.stats.total.seen.packets, 10u);
    EXPECT_BUCKETS("delivered 1, shed 1, after-stop 8");
}

Test(recv_stop, a_source_that_ends_ends_the_stream_in_order)
{
    rig.engine->end = -ESHUTDOWN;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_data(&rig, 2, 16, 0, 8);
    cr_expect_eq(recv_rig_run(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS("delivered 1, flushed 1");
    take_heap(1);
    expect_end();
}

Test(recv_stop, a_source_that_fails_is_reported_after_its_heaps)
{
    struct spead_heap *heap;

    rig.engine->end = -ENETDOWN;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_data(&rig, 2, 16, 0, 8);
    cr_expect_eq(recv_rig_run(&rig), -ENETDOWN);
    EXPECT_BUCKETS("delivered 1, flushed 1");
    take_heap(1);
    cr_expect_eq(spead_recv_stream_try_take(rig.stream, &heap), -ESHUTDOWN);
}

Test(recv_stop, run_returns_when_the_stream_ends)
{
    struct spead_err err;

    recv_rig_open(&rig);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_STOP);
    cr_expect_eq(spead_recv_stream_run(rig.stream, &err), 0);
}

Test(recv_stop, run_says_what_failed)
{
    struct spead_err err;

    rig.engine->end = -ENETDOWN;
    recv_rig_open(&rig);
    cr_expect_eq(spead_recv_stream_run(rig.stream, &err), -ENETDOWN);
    cr_expect_str_eq(err.text, "receiving with engine \"script\" failed: Network is down");
}

Test(recv_stop, a_drain_time_without_end_reads_what_is_there)
{
    rig.config.stop_drain_ns = UINT64_MAX;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_stop(&rig);
    take_heap(1);
    expect_end();
}

/* A consumer can wait without a deadline. So the stream must tell the consumer that no heap will ever come. */
Test(recv_stop, a_stream_that_cannot_start_has_ended)
{
    struct spead_err err;
    struct spead_heap *heap;

    rig.engine->start_error = -EPERM;
    recv_rig_open(&rig);
    cr_expect_eq(spead_recv_stream_run(rig.stream, &err), -EPERM);
    cr_expect_str_eq(err.text, "the script does not start");
    cr_expect_eq(spead_recv_stream_try_take(rig.stream, &heap), -ESHUTDOWN);
    cr_expect_eq(spead_recv_stream_poll(rig.stream), -EPERM);
}

Test(recv_stop, a_runner_that_cannot_start_its_stream_ends_it)
{
    struct spead_recv_runner *runner;
    struct spead_err err;
    struct spead_heap *heap;

    rig.engine->start_error = -EPERM;
    recv_rig_open(&rig);
    cr_expect_eq(spead_recv_runner_start(&runner, rig.stream, -1, &err), -EPERM);
    cr_expect_eq(spead_recv_stream_try_take(rig.stream, &heap), -ESHUTDOWN);
}

/* The last packet of a heap comes at a time when a posted receive can still write to its place, and then a stop item
 * comes. */
Test(recv_stop, a_heap_that_receives_are_posted_into_is_whole_before_the_stop_item)
{
    rig.config.allow_out_of_order = true;
    rig.config.receive_path = SPEAD_PATH_PLACED;
    rig.config.heap_bytes_max = 2048; /* so that small heaps are placed, too */
    rig.engine->posts_ahead = true;
    rig.engine->poll_max = 2;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 192, 0, 64);
    recv_rig_data(&rig, 1, 192, 64, 64);
    recv_rig_data(&rig, 1, 192, 128, 64)->split = 40;
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP)->split = 56;
    recv_rig_poll(&rig);
    recv_rig_poll(&rig);
    cr_assert_eq(rig.stats.counters.heaps_moved, 1u, "the heap did not wait");
    cr_expect_eq(recv_rig_run(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS("delivered 3, control 1");
    take_heap(1);
}
