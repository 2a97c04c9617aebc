/* SPDX-License-Identifier: Apache-2.0 */
/* The free blocks of a pool.
 *
 * The free blocks of a size class form a list from warm (freed last) to cold. take() removes the warmest block;
 * trimming begins with the coldest one. Blocks that were never taken are not in the list: take() gives them out, in the
 * order of their numbers, when the list is empty. So a block that is never needed costs no memory, neither for its slot
 * nor for its metadata. Only the taker calls these functions. */
#include "pool_parts.h"

#define LOOK 32u /* most free blocks that take() looks at for one whose slab is in use */

struct speadi_pool_slot *speadi_pool_first_use(struct speadi_pool *pool, uint32_t size_class,
                                               uint32_t i)
{
    struct speadi_pool_set *set = &pool->set[size_class];
    struct speadi_pool_slot *slot = &set->slots[i];
    uint64_t offset = set->offset + i * set->block_stride;

    slot->block = (struct speadi_block){
        .data = pool->all.data ? (uint8_t *)pool->all.data + offset : NULL,
        .offset = offset,
        .bytes = set->block_bytes,
        .charged_bytes = pool->fixed ? set->block_bytes : 0,
        .meta = set->metas + i * set->meta_stride,
        .pool = pool,
        .index = i,
        .size_class = size_class,
    };
    slot->set = set;
    slot->slab = set->slabs && !pool->fixed ? &set->slabs[i / set->slab_blocks] : NULL;
    if (pool->fixed)
        slot->populated_bytes = slot->huge_bytes = set->block_bytes;
    return slot;
}

struct speadi_pool_slot *speadi_pool_free_fresh(struct speadi_pool *pool, uint32_t size_class)
{
    struct speadi_pool_set *set = &pool->set[size_class];
    struct speadi_pool_slot *slot;

    if (set->fresh == set->block_count)
        return NULL;
    slot = speadi_pool_first_use(pool, size_class, set->fresh++);
    slot->colder = NULL;
    slot->warmer = set->coldest;
    if (set->coldest)
        set->coldest->colder = slot;
    else
        set->warmest = slot;
    set->coldest = slot;
    pool->free_charged += slot->block.charged_bytes;
    return slot;
}

/* Takes a listed block. `link` points to the pointer to its slot, in the list or in *set. */
static inline struct speadi_block *get_listed(struct speadi_pool *pool, struct speadi_pool_set *set,
                                              struct speadi_pool_slot **link)
{
    struct speadi_pool_slot *slot = *link;

    *link = slot->colder;
    *(slot->colder ? &slot->colder->warmer : &set->coldest) = slot->warmer;
    if (!slot->slab)
        pool->free_charged -= slot->block.charged_bytes;
    set->free_count--;
    pool->free_count--;
    return &slot->block;
}

/* Takes a block when the list is empty. The rare cases of take() are functions of their own. Otherwise every call of
 * take() would save the registers that these cases need. */
static __attribute__((noinline)) struct speadi_block *get_fresh(struct speadi_pool *pool,
                                                                uint32_t size_class)
{
    struct speadi_pool_set *set = &pool->set[size_class];
    struct speadi_pool_slot *slot;

    if (set->fresh == set->block_count)
        return NULL;
    slot = speadi_pool_first_use(pool, size_class, set->fresh);
    if (slot->slab && !speadi_pool_enter_slab(slot))
        return NULL;
    set->fresh++;
    set->free_count--;
    pool->free_count--;
    return &slot->block;
}

/* Takes a listed block, when all blocks of the slab of the warmest block are free. When there is no memory for that slab,
 * takes a block of another slab. */
static __attribute__((noinline)) struct speadi_block *get_in_free_slab(struct speadi_pool *pool,
                                                                       struct speadi_pool_set *set)
{
    struct speadi_pool_slot **link = &set->warmest;

    if (speadi_pool_enter_slab(*link))
        return get_listed(pool, set, link);
    for (unsigned i = 0; i < LOOK && *link; i++, link = &(*link)->colder)
        if ((*link)->slab->out > 0 && speadi_pool_enter_slab(*link))
            return get_listed(pool, set, link);
    return NULL;
}

static inline struct speadi_block *get_free(struct speadi_pool *pool, uint32_t size_class)
{
    struct speadi_pool_set *set = &pool->set[size_class];
    struct speadi_pool_slot *slot = set->warmest;

    if (__builtin_expect(pool->free_count <= pool->free_min, 0))
        return NULL;
    if (__builtin_expect(!slot, 0))
        return get_fresh(pool, size_class);
    if (slot->slab) {
        if (__builtin_expect(slot->slab->out == 0, 0))
            return get_in_free_slab(pool, set);
        speadi_pool_enter_used_slab(slot);
    }
    return get_listed(pool, set, &set->warmest);
}

static __attribute__((noinline)) struct speadi_block *collect_and_get(struct speadi_pool *pool,
                                                                      uint32_t size_class)
{
    speadi_pool_take_returned(pool);
    return get_free(pool, size_class);
}

struct speadi_block *speadi_pool_take_class(struct speadi_pool *pool, uint32_t size_class)
{
    /* relaxed: as in speadi_pool_collect() */
    if (__builtin_expect(atomic_load_explicit(&pool->returned, memory_order_relaxed) != NULL, 0))
        return collect_and_get(pool, size_class);
    return get_free(pool, size_class);
}

struct speadi_block *speadi_pool_take(struct speadi_pool *pool)
{
    return speadi_pool_take_class(pool, 0);
}

struct speadi_block *speadi_pool_take_known(struct speadi_pool *pool, uint32_t size_class)
{
    return get_free(pool, size_class);
}

uint32_t speadi_pool_free_blocks(const struct speadi_pool *pool, uint32_t size_class)
{
    return pool->set[size_class].free_count;
}

uint32_t speadi_pool_out_blocks(struct speadi_pool *pool)
{
    speadi_pool_collect(pool);
    return pool->block_count - pool->free_count;
}
