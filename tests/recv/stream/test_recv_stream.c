/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream makes the right heaps out of packets, and its plan is right.
 * Method: a scripted engine lends exactly the packets that a test names. The tests look at what a user sees: heaps,
 * their bytes, and the ledger. Each poll checks that `seen` equals the sum of the buckets. */
#include <string.h>

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

TestSuite(recv_stream, .init = open_rig, .fini = close_rig);

/* ---- Heaps that are put together ----------------------------------------------------------- */

Test(recv_stream, a_heap_of_one_packet_is_handed_over_whole)
{
    struct spead_heap *heap;

    recv_rig_open(&rig);
    recv_rig_data(&rig, 7, 64, 0, 64);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_counter(heap), 7u);
    cr_expect_eq(spead_heap_length(heap), 64u);
    cr_expect_eq(spead_heap_packets(heap), 1u);
    cr_expect_eq(spead_heap_first_ns(heap), 1001u);
    cr_expect_eq(spead_heap_clock(heap), SPEAD_CLOCK_UTC);
    cr_expect(spead_heap_is_complete(heap));
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "delivered 1");
    cr_expect_eq(rig.stats.counters.payload_bytes, 64u);
    cr_expect_eq(rig.stats.counters.heaps_complete, 1u);
}

Test(recv_stream, a_heap_of_many_packets_is_assembled)
{
    struct spead_heap *heap;

    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 100000; offset += 1000)
        recv_rig_data(&rig, 1, 100000, offset, 1000);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 100");
    cr_expect_eq(rig.stats.counters.bounced, 100u);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect(recv_rig_heap_is_right(heap));
    cr_expect_eq(spead_heap_first_ns(heap), 1001u);
    cr_expect_eq(spead_heap_last_ns(heap), 1100u);
    spead_heap_unref(heap);
}

Test(recv_stream, an_empty_heap_is_a_heap)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 0, 0, 0);
    recv_rig_run(&rig);
    expect_heap(&rig, 1, true);
}

static void push_with_item(uint64_t offset, uint64_t bytes)
{
    uint8_t payload[64];

    for (uint64_t i = 0; i < bytes; i++)
        payload[i] = test_packet_byte(1, offset + i);
    test_packet_specials(&rig.packet, 40, 1, 64, offset, bytes);
    test_packet_immediate(&rig.packet, 0x1600, 12345);
    test_packet_addressed(&rig.packet, 0x1601, 0);
    test_packet_payload(&rig.packet, payload, bytes);
    recv_rig_push(&rig);
}

Test(recv_stream, duplicate_item_pointers)
{
    struct spead_heap *heap;
    struct spead_item item;

    recv_rig_open(&rig);
    push_with_item(0, 32);
    push_with_item(32, 32);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_item_count(heap), 2u);
    cr_assert_eq(spead_heap_find_item(heap, 0x1600, &item), 0);
    cr_expect_eq(item.value, 12345u);
    cr_assert_eq(spead_heap_find_item(heap, 0x1601, &item), 0);
    cr_expect_eq(item.bytes, 64u);
    spead_heap_unref(heap);
}

Test(recv_stream, out_of_order_packets)
{
    rig.config.allow_out_of_order = true;
    recv_rig_open(&rig);
    push_with_item(32, 32);
    push_with_item(0, 32);
    recv_rig_run(&rig);
    expect_heap(&rig, 1, true);
}

Test(recv_stream, out_of_order_disallowed)
{
    struct spead_heap *heap;

    rig.config.deliver_incomplete = true;
    recv_rig_open(&rig);
    push_with_item(32, 32);
    recv_rig_data(&rig, 1, 64, 0, 32);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_item_count(heap), 0u, "the refused packet's pointers are lost");
    cr_expect_eq(spead_heap_length(heap), 64u);
    cr_expect_eq(spead_heap_received(heap), 32u);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    EXPECT_BUCKETS(&rig, "delivered 1, out-of-order 1");
}

Test(recv_stream, substreams)
{
    rig.config.substream_count = 2;
    rig.config.live_heaps_max = 1;
    rig.config.hand_over_heaps = 16;
    recv_rig_open(&rig);
    for (uint64_t i = 0; i < 9; i++) {
        recv_rig_data(&rig, 2, 90, i * 10, 10);
        recv_rig_data(&rig, 2 * i + 1, 8, 0, 8);
    }
    recv_rig_run(&rig);
    for (uint64_t i = 0; i < 8; i++)
        expect_heap(&rig, 2 * i + 1, true);
    expect_heap(&rig, 2, true);
    expect_heap(&rig, 17, true);
    EXPECT_BUCKETS(&rig, "delivered 18");
}

Test(recv_stream, incomplete_heaps)
{
    struct spead_heap *heap;
    struct spead_gap gap[4];
    struct spead_item item;

    rig.config.allow_out_of_order = true;
    rig.config.deliver_incomplete = true;
    recv_rig_open(&rig);
    test_packet_specials(&rig.packet, 40, 1, 96, 5, 7);
    test_packet_immediate(&rig.packet, 0x1600, 12345);
    test_packet_addressed(&rig.packet, 0x1601, 0);
    for (uint64_t i = 5; i < 12; i++)
        test_packet_payload(&rig.packet, &(uint8_t){test_packet_byte(1, i)}, 1);
    recv_rig_push(&rig);
    recv_rig_data(&rig, 1, 96, 32, 32);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_not(spead_heap_is_complete(heap));
    cr_expect_eq(spead_heap_received(heap), 39u);
    cr_expect_eq(spead_heap_item_count(heap), 1u);
    cr_expect_eq(spead_heap_find_item(heap, 0x1600, &item), 0);
    cr_assert_eq(spead_heap_gaps(heap, gap, 4), 3u);
    cr_expect_eq(gap[0].offset, 0u);
    cr_expect_eq(gap[0].bytes, 5u);
    cr_expect_eq(gap[1].offset, 12u);
    cr_expect_eq(gap[1].bytes, 20u);
    cr_expect_eq(gap[2].offset, 64u);
    cr_expect_eq(gap[2].bytes, 32u);
    cr_expect_eq(gap[2].cause, SPEAD_GAP_UNSEEN);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    cr_expect_eq(rig.stats.counters.heaps_incomplete, 1u);
    cr_expect_eq(rig.stats.counters.heaps_flushed, 1u);
    cr_expect_eq(rig.stats.counters.payload_bytes, 39u);
    EXPECT_BUCKETS(&rig, "delivered 2");
}

static void push_unsized(uint64_t counter, uint64_t offset, uint64_t bytes)
{
    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, 0x1600, 12345);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, bytes);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, counter);
    test_packet_addressed(&rig.packet, 0x1601, 0);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, offset);
    for (uint64_t i = 0; i < bytes; i++)
        test_packet_payload(&rig.packet, &(uint8_t){test_packet_byte(counter, offset + i)}, 1);
    recv_rig_push(&rig);
}

Test(recv_stream, no_heap_size)
{
    struct spead_heap *heap;

    recv_rig_open(&rig);
    push_unsized(1, 0, 64);
    push_unsized(1, 64, 32);
    recv_rig_run(&rig);
    expect_no_heap(&rig);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect(spead_heap_is_complete(heap));
    cr_expect_eq(spead_heap_length(heap), 96u);
    cr_expect_eq(spead_heap_item_count(heap), 2u);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    EXPECT_BUCKETS(&rig, "delivered 2");
    cr_expect_eq(rig.stats.counters.heaps_complete, 1u);
    cr_expect_eq(rig.stats.counters.heaps_flushed, 0u);
}

Test(recv_stream, an_unsized_heap_with_a_hole_is_incomplete)
{
    rig.config.allow_out_of_order = true;
    recv_rig_open(&rig);
    push_unsized(1, 0, 32);
    push_unsized(1, 64, 32);
    recv_rig_stop(&rig);
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "flushed 2");
    cr_expect_eq(rig.stats.counters.missing_packets, 1u);
}

/* ---- Plan and configuration ---------------------------------------------------------------- */

Test(recv_stream, the_plan_bounds_the_memory)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    rig.config.substream_count = 3;
    rig.config.hand_over_heaps = 4;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_eq(plan.region_count, 3u * 4u + 4u + 2u);
    cr_expect_eq(plan.region_bytes, 1u << 20);
    cr_expect_eq(plan.memory_bytes, 18u << 20);
    cr_expect_gt(plan.table_bytes, 0u);
    cr_expect_str_eq(plan.engine, "script");
    cr_expect_str_eq(plan.engine_reason, "a test");
}

static uint64_t memory_bytes(uint32_t more_caps)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;
    struct speadi_rx_engine_ops ops = script_engine_ops;

    ops.caps |= more_caps;
    rig.ops = &ops;
    rig.config.hand_over_heaps = 0;
    rig.config.heap_bytes_max = 1u << 20;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    recv_rig_close(&rig);
    return plan.memory_bytes;
}

/* The plan is far below the memory of 4096 heaps of the largest size. */
Test(recv_stream, room_for_many_small_heaps_is_planned_and_costs_little, .fini = NULL)
{
    uint64_t plan = memory_bytes(0);

    cr_expect_geq(plan, 16u << 20);
    cr_expect_lt(plan, 160u << 20);
}

Test(recv_stream, room_for_small_heaps_adds_no_regions_for_large_ones)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    rig.config.hand_over_heaps = 0;
    rig.config.heap_bytes_max = 64u << 20;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_eq(plan.region_count, 4u + 4u + 2u);
    cr_expect_eq(plan.memory_bytes, 640u << 20);
}

/* Pinned memory is in use from the start. */
Test(recv_stream, pinned_memory_for_small_heaps_is_limited, .fini = NULL)
{
    cr_expect_lt(memory_bytes(SPEADI_RX_CAP_PINS | SPEADI_RX_CAP_PLACED), 240u << 20);
}

static uint64_t table_bytes(uint32_t hand_over_heaps, uint32_t held_heaps)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.config.hand_over_heaps = hand_over_heaps;
    rig.config.held_heaps = held_heaps;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    recv_rig_close(&rig);
    return plan.table_bytes;
}

Test(recv_stream, the_plan_includes_the_channel, .fini = NULL)
{
    uint64_t small = table_bytes(4, 4096), large;

    recv_rig_init(&rig);
    /* The sum of hand_over_heaps and held_heaps is the same in both plans, so the plans have the same number of regions. */
    large = table_bytes(4096, 4);
    cr_expect_eq(large - small, (4096 - 4) * sizeof(struct spead_message));
}

Test(recv_stream, the_plan_names_the_engines_buffers)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.engine->memory_bytes = UINT64_C(1) << 40;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_gt(plan.table_bytes, (UINT64_C(1) << 40) + sizeof *rig.engine);
}

Test(recv_stream, an_older_callers_structures_are_not_overrun)
{
    struct spead_recv_stats stats;
    struct spead_recv_plan plan;

    recv_rig_open(&rig);
    memset(&stats, 0xaa, sizeof stats);
    stats.struct_size = 16;
    spead_recv_stream_stats(rig.stream, &stats);
    cr_expect_eq(stats.struct_size, 16u);
    cr_expect_eq(((uint8_t *)&stats)[16], 0xaa);
    memset(&plan, 0xaa, sizeof plan);
    plan.struct_size = 24;
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_eq(((uint8_t *)&plan)[24], 0xaa);
}

/* A poll that changes nothing must not publish. The owner thread can poll without a pause. If each poll published,
 * stats() in another thread would find no time between two publications. */
Test(recv_stream, polls_that_find_nothing_publish_nothing)
{
    uint64_t before;

    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 16, 0, 8);
    recv_rig_run(&rig);
    before = atomic_load(&rig.stream->tally.publish.sequence);
    for (unsigned i = 0; i < 10; i++)
        recv_rig_poll(&rig);
    cr_expect_eq(atomic_load(&rig.stream->tally.publish.sequence), before);
    recv_rig_data(&rig, 1, 16, 0, 8);
    recv_rig_poll(&rig);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DUPLICATE), 1u);
}

Test(recv_stream, a_refused_packet_evicts_no_heap)
{
    rig.config.live_heaps_max = 1;
    rig.config.pointers_max = 4;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 16, 0, 8);
    test_packet_specials(&rig.packet, 40, 2, 8, 0, 8);
    for (uint64_t id = 0; id < 5; id++)
        test_packet_immediate(&rig.packet, 0x1000 + id, 0);
    test_packet_payload(&rig.packet, "12345678", 8);
    recv_rig_push(&rig);
    /* This packet has no heap length, and its address is beyond the largest heap. */
    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, 3);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, 0);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, 0);
    test_packet_addressed(&rig.packet, 0x1000, (1u << 20) + 1);
    recv_rig_push(&rig);
    recv_rig_data(&rig, 1, 16, 8, 8);
    recv_rig_run(&rig);
    cr_expect_str_eq(recv_rig_buckets(&rig),
                     "delivered 2, over-cap-heap-size 1, over-cap-pointers 1");
}

/* ---- The clock ------------------------------------------------------------------------------ */

static uint64_t test_time_ns;

static uint64_t test_clock(void)
{
    return test_time_ns;
}

/* The time stamp of the second packet is earlier than that of the first packet, as after a step of the wall clock. */
Test(recv_stream, first_and_last_packet_are_timed_by_a_clock_that_never_steps)
{
    recv_rig_open(&rig);
    rig.stream->clock = test_clock;
    test_time_ns = 5000;
    recv_rig_data(&rig, 1, 16, 0, 8)->time_ns = 9000;
    recv_rig_poll(&rig);
    test_time_ns = 6000;
    recv_rig_data(&rig, 1, 16, 8, 8)->time_ns = 2000;
    recv_rig_poll(&rig);
    test_time_ns = 7000;
    recv_rig_poll(&rig);
    cr_expect_eq(rig.stats.counters.first_packet_mono_ns, 5000u);
    cr_expect_eq(rig.stats.counters.last_packet_mono_ns, 6000u);
    cr_expect_eq(rig.stats.counters.first_packet_ns, 9000u);
    cr_expect_eq(rig.stats.counters.last_packet_ns, 2000u);
}

/* Makes an engine that reads the clock of the host, and a stream whose time the test moves. */
static void open_host_clock(void)
{
    static struct speadi_rx_engine_ops ops;

    recv_rig_open(&rig);
    ops = *rig.stream->ops;
    ops.now = NULL;
    rig.stream->ops = &ops;
    rig.stream->clock = test_clock;
}

static uint64_t take_error(void)
{
    struct spead_heap *heap = recv_rig_take(&rig);
    uint64_t error_ns;

    cr_assert_not_null(heap);
    error_ns = spead_heap_clock_error_ns(heap);
    spead_heap_unref(heap);
    return error_ns;
}

static void poll_at(uint64_t time_ns)
{
    test_time_ns = time_ns;
    recv_rig_poll(&rig);
}

Test(recv_stream, a_packet_came_at_most_so_long_before_its_time_as_the_source_was_not_found_empty)
{
    open_host_clock();
    poll_at(5000);
    recv_rig_data(&rig, 1, 16, 0, 8);
    poll_at(8000);
    recv_rig_data(&rig, 1, 16, 8, 8);
    poll_at(9000);
    cr_expect_eq(take_error(), 4000u, "the larger one of two bursts");
    poll_at(9500);
    recv_rig_data(&rig, 2, 8, 0, 8);
    poll_at(9600);
    cr_expect_eq(take_error(), 100u);
}

Test(recv_stream, the_error_of_times_is_unknown_before_the_source_was_found_empty)
{
    open_host_clock();
    recv_rig_data(&rig, 1, 8, 0, 8);
    poll_at(8000);
    cr_expect_eq(take_error(), SPEAD_CLOCK_ERROR_UNKNOWN);
}

Test(recv_stream, the_error_of_times_is_what_the_engine_says_if_it_knows)
{
    open_host_clock();
    poll_at(5000);
    rig.stream->burst.clock_error_ns = 77;
    recv_rig_data(&rig, 1, 8, 0, 8);
    poll_at(9000);
    cr_expect_eq(take_error(), 77u);
}
