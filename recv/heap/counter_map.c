/* Implements the hash table of counter_map.h. */
#include "counter_map.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <speadi/clock.h>

uint64_t speadi_counter_map_multiplier(void)
{
    uint64_t random;

    /* Without random numbers the tables still work, but a hostile sender can slow them down. */
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = speadi_clock_mono_ns() * 0x9e3779b97f4a7c15ull;
    return random | 1;
}

int speadi_counter_map_init(struct speadi_counter_map *map, uint32_t capacity)
{
    unsigned bits = 4;

    while ((1ull << bits) < 4ull * capacity)
        bits++;
    map->cell = calloc(1ull << bits, sizeof *map->cell);
    if (!map->cell)
        return -ENOMEM;
    map->multiplier = speadi_counter_map_multiplier();
    map->mask = (uint32_t)((1ull << bits) - 1);
    map->shift = 64 - bits;
    speadi_counter_map_clear(map);
    return 0;
}

void speadi_counter_map_release(struct speadi_counter_map *map)
{
    free(map->cell);
    map->cell = NULL;
}

void speadi_counter_map_clear(struct speadi_counter_map *map)
{
    for (uint32_t i = 0; i <= map->mask; i++)
        map->cell[i].value = SPEADI_COUNTER_NONE;
}

void speadi_counter_map_insert(struct speadi_counter_map *map, uint32_t sender, uint64_t counter,
                               uint32_t value)
{
    uint32_t i = speadi_counter_map_home(map, sender, counter);

    while (map->cell[i].value != SPEADI_COUNTER_NONE)
        i = (i + 1) & map->mask;
    map->cell[i] =
        (struct speadi_counter_cell){.counter = counter, .sender = sender, .value = value};
}

void speadi_counter_map_remove(struct speadi_counter_map *map, uint32_t sender, uint64_t counter)
{
    uint32_t empty = speadi_counter_map_home(map, sender, counter);

    while (map->cell[empty].value == SPEADI_COUNTER_NONE || map->cell[empty].counter != counter ||
           map->cell[empty].sender != sender)
        empty = (empty + 1) & map->mask;

    /* Fill the empty cell with a later entry, so that no search meets an empty cell before it has reached its entry.
     * Only an entry whose search begins at the empty cell or before it may move there. The move makes another cell
     * empty, and the loop goes on with that cell. */
    for (uint32_t i = (empty + 1) & map->mask; map->cell[i].value != SPEADI_COUNTER_NONE;
         i = (i + 1) & map->mask) {
        uint32_t home = speadi_counter_map_home(map, map->cell[i].sender, map->cell[i].counter);

        if (((i - home) & map->mask) >= ((i - empty) & map->mask)) {
            map->cell[empty] = map->cell[i];
            empty = i;
        }
    }
    map->cell[empty].value = SPEADI_COUNTER_NONE;
}
