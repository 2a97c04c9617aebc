/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a heap that has ended stays in the list as long as a posted receive points into it. Method: the list is tested
 * alone, with heaps that have no memory. */
#include <criterion/criterion.h>

#include "leaving_heaps.h"

static struct speadi_leaving_heaps leaving;
static struct speadi_live_heap heap[3];

/* Adds all three heaps; one posted receive points into each heap. heap[2] is the newest heap. */
static void add_all(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        speadi_live_heap_reserve(&heap[i], 1, 100);
        speadi_leaving_heaps_add(&leaving, &heap[i], i);
    }
}

Test(leaving_heaps, no_heap_leaves_while_receives_are_posted_into_it)
{
    add_all();
    cr_expect_eq(leaving.count, 3u);
    cr_expect_null(speadi_leaving_heaps_next(&leaving));
    (void)speadi_live_heap_unreserve(&heap[1], 1);
    cr_expect_eq(speadi_leaving_heaps_next(&leaving), &heap[1]);
    cr_expect_eq(heap[1].leaving_cause, 1u);
    cr_expect_null(speadi_leaving_heaps_next(&leaving));
    cr_expect_eq(leaving.count, 2u);
}

Test(leaving_heaps, each_leaves_once_and_the_oldest_first)
{
    add_all();
    for (unsigned i = 0; i < 3; i++)
        (void)speadi_live_heap_unreserve(&heap[i], 1);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(speadi_leaving_heaps_next(&leaving), &heap[i]);
    cr_expect_null(speadi_leaving_heaps_next(&leaving));
    cr_expect_eq(leaving.count, 0u);
}

Test(leaving_heaps, all_can_be_taken_out_at_the_end)
{
    add_all();
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(speadi_leaving_heaps_pop(&leaving), &heap[i]);
    cr_expect_null(speadi_leaving_heaps_pop(&leaving));
    cr_expect_eq(leaving.count, 0u);
}
