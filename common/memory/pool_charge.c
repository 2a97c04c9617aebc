/* SPDX-License-Identifier: Apache-2.0 */
/* The account of touched bytes. A block is charged before more of it is touched. When the limit is reached, free
 * blocks are trimmed. Only the taker calls these functions. */
#include "pool_parts.h"

#include <errno.h>
#include <string.h>

#include <speadi/numbers.h>

static void trim(struct speadi_pool *pool, struct speadi_pool_slot *slot)
{
    struct speadi_block *block = &slot->block;

    if (pool->fixed || slot->block.charged_bytes == 0)
        return;
    if (slot->is_populating)
        speadi_pool_halt_populator(pool);
    /* On a private anonymous mapping, trimming fails only if the mapping is locked (mlockall). Then the memory is
     * neither zeroed nor given back, so the charge stays. */
    if (speadi_pages_trim(block->data, block->charged_bytes) < 0)
        return;
    if (slot->huge_bytes > 0)
        speadi_pages_keep_small(block->data, slot->huge_bytes);
    pool->free_charged -= block->charged_bytes;
    pool->charged -= block->charged_bytes;
    block->charged_bytes = 0;
    slot->populated_bytes = 0;
    slot->huge_bytes = 0;
}

static bool trim_slab(struct speadi_pool *pool, struct speadi_pool_set *set, uint32_t i)
{
    uint8_t *data = (uint8_t *)pool->all.data + set->offset + i * SPEADI_POOL_SLAB_BYTES;

    if (speadi_pages_trim(data, SPEADI_POOL_SLAB_BYTES) < 0) /* locked, as in trim() */
        return false;
    set->slabs[i].charged = 0;
    pool->slabs_free -= SPEADI_POOL_SLAB_BYTES;
    pool->charged -= SPEADI_POOL_SLAB_BYTES;
    return true;
}

/* Trims slabs whose blocks are all free, until `more` bytes can be charged. */
static void trim_slabs(struct speadi_pool *pool, struct speadi_pool_set *set, uint64_t more)
{
    uint32_t slabs = (set->fresh + set->slab_blocks - 1) / set->slab_blocks;

    for (uint32_t i = 0; i < slabs && pool->charged + more > pool->charge_max; i++)
        if (set->slabs[i].out == 0 && set->slabs[i].charged && !trim_slab(pool, set, i))
            return;
}

static void trim_blocks(struct speadi_pool *pool, struct speadi_pool_set *set, uint64_t more)
{
    for (struct speadi_pool_slot *slot = set->aside; slot; slot = slot->colder) {
        if (pool->charged + more <= pool->charge_max)
            return;
        trim(pool, slot);
    }
    for (struct speadi_pool_slot *slot = set->coldest; slot; slot = slot->warmer) {
        if (pool->charged + more <= pool->charge_max)
            return;
        trim(pool, slot);
    }
}

/* Trims free blocks until `more` bytes can be charged. It begins with the class of the largest blocks, and there with
 * the block that was freed longest ago. Returns false if trimming is not enough. If it is clear from the start that
 * trimming cannot be enough, the function trims nothing. */
static bool make_room(struct speadi_pool *pool, uint64_t more)
{
    uint64_t free_most = pool->free_charged + pool->slabs_free;

    if (__builtin_expect(pool->charged + more <= pool->charge_max, 1))
        return true;
    if (pool->charged - free_most + more > pool->charge_max)
        return false;
    for (uint32_t i = 0; i < pool->set_count && pool->charged + more > pool->charge_max; i++) {
        struct speadi_pool_set *set = &pool->set[i];

        if (set->slabs && !pool->fixed)
            trim_slabs(pool, set, more);
        else
            trim_blocks(pool, set, more);
    }
    return pool->charged + more <= pool->charge_max;
}

/* Returns how many bytes of the block to charge if its first `bytes` bytes are touched. From 2 MiB on, this is a
 * multiple of 2 MiB, because whole huge pages are touched. It is never more than the block. */
static size_t charge_for(const struct speadi_block *block, size_t bytes)
{
    size_t charge;

    if (bytes < SPEADI_HUGE_PAGE_BYTES)
        return speadi_round_up(bytes, block->pool->page_bytes);
    charge = speadi_round_up(bytes, SPEADI_HUGE_PAGE_BYTES);
    return charge < block->bytes ? charge : block->bytes;
}

static void make_huge(struct speadi_pool_slot *slot)
{
    size_t bytes = slot->block.charged_bytes / SPEADI_HUGE_PAGE_BYTES * SPEADI_HUGE_PAGE_BYTES;

    if (bytes <= slot->huge_bytes)
        return;
    speadi_pages_make_huge(slot->block.data + slot->huge_bytes, bytes - slot->huge_bytes);
    slot->huge_bytes = bytes;
}

static void note_charge(struct speadi_pool *pool, uint64_t more)
{
    pool->charged += more;
    if (pool->charged > pool->charged_high_water)
        pool->charged_high_water = pool->charged;
}

bool speadi_pool_use_slab(struct speadi_pool_slot *slot)
{
    struct speadi_pool *pool = slot->block.pool;
    struct speadi_pool_slab *slab = slot->slab;
    size_t i = (size_t)(slab - slot->set->slabs);

    if (!speadi_pool_shares_allow_slab(pool) ||
        (!slab->charged && !make_room(pool, SPEADI_POOL_SLAB_BYTES)))
        return false;
    if (slab->charged) {
        pool->slabs_free -= SPEADI_POOL_SLAB_BYTES;
    } else {
        note_charge(pool, SPEADI_POOL_SLAB_BYTES);
        slab->charged = 1;
        /* All blocks of the slab are used soon. */
        speadi_pages_fault_in((uint8_t *)pool->all.data + slot->set->offset +
                                  i * SPEADI_POOL_SLAB_BYTES,
                              SPEADI_POOL_SLAB_BYTES);
    }
    pool->slabs_used += SPEADI_POOL_SLAB_BYTES;
    return true;
}

static bool has_room(struct speadi_block *block, uint64_t more)
{
    return speadi_pool_share_allows(speadi_pool_slot_of(block), more) &&
           make_room(block->pool, more);
}

static int grow(struct speadi_block *block, size_t bytes)
{
    struct speadi_pool *pool = block->pool;
    size_t before = block->charged_bytes, charge;

    if (bytes > block->bytes)
        return -ENOMEM;
    speadi_pool_collect(pool);
    charge = charge_for(block, bytes);
    if (!has_room(block, charge - before)) {
        /* There is no room for whole huge pages: charge only the pages that are needed. */
        charge = speadi_round_up(bytes, pool->page_bytes);
        if (!has_room(block, charge - before))
            return -ENOMEM;
    }
    block->charged_bytes = charge;
    note_charge(pool, charge - before);
    speadi_pool_share_add(speadi_pool_slot_of(block), charge - before);
    make_huge(speadi_pool_slot_of(block));
    return 0;
}

void speadi_block_set_user(struct speadi_block *block, uint32_t user)
{
    struct speadi_pool_slot *slot = speadi_pool_slot_of(block);

    if (!block->pool->shares.used || slot->slab) /* slabs count for no user */
        return;
    slot->user = user + 1;
    if (!speadi_pool_share_allows(slot, block->charged_bytes)) {
        /* The block still has the charge of an earlier user. trim() expects that this charge is counted in
         * free_charged, as for a free block. */
        block->pool->free_charged += block->charged_bytes;
        trim(block->pool, slot);
        block->pool->free_charged -= block->charged_bytes;
    }
    speadi_pool_share_add(slot, block->charged_bytes);
}

bool speadi_pool_has_spare(const struct speadi_pool_slot *slot, size_t bytes)
{
    const struct speadi_block *block = &slot->block;
    size_t charge = charge_for(block, bytes);

    return bytes <= block->charged_bytes ||
           block->pool->charged + (charge - block->charged_bytes) + charge <=
               block->pool->charge_max;
}

bool speadi_pool_charge_free(struct speadi_pool_slot *slot, size_t bytes)
{
    struct speadi_pool *pool = slot->block.pool;
    size_t before = slot->block.charged_bytes, charge;

    if (bytes > slot->block.bytes)
        return false;
    if (bytes <= before)
        return true;
    charge = charge_for(&slot->block, bytes);
    if (!speadi_pool_has_spare(slot, bytes))
        return false;
    slot->block.charged_bytes = charge;
    note_charge(pool, charge - before);
    pool->free_charged += charge - before;
    make_huge(slot);
    return true;
}

int speadi_block_charge(struct speadi_block *block, size_t bytes)
{
    return bytes <= block->charged_bytes ? 0 : grow(block, bytes);
}

int speadi_block_populate(struct speadi_block *block, size_t bytes)
{
    struct speadi_pool_slot *slot = speadi_pool_slot_of(block);
    int ret;

    if (bytes <= slot->populated_bytes)
        return 0;
    ret = speadi_block_charge(block, bytes);
    if (ret < 0 || slot->slab) /* a slab is populated when it is charged */
        return ret;
    speadi_pages_fault_in(block->data + slot->populated_bytes,
                          block->charged_bytes - slot->populated_bytes);
    slot->populated_bytes = block->charged_bytes;
    return 0;
}

/* Makes a range of the block read as zero. It is possible that whole huge pages inside the range were never touched.
 * Zeros that are written to them would use memory. So these pages are given back to the kernel, and then read as zero
 * too. */
void speadi_block_zero(struct speadi_block *block, uint64_t from, uint64_t end)
{
    uint64_t inner = (from + SPEADI_HUGE_PAGE_BYTES - 1) / SPEADI_HUGE_PAGE_BYTES *
                     SPEADI_HUGE_PAGE_BYTES,
             inner_end = end / SPEADI_HUGE_PAGE_BYTES * SPEADI_HUGE_PAGE_BYTES;
    struct speadi_pool_slot *slot = speadi_pool_slot_of(block);

    /* The function writes zeros to the whole range if there is no whole huge page in it. It does the same for fixed or
     * locked memory, because such memory cannot be given back to the kernel. */
    if (inner >= inner_end || block->pool->fixed ||
        speadi_pages_trim(block->data + inner, inner_end - inner) < 0) {
        memset(block->data + from, 0, end - from);
        return;
    }
    if (slot->populated_bytes > inner)
        slot->populated_bytes = inner;
    if (slot->populating_bytes > inner) /* the populator may have passed the range already */
        slot->populating_bytes = inner;
    memset(block->data + from, 0, inner - from);
    memset(block->data + inner_end, 0, end - inner_end);
}
