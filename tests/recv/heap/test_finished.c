/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the stream remembers for a second that a heap has ended, and how it has ended. Method: time is an argument of
 * the functions, so the test lets time pass without waiting. */
#include <criterion/criterion.h>

#include <speadline/item.h>

#include "finished.h"
#include "packet_builder.h"

#define SECOND SPEADI_FINISHED_FORGET_NS

static struct speadi_finished finished;
static struct speadi_sender sender, other;

static void open_two_rings_of_three(void)
{
    sender = (struct speadi_sender){.id = 7};
    other = (struct speadi_sender){.id = 8};
    cr_assert_eq(speadi_finished_init(&finished, 2, 3), 0);
}

static void release(void)
{
    speadi_finished_release(&finished);
}

TestSuite(finished, .init = open_two_rings_of_three, .fini = release);

/* A heap of `who` with this counter ends. Odd counters belong to ring 1. */
static struct speadi_finished_heap *end_heap_of(struct speadi_sender *who, uint64_t counter,
                                                uint64_t now_ns)
{
    const struct speadi_heap_key key = {
        .counter = counter, .sender = who->id, .ring = (uint32_t)counter % 2};
    struct speadi_finished_heap *heap = speadi_finished_add(&finished, &key, who, now_ns);

    heap->complete = true;
    heap->heap_address_bits = 40;
    return heap;
}

static struct speadi_finished_heap *end_heap(uint64_t counter, uint64_t now_ns)
{
    return end_heap_of(&sender, counter, now_ns);
}

static bool knows(uint64_t counter, uint64_t now_ns)
{
    return speadi_finished_find(&finished, &sender, counter, now_ns) != NULL;
}

Test(finished, tells_complete_from_incomplete)
{
    struct speadi_finished_heap *incomplete;

    end_heap(2, 10);
    incomplete = end_heap(4, 10);
    incomplete->complete = false;
    incomplete->gaps.packets = 7;
    cr_expect(speadi_finished_find(&finished, &sender, 2, 11)->complete);
    cr_expect_not(speadi_finished_find(&finished, &sender, 4, 11)->complete);
    cr_expect_eq(speadi_finished_find(&finished, &sender, 4, 11)->gaps.packets, 7u);
    cr_expect_not(knows(6, 11));
}

Test(finished, each_ring_remembers_its_last_heaps)
{
    for (uint64_t counter = 0; counter <= 8; counter += 2)
        end_heap(counter, 0);
    end_heap(1, 0);
    cr_expect_not(knows(0, 0));
    cr_expect_not(knows(2, 0));
    cr_expect(knows(4, 0) && knows(6, 0) && knows(8, 0));
    cr_expect(knows(1, 0), "the heaps of the other ring must not push it out");
}

Test(finished, a_counter_of_one_sender_says_nothing_about_another_sender)
{
    end_heap(2, 0);
    cr_expect(knows(2, 0));
    cr_expect_null(speadi_finished_find(&finished, &other, 2, 0));
    end_heap_of(&other, 2, 0);
    speadi_finished_forget(&sender);
    cr_expect_not(knows(2, 0));
    cr_expect_not_null(speadi_finished_find(&finished, &other, 2, 0));
}

Test(finished, forgets_after_a_second)
{
    end_heap(1, 5);
    cr_expect(knows(1, 5 + SECOND));
    cr_expect_not(knows(1, 6 + SECOND));
}

Test(finished, a_counter_that_ends_again_is_remembered_anew)
{
    end_heap(1, 0);
    end_heap(1, 2 * SECOND)->complete = false;
    cr_expect_not(speadi_finished_find(&finished, &sender, 1, 2 * SECOND)->complete);
    /* Heap 1 has ended twice, so it has two entries. The heaps 3, 5 and 7 must get the places of both entries. */
    for (uint64_t counter = 3; counter <= 7; counter += 2)
        end_heap(counter, 2 * SECOND);
    cr_expect_not(knows(1, 2 * SECOND));
    cr_expect(knows(3, 2 * SECOND) && knows(5, 2 * SECOND) && knows(7, 2 * SECOND));
}

Test(finished, forgets_all_heaps_of_a_sender_when_told)
{
    for (uint64_t counter = 0; counter < 6; counter++)
        end_heap(counter, 0);
    speadi_finished_forget(&sender);
    for (uint64_t counter = 0; counter < 6; counter++)
        cr_expect_not(knows(counter, 0));
    end_heap(3, 0);
    cr_expect(knows(3, 0));
}

Test(finished, a_flavour_with_few_counters_is_forgotten_after_half_of_them)
{
    speadi_finished_release(&finished);
    cr_assert_eq(speadi_finished_init(&finished, 2, 300), 0);
    for (uint64_t counter = 0; counter < 129; counter++)
        end_heap(counter, 0)->heap_address_bits = 8;
    cr_expect_not(knows(0, 0), "128 further heaps have ended: the sender may use counter 0 again");
    cr_expect(knows(1, 0));
}

/* Ends heap 2, which has a length of 64 and the immediate item 0x1600 with the value 5. */
static struct speadi_finished_heap *end_heap_with_item(void)
{
    uint64_t pointers[] = {speadi_pointer_immediate(40, 0x1600, 5)};
    const struct spead_heap heap = {.heap_address_bits = 40,
                                    .has_length = true,
                                    .length = 64,
                                    .item_count = 1,
                                    .pointers = pointers};
    struct speadi_finished_heap *entry = end_heap(2, 0);

    speadi_finished_describe(entry, &heap);
    return entry;
}

/* Returns what speadi_finished_contradicts() says of a packet of 8 bytes with this heap length and item value. */
static bool is_contradicted_by(unsigned bits, uint64_t length, uint64_t value)
{
    struct test_packet packet;
    struct speadi_packet decoded;

    test_packet_begin(&packet, bits);
    test_packet_immediate(&packet, SPEAD_ID_HEAP_COUNTER, 2);
    test_packet_immediate(&packet, SPEAD_ID_HEAP_LENGTH, length);
    test_packet_immediate(&packet, SPEAD_ID_PAYLOAD_OFFSET, 0);
    test_packet_immediate(&packet, SPEAD_ID_PAYLOAD_LENGTH, 8);
    test_packet_immediate(&packet, 0x1600, value);
    test_packet_payload(&packet, "12345678", 8);
    cr_assert_eq(speadi_packet_decode(&decoded, packet.bytes, (uint32_t)packet.length,
                                      (uint32_t)packet.length),
                 0);
    return speadi_finished_contradicts(end_heap_with_item(), &decoded);
}

Test(finished, a_packet_with_another_length_item_or_flavour_contradicts_the_heap)
{
    cr_expect_not(is_contradicted_by(40, 64, 5));
    cr_expect(is_contradicted_by(40, 65, 5));
    cr_expect(is_contradicted_by(40, 64, 6));
    cr_expect(is_contradicted_by(48, 64, 5));
}
