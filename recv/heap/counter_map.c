/* SPDX-License-Identifier: Apache-2.0 */
/* Implements the hash table of counter_map.h. */
#include "counter_map.h"

#include <errno.h>
#include <stdlib.h>

int speadi_counter_map_init(struct speadi_counter_map *map, uint32_t capacity)
{
    unsigned bits = 4;

    while ((1ull << bits) < 2ull * capacity)
        bits++;
    map->node = calloc(capacity, sizeof *map->node);
    map->chain = malloc(sizeof *map->chain << bits);
    if (!map->node || !map->chain) {
        speadi_counter_map_release(map);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < 1u << bits; i++)
        map->chain[i] = SPEADI_COUNTER_NONE;
    speadi_hash_key_init(&map->key);
    map->shift = 64 - bits;
    map->capacity = capacity;
    return 0;
}

void speadi_counter_map_release(struct speadi_counter_map *map)
{
    free(map->node);
    free(map->chain);
    map->node = NULL;
    map->chain = NULL;
}
