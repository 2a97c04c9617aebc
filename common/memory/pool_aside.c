/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of a pool that are set aside, and the blocks that are lent.
 *
 * Blocks that are set aside lie behind the other blocks of their class. speadi_pool_take() and its variants never give
 * them out. So the taker finds such a block until it has taken all of them with speadi_pool_take_aside(). A block that
 * comes back keeps its charge, and pool_charge.c trims it when memory is short.
 *
 * A free block can be lent for the same purpose. It comes back to the free blocks, and does not count as out meanwhile.
 * Only the taker calls these functions. */
#include "pool_parts.h"

#include <assert.h>

static struct speadi_pool_slot *get_aside(struct speadi_pool *pool, uint32_t size_class)
{
    struct speadi_pool_set *set = &pool->set[size_class];
    struct speadi_pool_slot *slot = set->aside;

    if (slot) {
        set->aside = slot->colder;
        pool->free_charged -= slot->block.charged_bytes;
        return slot;
    }
    if (set->aside_fresh == set->aside_count)
        return NULL;
    return speadi_pool_first_use(pool, size_class, set->block_count + set->aside_fresh++);
}

/* Charges the block. Gives it back and returns NULL if that is not possible. */
static struct speadi_block *charge(struct speadi_pool_slot *slot, size_t bytes)
{
    if (speadi_block_charge(&slot->block, bytes) == 0)
        return &slot->block;
    speadi_pool_put_aside(&slot->block);
    return NULL;
}

static struct speadi_block *lend(struct speadi_pool *pool, uint32_t size_class)
{
    struct speadi_block *block = speadi_pool_take_class(pool, size_class);

    if (!block)
        return NULL;
    pool->free_count++;
    pool->set[size_class].lent_count++;
    return block;
}

struct speadi_block *speadi_pool_lend(struct speadi_pool *pool, uint32_t size_class)
{
    const struct speadi_pool_set *set = &pool->set[size_class];

    if (!pool->fixed || set->slab_blocks > 0)
        return NULL;
    speadi_pool_collect(pool);
    return set->free_count >= set->lent_count + 2 ? lend(pool, size_class) : NULL;
}

uint32_t speadi_pool_lent_blocks(const struct speadi_pool *pool, uint32_t size_class)
{
    return pool->set[size_class].lent_count;
}

static void take_back(struct speadi_pool_slot *slot)
{
    slot->block.pool->free_count--;
    slot->set->lent_count--;
    speadi_pool_put_free(slot->block.pool, slot);
}

struct speadi_block *speadi_pool_take_aside(struct speadi_block *like, size_t bytes)
{
    const struct speadi_pool_slot *other = speadi_pool_slot_of(like);
    struct speadi_pool_slot *slot = get_aside(like->pool, like->size_class);

    if (!slot) /* those that are lent have taken the place of some that are set aside */
        return like->pool->fixed ? lend(like->pool, like->size_class) : NULL;
    if (other->user > 0)
        speadi_block_set_user(&slot->block, other->user - 1);
    return charge(slot, bytes);
}

struct speadi_block *speadi_pool_take_aside_of(struct speadi_pool *pool, uint32_t size_class,
                                               size_t bytes)
{
    struct speadi_pool_slot *slot = get_aside(pool, size_class);

    return slot ? charge(slot, bytes) : NULL;
}

void speadi_pool_put_aside(struct speadi_block *block)
{
    struct speadi_pool_slot *slot = speadi_pool_slot_of(block);

    if (block->index < slot->set->block_count) {
        take_back(slot);
        return;
    }
    if (slot->user > 0)
        speadi_pool_share_leave(slot);
    slot->colder = slot->set->aside;
    slot->set->aside = slot;
    block->pool->free_charged += block->charged_bytes;
}

static void swap(size_t *a, size_t *b)
{
    size_t kept = *a;

    *a = *b;
    *b = kept;
}

void speadi_block_swap_memory(struct speadi_block *a, struct speadi_block *b)
{
    struct speadi_pool_slot *x = speadi_pool_slot_of(a), *y = speadi_pool_slot_of(b);
    uint8_t *data = a->data;
    uint64_t offset = a->offset;

    assert(x->set == y->set && !x->slab && x->user == y->user);
    a->data = b->data;
    b->data = data;
    a->offset = b->offset;
    b->offset = offset;
    swap(&a->charged_bytes, &b->charged_bytes);
    swap(&x->populated_bytes, &y->populated_bytes);
    speadi_pool_populator_swap(x, y);
    swap(&x->huge_bytes, &y->huge_bytes);
}
