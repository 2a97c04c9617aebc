/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the memory of packet sizes judges by most packets of recent heaps of the same length, and says when its
 * judgment is an estimate. Method: the tests count packets by hand, as the receive core does it. */
#include <criterion/criterion.h>

#include "packet_sizes.h"

static struct speadi_size_memory memory;
static struct speadi_packet_sizes sizes;
static struct spead_heap heap;

static void begin(uint64_t length, uint32_t first)
{
    sizes = (struct speadi_packet_sizes){0};
    heap = (struct spead_heap){.length = length, .received = length, .has_length = true};
    if (first > 0)
        speadi_packet_sizes_count_edge(&sizes, first, true);
}

static void learn(uint64_t length, uint32_t first, uint32_t middle, uint32_t packets)
{
    begin(length, first);
    if (packets > 0)
        speadi_packet_sizes_count(&sizes, middle, packets);
    speadi_size_memory_learn(&memory, &heap, &sizes);
}

static void expect_judged(uint64_t length, uint64_t bytes, bool estimated)
{
    begin(length, 0);
    speadi_size_memory_judge(&memory, &heap, &sizes);
    cr_expect_eq(heap.packet_payload_bytes, bytes, "%lu", heap.packet_payload_bytes);
    cr_expect_eq(heap.packets_estimated, estimated);
}

static void forget(void)
{
    memory = (struct speadi_size_memory){0};
}

TestSuite(packet_sizes, .init = forget);

Test(packet_sizes, nothing_is_known_at_first)
{
    expect_judged(100, 0, true);
}

Test(packet_sizes, each_length_has_its_own_size)
{
    learn(1000, 100, 100, 9);
    learn(600, 60, 60, 9);
    expect_judged(1000, 100, false);
    expect_judged(600, 60, false);
    expect_judged(700, 60, true); /* the size of the last heap is only a guess */
}

Test(packet_sizes, most_packets_of_a_heap_decide)
{
    begin(1000, 10);
    for (unsigned i = 0; i < 30; i++)
        speadi_packet_sizes_count(&sizes, i % 3 == 0 ? 70 + i : 20, 1);
    speadi_size_memory_learn(&memory, &heap, &sizes);
    expect_judged(1000, 20, true);
}

Test(packet_sizes, one_odd_heap_does_not_change_the_size_but_makes_it_an_estimate)
{
    for (unsigned i = 0; i < 5; i++)
        learn(1000, 100, 100, 9);
    learn(1000, 100, 50, 18);
    expect_judged(1000, 100, true);
    for (unsigned i = 0; i < SPEADI_SIZES_VARIED; i++)
        learn(1000, 100, 100, 9);
    expect_judged(1000, 100, false);
}

Test(packet_sizes, a_new_size_replaces_the_old_one_after_a_few_heaps)
{
    for (unsigned i = 0; i < 100; i++)
        learn(1000, 100, 100, 9);
    for (unsigned i = 0; i < SPEADI_SIZE_VOTES_MAX; i++)
        learn(1000, 50, 50, 19);
    expect_judged(1000, 50, true);
}

Test(packet_sizes, heaps_of_one_packet_say_nothing_of_longer_ones)
{
    speadi_size_memory_single(&memory, 80);
    expect_judged(200, 80, true);
    learn(200, 40, 40, 4);
    expect_judged(200, 40, false);
}

Test(packet_sizes, many_lengths_push_out_the_oldest)
{
    for (uint64_t i = 0; i <= SPEADI_SIZE_MEMORY; i++)
        learn(1000 + i, 100, 100 + (uint32_t)i, 9);
    expect_judged(1000, 100 + SPEADI_SIZE_MEMORY, true);
    for (uint64_t i = 1; i <= SPEADI_SIZE_MEMORY; i++)
        expect_judged(1000 + i, 100 + i, false);
}

/* ---- Cache lines --------------------------------------------------------------------------- */

static uint64_t unaligned(uint64_t *bytes)
{
    *bytes = 0;
    return speadi_packet_sizes_unaligned(&sizes, heap.length, 64, bytes);
}

Test(packet_sizes, packets_that_fill_lines_are_aligned_whatever_the_last_one_has)
{
    uint64_t bytes;

    begin(1000, 128);
    speadi_packet_sizes_count(&sizes, 128, 6);
    speadi_packet_sizes_count_edge(&sizes, 104, false);
    cr_expect_eq(unaligned(&bytes), 0u);
    begin(100, 100);
    cr_expect_eq(unaligned(&bytes), 0u, "a heap of one packet");
}

Test(packet_sizes, packets_that_end_or_begin_within_a_line_are_counted)
{
    uint64_t bytes;

    begin(1000, 100);
    speadi_packet_sizes_count(&sizes, 100, 8);
    speadi_packet_sizes_count_edge(&sizes, 100, false);
    cr_expect_eq(unaligned(&bytes), 9u);
    cr_expect_eq(bytes, 100u);
    begin(1000, 40);
    speadi_packet_sizes_count(&sizes, 128, 7);
    cr_expect_eq(unaligned(&bytes), 8u, "the first packet shifts all others");
    cr_expect_eq(bytes, 40u);
    begin(1000, 0);
    speadi_packet_sizes_count(&sizes, 128, 3);
    speadi_packet_sizes_count(&sizes, 90, 2);
    cr_expect_eq(unaligned(&bytes), 2u, "the first packet was lost");
    cr_expect_eq(bytes, 90u);
}
