/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the placement predicts the ranges of the next packets, and no range is reserved twice. Method: a live heap is
 * made of ten packets of 64 bytes. The test adds packets to the heap and lets the placement learn from them, as a
 * stream does. */
#include <criterion/criterion.h>

#include "packet_builder.h"
#include "placement.h"

static struct speadi_pool *pool;
static struct speadi_live_heap_layout layout;
static struct speadi_live_heap *live;
static struct speadi_placement placement;
static struct speadi_rx_range ranges[SPEADI_RX_RESERVE_MAX];

static void make_heap(void)
{
    struct speadi_pool_config config = {.block_count = 1, .block_bytes = 4096};

    layout = (struct speadi_live_heap_layout){
        .heap_bytes_max = 4096, .pointers_max = 8, .ranges_max = 16, .source_count = 1};
    speadi_live_heap_layout_init(&layout);
    config.meta_bytes = layout.meta_bytes;
    cr_assert_eq(speadi_pool_create(&pool, &config, NULL), 0);
    placement.outstanding_max = 4;
    placement.targets_max[0] = 2;
    placement.ask_bytes_max = SPEADI_PLACEMENT_ASK_BYTES;
}

static void free_heap(void)
{
    if (live != NULL)
        speadi_block_release(live->heap.region);
    speadi_pool_unref(pool);
}

TestSuite(placement, .init = make_heap, .fini = free_heap);

#define SENDER 5u /* id of the sender of all packets */

static struct speadi_packet decode(uint64_t number, size_t bytes)
{
    static struct test_packet packet;
    struct speadi_packet decoded;

    test_packet_data(&packet, 40, 1, 640, number * 64, NULL, bytes);
    cr_assert_eq(speadi_packet_decode(&decoded, packet.bytes, (uint32_t)packet.length,
                                      (uint32_t)packet.length),
                 0);
    return decoded;
}

static void receive(uint64_t number)
{
    struct speadi_packet packet = decode(number, 64);
    const struct speadi_heap_key key = {.counter = packet.heap_counter, .sender = SENDER};
    uint32_t at;

    if (live == NULL)
        live = speadi_live_heap_open(speadi_pool_take(pool), &layout, &key, &packet);
    cr_assert_eq(speadi_live_heap_check(live, &layout, &packet, &at), SPEAD_RECV_LIVE);
    cr_assert_eq(speadi_live_heap_add(live, &layout, &packet, at), SPEAD_RECV_LIVE);
    speadi_placement_learn(&placement, 0, SENDER, &packet);
}

/* The number of packets without a reservation that come earlier than the predicted packets. */
static unsigned ahead;

static unsigned predict(void)
{
    return speadi_placement_predict(&placement, 0, live, ahead, ranges);
}

static void reserve(void)
{
    speadi_placement_accept(&placement, 0, live, ranges, predict());
}

static void end(uint64_t ended)
{
    speadi_placement_end(&placement, &ended);
}

static uint64_t number_of(const struct speadi_rx_range *range)
{
    return (uint64_t)(range->data - live->heap.region->data) / 64;
}

Test(placement, the_first_packet_alone_predicts_nothing)
{
    receive(0);
    cr_expect_eq(predict(), 0u, "its header is longer than those that follow");
}

Test(placement, the_next_packets_go_on_where_the_last_ended)
{
    receive(0);
    receive(1);
    cr_assert_eq(predict(), 4u);
    cr_expect_eq(number_of(&ranges[0]), 2u);
    cr_expect_eq(number_of(&ranges[3]), 5u);
    cr_expect_eq(ranges[3].bytes, 64u);
}

Test(placement, packets_that_come_before_are_counted)
{
    receive(0);
    receive(1);
    ahead = 3;
    cr_assert_eq(predict(), 4u);
    cr_expect_eq(number_of(&ranges[0]), 5u);
    ahead = 8;
    cr_expect_eq(predict(), 0u);
}

Test(placement, never_past_the_end_of_the_heap)
{
    receive(0);
    receive(7);
    cr_expect_eq(predict(), 2u);
}

Test(placement, never_what_is_received)
{
    receive(4);
    receive(1);
    cr_expect_eq(predict(), 2u);
}

Test(placement, never_what_is_reserved)
{
    receive(0);
    receive(1);
    reserve();
    cr_expect_eq(live->reservations, 4u);
    cr_expect_eq(predict(), 0u, "no numbers left");
    end(1);
    cr_expect_eq(live->reservations, 3u);
    cr_expect_eq(predict(), 0u, "packet 2 was not there: its place plus three is still reserved");
    receive(2);
    cr_assert_eq(predict(), 1u);
    cr_expect_eq(number_of(&ranges[0]), 6u);
}

Test(placement, after_a_loss_prediction_catches_up)
{
    receive(0);
    receive(1);
    reserve();
    end(1);
    receive(5); /* Packet 5 lands in the range of packet 2. */
    cr_assert_eq(predict(), 1u);
    cr_expect_eq(number_of(&ranges[0]), 9u, "three receives are posted before this one");
}

Test(placement, home_is_the_place_reserved_for_just_this_packet)
{
    struct speadi_packet second = decode(2, 64), third = decode(3, 64), part = decode(2, 20);

    receive(0);
    receive(1);
    reserve();
    cr_expect(speadi_placement_is_own_place(&placement, 0, SENDER, &second));
    cr_expect(speadi_placement_is_own_place(&placement, 0, SENDER, &part),
              "shorter, but at its offset");
    cr_expect_not(speadi_placement_is_own_place(&placement, 0, SENDER, &third));
    second.header_bytes += 8;
    cr_expect_not(speadi_placement_is_own_place(&placement, 0, SENDER, &second),
                  "its payload starts later");
    third.heap_counter = 2;
    cr_expect_not(speadi_placement_is_own_place(&placement, 1, SENDER, &third));
}

Test(placement, a_place_stays_reserved_until_it_ends)
{
    receive(0);
    receive(1);
    reserve();
    cr_expect(speadi_placement_is_reserved(
        &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){0}}, live, 128, 129));
    cr_expect_not(speadi_placement_is_reserved(
        &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){1}}, live, 128, 192));
    cr_expect(speadi_placement_is_reserved(
        &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){1}}, live, 128, 193));
    cr_expect_not(speadi_placement_is_reserved(
        &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){0}}, live, 6 * 64,
        7 * 64));
}

Test(placement, a_complete_heap_is_forgotten)
{
    receive(0);
    receive(1);
    reserve();
    speadi_placement_forget(&placement, live);
    cr_expect_eq(live->reservations, 0u);
    cr_expect_null(speadi_placement_reservation(&placement, 0)->live);
    end(4);
    cr_expect_eq(live->reservations, 0u, "they end without it");
    cr_expect_eq(speadi_placement_outstanding(&placement, 0), 0u);
}

Test(placement, what_comes_before_the_first_reserved_place_is_free)
{
    receive(0);
    receive(1);
    reserve(); /* This reserves the places of the packets 2 to 5. */
    cr_expect_eq(
        speadi_placement_first_reserved(
            &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){0}}, live, 0),
        2 * 64u);
    cr_expect_eq(speadi_placement_first_reserved(
                     &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){0}}, live,
                     3 * 64 + 1),
                 3 * 64u, "one that is under way counts");
    cr_expect_eq(
        speadi_placement_first_reserved(
            &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){2}}, live, 0),
        4 * 64u);
    cr_expect_eq(
        speadi_placement_first_reserved(
            &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){0}}, live, 6 * 64),
        UINT64_MAX);
    cr_expect_eq(
        speadi_placement_first_reserved(
            &placement, (struct speadi_burst_state){.ended = (const uint64_t[]){4}}, live, 0),
        UINT64_MAX);
}

/* ---- Several queues ------------------------------------------------------------------------------ */

/* Learns from a packet that came through a queue, and reserves the next places in that queue. */
static void receive_and_reserve(uint16_t queue, uint64_t number)
{
    struct speadi_packet packet = decode(number, 64);
    const uint16_t inlet = speadi_placement_inlet(&placement, 0, queue);

    receive(number);
    speadi_placement_learn(&placement, inlet, SENDER, &packet);
    if (speadi_placement_may_target(&placement, live, queue))
        speadi_placement_accept(&placement, inlet, live, ranges,
                                speadi_placement_predict(&placement, inlet, live, 0, ranges));
}

Test(placement, each_queue_numbers_and_ends_its_reservations_alone)
{
    speadi_placement_set_queues(&placement, 4);
    receive_and_reserve(2, 1);
    cr_assert_eq(live->reservations, 4);
    cr_expect_eq(placement.accepted[2], 2 + 4 * 4);
    cr_expect_eq(speadi_placement_outstanding(&placement, 2), 4);
    cr_expect_eq(speadi_placement_outstanding(&placement, 1), 0);
    for (unsigned i = 0; i < 4; i++)
        cr_expect_eq(speadi_placement_reservation(&placement, 2 + 4 * i)->offset, 64 * (i + 2));
    speadi_placement_end(&placement, (const uint64_t[]){0, 1, 2 + 4, 3});
    cr_expect_eq(live->reservations, 3);
    cr_expect_eq(speadi_placement_first_reserved(
                     &placement,
                     (struct speadi_burst_state){.ended = (const uint64_t[]){0, 1, 2 + 8, 3}}, live,
                     0),
                 4 * 64);
    speadi_placement_end(&placement, (const uint64_t[]){0, 1, 2 + 16, 3});
    cr_expect_eq(live->reservations, 0);
    cr_expect_not(speadi_placement_has_outstanding(&placement));
}

Test(placement, receives_of_one_queue_at_a_time_are_posted_into_a_heap)
{
    speadi_placement_set_queues(&placement, 2);
    receive_and_reserve(0, 1);
    cr_expect_eq(live->queue, 0);
    receive_and_reserve(1, 8);
    cr_expect_eq(speadi_placement_outstanding(&placement, 1), 0);
    speadi_placement_end(&placement, (const uint64_t[]){8, 1});
    receive_and_reserve(1, 6);
    cr_expect_eq(live->queue, 1);
    cr_expect_gt(speadi_placement_outstanding(&placement, 1), 0);
}

/* The numbers of a queue go around its share of the ring. */
Test(placement, a_queue_uses_its_share_of_the_ring_again_and_again)
{
    uint64_t ended[SPEADI_RX_QUEUES_MAX];

    speadi_placement_set_queues(&placement, 16);
    placement.accepted[5] = placement.ended[5] = SPEADI_RX_RESERVE_MAX - 16 + 5;
    memcpy(ended, placement.ended, sizeof ended);
    receive_and_reserve(5, 1);
    cr_assert_eq(live->reservations, 4);
    for (unsigned i = 1; i <= 4; i++) {
        ended[5] += 16;
        speadi_placement_end(&placement, ended);
        cr_expect_eq(live->reservations, 4 - i);
    }
}
