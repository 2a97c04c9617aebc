/* SPDX-License-Identifier: Apache-2.0 */
/* Makes heaps without a stream (made_heap.h), and tests that these heaps are right. A heap lies in the meta memory of
 * its block. This file fills the heap as the receive core does. */
#include "made_heap.h"

#include <criterion/criterion.h>
#include <string.h>

#include "verify_pattern.h"

#define SPANS_MAX 8u

struct made {
    struct spead_heap heap;
    struct speadi_span spans[SPANS_MAX];
};

struct speadi_pool *made_heap_pool(uint32_t count, size_t bytes)
{
    struct speadi_pool_config config = {
        .block_count = count, .block_bytes = bytes, .meta_bytes = sizeof(struct made)};
    struct speadi_pool *pool;

    cr_assert_eq(speadi_pool_create(&pool, &config, NULL), 0);
    return pool;
}

struct spead_heap *made_heap(struct speadi_pool *pool, uint64_t counter, size_t bytes,
                             const struct speadi_span *spans, uint32_t span_count)
{
    struct speadi_block *region = speadi_pool_take(pool);
    struct speadi_span whole = {0, bytes};
    struct made *made;
    struct spead_heap *heap;
    uint64_t at = 0;

    cr_assert_not_null(region);
    cr_assert_eq(speadi_block_charge(region, bytes), 0);
    made = region->meta;
    heap = &made->heap;
    memset(made, 0, sizeof *made);
    heap->region = region;
    heap->references = 1;
    heap->counter = counter;
    heap->length = bytes;
    heap->has_length = true;
    heap->heap_address_bits = 40;
    heap->first_ns = 1000000007;
    heap->last_ns = 1000000009;
    heap->complete = span_count == 0;
    heap->spans = made->spans;
    heap->span_count = span_count == 0 ? 1 : span_count;
    memcpy(made->spans, span_count == 0 ? &whole : spans, heap->span_count * sizeof *spans);
    verify_pattern_fill(region->data, bytes, counter);
    for (uint32_t i = 0; i < heap->span_count; i++) {
        memset(region->data + at, 0, made->spans[i].start - at);
        at = made->spans[i].end;
        heap->received += made->spans[i].end - made->spans[i].start;
    }
    memset(region->data + at, 0, bytes - at);
    return heap;
}

Test(made_heap, says_what_it_lacks)
{
    struct speadi_pool *pool = made_heap_pool(1, 4096);
    struct speadi_span spans[] = {{100, 200}, {300, 1000}};
    struct spead_heap *heap = made_heap(pool, 7, 1000, spans, 2);
    struct spead_gap gaps[4];

    cr_expect_not(spead_heap_is_complete(heap));
    cr_expect_eq(spead_heap_received(heap), 800);
    cr_assert_eq(spead_heap_gaps(heap, gaps, 4), 2);
    cr_expect_eq(gaps[0].offset, 0);
    cr_expect_eq(gaps[0].bytes, 100);
    cr_expect_eq(gaps[1].offset, 200);
    cr_expect_eq(gaps[1].bytes, 100);
    spead_heap_unref(heap);
    speadi_pool_unref(pool);
}
