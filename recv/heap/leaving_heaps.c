/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the list of leaving heaps. */
#include "leaving_heaps.h"

void speadi_leaving_heaps_add(struct speadi_leaving_heaps *leaving, struct speadi_live_heap *live,
                              uint32_t cause)
{
    live->leaving_cause = cause;
    live->older = leaving->newest;
    live->newer = NULL;
    if (leaving->newest)
        leaving->newest->newer = live;
    else
        leaving->oldest = live;
    leaving->newest = live;
    leaving->count++;
}

static void take_out(struct speadi_leaving_heaps *leaving, struct speadi_live_heap *live)
{
    if (live->older)
        live->older->newer = live->newer;
    else
        leaving->oldest = live->newer;
    if (live->newer)
        live->newer->older = live->older;
    else
        leaving->newest = live->older;
    leaving->count--;
}

struct speadi_live_heap *speadi_leaving_heaps_next(struct speadi_leaving_heaps *leaving)
{
    struct speadi_live_heap *live = leaving->oldest;

    while (live && live->reservations > 0)
        live = live->newer;
    if (live)
        take_out(leaving, live);
    return live;
}

struct speadi_live_heap *speadi_leaving_heaps_pop(struct speadi_leaving_heaps *leaving)
{
    struct speadi_live_heap *live = leaving->oldest;

    if (live)
        take_out(leaving, live);
    return live;
}
