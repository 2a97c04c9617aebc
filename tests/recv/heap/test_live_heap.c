/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a live heap holds what its packets brought, and refuses packets that do not fit. Method: the test decodes real
 * packets and adds them to a heap in a region of a small pool. It asserts what a reader of the heap would see. */
#include <criterion/criterion.h>

#include <string.h>
#include <sys/mman.h>

#include "live_heap.h"
#include "packet_builder.h"

#define POINTERS_MAX 40u
#define RANGES_MAX   4u

static struct speadi_pool *pool;
static struct speadi_live_heap_layout layout;
static struct speadi_live_heap *live;
static struct test_packet packet;

static void make_pool(void)
{
    struct speadi_pool_config config = {.block_count = 1, .block_bytes = 4096};
    struct spead_err err;

    layout = (struct speadi_live_heap_layout){.heap_bytes_max = 4096,
                                              .pointers_max = POINTERS_MAX,
                                              .ranges_max = RANGES_MAX,
                                              .source_count = 2};
    speadi_live_heap_layout_init(&layout);
    config.meta_bytes = layout.meta_bytes;
    cr_assert_eq(speadi_pool_create(&pool, &config, &err), 0, "%s", err.text);
}

static void free_pool(void)
{
    if (live != NULL)
        speadi_block_release(live->heap.region);
    speadi_pool_unref(pool);
}

TestSuite(live_heap, .init = make_pool, .fini = free_pool);

/* Adds the packet that the test has built. The first packet also opens the heap. */
static enum spead_recv_bucket add(void)
{
    struct speadi_packet decoded;
    enum spead_recv_bucket bucket;
    struct speadi_heap_key key = {.sender = 3};
    uint32_t at;

    cr_assert_eq(speadi_packet_decode(&decoded, packet.bytes, (uint32_t)packet.length,
                                      (uint32_t)packet.length),
                 0);
    key.counter = decoded.heap_counter;
    if (live == NULL)
        live = speadi_live_heap_open(speadi_pool_take(pool), &layout, &key, &decoded);
    bucket = speadi_live_heap_check(live, &layout, &decoded, &at);
    return bucket == SPEAD_RECV_LIVE ? speadi_live_heap_add(live, &layout, &decoded, at) : bucket;
}

static enum spead_recv_bucket add_data(uint64_t length, uint64_t offset, size_t bytes)
{
    test_packet_data(&packet, 40, 1, length, offset, NULL, bytes);
    return add();
}

/* Begins a packet that carries 8 bytes but does not say the heap length. The test may add item pointers. */
static void begin_unsized(uint64_t offset)
{
    test_packet_begin(&packet, 40);
    test_packet_immediate(&packet, SPEAD_ID_HEAP_COUNTER, 1);
    test_packet_immediate(&packet, SPEAD_ID_PAYLOAD_OFFSET, offset);
    test_packet_immediate(&packet, SPEAD_ID_PAYLOAD_LENGTH, 8);
}

static void begin_sized(uint64_t length, uint64_t offset)
{
    begin_unsized(offset);
    test_packet_immediate(&packet, SPEAD_ID_HEAP_LENGTH, length);
}

static enum spead_recv_bucket add_begun(void)
{
    test_packet_payload(&packet, "payload!", 8);
    return add();
}

/* ---- Item pointers ------------------------------------------------------------------------- */

Test(live_heap, the_same_pointer_counts_once)
{
    for (uint64_t offset = 0; offset < 32; offset += 8) {
        begin_sized(32, offset);
        test_packet_immediate(&packet, 0x1000, 5);
        test_packet_addressed(&packet, 0x1001, 0);
        cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    }
    speadi_live_heap_finish(live, true);
    cr_expect_eq(spead_heap_item_count(&live->heap), 2u);
}

Test(live_heap, different_pointers_of_one_id_are_two_items)
{
    begin_sized(8, 0);
    test_packet_immediate(&packet, 0x1000, 5);
    test_packet_immediate(&packet, 0x1000, 6);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_eq(live->heap.pointer_count, 2u);
}

Test(live_heap, more_than_eight_distinct_pointers_are_told_apart)
{
    for (uint64_t offset = 0; offset < 32; offset += 8) {
        begin_sized(32, offset);
        for (uint64_t id = 0; id < 30; id++)
            test_packet_immediate(&packet, 0x1000 + id, id);
        cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    }
    cr_expect_eq(live->heap.pointer_count, 30u);
}

Test(live_heap, too_many_pointers_leave_the_heap_as_it_was)
{
    for (unsigned before = 0; before <= 12; before += 3) {
        uint64_t offset = 0;

        begin_sized(4096, offset);
        for (uint64_t id = 0; id < before; id++)
            test_packet_immediate(&packet, 0x1000 + id, 0);
        cr_assert_eq(add_begun(), SPEAD_RECV_LIVE);
        /* When an item pointer is removed, its cell must be free for the next pointer. */
        for (int again = 0; again < 3; again++) {
            begin_sized(4096, offset += 8);
            for (uint64_t id = 0; id <= POINTERS_MAX; id++)
                test_packet_immediate(&packet, 0x2000 + id, 0);
            cr_expect_eq(add_begun(), SPEAD_RECV_OVER_CAP_POINTERS);
            cr_expect_eq(live->heap.pointer_count, before);
            cr_expect_eq(live->heap.received, 8u);
        }
        begin_sized(4096, 8);
        for (uint64_t id = 0; id < POINTERS_MAX; id++)
            test_packet_immediate(&packet, 0x1000 + id, 0);
        cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
        cr_expect_eq(live->heap.pointer_count, POINTERS_MAX);
        speadi_block_release(live->heap.region);
        live = NULL;
    }
}

Test(live_heap, a_new_heap_in_used_memory_knows_no_old_pointers)
{
    for (int heap = 0; heap < 3; heap++) {
        begin_sized(8, 0);
        for (uint64_t id = 0; id < 20; id++)
            test_packet_immediate(&packet, 0x1000 + id, 0);
        cr_assert_eq(add_begun(), SPEAD_RECV_LIVE);
        cr_expect_eq(live->heap.pointer_count, 20u);
        speadi_block_release(live->heap.region);
        live = NULL;
    }
}

Test(live_heap, only_start_and_stop_make_a_control_heap)
{
    begin_sized(16, 0);
    test_packet_immediate(&packet, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP);
    test_packet_addressed(&packet, SPEAD_ID_NULL, 0);
    cr_assert_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect(speadi_live_heap_is_control(live));
    begin_sized(16, 8);
    test_packet_immediate(&packet, 0x1000, 1);
    cr_assert_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_not(speadi_live_heap_is_control(live), "it carries an item for its consumer");
}

Test(live_heap, reissued_descriptors_are_no_control_heap)
{
    begin_sized(8, 0);
    test_packet_immediate(&packet, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_DESCRIPTORS_REISSUED);
    cr_assert_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_not(speadi_live_heap_is_control(live));
}

/* ---- Length -------------------------------------------------------------------------------- */

Test(live_heap, a_heap_is_complete_with_its_last_byte)
{
    cr_expect_eq(add_data(64, 32, 32), SPEAD_RECV_LIVE);
    cr_expect_not(speadi_live_heap_is_complete(live));
    cr_expect_eq(add_data(64, 0, 32), SPEAD_RECV_LIVE);
    cr_expect(speadi_live_heap_is_complete(live));
}

/* A duplicate must not count as new bytes. Otherwise a heap with a hole would look complete, and the consumer would see
 * old payload in the hole. */
Test(live_heap, a_duplicate_does_not_complete_a_heap)
{
    cr_expect_eq(add_data(64, 0, 32), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(64, 0, 32), SPEAD_RECV_DUPLICATE);
    cr_expect_eq(live->heap.received, 32u);
    cr_expect_not(speadi_live_heap_is_complete(live));
}

/* The fast path adds many packets in one call. The result must be the same as if the slow path added each packet in a
 * call of its own. */
/* Packets may be reordered on their way into the stream, and a wall clock may be set back. */
Test(live_heap, the_first_time_is_never_after_the_last_one)
{
    static const uint64_t times[] = {1000, 1030, 990, 1010};

    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(add_data(64, 16 * i, 16), SPEAD_RECV_LIVE);
        speadi_live_heap_count(live, 1, 1, packet.length, times[i]);
        if (i == 0)
            speadi_live_heap_start(live, &(struct speadi_live_heap_start){.first_ns = times[0]});
    }
    cr_expect_eq(live->heap.first_ns, 990u);
    cr_expect_eq(live->heap.last_ns, 1030u);
}

Test(live_heap, packets_appended_together_are_as_packets_added_one_by_one)
{
    struct spead_heap one_by_one;

    for (uint64_t offset = 0; offset < 64; offset += 16) {
        cr_assert_eq(add_data(128, offset, 16), SPEAD_RECV_LIVE);
        speadi_live_heap_count(live, 1, 1, packet.length, 1000 + offset);
    }
    one_by_one = live->heap;
    cr_expect_eq(live->count[1].packets, 4u);
    speadi_block_release(live->heap.region);
    live = NULL;
    cr_assert_eq(add_data(128, 0, 16), SPEAD_RECV_LIVE);
    speadi_live_heap_count(live, 1, 1, packet.length, 1000);
    speadi_live_heap_append(
        live, &(struct speadi_live_heap_series){.packets = 3,
                                                .payload_bytes = 16,
                                                .datagram_bytes = (uint32_t)packet.length,
                                                .source = 1,
                                                .last_ns = 1048});
    cr_expect_eq(live->heap.received, one_by_one.received);
    cr_expect_eq(live->heap.packets, one_by_one.packets);
    cr_expect_eq(live->heap.last_ns, one_by_one.last_ns);
    cr_expect_eq(live->heap.span_count, 1u);
    cr_expect_eq(live->heap.spans[0].end, 64u);
    cr_expect_eq(live->sizes.first, 16u);
    cr_expect_eq(live->sizes.size[0].bytes, 16u);
    cr_expect_eq(live->sizes.size[0].packets, 3u);
    cr_expect_eq(live->min_length, 64u);
    cr_expect_eq(live->count[1].packets, 4u);
    cr_expect_eq(live->count[1].bytes, 4 * packet.length);
}

Test(live_heap, an_empty_heap_is_complete_at_once)
{
    cr_expect_eq(add_data(0, 0, 0), SPEAD_RECV_LIVE);
    cr_expect(speadi_live_heap_is_complete(live));
}

Test(live_heap, a_length_that_changes_is_refused)
{
    cr_expect_eq(add_data(64, 0, 32), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(65, 32, 32), SPEAD_RECV_MALFORMED_HEAP_LENGTH);
    cr_expect_eq(live->heap.length, 64u);
}

Test(live_heap, a_length_below_a_known_byte_is_refused)
{
    begin_unsized(56);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(63, 0, 8), SPEAD_RECV_MALFORMED_HEAP_LENGTH);
    cr_expect_eq(add_data(64, 0, 8), SPEAD_RECV_LIVE);
}

Test(live_heap, a_length_below_a_known_address_is_refused)
{
    begin_unsized(0);
    test_packet_addressed(&packet, 0x1000, 100);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(99, 8, 8), SPEAD_RECV_MALFORMED_HEAP_LENGTH);
    cr_expect_eq(add_data(100, 8, 8), SPEAD_RECV_LIVE);
}

Test(live_heap, an_addressed_special_raises_the_length_and_is_no_item)
{
    begin_unsized(0);
    test_packet_addressed(&packet, SPEAD_ID_HEAP_LENGTH, 100);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_eq(live->heap.pointer_count, 0u);
    cr_expect_eq(add_data(99, 8, 8), SPEAD_RECV_MALFORMED_HEAP_LENGTH);
}

Test(live_heap, payload_past_a_length_given_before_is_refused)
{
    cr_expect_eq(add_data(64, 0, 32), SPEAD_RECV_LIVE);
    begin_unsized(57);
    cr_expect_eq(add_begun(), SPEAD_RECV_MALFORMED_BEYOND_HEAP);
    begin_unsized(56);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
}

Test(live_heap, an_address_past_the_end_keeps_the_heap_incomplete)
{
    begin_sized(8, 0);
    test_packet_addressed(&packet, 0x1000, 9);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_eq(live->heap.received, 8u);
    cr_expect_not(speadi_live_heap_is_complete(live));
    speadi_live_heap_finish(live, true);
    cr_expect_not(live->heap.complete);
    cr_expect_eq(live->heap.length, 8u);
}

Test(live_heap, without_a_length_the_furthest_byte_is_the_end)
{
    begin_unsized(8);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    begin_unsized(0);
    cr_expect_eq(add_begun(), SPEAD_RECV_LIVE);
    cr_expect_not(speadi_live_heap_is_complete(live), "more may come");
    speadi_live_heap_finish(live, true);
    cr_expect(live->heap.complete);
    cr_expect_eq(live->heap.length, 16u);
}

Test(live_heap, without_a_length_an_address_past_the_memory_is_refused)
{
    begin_unsized(0);
    test_packet_addressed(&packet, 0x1000, 4097);
    cr_expect_eq(add_begun(), SPEAD_RECV_OVER_CAP_HEAP_SIZE);
    cr_expect_eq(live->heap.pointer_count, 0u);
    cr_expect_eq(live->min_length, 0u);
}

Test(live_heap, another_flavour_is_foreign)
{
    cr_expect_eq(add_data(64, 0, 32), SPEAD_RECV_LIVE);
    test_packet_data(&packet, 48, 1, 64, 32, NULL, 32);
    cr_expect_eq(add(), SPEAD_RECV_FOREIGN_FLAVOUR);
}

/* ---- Ranges -------------------------------------------------------------------------------- */

Test(live_heap, more_ranges_than_are_tracked_are_refused)
{
    for (uint64_t i = 0; i < RANGES_MAX; i++)
        cr_expect_eq(add_data(4096, i * 20, 10), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(4096, 1000, 10), SPEAD_RECV_OVER_CAP_RANGES);
    cr_expect_eq(add_data(4096, 10, 5), SPEAD_RECV_LIVE, "one that joins another needs no room");
    cr_expect_eq(add_data(4096, 15, 5), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(4096, 1000, 10), SPEAD_RECV_LIVE, "and may make some");
}

Test(live_heap, in_order_each_packet_goes_on_where_the_last_ended)
{
    layout.in_order = true;
    cr_expect_eq(add_data(64, 0, 16), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(64, 32, 16), SPEAD_RECV_OUT_OF_ORDER);
    cr_expect_eq(add_data(64, 0, 16), SPEAD_RECV_DUPLICATE);
    cr_expect_eq(add_data(64, 8, 16), SPEAD_RECV_OVERLAP);
    cr_expect_eq(add_data(64, 16, 16), SPEAD_RECV_LIVE);
    cr_expect_eq(live->heap.received, 32u);
}

Test(live_heap, holes_are_zeroed_and_nothing_else)
{
    uint8_t *data;

    cr_expect_eq(add_data(64, 8, 8), SPEAD_RECV_LIVE);
    cr_expect_eq(add_data(64, 32, 8), SPEAD_RECV_LIVE);
    data = live->heap.region->data;
    cr_assert_eq(speadi_block_charge(live->heap.region, 128), 0);
    memset(data, 0xaa, 128);
    speadi_live_heap_finish(live, true);
    cr_assert_eq(speadi_live_heap_zero_holes(live, NULL), 0);
    for (unsigned i = 0; i < 128; i++) {
        bool payload = (i >= 8 && i < 16) || (i >= 32 && i < 40) || i >= 64;

        cr_expect_eq(data[i], payload ? 0xaa : 0, "byte %u", i);
    }
}

/* The place of a packet can be far behind the places of all other packets. The memory in between must then not stay in
 * use. The hole there must not show bytes of an earlier heap. */
Test(live_heap, a_large_hole_is_zero_and_holds_no_memory)
{
    struct speadi_pool_config config = {.block_count = 1, .block_bytes = 8u << 20};
    unsigned char resident;
    uint8_t *data;

    speadi_pool_unref(pool);
    config.meta_bytes = layout.meta_bytes;
    cr_assert_eq(speadi_pool_create(&pool, &config, NULL), 0);
    cr_expect_eq(add_data(8u << 20, (8u << 20) - 64, 64), SPEAD_RECV_LIVE);
    data = live->heap.region->data;
    cr_assert_eq(speadi_block_charge(live->heap.region, 8u << 20), 0);
    memset(data, 0xaa, 8u << 20);
    speadi_live_heap_finish(live, true);
    cr_assert_eq(speadi_live_heap_zero_holes(live, NULL), 0);
    cr_assert_eq(mincore(data + (1u << 20), 4096, &resident), 0);
    cr_expect_eq(resident & 1, 0);
    for (unsigned i = 0; i < (8u << 20) - 64; i++)
        cr_assert_eq(data[i], 0, "byte %u", i);
    cr_expect_eq(data[(8u << 20) - 64], 0xaa);
}
