/* SPDX-License-Identifier: Apache-2.0 */
/* The shares of the users of a pool: how much of the limit each user can always charge. See pool.h. Only the taker
 * calls these functions.
 *
 * The free part of a share is kept from the other users. So a block of a user may be charged if the blocks of all
 * users, the free parts of all shares and the slabs together stay within the limit. Free blocks, and slabs whose blocks
 * are all free, do not count: they are trimmed when their memory is needed. */
#include "pool_parts.h"

#include <errno.h>
#include <stdlib.h>

#include <speadi/numbers.h>

int speadi_pool_make_shares(struct speadi_pool *pool, uint32_t users, uint64_t share_bytes,
                            uint64_t slabs_bytes)
{
    struct speadi_pool_shares *shares = &pool->shares;

    if (users == 0 || share_bytes == 0)
        return 0;
    shares->used = calloc(users, sizeof *shares->used);
    if (!shares->used)
        return -ENOMEM;
    shares->share_bytes = share_bytes;
    shares->kept = users * share_bytes;
    shares->slabs_bytes = speadi_min_u64(slabs_bytes, pool->charge_max / 4);
    return 0;
}

static uint64_t free_part(const struct speadi_pool_shares *shares, uint64_t used)
{
    return used < shares->share_bytes ? shares->share_bytes - used : 0;
}

bool speadi_pool_share_allows(const struct speadi_pool_slot *slot, uint64_t more)
{
    const struct speadi_pool *pool = slot->block.pool;
    const struct speadi_pool_shares *shares = &pool->shares;
    uint64_t used, kept, slabs;

    if (slot->user == 0)
        return true;
    used = shares->used[slot->user - 1];
    if (used + more <= shares->share_bytes)
        return true;
    kept = shares->kept - free_part(shares, used);
    slabs = pool->slabs_used > shares->slabs_bytes ? pool->slabs_used : shares->slabs_bytes;
    return shares->used_by_all + more + kept + free_part(shares, used + more) + slabs <=
           pool->charge_max;
}

bool speadi_pool_shares_allow_slab(const struct speadi_pool *pool)
{
    const struct speadi_pool_shares *shares = &pool->shares;
    uint64_t slabs = pool->slabs_used + SPEADI_POOL_SLAB_BYTES;

    return !shares->used || slabs <= shares->slabs_bytes ||
           shares->used_by_all + shares->kept + slabs <= pool->charge_max;
}

static void set_used(struct speadi_pool_shares *shares, uint32_t user, uint64_t used)
{
    uint64_t *now = &shares->used[user - 1];

    shares->kept = shares->kept - free_part(shares, *now) + free_part(shares, used);
    shares->used_by_all = shares->used_by_all - *now + used;
    *now = used;
}

void speadi_pool_share_add(struct speadi_pool_slot *slot, uint64_t more)
{
    struct speadi_pool_shares *shares = &slot->block.pool->shares;

    if (slot->user > 0)
        set_used(shares, slot->user, shares->used[slot->user - 1] + more);
}

void speadi_pool_share_leave(struct speadi_pool_slot *slot)
{
    struct speadi_pool_shares *shares = &slot->block.pool->shares;

    set_used(shares, slot->user, shares->used[slot->user - 1] - slot->block.charged_bytes);
    slot->user = 0;
}
