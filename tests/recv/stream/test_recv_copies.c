/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: docs/promises.md says what the bucket `duplicate` can hide, and which restarts within the quiet time a stream
 * does not notice. The stream hides nothing else and misses no other restart. Method: a scripted engine lends two heaps
 * or two runs of equal counters. */
#include <criterion/criterion.h>

#include <string.h>

#include "recv_rig.h"

static struct recv_rig rig;

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_copies, .init = make_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

/* Queues a packet of heap 1, which has `length` bytes. It has `items` immediate items; the last one has the value
 * `last`, and the others have the value 0. Each byte of its payload is `fill`. */
static void piece(uint64_t length, uint64_t offset, size_t bytes, unsigned items, uint64_t last,
                  uint8_t fill)
{
    uint8_t payload[64];

    memset(payload, fill, sizeof payload);
    test_packet_specials(&rig.packet, 40, 1, length, offset, bytes);
    for (unsigned i = 0; i < items; i++)
        test_packet_immediate(&rig.packet, 0x1600 + i, i + 1 == items ? last : 0);
    test_packet_payload(&rig.packet, payload, bytes);
    recv_rig_push(&rig);
}

/* Sends a heap of one packet, and then a second heap with the same counter. The last item of the second heap has
 * another value. */
static void repeat_with_items(unsigned items)
{
    recv_rig_open(&rig);
    piece(16, 0, 16, items, 1, 0xaa);
    piece(16, 0, 16, items, 2, 0xbb);
    recv_rig_run(&rig);
}

Test(recv_copies, another_payload_alone_is_not_noticed)
{
    recv_rig_open(&rig);
    piece(16, 0, 16, 1, 1, 0xaa);
    piece(16, 0, 16, 1, 1, 0xbb);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 1, duplicate 1");
}

Test(recv_copies, of_a_heap_that_has_ended_four_items_are_remembered)
{
    repeat_with_items(4);
    EXPECT_BUCKETS("delivered 1, repeated-counter 1");
    recv_rig_close(&rig);
    make_rig();
    repeat_with_items(5);
    EXPECT_BUCKETS("delivered 1, duplicate 1");
}

/* Sends the first half of a heap, and a second half in which the last item has another value. */
static void continue_with_items(unsigned items)
{
    recv_rig_open(&rig);
    piece(32, 0, 16, items, 1, 0xaa);
    piece(32, 16, 16, items, 2, 0xbb);
    recv_rig_run(&rig);
}

Test(recv_copies, sixteen_item_pointers_of_the_first_packet_are_compared)
{
    continue_with_items(16);
    EXPECT_BUCKETS("evicted 1, repeated-counter 1");
    recv_rig_close(&rig);
    make_rig();
    continue_with_items(17);
    EXPECT_BUCKETS("delivered 2");
}

Test(recv_copies, a_copy_of_a_range_of_a_live_heap_is_a_duplicate_whatever_its_bytes_are)
{
    recv_rig_open(&rig);
    piece(32, 0, 16, 1, 1, 0xaa);
    piece(32, 0, 16, 1, 1, 0xbb);
    piece(32, 16, 16, 1, 1, 0xaa);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 2, duplicate 1");
}

/* The sender dies after the first half of a heap and starts anew at once, with `bytes` bytes in each packet. */
static void restart_at_once(size_t bytes)
{
    recv_rig_open(&rig);
    piece(64, 0, 32, 0, 0, 0xaa);
    for (uint64_t offset = 0; offset < 64; offset += bytes)
        piece(64, offset, bytes, 0, 0, 0xbb);
    recv_rig_run(&rig);
}

Test(recv_copies, a_quick_restart_with_the_same_boundaries_is_not_noticed)
{
    struct spead_heap *heap;

    restart_at_once(32);
    EXPECT_BUCKETS("delivered 2, duplicate 1");
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_payload(heap)[0], 0xaa);
    cr_expect_eq(spead_heap_payload(heap)[63], 0xbb);
    spead_heap_unref(heap);
}

Test(recv_copies, a_quick_restart_with_other_boundaries_is_noticed)
{
    restart_at_once(64);
    EXPECT_BUCKETS("overlap 1, evicted 1");
}
