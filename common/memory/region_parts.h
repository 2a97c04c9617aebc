/* The structs of a region and of its pool, for region*.c. */
#ifndef SPEADI_REGION_PARTS_H
#define SPEADI_REGION_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/pool.h>
#include <speadline/region.h>

/* This struct lies in the metadata of its block, so its address stays the same as long as the pool lives. */
struct spead_region {
    struct speadi_block *block;
    struct spead_region_pool *pool;
    struct spead_region *next; /* next region in the list while this region is parked */
    _Atomic uint32_t references;
    /* Places for events. A thread that releases the region puts its event into a place that holds 0. The thread that
     * drops the last reference reads and clears all places. */
    _Atomic uint64_t event[SPEAD_REGION_EVENTS_MAX];
    struct spead_region_info info;
};

struct spead_region_pool {
    struct speadi_pool *blocks;
    /* If neither data nor device_address is set, the regions lie in the memory of the blocks. */
    struct spead_region_arena arena;
    const struct spead_event_ops *event_ops;
    size_t region_bytes, stride_bytes;

    /* Only the taker uses these: */
    struct spead_region *parked_first, *parked_last; /* collected from `parked`, oldest first */
    uint64_t takes, refused;

    /* Any thread uses these: */
    _Atomic(struct spead_region *) parked; /* pushed one by one; the taker removes the whole list */
    _Atomic uint32_t references; /* one for the owner and one for each region that is out */
    _Atomic uint32_t parked_count, lost_count;
    _Atomic uint64_t event_waits;
    struct spead_region_pool *next_lost; /* in the list of pools that never end (region_park.c) */
};

/* Takes back parked regions whose events are done. It begins with the oldest region and stops at the first one that
 * has an event that is not done. Only the taker may call it. */
void speadi_region_pool_reap_first(struct spead_region_pool *pool);

/* Ends the parking of regions. The owner calls this function when it ends the pool. It blocks until the events of
 * all parked regions are done. A thread that releases a region after that waits itself for the events of its region. */
void speadi_region_pool_close_parking(struct spead_region_pool *pool);

/* Gives back one reference to the pool; the last one ends the pool. */
void speadi_region_pool_drop_reference(struct spead_region_pool *pool);

#endif
