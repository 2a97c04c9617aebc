/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the table finds a live heap by its heap counter, and tells which heap a new heap evicts. Method: the heaps have
 * no memory, because only their counters matter here. */
#include <criterion/criterion.h>

#include "heap_table.h"

static struct speadi_heap_table table;
static struct speadi_live_heap heap[16];

static void open_two_substreams_of_three(void)
{
    cr_assert_eq(speadi_heap_table_init(&table, 2, 3), 0);
    for (uint64_t i = 0; i < 16; i++)
        heap[i].heap.counter = i;
}

static void release(void)
{
    speadi_heap_table_release(&table);
}

TestSuite(heap_table, .init = open_two_substreams_of_three, .fini = release);

static uint32_t ring_of(uint64_t counter)
{
    return (uint32_t)counter % 2;
}

/* Returns the slot that a new heap of this counter takes, and moves the ring on. */
static uint32_t claim_slot(uint64_t counter)
{
    uint32_t slot = speadi_heap_table_next_slot(&table, ring_of(counter));

    speadi_heap_table_advance(&table, ring_of(counter));
    return slot;
}

/* Returns the heap that a new heap of this counter would evict, or NULL. */
static struct speadi_live_heap *occupant(uint64_t counter)
{
    return table.slot[speadi_heap_table_next_slot(&table, ring_of(counter))];
}

static void insert(uint64_t counter)
{
    speadi_heap_table_insert(&table, &heap[counter], claim_slot(counter));
}

Test(heap_table, finds_what_is_in_it)
{
    insert(4);
    insert(7);
    cr_expect_eq(speadi_heap_table_find(&table, 0, 4), &heap[4]);
    cr_expect_eq(speadi_heap_table_find(&table, 0, 7), &heap[7]);
    cr_expect_null(speadi_heap_table_find(&table, 0, 2));
    speadi_heap_table_remove(&table, &heap[7]);
    cr_expect_null(speadi_heap_table_find(&table, 0, 7));
    cr_expect_eq(table.count, 1u);
}

Test(heap_table, a_new_heap_meets_the_one_three_earlier_even_if_slots_are_free)
{
    insert(0);
    insert(2);
    insert(4);
    speadi_heap_table_remove(&table, &heap[2]);
    speadi_heap_table_remove(&table, &heap[4]);
    cr_expect_eq(occupant(6), &heap[0]);
}

Test(heap_table, a_heap_that_only_takes_its_turn_moves_the_ring_on)
{
    insert(0);
    claim_slot(2);
    claim_slot(4);
    cr_expect_eq(occupant(6), &heap[0]);
}

Test(heap_table, substreams_do_not_meet)
{
    insert(0);
    for (uint64_t counter = 1; counter < 6; counter += 2)
        insert(counter);
    cr_expect_null(occupant(2));
    cr_expect_eq(occupant(7), &heap[1]);
}

Test(heap_table, heaps_are_listed_in_the_order_of_opening)
{
    uint64_t seen = 0;

    insert(4);
    insert(1);
    insert(2);
    insert(3);
    speadi_heap_table_remove(&table, &heap[1]);
    for (struct speadi_live_heap *live = table.oldest; live != NULL; live = live->newer)
        seen = seen * 10 + live->heap.counter;
    cr_expect_eq(seen, 423u);
    speadi_heap_table_remove(&table, &heap[4]);
    speadi_heap_table_remove(&table, &heap[3]);
    cr_expect_eq(table.oldest, &heap[2]);
    cr_expect_eq(table.newest, &heap[2]);
}

Test(heap_table, equal_counters_of_two_senders_are_two_heaps)
{
    heap[5].heap.counter = 4;
    heap[5].sender = 1;
    insert(4);
    speadi_heap_table_insert(&table, &heap[5], claim_slot(4));
    cr_expect_eq(speadi_heap_table_find(&table, 0, 4), &heap[4]);
    cr_expect_eq(speadi_heap_table_find(&table, 1, 4), &heap[5]);
    cr_expect_null(speadi_heap_table_find(&table, 2, 4));
}
