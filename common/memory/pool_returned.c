/* SPDX-License-Identifier: Apache-2.0 */
/* Moves blocks that were released to the free lists of a pool. Only the taker calls these functions. */
#include "pool_parts.h"

static inline void put_free(struct speadi_pool *pool, struct speadi_pool_slot *slot)
{
    struct speadi_pool_set *set = slot->set;

    if (__builtin_expect(slot->user > 0, 0))
        speadi_pool_share_leave(slot);
    slot->warmer = NULL;
    slot->colder = set->warmest;
    if (set->warmest)
        set->warmest->warmer = slot;
    else
        set->coldest = slot;
    set->warmest = slot;
    set->free_count++;
    pool->free_count++;
    if (slot->slab)
        speadi_pool_leave_slab(slot);
    else
        pool->free_charged += slot->block.charged_bytes;
}

void speadi_pool_put_free(struct speadi_pool *pool, struct speadi_pool_slot *slot)
{
    put_free(pool, slot);
}

/* The oldest block is put first, so that the newest becomes the warmest. */
void speadi_pool_put_returned(struct speadi_pool *pool, struct speadi_block *newest)
{
    struct speadi_block *oldest = NULL, *next;

    for (; newest; newest = next) {
        next = newest->next;
        newest->next = oldest;
        oldest = newest;
    }
    for (; oldest; oldest = next) {
        next = oldest->next;
        put_free(pool, speadi_pool_slot_of(oldest));
    }
}

void speadi_pool_take_returned(struct speadi_pool *pool)
{
    /* POOL1 acquire: this thread sees all that another thread did with a block before it released the block. */
    speadi_pool_put_returned(pool,
                             atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire));
}
