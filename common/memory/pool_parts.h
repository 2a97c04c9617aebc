/* The structs of a pool, for its two files: pool.c (making, taking, releasing) and pool_charge.c (the account of
 * touched bytes). */
#ifndef SPEADI_POOL_PARTS_H
#define SPEADI_POOL_PARTS_H

#include <speadi/cache_line.h>
#include <speadi/pool.h>

#include <stdalign.h>
#include <stdatomic.h>

#include "pages.h"

struct speadi_pool_slot {
    alignas(
        SPEADI_CACHE_LINE) struct speadi_block block; /* first, so that a block casts to its slot */
    struct speadi_pool_slot *warmer, *colder;         /* neighbours in the free list */
    size_t populated_bytes;                           /* populated ahead of use; <= charged_bytes */
    size_t huge_bytes; /* first bytes that may use huge pages; <= charged_bytes */
};

struct speadi_pool {
    struct speadi_pages memory, table; /* table: the slots, then the metadata of the blocks */
    struct spead_region_info all;      /* the memory of the pool or of the arena */
    bool fixed; /* the memory is pinned or an arena: charged whole, never trimmed */
    void (*ended)(void *arg);
    void *ended_arg;
    struct speadi_pool_slot *slots;
    uint8_t *metas;
    uint32_t block_count;
    size_t block_bytes, block_stride, meta_stride, page_bytes, table_bytes;
    uint64_t charge_max;

    /* Only the taker uses these: */
    struct speadi_pool_slot *warmest, *coldest;
    uint32_t free_count;
    uint64_t charged, charged_high_water;
    uint64_t free_charged; /* charge of the free blocks; trimming could give it back */

    /* Any thread uses these: */
    alignas(SPEADI_CACHE_LINE) _Atomic(struct speadi_block *) returned;
    atomic_int_fast64_t outstanding; /* used only after unref(): see pool.c */
};

static inline struct speadi_pool_slot *speadi_pool_slot_of(struct speadi_block *block)
{
    return (struct speadi_pool_slot *)block;
}

/* Moves the blocks on the list `returned` to the free list (pool.c). */
void speadi_pool_take_returned(struct speadi_pool *pool);

static inline void speadi_pool_collect(struct speadi_pool *pool)
{
    /* relaxed: this load only decides whether to do the exchange. A block that it does not see is found by the next
     * call. */
    if (atomic_load_explicit(&pool->returned, memory_order_relaxed))
        speadi_pool_take_returned(pool);
}

#endif
