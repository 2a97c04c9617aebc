/* Remembers how the last heaps of a stream ended.
 *
 * Each substream remembers the counters of its last heaps, so that a late packet does not open its heap again. If the
 * heap of a packet is remembered as complete, the packet is a duplicate. If the heap is remembered as incomplete, the
 * packet is late. If the heap is not remembered, the packet opens a new heap.
 *
 * Counters are only compared for equality, never by order: a sender that restarts and counts from 1 again must be
 * received. For the same reason a heap is forgotten after one second. Only the owner thread calls these functions. */
#ifndef SPEADI_FINISHED_H
#define SPEADI_FINISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "counter_map.h"

#define SPEADI_FINISHED_FORGET_NS 1000000000u

struct speadi_finished_heap {
    uint64_t counter;
    /* The time when the heap ended, by the clock by which heaps age: now() of the engine, or CLOCK_MONOTONIC if the
     * engine has no now(). */
    uint64_t time_ns;
    /* number of its packets that count as missing; each late packet lowers it by 1 */
    uint64_t missing;
    bool complete;
    bool used; /* false if this entry is free */
};

struct speadi_finished {
    /* array [substream_count][per_substream]: one ring of entries for each substream */
    struct speadi_finished_heap *heap;
    /* array [substream_count]: for each ring, the number of the entry that the next heap will use */
    uint32_t *next;
    uint32_t substream_count, per_substream;
    uint32_t count;                /* number of entries in use */
    struct speadi_counter_map map; /* maps a heap counter to an index into `heap` */
};

/* Makes room for the last per_substream heaps of each substream. Returns 0 or -ENOMEM. */
int speadi_finished_init(struct speadi_finished *finished, uint32_t substream_count,
                         uint32_t per_substream);
void speadi_finished_release(struct speadi_finished *finished);

/* Remembers a heap that has ended now. `missing` of its packets count as missing. If the ring of the substream is full,
 * the new entry replaces the oldest one. */
void speadi_finished_add(struct speadi_finished *finished, uint64_t counter, bool complete,
                         uint64_t missing, uint64_t now_ns);

/* Returns the entry of the heap if the heap ended within the last second, else NULL. The entry is valid until the next
 * speadi_finished_add(). */
struct speadi_finished_heap *speadi_finished_find(const struct speadi_finished *finished,
                                                  uint64_t counter, uint64_t now_ns);

/* Says that a late packet of this heap has come. If packets of the heap count as missing, lowers their number by 1 and
 * returns true. Else returns false. */
static inline bool speadi_finished_came_late(struct speadi_finished_heap *heap)
{
    if (heap->missing == 0)
        return false;
    heap->missing--;
    return true;
}

/* Forgets all heaps. The core calls this when a start or stop item says that the sender starts or ends. */
void speadi_finished_forget(struct speadi_finished *finished);

static inline uint64_t speadi_finished_bytes(const struct speadi_finished *finished)
{
    return (uint64_t)finished->substream_count *
               (finished->per_substream * sizeof *finished->heap + sizeof *finished->next) +
           speadi_counter_map_bytes(&finished->map);
}

#endif
