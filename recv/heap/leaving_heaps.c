/* Keeps the list of leaving heaps. */
#include "leaving_heaps.h"

void speadi_leaving_heaps_add(struct speadi_leaving_heaps *leaving, struct speadi_live_heap *live,
                              uint32_t cause)
{
    live->leaving_cause = cause;
    live->older = leaving->newest;
    leaving->newest = live;
    leaving->count++;
}

struct speadi_live_heap *speadi_leaving_heaps_next(struct speadi_leaving_heaps *leaving)
{
    struct speadi_live_heap **link = &leaving->newest, *live;

    while (*link && (*link)->reservations > 0)
        link = &(*link)->older;
    live = *link;
    if (live) {
        *link = live->older;
        leaving->count--;
    }
    return live;
}

struct speadi_live_heap *speadi_leaving_heaps_pop(struct speadi_leaving_heaps *leaving)
{
    struct speadi_live_heap *live = leaving->newest;

    if (live) {
        leaving->newest = live->older;
        leaving->count--;
    }
    return live;
}
