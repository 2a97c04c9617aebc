/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if its consumer is slow, a stream pauses and loses nothing as long as the source has room. After that the
 * stream sheds heaps. The counters show the pauses and the shed heaps.
 * Method: a scripted engine says how full its source is: the number of packets that wait in it, divided by `places`.
 * The consumer of a test takes heaps only when the test says so. */
#include <errno.h>
#include <string.h>

#include "recv_expect.h"

static struct recv_rig rig;
static char said[4096];
static unsigned warnings;

static void note(void *arg, enum spead_log_level level, const char *text)
{
    (void)arg;
    if (level != SPEAD_LOG_WARNING)
        return;
    warnings++;
    strncat(said, text, sizeof said - strlen(said) - 1);
}

static void open_rig(void)
{
    said[0] = '\0';
    warnings = 0;
    recv_rig_init(&rig);
    rig.config.hand_over_heaps = 4;
    rig.config.log.fn = note;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_pause, .init = open_rig, .fini = close_rig);

static void push_heaps(uint64_t first, uint64_t count)
{
    for (uint64_t counter = first; counter < first + count; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
}

Test(recv_pause, a_slow_consumer_loses_nothing_while_the_source_is_less_than_half_full)
{
    rig.engine->places = 1000;
    recv_rig_open(&rig);
    push_heaps(1, 499);
    for (uint64_t counter = 1; counter <= 499; counter++) {
        recv_rig_poll(&rig);
        expect_heap(&rig, counter, true);
    }
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "delivered 499");
    cr_expect_gt(rig.stats.counters.paused_ns, 0u);
    cr_expect_gt(rig.stats.counters.pauses, 0u);
    cr_expect_gt(rig.stats.counters.packets_after_pause, 0u);
}

Test(recv_pause, bursts_that_come_again_and_again_lose_nothing)
{
    uint64_t counter = 1;

    rig.engine->places = 200;
    recv_rig_open(&rig);
    for (unsigned burst = 0; burst < 20; burst++) {
        push_heaps(1 + 99 * burst, 99);
        for (unsigned i = 0; i < 99; i++) {
            recv_rig_poll(&rig);
            expect_heap(&rig, counter++, true);
        }
    }
    EXPECT_BUCKETS(&rig, "delivered 1980");
}

Test(recv_pause, a_consumer_that_stays_slow_sheds_and_says_so)
{
    rig.engine->places = 100;
    rig.engine->poll_max = 10;
    recv_rig_open(&rig);
    push_heaps(1, 300);
    for (unsigned i = 0; i < 200; i++)
        recv_rig_poll(&rig);
    cr_expect_eq(rig.stats.counters.heaps_complete, 4u);
    cr_expect_gt(rig.stats.counters.heaps_shed, 0u);
    cr_expect(rig.stream->paused);
    cr_expect_lt(rig.engine->count - rig.engine->next, 50u, "it read until less than half waited");
    cr_expect_gt(rig.engine->count - rig.engine->next, 30u, "and then it paused");
}

Test(recv_pause, drop_oldest_never_pauses)
{
    rig.config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    rig.engine->places = 100000;
    recv_rig_open(&rig);
    push_heaps(1, 100);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4, shed 96");
    cr_expect_eq(rig.stats.counters.paused_ns, 0u);
    cr_expect_eq(rig.stats.counters.pauses, 0u);
    expect_heap(&rig, 97, true);
}

Test(recv_pause, an_engine_that_cannot_say_how_full_its_source_is_makes_no_pause)
{
    struct speadi_rx_engine_ops ops = script_engine_ops;

    ops.fill = NULL;
    rig.ops = &ops;
    recv_rig_open(&rig);
    push_heaps(1, 100);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4, shed 96");
    recv_rig_close(&rig);
}

Test(recv_pause, kernel_drops_of_a_pause_are_counted_apart)
{
    rig.engine->kernel_drops = 3;
    recv_rig_open(&rig);
    push_heaps(1, 4);
    recv_rig_run(&rig);
    rig.engine->places = 100;
    push_heaps(5, 10);
    recv_rig_run(&rig);
    rig.engine->kernel_drops = 10;
    recv_rig_stop(&rig);
    cr_expect_eq(rig.stats.counters.kernel_drops, 10u);
    cr_expect_eq(rig.stats.counters.kernel_drops_after_pause, 7u);
}

Test(recv_pause, stop_does_not_wait_for_a_consumer_that_does_not_come)
{
    rig.engine->places = 1000;
    rig.config.stop_drain_ns = 600000000; /* long enough on any machine */
    recv_rig_open(&rig);
    push_heaps(1, 100);
    recv_rig_run(&rig);
    recv_rig_stop(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4, shed 96");
}

/* ---- A consumer that holds all heaps --------------------------------------------------------- */

static unsigned hold_all(struct spead_heap *heap[], uint64_t count)
{
    unsigned held = 0;

    for (uint64_t counter = 1; counter <= count; counter++) {
        recv_rig_data(&rig, counter, 8, 0, 8);
        recv_rig_poll(&rig);
        heap[held] = recv_rig_take(&rig);
        held += heap[held] != NULL;
    }
    return held;
}

Test(recv_pause, a_consumer_that_holds_all_heaps_is_told_once_and_gets_the_end)
{
    struct spead_heap *heap[20];
    unsigned held;

    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    rig.engine->places = 100000;
    recv_rig_open(&rig);
    held = hold_all(heap, 20);
    cr_expect_eq(held, 4u + 4u + 2u, "live + ring + held");
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 10u);
    cr_expect_eq(warnings, 1u);
    cr_expect_not_null(strstr(said, "the consumer holds"), "%s", said);
    recv_rig_control(&rig, 100, SPEAD_CONTROL_STOP);
    cr_expect_eq(recv_rig_run(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS(&rig, "delivered 10, control 1, no-memory 10");
    while (held > 0)
        spead_heap_unref(heap[--held]);
}

/* ---- The bounds of the hand-over -------------------------------------------------------------- */

Test(recv_pause, small_heaps_of_one_burst_all_find_room_with_the_defaults)
{
    rig.config.hand_over_heaps = 0;
    recv_rig_open(&rig);
    push_heaps(1, 4000);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4000");
    for (uint64_t counter = 1; counter <= 4000; counter++)
        expect_heap(&rig, counter, true);
}

Test(recv_pause, at_most_4096_heaps_wait)
{
    rig.config.hand_over_heaps = 0;
    recv_rig_open(&rig);
    push_heaps(1, 5000);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4096, shed 904");
}

/* Pushes heaps of 32 KiB, which are numbered from 1 on. 512 of them are 16 MiB. */
static void push_long_heaps(uint64_t count)
{
    for (uint64_t counter = 1; counter <= count; counter++)
        recv_rig_data(&rig, counter, 32768, 0, 32768);
}

static void open_for_long_heaps(void)
{
    rig.config.hand_over_heaps = 0;
    rig.config.packet_bytes_max = 65507;
    recv_rig_open(&rig);
}

Test(recv_pause, at_most_16_mebibytes_of_heaps_wait)
{
    open_for_long_heaps();
    push_long_heaps(600);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 512, shed 88");
    for (uint64_t counter = 1; counter <= 512; counter++)
        expect_heap(&rig, counter, true);
    push_long_heaps(10);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.heaps_shed, 88u, "what was taken makes room");
}

Test(recv_pause, the_oldest_go_when_too_many_bytes_wait)
{
    rig.config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    open_for_long_heaps();
    push_long_heaps(600);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 512, shed 88");
    for (uint64_t counter = 89; counter <= 600; counter++)
        expect_heap(&rig, counter, true);
}

/* The memory of the stream has room for four of these heaps besides those that wait. */
Test(recv_pause, with_less_memory_half_of_it_waits)
{
    rig.config.memory_bytes_max = 4u << 20;
    open_for_long_heaps();
    push_long_heaps(100);
    recv_rig_run(&rig);
    cr_expect_gt(rig.stats.counters.heaps_complete, 10u);
    cr_expect_eq(rig.stats.counters.heaps_complete + rig.stats.counters.heaps_shed, 100u);
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 0u);
}

Test(recv_pause, four_heaps_of_the_largest_size_wait)
{
    rig.config.hand_over_heaps = 0;
    rig.config.heap_bytes_max = 16u << 20;
    rig.config.packet_bytes_max = 65507;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 6; counter++)
        for (uint64_t offset = 0; offset < 8u << 20; offset += 32768)
            recv_rig_data(&rig, counter, 8u << 20, offset, 32768);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.heaps_complete, 4u);
    cr_expect_eq(rig.stats.counters.heaps_shed, 2u);
}

/* ---- Heaps without a declared length ----------------------------------------------------------- */

static void push_unsized(uint64_t counter, uint64_t offset, size_t bytes, unsigned items)
{
    uint8_t payload[9000];

    test_packet_begin(&rig.packet, 48);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, counter);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, offset);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, bytes);
    for (unsigned i = 0; i < items; i++)
        test_packet_immediate(&rig.packet, 0x1000 + i, i);
    for (size_t i = 0; i < bytes; i++)
        payload[i] = test_packet_byte(counter, offset + i);
    test_packet_payload(&rig.packet, payload, bytes);
    recv_rig_push(&rig);
}

static void open_for_unsized(void)
{
    rig.config.hand_over_heaps = 0;
    rig.config.heap_bytes_max = 64u << 20;
    rig.config.unsized_in_sequence = true;
    recv_rig_open(&rig);
}

/* A heap without a declared length can become long. So it lies in a region of the largest size while it is live. */
Test(recv_pause, small_heaps_without_a_length_find_room_too)
{
    open_for_unsized();
    for (uint64_t counter = 1; counter <= 1000; counter++)
        push_unsized(counter, 0, 40, 2);
    recv_rig_stop(&rig);
    EXPECT_BUCKETS(&rig, "delivered 1000");
    for (uint64_t counter = 1; counter <= 1000; counter++) {
        struct spead_heap *heap = recv_rig_take(&rig);

        cr_assert_not_null(heap);
        cr_expect_eq(spead_heap_counter(heap), counter);
        cr_expect_eq(spead_heap_length(heap), 40u);
        cr_expect_eq(spead_heap_item_count(heap), 2u);
        cr_expect(spead_heap_is_complete(heap) && recv_rig_heap_is_right(heap));
        spead_heap_unref(heap);
    }
}

Test(recv_pause, small_heaps_without_a_length_keep_their_gaps_and_sources)
{
    struct spead_gap gap;
    struct spead_heap *heap;

    rig.config.allow_out_of_order = true;
    rig.config.deliver_incomplete = true;
    open_for_unsized();
    for (uint64_t counter = 1; counter <= 100; counter++) {
        push_unsized(counter, 0, 1000, 1);
        push_unsized(counter, 3000, 1000, 0);
    }
    recv_rig_stop(&rig);
    EXPECT_BUCKETS(&rig, "delivered 200");
    for (uint64_t counter = 1; counter <= 100; counter++) {
        heap = recv_rig_take(&rig);
        cr_assert_not_null(heap);
        cr_expect_eq(spead_heap_length(heap), 4000u);
        cr_expect_eq(spead_heap_gaps(heap, &gap, 1), 1u);
        cr_expect_eq(gap.offset, 1000u);
        cr_expect_eq(gap.bytes, 2000u);
        cr_expect(!spead_heap_is_complete(heap) && recv_rig_heap_is_right(heap));
        spead_heap_unref(heap);
    }
}

/* Regions for small heaps have room for 32 item pointers. */
Test(recv_pause, a_heap_without_a_length_keeps_all_its_items)
{
    struct spead_heap *heap;

    open_for_unsized();
    push_unsized(1, 0, 40, 100);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_item_count(heap), 100u);
    spead_heap_unref(heap);
}

/* ---- Tables of small regions ------------------------------------------------------------------- */

Test(recv_pause, a_small_heap_in_many_pieces_is_complete)
{
    rig.config.allow_out_of_order = true;
    rig.config.hand_over_heaps = 0;
    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 1000; offset += 2)
        recv_rig_data(&rig, 1, 1000, offset, 1);
    for (uint64_t offset = 1; offset < 1000; offset += 2)
        recv_rig_data(&rig, 1, 1000, offset, 1);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 1000");
    expect_heap(&rig, 1, true);
}

Test(recv_pause, a_small_heap_with_many_items_has_them_all)
{
    struct spead_heap *heap;

    rig.config.hand_over_heaps = 0;
    recv_rig_open(&rig);
    for (uint64_t packet = 0; packet < 10; packet++) {
        test_packet_specials(&rig.packet, 40, 1, 10, packet, 1);
        for (uint64_t item = 0; item < 50; item++)
            test_packet_immediate(&rig.packet, 0x1000 + 50 * packet + item, item);
        test_packet_payload(&rig.packet, "x", 1);
        recv_rig_push(&rig);
    }
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_item_count(heap), 500u);
    spead_heap_unref(heap);
    recv_rig_data(&rig, 2, 8, 0, 8);
    recv_rig_run(&rig);
    expect_heap(&rig, 2, true);
}
