/* The account of touched bytes: regions are charged as they grow, free ones are trimmed for room. The taker's
 * thread only. */
#include "pool_parts.h"

#include <errno.h>
#include <string.h>

#include <speadi/numbers.h>

static void trim(struct speadi_pool *pool, struct speadi_pool_slot *slot)
{
    struct speadi_region *region = &slot->region;

    if (pool->fixed)
        return;
    /* Cannot fail on a private anonymous mapping unless it is locked (mlockall): then its memory is
     * neither zero nor free, and the charge has to stay. */
    if (region->charged_bytes == 0 || speadi_pages_trim(region->data, region->charged_bytes) < 0)
        return;
    if (slot->huge_bytes > 0)
        speadi_pages_keep_small(region->data, slot->huge_bytes);
    pool->free_charged -= region->charged_bytes;
    pool->charged -= region->charged_bytes;
    region->charged_bytes = 0;
    slot->populated_bytes = 0;
    slot->huge_bytes = 0;
}

/* Makes room for more bytes, trimming the regions freed longest ago. false: it cannot be made, and
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
static size_t charge_for(const struct speadi_region *region, size_t bytes)
{
    size_t charge;

    if (bytes < SPEADI_HUGE_PAGE_BYTES)
        return speadi_round_up(bytes, region->pool->page_bytes);
    charge = speadi_round_up(bytes, SPEADI_HUGE_PAGE_BYTES);
    return charge < region->bytes ? charge : region->bytes;
}

static void make_huge(struct speadi_pool_slot *slot)
{
    size_t bytes = slot->region.charged_bytes / SPEADI_HUGE_PAGE_BYTES * SPEADI_HUGE_PAGE_BYTES;

    if (bytes <= slot->huge_bytes)
        return;
    speadi_pages_make_huge(slot->region.data + slot->huge_bytes, bytes - slot->huge_bytes);
    slot->huge_bytes = bytes;
}

static int grow(struct speadi_region *region, size_t bytes)
{
    struct speadi_pool *pool = region->pool;
    size_t before = region->charged_bytes, charge;

    if (bytes > region->bytes)
        return -ENOMEM;
    speadi_pool_collect(pool);
    charge = charge_for(region, bytes);
    if (!make_room(pool, charge - before)) {
        charge =
            speadi_round_up(bytes, pool->page_bytes); /* no room for a huge page's worth: exactly */
        if (!make_room(pool, charge - before))
            return -ENOMEM;
    }
    region->charged_bytes = charge;
    pool->charged += charge - before;
    if (pool->charged > pool->charged_high_water)
        pool->charged_high_water = pool->charged;
    make_huge(speadi_pool_slot_of(region));
    return 0;
}

int speadi_block_charge(struct speadi_region *region, size_t bytes)
{
    return bytes <= region->charged_bytes ? 0 : grow(region, bytes);
}

int speadi_block_populate(struct speadi_region *region, size_t bytes)
{
    struct speadi_pool_slot *slot = speadi_pool_slot_of(region);
    int ret;

    if (bytes <= slot->populated_bytes)
        return 0;
    ret = speadi_block_charge(region, bytes);
    if (ret < 0)
        return ret;
    speadi_pages_fault_in(region->data + slot->populated_bytes,
                          region->charged_bytes - slot->populated_bytes);
    slot->populated_bytes = region->charged_bytes;
    return 0;
}

/* A large part need not have been touched, and then must not be: its pages are given back, which makes
 * them zero too. */
void speadi_block_zero(struct speadi_region *region, uint64_t from, uint64_t end)
{
    uint64_t inner = (from + SPEADI_HUGE_PAGE_BYTES - 1) / SPEADI_HUGE_PAGE_BYTES *
                     SPEADI_HUGE_PAGE_BYTES,
             inner_end = end / SPEADI_HUGE_PAGE_BYTES * SPEADI_HUGE_PAGE_BYTES;

    if (inner >= inner_end || region->pool->fixed ||
        speadi_pages_trim(region->data + inner, inner_end - inner) < 0) { /* locked: it is there */
        memset(region->data + from, 0, end - from);
        return;
    }
    if (speadi_pool_slot_of(region)->populated_bytes > inner)
        speadi_pool_slot_of(region)->populated_bytes = inner;
    memset(region->data + from, 0, inner - from);
    memset(region->data + inner_end, 0, end - inner_end);
}
