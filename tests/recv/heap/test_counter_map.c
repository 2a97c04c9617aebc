/* SPDX-License-Identifier: Apache-2.0 */
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

/* ---- Counters that a hostile sender chooses ------------------------------------------------------ */

#define HEAPS 4096u

/* The name of heap number i of a set. */
struct heap_name {
    uint32_t sender;
    uint64_t counter;
};

typedef struct heap_name name_fn(uint32_t i, unsigned shift);

/* Inserts HEAPS heaps, searches each of them, and counts the heaps that a search looks at. If the hash were a random
 * number, a search would look at 1.25 heaps on average. Only one of 10^18 searches would look at more than 20 heaps. */
static void expect_few_probes(name_fn *name, unsigned shift, const char *what)
{
    struct speadi_counter_map map;
    uint64_t probes = 0;
    uint32_t longest = 0;

    cr_assert_eq(speadi_counter_map_init(&map, HEAPS), 0);
    for (uint32_t i = 0; i < HEAPS; i++) {
        struct heap_name heap = name(i, shift);

        speadi_counter_map_insert(&map, heap.sender, heap.counter, i);
    }
    for (uint32_t i = 0; i < HEAPS; i++) {
        struct heap_name heap = name(i, shift);
        uint32_t search = 1;
        uint32_t at = map.chain[speadi_counter_map_home(&map, heap.sender, heap.counter)];

        for (; at != i && map.node[at].next != SPEADI_COUNTER_NONE; at = map.node[at].next)
            search++;
        probes += search;
        longest = search > longest ? search : longest;
    }
    cr_expect_leq(longest, 20u, "%s, %u: a search of %u heaps", what, shift, longest);
    cr_expect_leq(probes, 2 * HEAPS, "%s, %u: %lu steps for %u heaps", what, shift, probes, HEAPS);
    speadi_counter_map_release(&map);
}

static struct heap_name multiple(uint32_t i, unsigned shift)
{
    return (struct heap_name){0, (uint64_t)i << shift};
}

/* The distance of the counters is a power of two plus 1. Counters that are times have such odd distances. */
static struct heap_name odd_multiple(uint32_t i, unsigned shift)
{
    return (struct heap_name){0, i * ((1ull << shift) + 1)};
}

/* Senders have small numbers that anybody can guess. If the hash first combined sender and counter by exclusive or, all
 * these heaps would have one hash with `shift` 0, whatever the key. */
static struct heap_name cancels_the_sender(uint32_t i, unsigned shift)
{
    return (struct heap_name){i, 0x1234 ^ (uint64_t)i << shift};
}

static struct heap_name cancels_a_sum(uint32_t i, unsigned shift)
{
    return (struct heap_name){i, 0x123456789 - ((uint64_t)i << shift)};
}

/* Returns the counter that the mixing function of MurmurHash3, without a key, turns into `mixed`. */
static uint64_t unmixed(uint64_t mixed)
{
    mixed ^= mixed >> 33;
    mixed *= 0x9cb4b2f8129337dbull;
    mixed ^= mixed >> 33;
    mixed *= 0x4f74430c22a54005ull;
    return mixed ^ mixed >> 33;
}

/* Without a key all these counters would begin their search in one cell, or in neighbours. */
static struct heap_name collides_without_a_key(uint32_t i, unsigned shift)
{
    return (struct heap_name){0, unmixed((uint64_t)i << shift)};
}

static struct heap_name one_bit_or_two(uint32_t i, unsigned shift)
{
    return (struct heap_name){i / 4096,
                              1ull << (i % 64) ^ 1ull << (i / 64 % 64) ^ (uint64_t)i << shift};
}

Test(counter_map, counters_that_a_sender_chooses_are_found_in_a_few_steps)
{
    for (unsigned round = 0; round < 20; round++) /* each table has another key */
        for (unsigned shift = 0; shift < 48; shift += 4) {
            expect_few_probes(multiple, shift, "multiples of a power of two");
            expect_few_probes(odd_multiple, shift, "odd distances");
            expect_few_probes(cancels_the_sender, shift, "counters that cancel their sender");
            expect_few_probes(cancels_a_sum, shift, "counters that cancel their sender");
            expect_few_probes(collides_without_a_key, shift, "counters for a hash without a key");
            expect_few_probes(one_bit_or_two, shift, "single bits");
        }
}

Test(counter_map, a_search_counts_the_heaps_that_it_passes_by)
{
    struct speadi_counter_map map;
    uint64_t passed = 0, steps = 0;

    cr_assert_eq(speadi_counter_map_init(&map, SEQUENCE), 0);
    for (uint32_t i = 0; i < SEQUENCE; i++)
        speadi_counter_map_insert(&map, 1, i, i);
    for (uint32_t i = 0; i < SEQUENCE; i++)
        cr_assert_eq(speadi_counter_map_search(&map, 1, i, &passed), i);
    steps = steps_to_all(&map, 1, 0);
    cr_expect_eq(passed, steps);
    cr_expect_gt(passed, 0u, "%u heaps in a table with few places must share some", SEQUENCE);
    speadi_counter_map_release(&map);
}
