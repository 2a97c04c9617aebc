/* Goal: the table from heap counters to numbers finds what was put into it. Method: the test inserts and removes random
 * counters of three senders in the table and in a plain array, and compares the two. There are few different counters,
 * so the test inserts and removes each of them many times. */
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
        uint32_t sender = k % 3;
        uint64_t counter = (uint64_t)(k / 3) << 32; /* All counters have the same low bits. */

        if (model[k] != SPEADI_COUNTER_NONE) {
            speadi_counter_map_remove(&map, sender, counter);
            model[k] = SPEADI_COUNTER_NONE;
            used--;
        } else if (used < CAPACITY) {
            speadi_counter_map_insert(&map, sender, counter, round);
            model[k] = round;
            used++;
        }
        for (uint32_t i = 0; i < COUNTERS; i++)
            cr_assert_eq(speadi_counter_map_find(&map, i % 3, (uint64_t)(i / 3) << 32), model[i]);
    }
    speadi_counter_map_clear(&map);
    for (uint32_t i = 0; i < COUNTERS; i++)
        cr_assert_eq(speadi_counter_map_find(&map, i % 3, (uint64_t)(i / 3) << 32),
                     SPEADI_COUNTER_NONE);
    speadi_counter_map_release(&map);
}

Test(counter_map, multipliers_are_odd_and_differ)
{
    uint64_t one = speadi_counter_map_multiplier(), other = speadi_counter_map_multiplier();

    cr_expect_eq(one & 1, 1u);
    cr_expect_eq(other & 1, 1u);
    cr_expect_neq(one, other);
}

Test(counter_map, counters_at_any_constant_distance_are_found_in_a_few_steps)
{
    struct speadi_counter_map map;

    cr_assert_eq(speadi_counter_map_init(&map, 1024), 0);
    for (unsigned shift = 0; shift < 54; shift++) {
        uint32_t steps = 0;

        for (uint64_t i = 0; i < 1024; i++) {
            uint32_t at = speadi_counter_map_home(&map, 0, i << shift);

            for (; map.cell[at].value != SPEADI_COUNTER_NONE; at = (at + 1) & map.mask)
                steps++;
            speadi_counter_map_insert(&map, 0, i << shift, 1);
        }
        cr_expect_lt(steps, 2048u, "distance 2^%u: %u steps", shift, steps);
        speadi_counter_map_clear(&map);
    }
    speadi_counter_map_release(&map);
}
