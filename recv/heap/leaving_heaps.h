/* SPDX-License-Identifier: Apache-2.0 */
/* The list of leaving heaps. A leaving heap has ended while receives were still posted into it, and there was no memory
 * with which it could exchange its own. It leaves the core when the last of these receives has ended.
 *
 * Only the owner thread calls these functions. A stream has few leaving heaps at a time: see targets_max in
 * placement.h. */
#ifndef SPEADI_LEAVING_HEAPS_H
#define SPEADI_LEAVING_HEAPS_H

#include "live_heap.h"

struct speadi_leaving_heaps {
    /* The first and the last heap of the list, or NULL if the list is empty. `newer` of each heap points to the next
     * one. */
    struct speadi_live_heap *oldest, *newest;
    uint32_t count;
};

/* Adds a heap, which must not be in a list. Stores `cause`, the reason why the heap ended, in live->leaving_cause. */
void speadi_leaving_heaps_add(struct speadi_leaving_heaps *leaving, struct speadi_live_heap *live,
                              uint32_t cause);

/* Removes and returns the oldest heap into which no receive is posted any more, or NULL if there is none. */
struct speadi_live_heap *speadi_leaving_heaps_next(struct speadi_leaving_heaps *leaving);

/* Removes and returns the oldest heap, even if receives are still posted into this heap. Returns NULL if the list is
 * empty. */
struct speadi_live_heap *speadi_leaving_heaps_pop(struct speadi_leaving_heaps *leaving);

#endif
