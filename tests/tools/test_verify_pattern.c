/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: payload is filled and checked by the rule of the verify pattern. Method: the test computes the rule a second
 * time, byte by byte. It also changes single bytes and expects that the check finds them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "made_heap.h"
#include "spead2_pattern.h"
#include "verify_pattern.h"

TestSuite(verify_pattern);

/* The rule of the verify pattern, as the manual page spead-send(1) states it. */
static uint8_t byte_by_the_rule(uint64_t counter, uint64_t offset)
{
    uint64_t x = counter * 0x9e3779b97f4a7c15u + offset / 8 * 0xd6e8feb86659fd93u;

    x ^= x >> 32;
    return (uint8_t)(x >> (8 * (7 - offset % 8)));
}

Test(verify_pattern, every_length_and_counter_follows_the_rule)
{
    const uint64_t counters[] = {0, 1, 2, 0xff, (1ull << 48) - 1};
    uint8_t data[200];

    for (size_t c = 0; c < sizeof counters / sizeof *counters; c++) {
        for (size_t bytes = 0; bytes < 100; bytes++) {
            memset(data, 0xaa, sizeof data);
            verify_pattern_fill(data, bytes, counters[c]);
            for (size_t i = 0; i < bytes; i++)
                cr_assert_eq(data[i], byte_by_the_rule(counters[c], i), "byte %zu of %zu", i,
                             bytes);
            cr_assert_eq(data[bytes], 0xaa, "wrote past the end");
        }
    }
}

Test(verify_pattern, a_known_word_never_changes)
{
    const uint8_t word[8] = {0x75, 0x20, 0x78, 0x71, 0x90, 0x84, 0x01, 0xd9};
    uint8_t data[16];

    verify_pattern_fill(data, 16, 1);
    cr_expect_arr_eq(data + 8, word, 8);
}

Test(verify_pattern, any_piece_of_a_payload_can_be_checked)
{
    uint8_t data[300];

    verify_pattern_fill(data, sizeof data, 9);
    for (size_t from = 0; from < 20; from++)
        for (size_t bytes = 0; bytes < 40; bytes++)
            cr_assert_eq(verify_pattern_bad_bytes(data + from, from, bytes, 9), 0, "%zu+%zu", from,
                         bytes);
}

Test(verify_pattern, each_wrong_byte_counts_once)
{
    const size_t bytes = 100003;
    uint8_t *data = malloc(bytes);

    verify_pattern_fill(data, bytes, 3);
    data[0] ^= 1;
    data[4095] ^= 0x80;
    data[4096] ^= 0x10;
    data[bytes - 1] ^= 1;
    cr_expect_eq(verify_pattern_bad_bytes(data, 0, bytes, 3), 4);
    free(data);
}

Test(verify_pattern, payload_of_another_heap_or_place_is_wrong)
{
    uint8_t data[1024];

    verify_pattern_fill(data, sizeof data, 5);
    cr_expect_gt(verify_pattern_bad_bytes(data, 0, sizeof data, 6), sizeof data / 2);
    cr_expect_gt(verify_pattern_bad_bytes(data, 8, sizeof data, 5), sizeof data / 2);
    cr_expect_gt(verify_pattern_bad_bytes(data, 1408, sizeof data, 5), sizeof data / 2);
    cr_expect_gt(verify_pattern_bad_bytes(data, 1, sizeof data, 5), sizeof data / 2);
}

Test(verify_pattern, holes_of_a_heap_must_be_zero_and_the_rest_right)
{
    struct speadi_pool *pool = made_heap_pool(1, 1 << 16);
    struct speadi_span spans[] = {{1408, 4000}, {5001, 9000}};
    struct spead_heap *heap = made_heap(pool, 11, 20000, spans, 2);
    uint8_t *data = heap->region->data;
    enum verify_rule rule = VERIFY_SPEADLINE;
    struct spead_gap gaps[8];

    cr_expect_eq(verify_pattern_heap(heap, gaps, 8, &rule), 0);
    data[0] = 1;
    data[4500] = 1;
    data[19999] = 1;
    cr_expect_eq(verify_pattern_heap(heap, gaps, 8, &rule), 3, "bytes in holes");
    data[1408] ^= 1;
    data[8999] ^= 1;
    cr_expect_eq(verify_pattern_heap(heap, gaps, 8, &rule), 5, "bytes that arrived");
    spead_heap_unref(heap);
    speadi_pool_unref(pool);
}

Test(verify_pattern, a_whole_heap_is_checked_to_its_end)
{
    struct speadi_pool *pool = made_heap_pool(1, 1 << 16);
    struct spead_heap *heap = made_heap(pool, 11, 20001, NULL, 0);
    enum verify_rule rule = VERIFY_SPEADLINE;
    struct spead_gap gaps[1];

    cr_expect_eq(verify_pattern_heap(heap, gaps, 1, &rule), 0);
    heap->region->data[20000] ^= 4;
    cr_expect_eq(verify_pattern_heap(heap, gaps, 1, &rule), 1);
    spead_heap_unref(heap);
    speadi_pool_unref(pool);
}

/* The numbers are those of a heap that spead2_send 4.5.1 has sent. */
Test(verify_pattern, the_pattern_of_spead2_has_the_numbers_that_spead2_sent)
{
    /* the first elements of a heap of 24 elements with the counter 1, and its last one; then the counter 2 */
    static const uint8_t first[] = {0x00, 0x00, 0xbc, 0x8f, 0x0a, 0xe2, 0x57, 0xe2};
    uint8_t one[96], two[96];

    spead2_pattern_fill(one, sizeof one, 1);
    spead2_pattern_fill(two, sizeof two, 2);
    cr_expect_arr_eq(one, first, sizeof first);
    cr_expect_arr_eq(two, ((const uint8_t[]){0x73, 0x65, 0x79, 0xb9}), 4);
    cr_expect_eq(spead2_pattern_bad_bytes(one, 0, 96, 96, 1), 0);
    cr_expect_gt(spead2_pattern_bad_bytes(one, 0, 96, 96, 2), 48);
}

Test(verify_pattern, any_piece_of_a_heap_of_spead2_can_be_checked)
{
    const uint64_t counters[] = {0, 1, 2, 77, (UINT64_C(1) << 48) - 1};
    uint8_t data[400];

    for (size_t c = 0; c < sizeof counters / sizeof *counters; c++) {
        spead2_pattern_fill(data, sizeof data, counters[c]);
        for (size_t from = 0; from < 20; from++)
            for (size_t bytes = 0; bytes < 40; bytes++)
                cr_assert_eq(
                    spead2_pattern_bad_bytes(data + from, from, bytes, sizeof data, counters[c]), 0,
                    "%zu+%zu", from, bytes);
        data[333] ^= 4;
        cr_expect_eq(spead2_pattern_bad_bytes(data, 0, sizeof data, sizeof data, counters[c]), 1);
    }
}

Test(verify_pattern, a_heap_of_either_sender_is_recognised)
{
    struct speadi_pool *pool = made_heap_pool(2, 1 << 16);
    struct speadi_span spans[] = {{0, 1408}, {5001, 20000}};
    struct spead_heap *theirs = made_heap(pool, 11, 20000, NULL, 0);
    struct spead_heap *ours = made_heap(pool, 12, 20000, spans, 2);
    enum verify_rule rule = VERIFY_SPEADLINE;
    struct spead_gap gaps[8];

    spead2_pattern_fill(theirs->region->data, 20000, 11);
    cr_expect_eq(verify_pattern_heap(theirs, gaps, 8, &rule), 0);
    cr_expect_eq(rule, VERIFY_SPEAD2);
    cr_expect_eq(verify_pattern_heap(ours, gaps, 8, &rule), 0);
    cr_expect_eq(rule, VERIFY_SPEADLINE);
    rule = VERIFY_SPEAD2;
    theirs->region->data[7] ^= 1;
    theirs->region->data[19999] ^= 1;
    cr_expect_eq(verify_pattern_heap(theirs, gaps, 8, &rule), 2);
    cr_expect_eq(rule, VERIFY_SPEAD2, "a wrong heap changes nothing");
    rule = VERIFY_SPEADLINE;
    cr_expect_eq(verify_pattern_heap(theirs, gaps, 8, &rule), 2,
                 "the rule that fits better counts");
    spead_heap_unref(theirs);
    spead_heap_unref(ours);
    speadi_pool_unref(pool);
}

/* Otherwise a heap could be made such that none of its bytes are checked. */
Test(verify_pattern, a_heap_of_descriptors_alone_is_wrong)
{
    struct speadi_pool *pool = made_heap_pool(1, 1 << 16);
    struct spead_heap *heap = made_heap(pool, 1, 1000, NULL, 0);
    uint64_t pointer = (uint64_t)SPEAD_ID_DESCRIPTOR << heap->heap_address_bits;
    enum verify_rule rule = VERIFY_SPEADLINE;
    struct spead_gap gaps[1];
    struct spead_item item;

    heap->pointers = &pointer;
    heap->pointer_count = 1;
    speadi_heap_sort_items(heap);
    cr_assert_eq(spead_heap_item(heap, 0, &item), 0);
    cr_assert_eq(item.bytes, 1000);
    memset(heap->region->data, 0x55, 1000);
    cr_expect_gt(verify_pattern_heap(heap, gaps, 1, &rule), 900);
    spead_heap_unref(heap);
    speadi_pool_unref(pool);
}
