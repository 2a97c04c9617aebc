/* The live heaps of a stream. The table finds a live heap by its heap counter. Each substream has a limited number of
 * live heaps.
 *
 * Each substream has a ring of slots. A new heap takes the next slot of the ring. If a live heap is still in that slot,
 * the caller must evict that heap, even if other slots are free. So when heap k of a substream opens, the stream no
 * longer waits for heap k - slots_each. A heap that is complete with its first packet uses up a slot too, although it
 * is never put into the slot. Only the owner thread calls these functions. */
#ifndef SPEADI_HEAP_TABLE_H
#define SPEADI_HEAP_TABLE_H

#include <stdint.h>

#include "counter_map.h"
#include "live_heap.h"

struct speadi_heap_table {
    /* array [substream_count][slots_each]; NULL if the slot is free */
    struct speadi_live_heap **slot;
    /* array [substream_count]: for each ring, the number of the slot that the next heap takes */
    uint32_t *head;
    uint32_t substream_count, slots_each;
    uint32_t count; /* number of live heaps */
    /* The heap that was found or inserted last. A search looks here first, because successive packets mostly belong to
     * one heap. It is NULL if there is no such heap, or if it has left the table. */
    struct speadi_live_heap *last;
    struct speadi_live_heap *oldest, *newest; /* first and last heap in the order of opening */
    struct speadi_counter_map map;            /* maps a heap counter to an index into `slot` */
};

/* Makes an empty table with slots_each slots for each substream. Returns 0 or -ENOMEM. */
int speadi_heap_table_init(struct speadi_heap_table *table, uint32_t substream_count,
                           uint32_t slots_each);
void speadi_heap_table_release(struct speadi_heap_table *table);

/* Returns the heap in the slot that a new heap of this counter will take, or NULL if that slot is free. */
struct speadi_live_heap *speadi_heap_table_occupant(const struct speadi_heap_table *table,
                                                    uint64_t counter);

/* Gives the next slot, which must be free, to a heap of this counter, and advances the ring. Returns the index of the
 * slot. */
uint32_t speadi_heap_table_claim_slot(struct speadi_heap_table *table, uint64_t counter);

/* Puts a heap into the slot that speadi_heap_table_claim_slot() returned. The table must not have another heap with the
 * same counter. */
void speadi_heap_table_insert(struct speadi_heap_table *table, struct speadi_live_heap *live,
                              uint32_t slot);

void speadi_heap_table_remove(struct speadi_heap_table *table, struct speadi_live_heap *live);

static inline uint32_t speadi_heap_table_substream(const struct speadi_heap_table *table,
                                                   uint64_t counter)
{
    return table->substream_count == 1 ? 0 : (uint32_t)(counter % table->substream_count);
}

/* Tells whether the heap is in the table. A heap that was complete with its first packet was never in the table. */
static inline bool speadi_heap_table_has(const struct speadi_heap_table *table,
                                         const struct speadi_live_heap *live)
{
    return table->slot[live->slot] == live;
}

/* Returns the live heap of this counter, or NULL. */
static inline struct speadi_live_heap *speadi_heap_table_find(struct speadi_heap_table *table,
                                                              uint64_t counter)
{
    uint32_t slot;

    if (table->last && table->last->heap.counter == counter)
        return table->last;
    slot = speadi_counter_map_find(&table->map, counter);
    if (slot == SPEADI_COUNTER_NONE)
        return NULL;
    table->last = table->slot[slot];
    return table->last;
}

static inline uint64_t speadi_heap_table_bytes(const struct speadi_heap_table *table)
{
    return (uint64_t)table->substream_count *
               (table->slots_each * sizeof *table->slot + sizeof *table->head) +
           speadi_counter_map_bytes(&table->map);
}

#endif
