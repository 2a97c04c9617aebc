/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: payload is filled and checked by the rule of the verify pattern. Method: the test computes the rule a second
 * time, byte by byte. It also changes single bytes and expects that the check finds them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "made_heap.h"
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
    struct spead_gap gaps[8];

    cr_expect_eq(verify_pattern_heap(heap, gaps, 8), 0);
    data[0] = 1;
    data[4500] = 1;
    data[19999] = 1;
    cr_expect_eq(verify_pattern_heap(heap, gaps, 8), 3, "bytes in holes");
    data[1408] ^= 1;
    data[8999] ^= 1;
    cr_expect_eq(verify_pattern_heap(heap, gaps, 8), 5, "bytes that arrived");
    spead_heap_unref(heap);
    speadi_pool_unref(pool);
}

Test(verify_pattern, a_whole_heap_is_checked_to_its_end)
{
    struct speadi_pool *pool = made_heap_pool(1, 1 << 16);
    struct spead_heap *heap = made_heap(pool, 11, 20001, NULL, 0);
    struct spead_gap gaps[1];

    cr_expect_eq(verify_pattern_heap(heap, gaps, 1), 0);
    heap->region->data[20000] ^= 4;
    cr_expect_eq(verify_pattern_heap(heap, gaps, 1), 1);
    spead_heap_unref(heap);
    speadi_pool_unref(pool);
}
