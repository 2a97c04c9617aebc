/* A region and its pool, for the two files that work on them. */
#ifndef SPEADI_REGION_PARTS_H
#define SPEADI_REGION_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/pool.h>
#include <speadline/region.h>

/* Lives in the meta of its block, so it stays at one place for the life of the pool. */
struct spead_region {
    struct speadi_block *block;
    struct spead_region_pool *pool;
    struct spead_region *next; /* while parked */
    _Atomic uint32_t references;
    /* Claimed by releasers (0 -> event); read and cleared by whoever has the last reference. */
    _Atomic uint64_t event[SPEAD_REGION_EVENTS_MAX];
    struct spead_region_info info;
};

struct spead_region_pool {
    struct speadi_pool *blocks;
    struct spead_region_arena arena; /* kind HOST and no data: memory of the blocks */
    const struct spead_event_ops *event_ops;
    size_t region_bytes, stride_bytes;

    /* The taker's. */
    struct spead_region *parked_first, *parked_last; /* collected, oldest first */
    uint64_t takes, refused;

    /* Everyone's. */
    _Atomic(struct spead_region *) parked; /* pushed singly, taken whole */
    _Atomic uint32_t references;           /* the owner, and each region that is out */
    _Atomic uint32_t parked_count, lost_count;
    _Atomic uint64_t event_waits;
    struct spead_region_pool *next_lost; /* pools that can never end, see region_park.c */
};

/* The taker's: looks after parked regions, oldest first, up to one that is not done. */
void speadi_region_pool_reap_first(struct spead_region_pool *pool);

/* The owner's, at its end: waits for those parked now; later ones are waited for by their releasers. */
void speadi_region_pool_close_parking(struct spead_region_pool *pool);

/* region_park.c: one reference to the pool less. */
void speadi_region_pool_settle(struct spead_region_pool *pool);

#endif
