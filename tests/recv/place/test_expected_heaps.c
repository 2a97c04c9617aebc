/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: behind the end of a heap, places are reserved in the heaps that are expected next, and a heap that comes as
 * expected gets the memory with these places.
 * Method: a pool with blocks that are set aside. Heaps have ten packets: one of 48 bytes and then nine of 64 bytes. */
#include <criterion/criterion.h>

#include "packet_builder.h"
#include "placement.h"

enum { SENDER = 5, FIRST = 48, NEXT = 64, PACKETS = 10, LENGTH = FIRST + 9 * NEXT };

static struct speadi_pool *pool;
static struct speadi_live_heap_layout layout;
static struct speadi_placement placement;
static struct speadi_rx_range ranges[SPEADI_PLACEMENT_BATCH];
static const struct speadi_prediction *const prediction = &placement.prediction[0];

/* Eight blocks, of which three are set aside. */
static void make_pool(bool pinned)
{
    const struct speadi_pool_config config = {.block_count = 8,
                                              .block_bytes = 4096,
                                              .aside_count = 3,
                                              .meta_bytes = layout.meta_bytes,
                                              .pinned = pinned};

    speadi_pool_unref(pool);
    cr_assert_eq(speadi_pool_create(&pool, &config, NULL), 0);
}

static void set_up(void)
{
    layout = (struct speadi_live_heap_layout){
        .heap_bytes_max = 4096, .pointers_max = 8, .ranges_max = 16, .source_count = 1};
    speadi_live_heap_layout_init(&layout);
    make_pool(false);
    placement.outstanding_max = 40;
    placement.ask_bytes_max = UINT64_MAX;
    placement.targets_max[0] = 3;
    placement.expects = true;
}

static void tear_down(void)
{
    speadi_pool_unref(pool);
}

TestSuite(expected_heaps, .init = set_up, .fini = tear_down);

static struct speadi_packet packet_of(uint64_t counter, uint64_t length, unsigned number)
{
    static struct test_packet packet;
    struct speadi_packet decoded;

    test_packet_data(&packet, 40, counter, length,
                     number == 0 ? 0 : FIRST + (uint64_t)(number - 1) * NEXT, NULL,
                     number == 0 ? FIRST : NEXT);
    cr_assert_eq(speadi_packet_decode(&decoded, packet.bytes, (uint32_t)packet.length,
                                      (uint32_t)packet.length),
                 0);
    return decoded;
}

static void learn(uint64_t counter, uint64_t length, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        struct speadi_packet packet = packet_of(counter, length, i);

        speadi_placement_learn(&placement, 0, SENDER, &packet);
    }
}

/* Two heaps and the first packets of a third one have come. */
static void learn_two_heaps(void)
{
    learn(10, LENGTH, 0, PACKETS);
    learn(12, LENGTH, 0, PACKETS);
    placement.prediction[0].expects = true;
    learn(14, LENGTH, 0, 3);
}

static void end(uint64_t ended)
{
    speadi_placement_end(&placement, &ended);
}

static struct speadi_expected_heap *expect(uint64_t heaps, uint64_t offset)
{
    struct speadi_expected_heap *heap = speadi_placement_expect(&placement, pool, 0, heaps);
    uint32_t head_bytes = 0;
    unsigned count;

    cr_assert_not_null(heap);
    count = speadi_placement_predict_expected(&placement, 0, heap, offset, ranges, &head_bytes);
    cr_assert_gt(count, 0u);
    speadi_placement_accept_expected(&placement, 0, heap, head_bytes, ranges, count);
    return heap;
}

Test(expected_heaps, a_packet_is_found_in_the_heap_of_the_last_packet_or_in_a_later_one)
{
    struct speadi_position at;

    learn_two_heaps();
    at = speadi_placement_position(prediction, 0);
    cr_expect(at.heaps == 0 && at.offset == FIRST + 2 * NEXT);
    at = speadi_placement_position(prediction, 6);
    cr_expect(at.heaps == 0 && at.offset == FIRST + 8 * NEXT, "the last packet of the heap");
    at = speadi_placement_position(prediction, 7);
    cr_expect(at.heaps == 1 && at.offset == 0);
    at = speadi_placement_position(prediction, 8);
    cr_expect(at.heaps == 1 && at.offset == FIRST);
    at = speadi_placement_position(prediction, 7 + 25 * PACKETS + 2);
    cr_expect(at.heaps == 26 && at.offset == FIRST + NEXT);
}

Test(expected_heaps, nothing_is_known_behind_the_end_of_the_first_heap)
{
    learn(10, LENGTH, 0, 3);
    cr_expect_eq(speadi_placement_position(prediction, 6).heaps, 0u);
    cr_expect_eq(speadi_placement_position(prediction, 7).heaps, UINT64_MAX);
}

Test(expected_heaps, packets_without_payload_lead_nowhere)
{
    learn_two_heaps();
    learn(14, LENGTH, 3, PACKETS - 3);
    placement.prediction[0].payload_bytes = 0;
    cr_expect_eq(speadi_placement_position(prediction, 5).heaps, 0u);
}

Test(expected_heaps, a_heap_of_another_length_is_a_break)
{
    learn_two_heaps();
    cr_expect_eq(placement.policy.breaks, 0u);
    learn(14, LENGTH, 3, PACKETS - 3);
    learn(16, LENGTH + NEXT, 0, PACKETS);
    cr_expect_eq(placement.policy.breaks, 1u);
}

Test(expected_heaps, the_first_range_is_for_the_first_packet_of_a_heap)
{
    struct speadi_expected_heap *heap;

    learn_two_heaps();
    heap = expect(1, 0);
    cr_expect_eq(heap->counter, 16u);
    cr_expect_eq(ranges[0].bytes, FIRST);
    cr_expect_eq(heap->reserved_end, FIRST);
    cr_expect_eq(expect(1, FIRST), heap, "it is the same heap");
    cr_expect_eq(ranges[0].bytes, NEXT);
    cr_expect_eq(heap->reserved_end, LENGTH);
    cr_expect_eq(speadi_placement_outstanding(&placement, 0), PACKETS);
    cr_expect_eq(placement.targets[0], 1u);
    end(PACKETS);
    cr_expect_eq(placement.expected_count, 0u, "no heap came");
    cr_expect_eq(placement.targets[0], 0u);
}

Test(expected_heaps, as_many_heaps_are_expected_as_regions_are_set_aside)
{
    learn_two_heaps();
    expect(1, 0);
    expect(2, 0);
    expect(3, 0);
    cr_expect_null(speadi_placement_expect(&placement, pool, 0, 4));
    end(1);
    cr_expect_not_null(speadi_placement_expect(&placement, pool, 0, 4));
}

/* The pool has five other blocks: two of them are lent, and as many stay free. */
Test(expected_heaps, in_memory_that_a_device_knows_free_regions_are_lent_too)
{
    struct speadi_block *region;

    make_pool(true);
    learn_two_heaps();
    for (unsigned i = 1; i <= 5; i++)
        expect(i, 0);
    cr_expect_null(speadi_placement_expect(&placement, pool, 0, 6));
    cr_expect_eq(speadi_pool_lent_blocks(pool, 0), 2u);
    region = speadi_pool_take(pool);
    cr_expect_not_null(region, "a heap that is not expected finds a region");
    end(5);
    cr_expect_eq(speadi_pool_lent_blocks(pool, 0), 0u);
    cr_expect_eq(placement.targets[0], 0u);
    speadi_block_release(region);
}

Test(expected_heaps, a_heap_that_comes_as_expected_gets_the_memory_with_its_places)
{
    const struct speadi_heap_key key = {.counter = 16, .sender = SENDER};
    struct speadi_packet first = packet_of(16, LENGTH, 0), second = packet_of(16, LENGTH, 1);
    struct speadi_block *region = speadi_pool_take(pool);
    struct speadi_expected_heap *heap;
    struct speadi_live_heap *live;
    const uint8_t *data;

    learn_two_heaps();
    expect(1, 0);
    data = expect(1, FIRST)->block->data;
    cr_expect(speadi_placement_is_own_place(&placement, 0, SENDER, &first));
    cr_expect(speadi_placement_is_own_place(&placement, 1, SENDER, &second));
    cr_expect_not(speadi_placement_is_own_place(&placement, 1, SENDER + 1, &second));
    heap = speadi_placement_meet(&placement, SENDER, &first, region);
    cr_assert_not_null(heap);
    live = speadi_live_heap_open(region, &layout, &key, &first);
    speadi_placement_bind(&placement, heap, live);
    cr_expect_eq(live->heap.region->data, data);
    cr_expect_eq(live->reservations, PACKETS);
    cr_expect_eq(speadi_placement_reservation(&placement, 3)->live, live);
    cr_expect(speadi_placement_is_own_place(&placement, 1, SENDER, &second));
    cr_expect_eq(placement.expected_count, 0u);
    cr_expect_eq(placement.targets[0], 1u);
    end(PACKETS);
    cr_expect_eq(placement.targets[0], 0u);
    speadi_block_release(region);
}

Test(expected_heaps, a_heap_of_another_length_does_not_get_it)
{
    struct speadi_packet first = packet_of(16, LENGTH - 1, 0);
    struct speadi_block *region = speadi_pool_take(pool);
    const uint8_t *data = region->data;

    learn_two_heaps();
    expect(1, 0);
    cr_expect_not(speadi_placement_is_own_place(&placement, 0, SENDER, &first));
    cr_expect_null(speadi_placement_meet(&placement, SENDER, &first, region));
    cr_expect_eq(region->data, data);
    cr_expect_eq(placement.targets[0], 1u, "a receive is posted into the block");
    end(1);
    cr_expect_eq(placement.targets[0], 0u);
    speadi_block_release(region);
}
