/* Goal: the table from heap counters to numbers finds what was put into it. Method: the test inserts and removes random
 * counters in the table and in a plain array, and compares the two. There are few different counters, so the test
 * inserts and removes each of them many times. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "counter_map.h"

#define CAPACITY 64u
#define COUNTERS 200u

Test(counter_map, agrees_with_a_plain_array)
{
    struct speadi_counter_map map;
    uint32_t model[COUNTERS], used = 0;

    cr_assert_eq(speadi_counter_map_init(&map, CAPACITY), 0);
    for (uint32_t i = 0; i < COUNTERS; i++)
        model[i] = SPEADI_COUNTER_NONE;
    srand(1);
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t k = (uint32_t)rand() % COUNTERS;
        uint64_t counter = (uint64_t)k << 32; /* All counters have the same low bits. */

        if (model[k] != SPEADI_COUNTER_NONE) {
            speadi_counter_map_remove(&map, counter);
            model[k] = SPEADI_COUNTER_NONE;
            used--;
        } else if (used < CAPACITY) {
            speadi_counter_map_insert(&map, counter, round);
            model[k] = round;
            used++;
        }
        for (uint32_t i = 0; i < COUNTERS; i++)
            cr_assert_eq(speadi_counter_map_find(&map, (uint64_t)i << 32), model[i]);
    }
    speadi_counter_map_clear(&map);
    for (uint32_t i = 0; i < COUNTERS; i++)
        cr_assert_eq(speadi_counter_map_find(&map, (uint64_t)i << 32), SPEADI_COUNTER_NONE);
    speadi_counter_map_release(&map);
}

Test(counter_map, multipliers_are_odd_and_differ)
{
    uint64_t one = speadi_counter_map_multiplier(), other = speadi_counter_map_multiplier();

    cr_expect_eq(one & 1, 1u);
    cr_expect_eq(other & 1, 1u);
    cr_expect_neq(one, other);
}
