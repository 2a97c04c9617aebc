/* Heap counters to small numbers: open addressing with linear probing, of fixed size.
 *
 * Counters come from the network: the multiplier is random, so that nobody can choose counters that
 * collide. At most a quarter of the cells are ever in use. One thread. */
#ifndef SPEADI_COUNTER_MAP_H
#define SPEADI_COUNTER_MAP_H

#include <stdint.h>

#define SPEADI_COUNTER_NONE UINT32_MAX

struct speadi_counter_cell {
    uint64_t counter;
    uint32_t value; /* SPEADI_COUNTER_NONE: empty */
};

struct speadi_counter_map {
    struct speadi_counter_cell *cell;
    uint64_t multiplier; /* random, odd */
    uint32_t mask;
    unsigned shift;
};

/* A random odd number: multiply, and keep the high bits. */
uint64_t speadi_counter_map_multiplier(void);

/* Room for capacity counters (1 .. 2^24). Returns 0 or -ENOMEM. */
int speadi_counter_map_init(struct speadi_counter_map *map, uint32_t capacity);
void speadi_counter_map_release(struct speadi_counter_map *map);

/* Adds a counter that is not there. */
void speadi_counter_map_insert(struct speadi_counter_map *map, uint64_t counter, uint32_t value);

/* Takes a counter that is there out again. */
void speadi_counter_map_remove(struct speadi_counter_map *map, uint64_t counter);

void speadi_counter_map_clear(struct speadi_counter_map *map);

static inline uint32_t speadi_counter_map_home(const struct speadi_counter_map *map,
                                               uint64_t counter)
{
    return (uint32_t)((counter * map->multiplier) >> map->shift);
}

/* The counter's value, or SPEADI_COUNTER_NONE. */
static inline uint32_t speadi_counter_map_find(const struct speadi_counter_map *map,
                                               uint64_t counter)
{
    uint32_t i = speadi_counter_map_home(map, counter);

    while (map->cell[i].value != SPEADI_COUNTER_NONE && map->cell[i].counter != counter)
        i = (i + 1) & map->mask;
    return map->cell[i].value;
}

static inline uint64_t speadi_counter_map_bytes(const struct speadi_counter_map *map)
{
    return (map->mask + 1ull) * sizeof *map->cell;
}

#endif
