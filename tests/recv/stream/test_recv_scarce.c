/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: where the memory is less than the live heaps can need, a lost packet costs its own heap and no other: a heap
 * that waits for a packet gives its memory to the heaps after it, but no newcomer takes memory from a sender that works.
 * Method: the limit has room for a few heaps of many packets; packets are left out. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "recv_expect.h"

#define KIB    ((uint64_t)1 << 10)
#define HEAP   (512 * KIB)
#define STEP   (8 * KIB)
#define SECOND 1000000000ull

static struct recv_rig rig;
static char logged[512];

static void keep_log(void *arg, enum spead_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    snprintf(logged, sizeof logged, "%s", text);
}

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
    rig.config.heap_bytes_max = HEAP;
    rig.config.live_heaps_max = 8;
    rig.config.populate = SPEAD_POPULATE_OFF;
    rig.config.log.fn = keep_log;
    rig.ops = &script_clock_ops;
    rig.engine->clock_ns = SECOND;
    logged[0] = '\0';
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_scarce, .init = make_rig, .fini = close_rig);

static void open_with(uint64_t memory_bytes)
{
    rig.config.memory_bytes_max = memory_bytes;
    recv_rig_open(&rig);
}

static void push(uint64_t counter, uint64_t at, uint8_t host)
{
    recv_rig_data(&rig, counter, HEAP, at, STEP)->from =
        speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, host}, 7000);
}

/* Lends the packets of [from, end) of a heap of the sender `host`. */
static void lend(uint64_t counter, uint64_t from, uint64_t end, uint8_t host)
{
    for (uint64_t at = from; at < end; at += STEP)
        push(counter, at, host);
    recv_rig_run(&rig);
}

/* Lends a heap without its first packet: so all its memory is charged. */
static void lend_lossy(uint64_t counter, uint8_t host)
{
    lend(counter, STEP, HEAP, host);
}

static void expect_whole(uint64_t counter, uint8_t host)
{
    lend(counter, 0, HEAP, host);
    expect_heap(&rig, counter, true);
}

static void one_loss_in_ten_heaps(uint64_t memory_bytes)
{
    open_with(memory_bytes);
    lend_lossy(1, 1);
    for (uint64_t counter = 2; counter <= 10; counter++)
        expect_whole(counter, 1);
    cr_expect_eq(rig.stats.counters.heaps_evicted, 1u);
    cr_expect_leq(rig.stats.counters.heaps_no_memory, 1u);
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, memory_bytes);
}

Test(recv_scarce, a_lost_packet_costs_one_heap_with_memory_for_one_heap)
{
    one_loss_in_ten_heaps(HEAP);
}

Test(recv_scarce, a_lost_packet_costs_one_heap_with_memory_for_one_heap_and_a_half)
{
    one_loss_in_ten_heaps(HEAP + HEAP / 2);
}

Test(recv_scarce, a_lost_packet_costs_one_heap_in_several_substreams_too)
{
    rig.config.substream_count = 4;
    one_loss_in_ten_heaps(HEAP);
}

Test(recv_scarce, a_lost_packet_costs_one_heap_with_several_sizes_of_regions)
{
    rig.config.heap_bytes_max = 4 * HEAP;
    one_loss_in_ten_heaps(2 * HEAP);
}

Test(recv_scarce, a_lost_packet_costs_one_heap_where_payload_is_placed)
{
    rig.config.receive_path = SPEAD_PATH_PLACED;
    one_loss_in_ten_heaps(HEAP);
}

Test(recv_scarce, each_of_many_lost_packets_costs_its_own_heap)
{
    open_with(2 * HEAP);
    for (uint64_t counter = 1; counter <= 40; counter += 2) {
        lend_lossy(counter, 1);
        expect_whole(counter + 1, 1);
    }
    cr_expect_eq(rig.stats.counters.heaps_complete, 20u);
}

Test(recv_scarce, a_heap_that_finds_memory_ends_no_other)
{
    open_with(3 * HEAP);
    lend_lossy(1, 1);
    expect_whole(2, 1);
    lend(1, 0, STEP, 1);
    expect_heap(&rig, 1, true);
    EXPECT_BUCKETS(&rig, "delivered 128");
}

Test(recv_scarce, the_newest_heap_of_a_sender_that_works_stays)
{
    open_with(HEAP + HEAP / 4);
    expect_whole(1, 1);
    expect_whole(1, 2);
    lend(2, 0, HEAP - STEP, 1);
    lend(2, 0, HEAP, 2);
    lend(2, HEAP - STEP, HEAP, 1);
    expect_heap(&rig, 2, true);
    expect_no_heap(&rig);
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 1u);
}

Test(recv_scarce, a_newcomer_takes_no_memory_from_a_sender_that_works)
{
    open_with(HEAP);
    expect_whole(1, 1);
    lend(2, 0, HEAP / 2, 1);
    for (uint8_t host = 2; host < 100; host++)
        lend(1, HEAP - STEP, HEAP, host);
    lend(2, HEAP / 2, HEAP, 1);
    expect_heap(&rig, 2, true);
}

Test(recv_scarce, a_sender_that_works_takes_back_memory_that_newcomers_took)
{
    open_with(2 * HEAP);
    expect_whole(1, 1);
    push(2, 0, 1);
    for (uint8_t host = 2; host < 100; host++)
        push(1, HEAP - STEP, host);
    recv_rig_run(&rig);
    lend(2, STEP, HEAP, 1);
    expect_heap(&rig, 2, true);
}

Test(recv_scarce, a_heap_of_a_silent_sender_gives_its_memory)
{
    open_with(HEAP);
    expect_whole(1, 1);
    expect_whole(1, 2);
    lend_lossy(2, 1);
    rig.engine->clock_ns += 3 * SECOND;
    expect_whole(2, 2);
}

Test(recv_scarce, without_a_quiet_time_the_window_frees_the_memory_of_a_dead_sender)
{
    rig.config.restart_quiet_ns = 0;
    rig.config.live_heaps_max = 4;
    open_with(HEAP);
    expect_whole(1, 1);
    expect_whole(1, 2);
    lend_lossy(2, 1);
    for (uint64_t counter = 2; counter <= 4; counter++)
        lend(counter, 0, HEAP, 2);
    expect_whole(5, 2);
}

/* The consumer gets heap 1 with its memory, so heap 2 finds none. */
Test(recv_scarce, an_incomplete_heap_keeps_its_memory_until_the_consumer_releases_it)
{
    struct spead_heap *held;

    rig.config.deliver_incomplete = true;
    open_with(HEAP);
    lend_lossy(1, 1);
    lend(2, 0, HEAP, 1);
    held = recv_rig_take(&rig);
    cr_assert_not_null(held);
    cr_expect_eq(spead_heap_counter(held), 1u);
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "delivered 63, late 63, no-memory 1");
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 2u);
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, HEAP);
    spead_heap_unref(held);
    expect_whole(3, 1);
}

/* If the heaps of newcomers were handed over, they would keep the memory that the sender needs. */
Test(recv_scarce, newcomers_take_no_memory_where_incomplete_heaps_are_delivered)
{
    rig.config.deliver_incomplete = true;
    open_with(HEAP + HEAP / 4);
    expect_whole(1, 1);
    for (uint64_t counter = 2; counter < 12; counter++) {
        for (uint8_t host = 2; host < 30; host++)
            push(counter, HEAP - STEP, host);
        recv_rig_run(&rig);
        lend(counter, 0, HEAP, 1);
        cr_assert_eq(rig.stats.counters.heaps_complete, counter, "%s", recv_rig_buckets(&rig));
        for (struct spead_heap *heap; (heap = recv_rig_take(&rig)) != NULL;)
            spead_heap_unref(heap);
    }
}

/* Incomplete heaps that wait for a slow consumer take no more memory than the limit, and none is lost uncounted. */
Test(recv_scarce, incomplete_heaps_that_wait_are_bounded_and_counted)
{
    rig.config.deliver_incomplete = true;
    open_with(3 * HEAP);
    for (uint64_t counter = 1; counter <= 100; counter++)
        push(counter, HEAP - STEP, 1);
    recv_rig_run(&rig);
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, 3 * HEAP);
    cr_expect_eq(
        recv_rig_packets(&rig, SPEAD_RECV_DELIVERED) + recv_rig_packets(&rig, SPEAD_RECV_LIVE) +
            recv_rig_packets(&rig, SPEAD_RECV_SHED) + recv_rig_packets(&rig, SPEAD_RECV_NO_MEMORY),
        100u, "%s", recv_rig_buckets(&rig));
    cr_expect_gt(rig.stats.counters.heaps_no_memory, 0u);
}

/* While nobody has proven itself, the newest heap has the best right to memory. */
Test(recv_scarce, newcomers_end_each_others_heaps_and_each_is_counted)
{
    open_with(HEAP);
    for (uint64_t counter = 1; counter <= 50; counter++)
        push(counter, HEAP - STEP, (uint8_t)(1 + counter % 2));
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "live 1, evicted 49");
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 49u);
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, HEAP);
    expect_whole(100, 3);
}

Test(recv_scarce, a_heap_whose_bytes_find_no_memory_is_counted_once_and_logged)
{
    open_with(HEAP);
    expect_whole(1, 1);
    expect_whole(1, 2);
    lend(2, 0, HEAP - STEP, 1);
    lend(2, 0, 3 * STEP, 2);
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 1u);
    cr_expect_not_null(strstr(logged, "no memory for heap 2: the heaps need more than 512"), "%s",
                       logged);
    cr_expect_not_null(strstr(logged, "--max-heap-size"), "%s", logged);
}

Test(recv_scarce, a_heap_that_cannot_grow_is_counted_once)
{
    open_with(HEAP + HEAP / 4);
    expect_whole(1, 1);
    expect_whole(1, 2);
    lend(2, 0, STEP, 2);
    lend(2, 0, HEAP - STEP, 1);
    lend(2, STEP, HEAP, 2);
    cr_expect_gt(recv_rig_packets(&rig, SPEAD_RECV_NO_MEMORY), 1u);
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 1u);
}

static uint64_t mono_ns;

static uint64_t read_mono(void)
{
    return mono_ns;
}

Test(recv_scarce, a_lack_of_memory_that_lasts_is_said_once_in_ten_seconds)
{
    open_with(HEAP);
    mono_ns = 5 * SECOND;
    rig.stream->clock = read_mono;
    for (uint64_t counter = 1; counter <= 50; counter++)
        push(counter, HEAP - STEP, (uint8_t)(1 + counter % 2));
    recv_rig_run(&rig);
    cr_expect_not_null(strstr(logged, "no memory for heap 1:"), "%s", logged);
    mono_ns += 10 * SECOND;
    push(51, HEAP - STEP, 1);
    recv_rig_run(&rig);
    cr_expect_not_null(strstr(logged, "(48 more like this were left out)"), "%s", logged);
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 50u);
}
