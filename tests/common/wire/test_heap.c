/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the gaps, the references and the properties of a heap match the packets that the heap has got.
 * Method: the tests themselves fill in the fields of heaps, as the receive core does. */
#include <criterion/criterion.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#define BITS 48

static uint8_t payload[256];
static struct speadi_block region = {.data = payload, .bytes = sizeof payload};

/* ---- Gaps ----------------------------------------------------------------------------------- */

static struct spead_heap with_spans(uint64_t length, struct speadi_span *spans, uint32_t count)
{
    struct spead_heap heap = {.length = length, .region = &region, .heap_address_bits = BITS};

    heap.spans = spans;
    heap.span_count = count;
    heap.packet_payload_bytes = 10;
    return heap;
}

static void expect_gap(const struct spead_gap *gap, uint64_t offset, uint64_t bytes,
                       uint32_t packets, enum spead_gap_cause cause)
{
    cr_expect_eq(gap->offset, offset, "offset %lu", gap->offset);
    cr_expect_eq(gap->bytes, bytes, "%lu bytes", gap->bytes);
    cr_expect_eq(gap->packets, packets, "%u packets", gap->packets);
    cr_expect_eq(gap->cause, cause, "cause %u", gap->cause);
}

Test(heap_gaps, complete_heap_has_none)
{
    struct spead_heap heap = {.complete = true, .length = 100, .received = 100, .region = &region};
    struct spead_gap gap;

    cr_expect_eq(spead_heap_gaps(&heap, &gap, 1), 0);
    cr_expect_eq(speadi_heap_missing(&heap).packets, 0);
}

/* The test of incomplete heaps in spead2 uses the same ranges. */
Test(heap_gaps, gaps_are_what_the_received_ranges_leave)
{
    struct speadi_span spans[] = {{5, 12}, {32, 64}};
    struct spead_heap heap = with_spans(96, spans, 2);
    struct spead_gap gaps[3];

    cr_assert_eq(spead_heap_gaps(&heap, gaps, 3), 3);
    expect_gap(&gaps[0], 0, 5, 1, SPEAD_GAP_UNSEEN);
    expect_gap(&gaps[1], 12, 20, 2, SPEAD_GAP_UNSEEN);
    expect_gap(&gaps[2], 64, 32, 4, SPEAD_GAP_UNSEEN);
    cr_expect_eq(speadi_heap_missing(&heap).packets, 7);
}

Test(heap_gaps, ranges_at_both_ends_leave_no_empty_gap)
{
    struct speadi_span spans[] = {{0, 10}, {20, 30}};
    struct spead_heap heap = with_spans(30, spans, 2);
    struct spead_gap gap;

    cr_assert_eq(spead_heap_gaps(&heap, &gap, 1), 1);
    expect_gap(&gap, 10, 10, 1, SPEAD_GAP_UNSEEN);
}

Test(heap_gaps, heap_of_which_nothing_came_is_one_gap)
{
    struct spead_heap heap = with_spans(96, NULL, 0);
    struct spead_gap gap;

    cr_assert_eq(spead_heap_gaps(&heap, &gap, 1), 1);
    expect_gap(&gap, 0, 96, 10, SPEAD_GAP_UNSEEN);
}

Test(heap_gaps, all_are_counted_when_there_is_room_for_few)
{
    struct speadi_span spans[] = {{10, 20}, {30, 40}, {50, 60}};
    struct spead_heap heap = with_spans(70, spans, 3);
    struct spead_gap gaps[2] = {{.offset = 1}, {.offset = 1}};

    cr_expect_eq(spead_heap_gaps(&heap, NULL, 0), 4);
    cr_expect_eq(spead_heap_gaps(&heap, gaps, 1), 4);
    cr_expect_eq(gaps[0].offset, 0);
    cr_expect_eq(gaps[1].offset, 1, "written past max");
}

Test(heap_gaps, number_of_packets_is_unknown_without_their_size)
{
    struct spead_heap heap = with_spans(96, NULL, 0);
    struct spead_gap gap;

    heap.packet_payload_bytes = 0;
    cr_assert_eq(spead_heap_gaps(&heap, &gap, 1), 1);
    expect_gap(&gap, 0, 96, 0, SPEAD_GAP_UNSEEN);
    cr_expect_eq(speadi_heap_missing(&heap).packets, 1, "a gap needs at least one packet");
}

Test(heap_gaps, local_drops_are_evidence)
{
    struct spead_heap heap = with_spans(10, NULL, 0);
    struct spead_gap gap;

    heap.local_drops = true;
    cr_assert_eq(spead_heap_gaps(&heap, &gap, 1), 1);
    expect_gap(&gap, 0, 10, 1, SPEAD_GAP_LOCAL_DROPS);
}

Test(heap_gaps, a_gap_is_split_where_packets_came_and_were_refused)
{
    struct speadi_span spans[] = {{0, 20}, {60, 70}}, refused[] = {{30, 50}, {65, 80}};
    struct spead_heap heap = with_spans(100, spans, 2);
    struct spead_gap gaps[5];

    heap.refused = refused;
    heap.refused_count = 2;
    heap.local_drops = true;
    cr_assert_eq(spead_heap_gaps(&heap, gaps, 5), 5);
    expect_gap(&gaps[0], 20, 10, 1, SPEAD_GAP_LOCAL_DROPS);
    expect_gap(&gaps[1], 30, 20, 2, SPEAD_GAP_REFUSED);
    expect_gap(&gaps[2], 50, 10, 1, SPEAD_GAP_LOCAL_DROPS);
    expect_gap(&gaps[3], 70, 10, 1, SPEAD_GAP_REFUSED);
    expect_gap(&gaps[4], 80, 20, 2, SPEAD_GAP_LOCAL_DROPS);
    cr_expect_eq(speadi_heap_missing(&heap).packets, 4, "what was refused has come");
}

Test(heap_gaps, where_refused_packets_found_no_room_a_gap_is_partly_refused)
{
    struct speadi_span spans[] = {{0, 10}, {20, 30}};
    struct spead_heap heap = with_spans(100, spans, 2);
    struct spead_gap gaps[2];

    heap.refused_unplaced = 3;
    heap.refused_within = (struct speadi_span){40, 90};
    cr_assert_eq(spead_heap_gaps(&heap, gaps, 2), 2);
    expect_gap(&gaps[0], 10, 10, 1, SPEAD_GAP_UNSEEN);
    expect_gap(&gaps[1], 30, 70, 7, SPEAD_GAP_PARTLY_REFUSED);
    cr_expect_eq(speadi_heap_missing(&heap).packets, 5, "8 are not there, 3 of them came");
}

Test(heap_gaps, more_refused_than_missing_is_not_below_zero)
{
    struct spead_heap heap = with_spans(10, NULL, 0);

    heap.refused_unplaced = 5;
    heap.refused_within = (struct speadi_span){0, 10};
    cr_expect_eq(speadi_heap_missing(&heap).packets, 0);
}

Test(heap_gaps, the_lower_bound_counts_the_largest_packets)
{
    struct speadi_span spans[] = {{0, 10}, {50, 60}};
    struct spead_heap heap = with_spans(90, spans, 2);

    heap.packet_payload_max = 40;
    cr_expect_eq(speadi_heap_missing(&heap).least, 7, "sizes are known");
    heap.packets_estimated = true;
    cr_expect_eq(speadi_heap_missing(&heap).packets, 7);
    cr_expect_eq(speadi_heap_missing(&heap).least, 2);
}

Test(heap_gaps, huge_heap_of_tiny_packets_does_not_overflow)
{
    struct spead_heap heap = with_spans((1ull << 56) - 1, NULL, 0);
    struct spead_gap gap;

    heap.packet_payload_bytes = 1;
    cr_assert_eq(spead_heap_gaps(&heap, &gap, 1), 1);
    cr_expect_eq(gap.packets, UINT32_MAX);
    cr_expect_eq(speadi_heap_missing(&heap).packets, (1ull << 56) - 1);
}

/* ---- References and properties -------------------------------------------------------------- */

Test(heap, last_reference_returns_the_memory_to_its_pool)
{
    struct speadi_pool_config config = {
        .block_count = 1, .block_bytes = 4096, .meta_bytes = sizeof(struct spead_heap)};
    struct speadi_pool *pool;
    struct speadi_block *taken;
    struct spead_heap *heap;

    cr_assert_eq(speadi_pool_create(&pool, &config, NULL), 0);
    taken = speadi_pool_take(pool);
    cr_assert_not_null(taken);
    heap = taken->meta;
    heap->region = taken;
    atomic_store(&heap->references, 1);

    cr_expect_eq(spead_heap_ref(heap), heap);
    spead_heap_unref(heap);
    cr_expect_null(speadi_pool_take(pool), "still referenced");
    spead_heap_unref(heap);
    taken = speadi_pool_take(pool);
    cr_assert_not_null(taken);
    speadi_block_release(taken);
    speadi_pool_unref(pool);
    spead_heap_unref(NULL);
}

Test(heap, facts_are_those_of_the_core)
{
    struct spead_heap heap = {
        .complete = true,
        .heap_address_bits = 56,
        .clock = SPEAD_CLOCK_CAPTURE,
        .source = 3,
        .region = &region,
        .counter = 11,
        .length = 12,
        .received = 13,
        .packets = 14,
        .first_ns = 15,
        .last_ns = 16,
        .clock_error_ns = 17,
    };

    cr_expect(spead_heap_is_complete(&heap));
    cr_expect_eq(spead_heap_flavour(&heap).heap_address_bits, 56);
    cr_expect_eq(spead_heap_clock(&heap), SPEAD_CLOCK_CAPTURE);
    cr_expect_eq(spead_heap_source(&heap), 3);
    cr_expect_eq(spead_heap_payload(&heap), payload);
    cr_expect_eq(spead_heap_counter(&heap), 11);
    cr_expect_eq(spead_heap_length(&heap), 12);
    cr_expect_eq(spead_heap_received(&heap), 13);
    cr_expect_eq(spead_heap_packets(&heap), 14);
    cr_expect_eq(spead_heap_first_ns(&heap), 15);
    cr_expect_eq(spead_heap_last_ns(&heap), 16);
    cr_expect_eq(spead_heap_clock_error_ns(&heap), 17);
}

Test(heap, each_clock_has_a_name)
{
    cr_expect_str_eq(spead_clock_name(SPEAD_CLOCK_UTC), "utc");
    cr_expect_str_eq(spead_clock_name(SPEAD_CLOCK_HARDWARE), "hardware");
    cr_expect_str_eq(spead_clock_name(SPEAD_CLOCK_CAPTURE), "capture");
    cr_expect_null(spead_clock_name((enum spead_clock)3));
}
