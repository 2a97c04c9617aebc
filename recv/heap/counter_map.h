/* A hash table that maps heaps to small numbers. A heap is named by the id of its sender and by its counter. The table
 * has a fixed size, open addressing and linear probing.
 *
 * The counters come from the network. So the hash has a random multiplier and mixes all bits of the counter, and a
 * sender cannot choose counters that collide. At most a quarter of the cells are in use. A table is used by one thread.
 * The data path may call all functions except init() and release(). */
#ifndef SPEADI_COUNTER_MAP_H
#define SPEADI_COUNTER_MAP_H

#include <stdint.h>

#define SPEADI_COUNTER_NONE UINT32_MAX

struct speadi_counter_cell {
    uint64_t counter;
    uint32_t sender;
    uint32_t value; /* SPEADI_COUNTER_NONE if the cell is empty */
};

struct speadi_counter_map {
    struct speadi_counter_cell *cell;
    uint64_t multiplier; /* a random odd number */
    uint32_t mask;
    unsigned shift;
};

/* Returns a random odd number. To hash a counter, a table multiplies it by this number and takes the high bits. */
uint64_t speadi_counter_map_multiplier(void);

/* Makes an empty table for up to `capacity` counters (1 to 2^24). Returns 0 or -ENOMEM. */
int speadi_counter_map_init(struct speadi_counter_map *map, uint32_t capacity);
void speadi_counter_map_release(struct speadi_counter_map *map);

/* Adds a heap, which must not be in the table. */
void speadi_counter_map_insert(struct speadi_counter_map *map, uint32_t sender, uint64_t counter,
                               uint32_t value);

/* Removes a heap, which must be in the table. */
void speadi_counter_map_remove(struct speadi_counter_map *map, uint32_t sender, uint64_t counter);

void speadi_counter_map_clear(struct speadi_counter_map *map);

/* Returns the index of the cell where the search for a heap begins. With fewer steps than these, counters at certain
 * distances would fall into neighbouring cells. The first constant and the shifts are those of the mixing function of
 * MurmurHash3. */
static inline uint32_t speadi_counter_map_home(const struct speadi_counter_map *map,
                                               uint32_t sender, uint64_t counter)
{
    uint64_t hash = counter ^ map->multiplier ^ (uint64_t)sender << 32;

    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 33) * map->multiplier;
    return (uint32_t)(hash >> map->shift);
}

/* Returns the value of the heap, or SPEADI_COUNTER_NONE if the heap is not in the table. */
static inline uint32_t speadi_counter_map_find(const struct speadi_counter_map *map,
                                               uint32_t sender, uint64_t counter)
{
    uint32_t i = speadi_counter_map_home(map, sender, counter);

    while (map->cell[i].value != SPEADI_COUNTER_NONE &&
           (map->cell[i].counter != counter || map->cell[i].sender != sender))
        i = (i + 1) & map->mask;
    return map->cell[i].value;
}

static inline uint64_t speadi_counter_map_bytes(const struct speadi_counter_map *map)
{
    return (map->mask + 1ull) * sizeof *map->cell;
}

#endif
