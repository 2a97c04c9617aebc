/* SPDX-License-Identifier: Apache-2.0 */
/* The structs of a pool, for its files:
 *
 *   pool.c             makes and releases pools
 *   pool_free.c        the free blocks, and taking one
 *   pool_returned.c    moves released blocks to the free blocks
 *   pool_aside.c       the blocks that are set aside, and those that are lent
 *   pool_charge.c      the account of touched bytes
 *   pool_shares.c      how much each user may charge
 *   pool_populator.c   the thread that populates blocks
 *   pool_ahead.c       chooses the blocks for that thread */
#ifndef SPEADI_POOL_PARTS_H
#define SPEADI_POOL_PARTS_H

#include <speadi/cache_line.h>
#include <speadi/pool.h>

#include <stdalign.h>
#include <stdatomic.h>

#include "pages.h"

/* Blocks of a size class that share pages. */
struct speadi_pool_slab {
    uint32_t out;     /* how many blocks of the slab are out; while this is not 0, it is charged */
    uint32_t charged; /* 1: the pages of the slab are charged and may be touched */
};

struct speadi_pool_slot {
    /* `block` must be the first field, because the code casts a pointer to a block to a pointer to its slot. */
    alignas(SPEADI_CACHE_LINE) struct speadi_block block;
    struct speadi_pool_slot *warmer, *colder; /* the neighbours of this slot in the free list */
    struct speadi_pool_set *set;
    uint32_t user; /* 1 + the number of the user for whom the block was taken; 0: nobody */
    /* NULL if the block has pages of its own, or the memory is fixed */
    struct speadi_pool_slab *slab;
    /* How many bytes from the start of the block are populated. At most block.charged_bytes. */
    size_t populated_bytes;
    /* is_populating is true while the populator works on the block. The populator must be halted before the block
     * is trimmed. After this work, populating_bytes bytes from the start of the block are populated. */
    bool is_populating;
    size_t populating_bytes;
    /* How many bytes from the start of the block may use huge pages. At most block.charged_bytes. */
    size_t huge_bytes;
};

/* The blocks of one size class: block_count blocks for take(), and behind them aside_count blocks that are set aside.
 * Blocks from number `fresh` on were never taken. Neither the slots nor the metadata of these blocks were ever touched.
 * All other free blocks are in the list. */
struct speadi_pool_set {
    struct speadi_pool_slot *slots;
    struct speadi_pool_slab *slabs; /* NULL if each block has pages of its own */
    uint8_t *metas;
    uint64_t offset; /* where the first block begins in the memory of the pool */
    size_t block_bytes, block_stride, meta_stride;
    uint32_t block_count, aside_count,
        slab_blocks; /* slab_blocks is the number of blocks in a slab */

    /* Only the taker uses the fields of this group. */
    uint32_t fresh, free_count; /* free_count counts the blocks that were never taken, too */
    struct speadi_pool_slot *warmest, *coldest;
    /* The blocks that are set aside and not in use: the list `aside` (linked by `colder`), and those that were never
     * used, from number aside_fresh on. */
    struct speadi_pool_slot *aside;
    uint32_t aside_fresh;
    uint32_t lent_count; /* blocks that are lent: they are neither free nor out */
};

/* How the limit of a pool is shared between its users (pool_shares.c). Only the taker uses it. */
struct speadi_pool_shares {
    uint64_t *used; /* for each user: charged bytes of its blocks, without slabs; NULL: no shares */
    uint64_t share_bytes; /* what is kept for each user */
    uint64_t kept;        /* sum of the free parts of all shares */
    uint64_t used_by_all; /* sum of `used` */
    uint64_t slabs_bytes; /* what is kept for slabs */
};

struct speadi_pool {
    /* `memory` holds the blocks, or nothing if the pool divides an arena. `table` holds the slots, slabs and metadata
     * of all classes. */
    struct speadi_pages memory, table;
    struct spead_region_info all; /* describes the memory of the pool or of its arena */
    /* True if the memory is pinned or an arena. Then all of it is charged from the start, and it is never trimmed. */
    bool fixed;
    void (*ended)(void *arg);
    void *ended_arg;
    struct speadi_pool_set set[SPEADI_POOL_CLASSES_MAX];
    uint32_t set_count;
    uint32_t block_count; /* blocks of all classes, without those that are set aside */
    uint32_t free_min;    /* take() leaves so many blocks free, of all classes together */
    uint64_t blocks_end;  /* offset at which the last block ends */
    size_t page_bytes, table_bytes;
    uint64_t charge_max;
    struct speadi_pool_populator *populator; /* NULL if no thread populates blocks ahead */

    /* Only the taker uses the fields of this group. */
    uint32_t free_count; /* free blocks of all classes */
    uint64_t charged, charged_high_water;
    /* how many of the charged bytes belong to free blocks with pages of their own, and to blocks that are set aside and
     * not in use */
    uint64_t free_charged;
    /* how many of the charged bytes belong to slabs of which a block is out, and to all other slabs */
    uint64_t slabs_used, slabs_free;
    struct speadi_pool_shares shares;

    /* Any thread may use these two fields. `returned` is the list of blocks that were released, the newest first. */
    alignas(SPEADI_CACHE_LINE) _Atomic(struct speadi_block *) returned;
    atomic_int_fast64_t outstanding; /* used only after speadi_pool_unref(): see pool.c */
};

static inline struct speadi_pool_slot *speadi_pool_slot_of(struct speadi_block *block)
{
    return (struct speadi_pool_slot *)block;
}

/* Fills in the slot of a block that was never used (pool_free.c). */
struct speadi_pool_slot *speadi_pool_first_use(struct speadi_pool *pool, uint32_t size_class,
                                               uint32_t index);

/* Puts a block into the free list of its class (pool_returned.c). */
void speadi_pool_put_free(struct speadi_pool *pool, struct speadi_pool_slot *slot);

/* Puts a list of returned blocks into the free lists. The list begins with the newest block (pool_returned.c). */
void speadi_pool_put_returned(struct speadi_pool *pool, struct speadi_block *newest);

/* Moves the blocks on the list `returned` to the free lists (pool_returned.c). */
void speadi_pool_take_returned(struct speadi_pool *pool);

/* Puts a block that was never taken at the cold end of the free list. Returns NULL if there is none (pool_free.c). */
struct speadi_pool_slot *speadi_pool_free_fresh(struct speadi_pool *pool, uint32_t size_class);

/* Tells whether the first `bytes` bytes of the block can be charged so that, without trimming, there is room below the
 * limit to charge one more block in the same way (pool_charge.c). */
bool speadi_pool_has_spare(const struct speadi_pool_slot *slot, size_t bytes);

/* Charges the first `bytes` bytes of a free block. The function trims no other block. It leaves room below the limit to
 * charge one more block in the same way. Returns false if there is no room (pool_charge.c). */
bool speadi_pool_charge_free(struct speadi_pool_slot *slot, size_t bytes);

/* Makes the shares of the users. slabs_bytes is the size of all slabs. Returns 0 or -ENOMEM (pool_shares.c). */
int speadi_pool_make_shares(struct speadi_pool *pool, uint32_t users, uint64_t share_bytes,
                            uint64_t slabs_bytes);

/* The first block of the slab of `slot` is to be taken: charges the slab. Returns false if there is no memory for it
 * (pool_charge.c). */
bool speadi_pool_use_slab(struct speadi_pool_slot *slot);

/* A block is to be taken from a slab of which a block is out already: counts the block. */
static inline void speadi_pool_enter_used_slab(struct speadi_pool_slot *slot)
{
    slot->slab->out++;
    slot->block.charged_bytes = slot->block.bytes;
}

/* A block of the slab of `slot` is to be taken: charges the slab, and counts the block. Returns false if there is no
 * memory for the slab. */
static inline bool speadi_pool_enter_slab(struct speadi_pool_slot *slot)
{
    if (slot->slab->out == 0 && !speadi_pool_use_slab(slot))
        return false;
    speadi_pool_enter_used_slab(slot);
    return true;
}

/* Counts a block that comes back to its slab (pool_charge.c). */
static inline void speadi_pool_leave_slab(struct speadi_pool_slot *slot)
{
    struct speadi_pool *pool = slot->block.pool;

    if (--slot->slab->out > 0)
        return;
    pool->slabs_used -= SPEADI_POOL_SLAB_BYTES;
    pool->slabs_free += SPEADI_POOL_SLAB_BYTES;
}

/* Tell whether the shares of the other users leave room to charge `more` bytes of this block, or one more slab
 * (pool_shares.c). */
bool speadi_pool_share_allows(const struct speadi_pool_slot *slot, uint64_t more);
bool speadi_pool_shares_allow_slab(const struct speadi_pool *pool);

/* Counts `more` charged bytes for the user of the block, if it has one (pool_shares.c). */
void speadi_pool_share_add(struct speadi_pool_slot *slot, uint64_t more);

/* Takes the user away from a block that has come back. The charge of the block then counts for no user
 * (pool_shares.c). */
void speadi_pool_share_leave(struct speadi_pool_slot *slot);

/* Ends the thread of the populator, if there is one. Waits until the thread has ended (pool_populator.c). */
void speadi_pool_stop_populator(struct speadi_pool *pool);

/* Lets the populator, which must be idle, populate all charged bytes of the block (pool_populator.c). */
void speadi_pool_give_populator(struct speadi_pool_slot *slot);

/* Stops the piece of work that the populator has. Waits until the thread has left the block, for one step at most. Call
 * it only while a block is marked as is_populating (pool_populator.c). */
void speadi_pool_halt_populator(struct speadi_pool *pool);

/* The two blocks exchange their memory: what the populator does for one of them, it does for the other one now
 * (pool_populator.c). */
void speadi_pool_populator_swap(struct speadi_pool_slot *a, struct speadi_pool_slot *b);

static inline void speadi_pool_collect(struct speadi_pool *pool)
{
    /* relaxed: this load only decides whether to do the exchange. If it misses a block, the next call finds that
     * block. */
    if (atomic_load_explicit(&pool->returned, memory_order_relaxed))
        speadi_pool_take_returned(pool);
}

#endif
