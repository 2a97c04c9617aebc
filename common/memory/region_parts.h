/* SPDX-License-Identifier: Apache-2.0 */
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
    /* The next region in the list of parked regions, if this region is parked. */
    struct spead_region *next;
    _Atomic uint32_t references;
    /* Places for events. A place that holds 0 is free. A thread that releases the region puts its event into a free
     * place. The thread that checks the events after the last reference was dropped clears the places. */
    _Atomic uint64_t event[SPEAD_REGION_EVENTS_MAX];
    struct spead_region_info info;
};

struct spead_region_pool {
    struct speadi_pool *blocks;
    /* The arena in which the regions lie. If neither arena.data nor arena.device_address is set, the pool has no arena,
     * and the regions lie in the memory of the blocks. */
    struct spead_region_arena arena;
    const struct spead_event_ops *event_ops;
    size_t region_bytes, stride_bytes;

    /* Only the taker uses the fields of this group. parked_first begins the list of parked regions that the taker has
     * removed from `parked`; the list begins with the oldest region. */
    struct spead_region *parked_first, *parked_last;
    uint64_t takes, refused;

    /* Any thread may use these fields. `parked` is a list: a thread that parks a region pushes the region, and the
     * taker removes the whole list. */
    _Atomic(struct spead_region *) parked;
    _Atomic uint32_t references; /* one for the owner and one for each region that is out */
    _Atomic uint32_t parked_count, lost_count;
    _Atomic uint64_t event_waits;
    /* The next pool in the list of pools that never end, because they have lost a region (region_park.c). */
    struct spead_region_pool *next_lost;
};

/* Takes back parked regions whose events are done. It begins with the oldest region, and stops at the first region with
 * an event that is not done. Only the taker may call it. */
void speadi_region_pool_reap_first(struct spead_region_pool *pool);

/* Ends the parking of regions. The owner calls this function when it ends the pool. The function blocks until the
 * events of all parked regions are done. A thread that releases a region later waits itself for the events of that
 * region. */
void speadi_region_pool_close_parking(struct spead_region_pool *pool);

/* Drops one reference to the pool. The thread that drops the last reference ends the pool. */
void speadi_region_pool_drop_reference(struct spead_region_pool *pool);

#endif
