/* What a pool of blocks consists of, for its parts: pool.c (making, taking, releasing) and pool_charge.c (the
 * account of touched bytes). */
#ifndef SPEADI_POOL_PARTS_H
#define SPEADI_POOL_PARTS_H

#include <speadi/cache_line.h>
#include <speadi/pool.h>

#include <stdalign.h>
#include <stdatomic.h>

#include "pages.h"

struct speadi_pool_slot {
    alignas(SPEADI_CACHE_LINE) struct speadi_block block; /* first: a block is its slot */
    struct speadi_pool_slot *warmer, *colder;             /* while free */
    size_t populated_bytes;                               /* faulted in ahead; <= charged_bytes */
    size_t huge_bytes; /* prefix that may use huge pages; <= charged_bytes */
};

struct speadi_pool {
    struct speadi_pages memory, table; /* table: slots, then metas */
    struct spead_region_info all;      /* the memory, ours or an arena's */
    bool fixed;                        /* pinned or an arena's: charged whole */
    void (*ended)(void *arg);
    void *ended_arg;
    struct speadi_pool_slot *slots;
    uint8_t *metas;
    uint32_t block_count;
    size_t block_bytes, block_stride, meta_stride, page_bytes, table_bytes;
    uint64_t charge_max;

    /* The taker's. */
    struct speadi_pool_slot *warmest, *coldest;
    uint32_t free_count;
    uint64_t charged, charged_high_water;
    uint64_t free_charged; /* what trimming the free blocks would yield */

    /* Everyone's. */
    alignas(SPEADI_CACHE_LINE) _Atomic(struct speadi_block *) returned;
    atomic_int_fast64_t outstanding; /* only once closed, see the top */
};

static inline struct speadi_pool_slot *speadi_pool_slot_of(struct speadi_block *block)
{
    return (struct speadi_pool_slot *)block;
}

/* pool.c: puts the blocks that other threads have returned into the free list. */
void speadi_pool_take_returned(struct speadi_pool *pool);

static inline void speadi_pool_collect(struct speadi_pool *pool)
{
    /* relaxed: only asks whether the exchange is worth it; a return seen late is seen next time */
    if (atomic_load_explicit(&pool->returned, memory_order_relaxed))
        speadi_pool_take_returned(pool);
}

#endif
