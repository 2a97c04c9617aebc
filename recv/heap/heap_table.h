/* SPDX-License-Identifier: Apache-2.0 */
/* The live heaps of a stream. A live heap is found by its sender and its counter.
 *
 * Each substream of each endpoint has a ring of slots, and so a limited number of live heaps. A new heap takes the next
 * slot of the ring. If a live heap is still in that slot, the caller evicts it, even if other slots are free: so when
 * heap k comes, the stream no longer waits for heap k - slots_each. A heap that is complete with its first packet uses
 * up a slot too, although it is never put into the slot. Only the owner thread calls these functions. */
#ifndef SPEADI_HEAP_TABLE_H
#define SPEADI_HEAP_TABLE_H

#include <stdint.h>

#include "counter_map.h"
#include "heap_key.h"
#include "live_heap.h"

#define SPEADI_SLOT_NONE  UINT32_MAX
#define SPEADI_LAST_HEAPS 64u

struct speadi_heap_table {
    struct speadi_live_heap **slot; /* [ring_count][slots_each] */
    uint32_t *head;                 /* [ring_count]: number of the next slot of each ring */
    uint32_t ring_count, slots_each;
    uint32_t count;        /* live heaps */
    uint64_t inserted;     /* heaps that were ever put into a slot */
    uint64_t search_steps; /* heaps that searches have passed by */
    /* last[s % SPEADI_LAST_HEAPS] is the heap that was found or inserted last for the sender with the id s. A search
     * looks there first, because successive packets of a sender mostly belong to one heap. The entry is NULL if there
     * is no such heap, or if that heap has left the table. Several senders share an entry, so the entry may hold a heap
     * of another sender. */
    struct speadi_live_heap *last[SPEADI_LAST_HEAPS];
    struct speadi_live_heap *oldest, *newest; /* first and last heap in the order of opening */
    struct speadi_counter_map map;            /* sender and counter -> index into slot */
};

/* Makes an empty table with ring_count rings of slots_each slots. Returns 0 or -ENOMEM. */
int speadi_heap_table_init(struct speadi_heap_table *table, uint32_t ring_count,
                           uint32_t slots_each);
void speadi_heap_table_release(struct speadi_heap_table *table);

/* Returns the index of the slot that the next new heap of this ring will take. */
static inline uint32_t speadi_heap_table_next_slot(const struct speadi_heap_table *table,
                                                   uint32_t ring)
{
    return ring * table->slots_each + table->head[ring];
}

/* Advances the ring: its next new heap will take the slot after the one that speadi_heap_table_next_slot() returned
 * before this call. */
static inline void speadi_heap_table_advance(struct speadi_heap_table *table, uint32_t ring)
{
    if (++table->head[ring] == table->slots_each)
        table->head[ring] = 0;
}

/* Puts a heap into a free slot. No heap of the same sender and counter may be in the table. */
void speadi_heap_table_insert(struct speadi_heap_table *table, struct speadi_live_heap *live,
                              uint32_t slot);

void speadi_heap_table_remove(struct speadi_heap_table *table, struct speadi_live_heap *live);

/* Tells whether the heap is in the table. A heap that was complete with its first packet was never in the table. */
static inline bool speadi_heap_table_has(const struct speadi_heap_table *table,
                                         const struct speadi_live_heap *live)
{
    return live->slot != SPEADI_SLOT_NONE && table->slot[live->slot] == live;
}

/* Returns the entry of `last` that this sender uses. */
static inline struct speadi_live_heap **speadi_heap_table_last(struct speadi_heap_table *table,
                                                               uint32_t sender)
{
    return &table->last[sender % SPEADI_LAST_HEAPS];
}

/* Returns the live heap of this sender and counter, or NULL. */
static inline struct speadi_live_heap *speadi_heap_table_find(struct speadi_heap_table *table,
                                                              uint32_t sender, uint64_t counter)
{
    struct speadi_live_heap **last = speadi_heap_table_last(table, sender);
    uint32_t slot;

    if (table->count == 0)
        return NULL;
    if (*last && (*last)->heap.counter == counter && (*last)->sender == sender)
        return *last;
    slot = speadi_counter_map_search(&table->map, sender, counter, &table->search_steps);
    if (slot == SPEADI_COUNTER_NONE)
        return NULL;
    *last = table->slot[slot];
    return *last;
}

static inline uint64_t speadi_heap_table_bytes(const struct speadi_heap_table *table)
{
    return (uint64_t)table->ring_count *
               (table->slots_each * sizeof *table->slot + sizeof *table->head) +
           speadi_counter_map_bytes(&table->map);
}

#endif
