/* Goal: the table from heap counters to numbers finds what was put into it. Method: the test inserts and removes random
 * counters of three senders in the table and in a plain array, and compares the two. There are few different counters,
 * so the test inserts and removes each of them many times. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "counter_map.h"

#define CAPACITY 64u
#define COUNTERS 200u
#define SEQUENCE 1024u

Test(counter_map, agrees_with_a_plain_array)
{
    struct speadi_counter_map map;
    uint32_t model[COUNTERS], free[CAPACITY], free_count = CAPACITY;

    cr_assert_eq(speadi_counter_map_init(&map, CAPACITY), 0);
    for (uint32_t i = 0; i < COUNTERS; i++)
        model[i] = SPEADI_COUNTER_NONE;
    for (uint32_t i = 0; i < CAPACITY; i++)
        free[i] = i;
    srand(1);
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t k = (uint32_t)rand() % COUNTERS;
        uint32_t sender = k % 3;
        uint64_t counter = (uint64_t)(k / 3) << 32; /* All counters have the same low bits. */

        if (model[k] != SPEADI_COUNTER_NONE) {
            speadi_counter_map_remove(&map, model[k]);
            free[free_count++] = model[k];
            model[k] = SPEADI_COUNTER_NONE;
        } else if (free_count > 0) {
            model[k] = free[--free_count];
            speadi_counter_map_insert(&map, sender, counter, model[k]);
        }
        for (uint32_t i = 0; i < COUNTERS; i++)
            cr_assert_eq(speadi_counter_map_find(&map, i % 3, (uint64_t)(i / 3) << 32), model[i]);
    }
    speadi_counter_map_release(&map);
}

Test(counter_map, multipliers_are_odd_and_differ)
{
    uint64_t one = speadi_counter_map_multiplier(), other = speadi_counter_map_multiplier();

    cr_expect_eq(one & 1, 1u);
    cr_expect_eq(other & 1, 1u);
    cr_expect_neq(one, other);
}

/* Returns the number of steps to find all counters in their chains. */
static uint32_t steps_to_all(const struct speadi_counter_map *map, uint32_t sender, unsigned shift)
{
    uint32_t steps = 0;

    for (uint64_t i = 0; i < SEQUENCE; i++)
        for (uint32_t at = map->chain[speadi_counter_map_home(map, sender, i << shift)];
             map->node[at].counter != i << shift || map->node[at].sender != sender;
             at = map->node[at].next)
            steps++;
    return steps;
}

Test(counter_map, counters_at_any_constant_distance_are_found_in_a_few_steps)
{
    struct speadi_counter_map map;
    uint32_t steps = 0;

    for (unsigned shift = 0; shift < 54; shift++) {
        cr_assert_eq(speadi_counter_map_init(&map, 2 * SEQUENCE), 0);
        for (uint32_t i = 0; i < SEQUENCE; i++) {
            speadi_counter_map_insert(&map, 0, (uint64_t)i << shift, i);
            speadi_counter_map_insert(&map, 1 + shift, (uint64_t)i << shift, SEQUENCE + i);
        }
        steps += steps_to_all(&map, 0, shift) + steps_to_all(&map, 1 + shift, shift);
        speadi_counter_map_release(&map);
    }
    cr_expect_lt(steps, 54 * 2 * SEQUENCE, "%u steps for %u counters", steps, 54 * 2 * SEQUENCE);
}
