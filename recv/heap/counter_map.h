/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table that maps heaps to small numbers. A heap is named by the id of its sender and by its counter. The table
 * has a fixed size. Heaps with the same hash form a chain.
 *
 * The counters come from the network, and the senders choose them. So the hash has a random key (keyed_hash.h).
 * Whatever counters come, a heap shares its chain with less than 1 other heap on average, and a chain of 20 heaps is
 * unlikely (one of 10^18 searches). A table is used by one thread. The data path may call all functions except init()
 * and release(). */
#ifndef SPEADI_COUNTER_MAP_H
#define SPEADI_COUNTER_MAP_H

#include <stdint.h>

#include <speadi/keyed_hash.h>

#define SPEADI_COUNTER_NONE UINT32_MAX

struct speadi_counter_node {
    uint64_t counter;
    uint32_t sender;
    uint32_t next;  /* the next value of the chain; SPEADI_COUNTER_NONE ends it */
    uint32_t chain; /* the number of the chain, so that remove() needs no hash */
};

struct speadi_counter_map {
    struct speadi_counter_node *node; /* array [capacity]: the heap of each value */
    uint32_t *chain;                  /* the first value of each chain */
    struct speadi_hash_key key;
    unsigned shift; /* there are 2^(64 - shift) chains */
    uint32_t capacity;
};

/* Makes an empty table for the values 0 to capacity - 1; capacity may be 1 to 2^24. Returns 0 or -ENOMEM. */
int speadi_counter_map_init(struct speadi_counter_map *map, uint32_t capacity);
void speadi_counter_map_release(struct speadi_counter_map *map);

/* Returns the number of the chain to which a heap belongs. */
static inline uint32_t speadi_counter_map_home(const struct speadi_counter_map *map,
                                               uint32_t sender, uint64_t counter)
{
    return (uint32_t)(speadi_keyed_hash(&map->key, counter, sender) >> map->shift);
}

/* Gives this value to a heap. The value must not be in the table. If the heap has several values, a search finds the
 * one that was inserted last. */
static inline void speadi_counter_map_insert(struct speadi_counter_map *map, uint32_t sender,
                                             uint64_t counter, uint32_t value)
{
    uint32_t chain = speadi_counter_map_home(map, sender, counter);

    map->node[value] = (struct speadi_counter_node){
        .counter = counter, .sender = sender, .next = map->chain[chain], .chain = chain};
    map->chain[chain] = value;
}

/* Removes the heap that has this value. There must be one. */
static inline void speadi_counter_map_remove(struct speadi_counter_map *map, uint32_t value)
{
    const struct speadi_counter_node *node = &map->node[value];
    uint32_t *link = &map->chain[node->chain];

    while (*link != value)
        link = &map->node[*link].next;
    *link = node->next;
}

/* Returns the value of the heap, or SPEADI_COUNTER_NONE if the heap is not in the table. Adds the number of other heaps
 * that the search has passed by to *passed. */
static inline uint32_t speadi_counter_map_search(const struct speadi_counter_map *map,
                                                 uint32_t sender, uint64_t counter,
                                                 uint64_t *passed)
{
    uint32_t value = map->chain[speadi_counter_map_home(map, sender, counter)];

    while (value != SPEADI_COUNTER_NONE &&
           (map->node[value].counter != counter || map->node[value].sender != sender)) {
        value = map->node[value].next;
        ++*passed;
    }
    return value;
}

/* Does what speadi_counter_map_search() does, and counts nothing. */
static inline uint32_t speadi_counter_map_find(const struct speadi_counter_map *map,
                                               uint32_t sender, uint64_t counter)
{
    uint64_t passed = 0;

    return speadi_counter_map_search(map, sender, counter, &passed);
}

static inline uint64_t speadi_counter_map_bytes(const struct speadi_counter_map *map)
{
    return (1ull << (64 - map->shift)) * sizeof *map->chain +
           (uint64_t)map->capacity * sizeof *map->node;
}

#endif
