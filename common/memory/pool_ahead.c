/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses which blocks the populator of the pool populates ahead. Only the taker calls these functions. */
#include "pool_parts.h"

/* Gives the first `bytes` bytes of a block to the populator, if they are charged and not populated. */
static bool give(struct speadi_pool_slot *slot, size_t bytes)
{
    if (slot->block.charged_bytes < bytes || slot->populated_bytes >= bytes)
        return false;
    speadi_pool_give_populator(slot);
    return true;
}

bool speadi_block_populate_ahead(struct speadi_block *block, size_t bytes)
{
    struct speadi_pool_slot *slot = speadi_pool_slot_of(block);

    if (slot->slab || slot->populated_bytes >= bytes || !speadi_pool_populator_is_idle(block->pool))
        return false;
    return speadi_pool_has_spare(slot, bytes) && speadi_block_charge(block, bytes) == 0 &&
           give(slot, bytes);
}

/* Returns the block that take() gives out next after `slot`. If `slot` is NULL, returns the block that take() gives out
 * first. */
static struct speadi_pool_slot *next_free(struct speadi_pool *pool, struct speadi_pool_slot *slot)
{
    struct speadi_pool_slot *next = slot ? slot->colder : pool->set[0].warmest;

    return next ? next : speadi_pool_free_fresh(pool, 0);
}

bool speadi_pool_populate_ahead(struct speadi_pool *pool, uint32_t blocks, size_t bytes)
{
    struct speadi_pool_slot *slot = NULL;

    if (!speadi_pool_populator_is_idle(pool))
        return false;
    while (blocks-- > 0 && (slot = next_free(pool, slot)) != NULL) {
        if (slot->populated_bytes >= bytes)
            continue;
        /* If there is no memory for this block, there is also none for the next block. */
        return speadi_pool_charge_free(slot, bytes) && give(slot, bytes);
    }
    return false;
}
