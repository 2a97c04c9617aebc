/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: forged packets can do no harm. Memory stays within the plan, every packet is counted, and the process accesses
 * no wrong memory.
 * Method: a scripted engine lends floods of forged packets; the sanitizers find wrong accesses. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "recv_rig.h"

static struct recv_rig rig;
static struct spead_recv_plan plan;

static void open_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
    rig.config.deliver_incomplete = true;
    rig.config.memory_bytes_max = 1u << 20;
    rig.config.heap_bytes_max = 64u << 20;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(hostile_input, .init = open_rig, .fini = close_rig);

static void start(void)
{
    recv_rig_open(&rig);
    plan = (struct spead_recv_plan)SPEAD_RECV_PLAN_INIT;
    spead_recv_stream_plan(rig.stream, &plan);
    cr_assert_eq(plan.memory_bytes, 1u << 20);
}

static void drain(void)
{
    struct spead_heap *heap;

    while (rig.engine->next < rig.engine->count) {
        recv_rig_poll(&rig);
        while ((heap = recv_rig_take(&rig)) != NULL)
            spead_heap_unref(heap);
    }
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, plan.memory_bytes);
    cr_expect_eq(rig.stats.total.seen.packets, rig.engine->count);
}

static void push_header_only(uint64_t counter, uint64_t length, uint64_t offset, uint64_t bytes)
{
    test_packet_specials(&rig.packet, 40, counter, length, offset, bytes);
    for (uint64_t i = 0; i < bytes; i++)
        test_packet_payload(&rig.packet, &(uint8_t){(uint8_t)i}, 1);
    recv_rig_push(&rig);
}

Test(hostile_input, forged_heap_lengths_take_no_memory)
{
    start();
    for (uint64_t counter = 0; counter < 500; counter++)
        push_header_only(counter, (1ull << 40) - 1, 0, 8);
    for (uint64_t counter = 500; counter < 1000; counter++)
        /* The heap length is exactly the largest that the stream allows. */
        push_header_only(counter, 64u << 20, 0, 8);
    drain();
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_OVER_CAP_HEAP_SIZE), 500u);
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, plan.region_count * 4096);
}

Test(hostile_input, far_offsets_take_what_the_bound_allows_and_no_more)
{
    start();
    for (uint64_t counter = 0; counter < 1000; counter++)
        push_header_only(counter, 64u << 20, (64u << 20) - 8, 8);
    drain();
    cr_expect_gt(recv_rig_packets(&rig, SPEAD_RECV_NO_MEMORY), 0u);
}

Test(hostile_input, offsets_near_the_wrap_are_refused)
{
    start();
    for (uint64_t i = 0; i < 8; i++) {
        test_packet_begin(&rig.packet, 56);
        test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, i);
        test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, (1ull << 56) - 1 - i);
        test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, 8);
        test_packet_payload(&rig.packet, "12345678", 8);
        recv_rig_push(&rig);
    }
    drain();
    cr_expect_eq(
        recv_rig_packets(&rig, SPEAD_RECV_LIVE) + recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 0u);
}

Test(hostile_input, packets_full_of_pointers_are_bounded)
{
    rig.config.packet_bytes_max = 65507;
    start();
    for (uint64_t counter = 0; counter < 20; counter++) {
        test_packet_specials(&rig.packet, 40, counter, 8, 0, 8);
        for (uint64_t id = 0; id < 8000; id++)
            test_packet_immediate(&rig.packet, 0x1000 + id, counter);
        test_packet_payload(&rig.packet, "12345678", 8);
        recv_rig_push(&rig);
    }
    test_packet_specials(&rig.packet, 40, 99, 8, 0, 8);
    test_packet_payload(&rig.packet, "12345678", 8);
    test_packet_set_count(&rig.packet, 65535);
    recv_rig_push(&rig);
    drain();
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_OVER_CAP_POINTERS), 20u);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_MALFORMED_POINTERS), 1u);
}

Test(hostile_input, ranges_of_one_byte_are_bounded)
{
    rig.config.ranges_max = 100;
    start();
    for (uint64_t i = 0; i < 4000; i++)
        push_header_only(1, 100000, (i * 7919) % 4000 * 2, 1);
    drain();
    cr_expect_geq(recv_rig_packets(&rig, SPEAD_RECV_OVER_CAP_RANGES), 3900u);
}

Test(hostile_input, a_flood_of_new_counters_evicts_and_counts)
{
    uint64_t counter = 1;

    start();
    for (unsigned i = 0; i < 8000; i++) {
        counter = counter * 6364136223846793005ull + 1442695040888963407ull;
        push_header_only(counter >> 24, 1000, 0, 8);
    }
    drain();
    cr_expect_eq(rig.stats.counters.heaps_evicted, 8000u - rig.stats.counters.heaps_live);
}

Test(hostile_input, forged_stop_items_do_not_end_a_nights_capture)
{
    rig.config.ignore_stop_item = true;
    start();
    for (uint64_t counter = 0; counter < 2000; counter++) {
        recv_rig_control(&rig, counter, SPEAD_CONTROL_STOP);
        recv_rig_control(&rig, counter, SPEAD_CONTROL_START);
    }
    recv_rig_data(&rig, 1, 8, 0, 8);
    drain();
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_CONTROL), 4000u);
    cr_expect_eq(rig.stats.counters.heaps_complete, 1u);
}

Test(hostile_input, any_bytes_at_all)
{
    start();
    srand(5);
    for (unsigned i = 0; i < 6000; i++) {
        test_packet_data(&rig.packet, 40, (uint64_t)rand() % 8, 512, (uint64_t)rand() % 8 * 64,
                         NULL, 64);
        for (int flips = rand() % 4; flips > 0; flips--)
            rig.packet.bytes[(size_t)rand() % rig.packet.length] ^= (uint8_t)(1u << rand() % 8);
        if (rand() % 16 == 0)
            rig.packet.length = (size_t)rand() % rig.packet.length;
        recv_rig_push(&rig)->source = 0;
    }
    drain();
}
