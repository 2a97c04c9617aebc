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
    /* `block` must be the first field, because the code casts a pointer to a block to a pointer to its slot. */
    alignas(SPEADI_CACHE_LINE) struct speadi_block block;
    struct speadi_pool_slot *warmer, *colder; /* the neighbours of this slot in the free list */
    /* How many bytes from the start of the block are populated. At most block.charged_bytes. */
    size_t populated_bytes;
    /* How many bytes from the start of the block may use huge pages. At most block.charged_bytes. */
    size_t huge_bytes;
};

struct speadi_pool {
    /* `memory` holds the blocks, or nothing if the pool divides an arena. `table` holds the slots, and behind them the
     * metadata of the blocks. */
    struct speadi_pages memory, table;
    struct spead_region_info all; /* describes the memory of the pool or of its arena */
    /* True if the memory is pinned or an arena. Then all of it is charged from the start, and it is never trimmed. */
    bool fixed;
    void (*ended)(void *arg);
    void *ended_arg;
    struct speadi_pool_slot *slots;
    uint8_t *metas;
    uint32_t block_count;
    size_t block_bytes, block_stride, meta_stride, page_bytes, table_bytes;
    uint64_t charge_max;

    /* Only the taker uses the fields of this group. */
    struct speadi_pool_slot *warmest, *coldest;
    uint32_t free_count;
    uint64_t charged, charged_high_water;
    uint64_t free_charged; /* how many of the charged bytes belong to free blocks */

    /* Any thread may use these two fields. `returned` is the list of blocks that were released, the newest first. */
    alignas(SPEADI_CACHE_LINE) _Atomic(struct speadi_block *) returned;
    atomic_int_fast64_t outstanding; /* used only after speadi_pool_unref(): see pool.c */
};

static inline struct speadi_pool_slot *speadi_pool_slot_of(struct speadi_block *block)
{
    return (struct speadi_pool_slot *)block;
}

/* Moves the blocks on the list `returned` to the free list (pool.c). */
void speadi_pool_take_returned(struct speadi_pool *pool);

static inline void speadi_pool_collect(struct speadi_pool *pool)
{
    /* relaxed: this load only decides whether to do the exchange. If it misses a block, the next call finds that
     * block. */
    if (atomic_load_explicit(&pool->returned, memory_order_relaxed))
        speadi_pool_take_returned(pool);
}

#endif
