/* What became of the heaps that were here lately.
 *
 * Each substream remembers the counters of its last heaps exactly, so that a late packet does not open
 * its heap anew: found complete, it is a duplicate; found otherwise, it is late; not found, it opens a
 * new heap. Counters are never compared by order: a sender that restarts at 1 must not be eaten, which
 * is also why everything is forgotten after a second. One thread. */
#ifndef SPEADI_FINISHED_H
#define SPEADI_FINISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "counter_map.h"

#define SPEADI_FINISHED_FORGET_NS 1000000000u

struct speadi_finished_heap {
    uint64_t counter;
    uint64_t time_ns; /* when it ended, CLOCK_MONOTONIC */
    uint64_t missing; /* packets counted as missing from it that have not come late since */
    bool complete;
    bool used;
};

struct speadi_finished {
    struct speadi_finished_heap *heap; /* [substream_count][per_substream], each a ring */
    uint32_t *next;                    /* [substream_count] */
    uint32_t substream_count, per_substream;
    uint32_t count;
    struct speadi_counter_map map; /* counter -> index into heap */
};

/* Returns 0 or -ENOMEM. */
int speadi_finished_init(struct speadi_finished *finished, uint32_t substream_count,
                         uint32_t per_substream);
void speadi_finished_release(struct speadi_finished *finished);

/* Remembers a heap, in place of the oldest one of its substream. */
void speadi_finished_add(struct speadi_finished *finished, uint64_t counter, bool complete,
                         uint64_t missing, uint64_t now_ns);

/* The heap's memory if it ended within the last second, else NULL. Valid until the next add. */
struct speadi_finished_heap *speadi_finished_find(const struct speadi_finished *finished,
                                                  uint64_t counter, uint64_t now_ns);

/* A packet of a heap that ended incomplete has come late. True: it had been counted as missing, and is not any
 * more. */
static inline bool speadi_finished_came_late(struct speadi_finished_heap *heap)
{
    if (heap->missing == 0)
        return false;
    heap->missing--;
    return true;
}

/* Forgets everything: a stream-control item says that the sender starts or ends. */
void speadi_finished_forget(struct speadi_finished *finished);

static inline uint64_t speadi_finished_bytes(const struct speadi_finished *finished)
{
    return (uint64_t)finished->substream_count *
               (finished->per_substream * sizeof *finished->heap + sizeof *finished->next) +
           speadi_counter_map_bytes(&finished->map);
}

#endif
