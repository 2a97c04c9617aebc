/* Heaps that have ended while receives were still posted into them: they leave when the last of those is over.
 *
 * Owner thread. A stream has few of them at once: see leaving_max in recv_stream.h. */
#ifndef SPEADI_LEAVING_HEAPS_H
#define SPEADI_LEAVING_HEAPS_H

#include "live_heap.h"

struct speadi_leaving_heaps {
    struct speadi_live_heap *newest; /* by older; NULL: there is none */
    uint32_t count;
};

/* The heap, which is in no list, waits. cause comes back with it. */
void speadi_leaving_heaps_add(struct speadi_leaving_heaps *leaving, struct speadi_live_heap *live,
                              uint32_t cause);

/* Takes out the first heap, from the newest on, that no receive is posted into; NULL: there is none. */
struct speadi_live_heap *speadi_leaving_heaps_next(struct speadi_leaving_heaps *leaving);

/* Takes out any heap; NULL: there is none. */
struct speadi_live_heap *speadi_leaving_heaps_pop(struct speadi_leaving_heaps *leaving);

#endif
