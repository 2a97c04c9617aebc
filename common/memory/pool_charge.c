/* The account of touched bytes: blocks are charged as they grow, free ones are trimmed for room. The taker's
 * thread only. */
#include "pool_parts.h"

#include <errno.h>
#include <string.h>

#include <speadi/numbers.h>

static void trim(struct speadi_pool *pool, struct speadi_pool_slot *slot)
{
    struct speadi_block *block = &slot->block;

    if (pool->fixed)
        return;
    /* Cannot fail on a private anonymous mapping unless it is locked (mlockall): then its memory is
     * neither zero nor free, and the charge has to stay. */
    if (block->charged_bytes == 0 || speadi_pages_trim(block->data, block->charged_bytes) < 0)
        return;
    if (slot->huge_bytes > 0)
        speadi_pages_keep_small(block->data, slot->huge_bytes);
    pool->free_charged -= block->charged_bytes;
    pool->charged -= block->charged_bytes;
    block->charged_bytes = 0;
    slot->populated_bytes = 0;
    slot->huge_bytes = 0;
}

/* Makes room for more bytes, trimming the blocks freed longest ago. false: it cannot be made, and
 * nothing was trimmed for it. */
static bool make_room(struct speadi_pool *pool, uint64_t more)
{
    if (pool->charged - pool->free_charged + more > pool->charge_max)
        return false;
    for (struct speadi_pool_slot *slot = pool->coldest; slot; slot = slot->warmer) {
        if (pool->charged + more <= pool->charge_max)
            break;
        trim(pool, slot);
    }
    return pool->charged + more <= pool->charge_max;
}

/* From 2 MiB on in steps of 2 MiB, so that whole huge pages are paid for. */
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

static int grow(struct speadi_block *block, size_t bytes)
{
    struct speadi_pool *pool = block->pool;
    size_t before = block->charged_bytes, charge;

    if (bytes > block->bytes)
        return -ENOMEM;
    speadi_pool_collect(pool);
    charge = charge_for(block, bytes);
    if (!make_room(pool, charge - before)) {
        charge =
            speadi_round_up(bytes, pool->page_bytes); /* no room for a huge page's worth: exactly */
        if (!make_room(pool, charge - before))
            return -ENOMEM;
    }
    block->charged_bytes = charge;
    pool->charged += charge - before;
    if (pool->charged > pool->charged_high_water)
        pool->charged_high_water = pool->charged;
    make_huge(speadi_pool_slot_of(block));
    return 0;
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
    if (ret < 0)
        return ret;
    speadi_pages_fault_in(block->data + slot->populated_bytes,
                          block->charged_bytes - slot->populated_bytes);
    slot->populated_bytes = block->charged_bytes;
    return 0;
}

/* A large part need not have been touched, and then must not be: its pages are given back, which makes
 * them zero too. */
void speadi_block_zero(struct speadi_block *block, uint64_t from, uint64_t end)
{
    uint64_t inner = (from + SPEADI_HUGE_PAGE_BYTES - 1) / SPEADI_HUGE_PAGE_BYTES *
                     SPEADI_HUGE_PAGE_BYTES,
             inner_end = end / SPEADI_HUGE_PAGE_BYTES * SPEADI_HUGE_PAGE_BYTES;

    if (inner >= inner_end || block->pool->fixed ||
        speadi_pages_trim(block->data + inner, inner_end - inner) < 0) { /* locked: it is there */
        memset(block->data + from, 0, end - from);
        return;
    }
    if (speadi_pool_slot_of(block)->populated_bytes > inner)
        speadi_pool_slot_of(block)->populated_bytes = inner;
    memset(block->data + from, 0, inner - from);
    memset(block->data + inner_end, 0, end - inner_end);
}
