/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: making the blocks, and the blocks that other threads return.
 *
 * A thread that releases a block pushes it onto the list `returned`. The taker removes that list as a whole. No thread
 * ever pops a single block from `returned`, so there is no ABA problem.
 *
 * End of life: unref() puts CLOSED into `returned`. It counts how many blocks are still out and adds that number to
 * `outstanding`. A release that finds CLOSED subtracts one from `outstanding`; this may happen before or after the
 * addition. The change that makes `outstanding` zero is the last use of the pool, and the thread that made this change
 * frees the pool. So neither take() nor release() needs a reference count. */
#include "pool_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

static struct speadi_block closed_mark;
#define CLOSED (&closed_mark)

/* ---- Making and unmaking ------------------------------------------------------------------- */

/* Checks the config. Only region pools pass values here that nobody has checked before. So the error texts name fields
 * of struct spead_region_pool_config. */
static int check(const struct speadi_pool_config *config, struct spead_err *err)
{
    if (config->block_bytes == 0)
        return speadi_err_range(err, "region_bytes", config->block_bytes, 1, UINT64_MAX);
    if (config->block_count == 0 || config->block_count > SPEADI_POOL_BLOCKS_MAX)
        return speadi_err_range(err, "region_count", config->block_count, 1,
                                SPEADI_POOL_BLOCKS_MAX);
    return 0;
}

/* Describes class number i of the configuration; class 0 stands in the configuration itself. */
static struct speadi_pool_class class_of(const struct speadi_pool_config *config, uint32_t i)
{
    if (i > 0)
        return config->classes[i - 1];
    return (struct speadi_pool_class){config->block_count, config->block_bytes, config->meta_bytes,
                                      config->aside_count};
}

static uint32_t all_blocks(const struct speadi_pool_set *set)
{
    return set->block_count + set->aside_count;
}

/* Reserves room in the table for one class. *end is the offset at which this room begins; the function moves *end to
 * the end of the room. */
static int plan_table(struct speadi_pool_set *set, size_t meta_bytes, size_t *end)
{
    size_t slots = all_blocks(set) * sizeof *set->slots, metas,
           slabs = set->slab_blocks > 0
                       ? (set->block_count / set->slab_blocks + 1) * sizeof *set->slabs
                       : 0;

    if (meta_bytes > SIZE_MAX / 2)
        return -ENOMEM;
    set->meta_stride = speadi_round_up(meta_bytes, SPEADI_CACHE_LINE);
    if (__builtin_mul_overflow(set->meta_stride, all_blocks(set), &metas) ||
        __builtin_add_overflow(*end, slots + speadi_round_up(slabs, SPEADI_CACHE_LINE), end) ||
        __builtin_add_overflow(*end, metas, end))
        return -ENOMEM;
    return 0;
}

static uint8_t *divide_table(struct speadi_pool_set *set, uint8_t *at)
{
    set->slots = (struct speadi_pool_slot *)(void *)at;
    at += all_blocks(set) * sizeof *set->slots;
    if (set->slab_blocks > 0) {
        set->slabs = (struct speadi_pool_slab *)(void *)at;
        at += speadi_round_up((set->block_count / set->slab_blocks + 1) * sizeof *set->slabs,
                              SPEADI_CACHE_LINE);
    }
    set->metas = at;
    return at + set->meta_stride * all_blocks(set);
}

/* Maps one table for the slots, the slabs and the metadata ("metas") of all blocks. A part of the table that is never
 * touched uses no memory. */
static int map_table(struct speadi_pool *pool, const struct speadi_pool_config *config)
{
    uint8_t *at;

    for (uint32_t i = 0; i < pool->set_count; i++)
        if (plan_table(&pool->set[i], class_of(config, i).meta_bytes, &pool->table_bytes) < 0)
            return -ENOMEM;
    if (speadi_pages_reserve(&pool->table, pool->table_bytes, 64) < 0)
        return -ENOMEM;
    at = pool->table.data;
    for (uint32_t i = 0; i < pool->set_count; i++)
        at = divide_table(&pool->set[i], at);
    return 0;
}

static int map_memory(struct speadi_pool *pool, size_t align, size_t total)
{
    if (speadi_pages_reserve(&pool->memory, total, align) < 0)
        return -ENOMEM;
    if (pool->fixed)
        speadi_pages_make_huge(pool->memory.data, total);
    else /* with huge pages, the first touch of a block could use 2 MiB where 4 KiB are charged */
        speadi_pages_keep_small(pool->memory.data, total);
    pool->all = (struct spead_region_info){
        .struct_size = sizeof pool->all,
        .kind = SPEAD_REGION_HOST,
        .fd = -1,
        .data = pool->memory.data,
        .bytes = total,
    };
    return 0;
}

/* Uses the arena as the memory of the pool. Only a receive stream gives an arena to a pool, so the error names a
 * field of the stream's configuration. */
static int use_arena(struct speadi_pool *pool, const struct spead_region_arena *arena, size_t total,
                     struct spead_err *err)
{
    if (arena->bytes < total)
        return speadi_err_field(err, -EINVAL, "heap_arena",
                                ": %u heaps of up to %zu bytes need an arena of %zu bytes, not %zu",
                                pool->block_count + pool->set[0].aside_count,
                                pool->set[0].block_bytes, total, arena->bytes);
    pool->all = (struct spead_region_info){
        .struct_size = sizeof pool->all,
        .kind = arena->kind,
        .fd = arena->fd,
        .data = arena->data,
        .device_address = arena->device_address,
        .bytes = arena->bytes,
    };
    return 0;
}

static int out_of_space(const struct speadi_pool_config *config, struct spead_err *err)
{
    return speadi_err_set(err, -ENOMEM,
                          "cannot reserve address space for %u heaps of up to %zu bytes: lower the "
                          "largest heap size or the number of heaps",
                          config->block_count, config->block_bytes);
}

/* Sets the size of the blocks of one class and the distance between them. Places the class at offset *end, and moves
 * *end behind it. Blocks of fixed memory lie side by side without gaps. A device does not need blocks that are aligned
 * to huge pages, and it would pin the gaps too. */
static int place_class(struct speadi_pool *pool, uint32_t i, struct speadi_pool_class wanted,
                       size_t *end)
{
    struct speadi_pool_set *set = &pool->set[i];
    bool shares = i > 0 && wanted.block_bytes < SPEADI_POOL_SLAB_BYTES;
    size_t align, total;

    assert(wanted.aside_count < wanted.block_count && !(shares && wanted.aside_count > 0));
    set->aside_count = wanted.aside_count;
    set->block_count = set->free_count = wanted.block_count - wanted.aside_count;
    set->block_bytes =
        shares ? wanted.block_bytes : speadi_round_up(wanted.block_bytes, pool->page_bytes);
    set->slab_blocks = shares ? (uint32_t)(SPEADI_POOL_SLAB_BYTES / wanted.block_bytes) : 0;
    align = set->block_bytes >= SPEADI_HUGE_PAGE_BYTES ? SPEADI_HUGE_PAGE_BYTES : pool->page_bytes;
    set->block_stride =
        pool->fixed || shares ? set->block_bytes : speadi_round_up(set->block_bytes, align);
    set->offset = *end;
    if (__builtin_mul_overflow(set->block_stride, wanted.block_count, &total) ||
        total > SIZE_MAX - SPEADI_POOL_SLAB_BYTES)
        return -ENOMEM;
    if (shares)
        total = speadi_round_up(total, SPEADI_POOL_SLAB_BYTES);
    pool->block_count += set->block_count;
    return __builtin_add_overflow(*end, total, end) ? -ENOMEM : 0;
}

/* Places all classes one after the other. *all gets the size of all blocks. */
static int place_classes(struct speadi_pool *pool, const struct speadi_pool_config *config,
                         size_t *total, uint64_t *all)
{
    for (uint32_t i = 0; i < pool->set_count; i++) {
        struct speadi_pool_class wanted = class_of(config, i);

        if (wanted.block_bytes > SIZE_MAX / 2 || place_class(pool, i, wanted, total) < 0)
            return -ENOMEM;
        *all += speadi_round_up((uint64_t)wanted.block_count * pool->set[i].block_bytes,
                                pool->set[i].slab_blocks > 0 ? SPEADI_POOL_SLAB_BYTES : 1);
    }
    pool->free_count = pool->block_count;
    if (config->out_max > 0 && config->out_max < pool->block_count)
        pool->free_min = pool->block_count - config->out_max;
    pool->blocks_end = *total;
    return 0;
}

static int make_memory(struct speadi_pool *pool, const struct speadi_pool_config *config,
                       size_t total, struct spead_err *err)
{
    size_t align = pool->set[0].block_bytes >= SPEADI_HUGE_PAGE_BYTES ? SPEADI_HUGE_PAGE_BYTES
                                                                      : pool->page_bytes;

    if (config->arena)
        return use_arena(pool, config->arena, total, err);
    return map_memory(pool, align, total) < 0 ? out_of_space(config, err) : 0;
}

/* Sets the limit of charged bytes. `all` is the size of all blocks. Fixed memory is charged here, and its charge never
 * changes. */
static int set_charge(struct speadi_pool *pool, const struct speadi_pool_config *config,
                      uint64_t all, struct spead_err *err)
{
    pool->charge_max = config->memory_bytes_max ? config->memory_bytes_max : all;
    if (!pool->fixed)
        return 0;
    if (pool->charge_max < all)
        return speadi_err_field(err, -ENOMEM, "memory_bytes_max",
                                " %llu: %u heaps of up to %zu bytes in memory that a device knows "
                                "take %llu: lower the largest heap size or the number of heaps, or "
                                "raise the bound",
                                (unsigned long long)pool->charge_max, config->block_count,
                                pool->set[0].block_bytes, (unsigned long long)all);
    pool->charge_max = all;
    pool->charged = pool->charged_high_water = all;
    return 0;
}

static void destroy(struct speadi_pool *pool)
{
    if (pool->ended)
        pool->ended(pool->ended_arg);
    free(pool->shares.used);
    speadi_pages_release(&pool->memory);
    speadi_pages_release(&pool->table);
    free(pool);
}

/* Returns the size of all slabs. */
static uint64_t slabs_bytes(const struct speadi_pool *pool)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < pool->set_count; i++)
        if (pool->set[i].slab_blocks > 0)
            bytes += speadi_round_up(pool->set[i].block_count * pool->set[i].block_bytes,
                                     SPEADI_POOL_SLAB_BYTES);
    return bytes;
}

static int build(struct speadi_pool *pool, const struct speadi_pool_config *config,
                 struct spead_err *err)
{
    size_t total = 0;
    uint64_t all = 0;
    int ret;

    if (place_classes(pool, config, &total, &all) < 0 || map_table(pool, config) < 0)
        return out_of_space(config, err);
    ret = make_memory(pool, config, total, err);
    if (ret == 0)
        ret = set_charge(pool, config, all, err);
    if (ret == 0 && speadi_pool_make_shares(pool, config->user_count, config->share_bytes,
                                            slabs_bytes(pool)) < 0)
        ret = speadi_err_set(err, -ENOMEM, "no memory for the shares of a pool");
    return ret;
}

int speadi_pool_create(struct speadi_pool **out, const struct speadi_pool_config *config,
                       struct spead_err *err)
{
    struct speadi_pool *pool;
    int ret = check(config, err);

    if (ret < 0)
        return ret;
    pool = aligned_alloc(alignof(struct speadi_pool), sizeof *pool);
    if (!pool)
        return speadi_err_set(err, -ENOMEM, "no memory for a pool of blocks");
    *pool = (struct speadi_pool){.set_count = 1 + config->class_count,
                                 .fixed = config->pinned || config->arena,
                                 .page_bytes = speadi_pages_size()};
    ret = build(pool, config, err);
    if (ret < 0) {
        destroy(pool);
        return ret;
    }
    *out = pool;
    return 0;
}

uint64_t speadi_pool_memory(const struct speadi_pool *pool, struct spead_region_info *memory)
{
    *memory = pool->all;
    return pool->blocks_end;
}

void speadi_pool_at_end(struct speadi_pool *pool, void (*ended)(void *arg), void *arg)
{
    pool->ended = ended;
    pool->ended_arg = arg;
}

/* Adds `change` to `outstanding`, and destroys the pool when the sum is zero. unref() passes the number of blocks that
 * are out. The release of a block after unref() passes -1. POOL2 release, acquire: the thread that frees the pool sees
 * the last use of every block. */
static void change_outstanding(struct speadi_pool *pool, int_fast64_t change)
{
    if (atomic_fetch_add_explicit(&pool->outstanding, change, memory_order_acq_rel) + change == 0)
        destroy(pool);
}

void speadi_pool_unref(struct speadi_pool *pool)
{
    if (!pool)
        return;
    speadi_pool_stop_populator(pool);
    /* POOL1 acquire: as in speadi_pool_take_returned(). */
    speadi_pool_put_returned(
        pool, atomic_exchange_explicit(&pool->returned, CLOSED, memory_order_acquire));
    change_outstanding(pool, (int_fast64_t)pool->block_count - pool->free_count);
}

/* ---- Releasing ----------------------------------------------------------------------------- */

static void release_one(struct speadi_block *block)
{
    struct speadi_pool *pool = block->pool;
    /* relaxed: this thread only compares the pointer and stores it; it does not read the block behind it */
    struct speadi_block *top = atomic_load_explicit(&pool->returned, memory_order_relaxed);

    do {
        if (top == CLOSED) {
            change_outstanding(pool, -1);
            return;
        }
        block->next = top;
        /* POOL1 release: the taker sees the block as this thread left it. relaxed if the exchange fails: as above. */
    } while (!atomic_compare_exchange_weak_explicit(&pool->returned, &top, block,
                                                    memory_order_release, memory_order_relaxed));
}

void speadi_block_release(struct speadi_block *block)
{
    struct speadi_block *annex = block->annex;

    if (__builtin_expect(annex != NULL, 0)) {
        block->annex = NULL;
        release_one(annex);
    }
    release_one(block);
}

void speadi_pool_stats(const struct speadi_pool *pool, struct speadi_pool_stats *stats)
{
    uint32_t in = pool->free_count;

    /* Only this thread, the taker, removes blocks from the list `returned`. So it can read the list without a lock.
     * POOL1 acquire: this thread sees the `next` of each block. */
    for (const struct speadi_block *block =
             atomic_load_explicit(&pool->returned, memory_order_acquire);
         block; block = block->next)
        in++;
    *stats = (struct speadi_pool_stats){
        .memory_bytes = pool->charged,
        .memory_high_water_bytes = pool->charged_high_water,
        .memory_bytes_max = pool->charge_max,
        .blocks = pool->block_count,
        .blocks_out = pool->block_count - in,
        .table_bytes = sizeof *pool + pool->table_bytes,
    };
}

uint64_t speadi_pool_memory_bytes(const struct speadi_pool *pool, uint64_t *high_water_bytes)
{
    *high_water_bytes = pool->charged_high_water;
    return pool->charged;
}
