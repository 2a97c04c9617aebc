/* SPDX-License-Identifier: Apache-2.0 */
/* Region pools: making a pool, dividing its arena, taking regions and adding references to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/page_size.h>
#include <speadi/struct_size.h>

#include "region_message.h"
#include "region_parts.h"

/* ---- Making and unmaking ------------------------------------------------------------------- */

int speadi_region_arena_read(struct spead_region_arena *arena,
                             const struct spead_region_arena *from, struct spead_err *err)
{
    static const struct spead_region_arena defaults = SPEAD_REGION_ARENA_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "arena",
        .init = "SPEAD_REGION_ARENA_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_region_arena, ended),
    };
    int ret = speadi_struct_read(arena, from, &kind, err);

    if (ret == 0 && (unsigned)arena->kind > SPEAD_REGION_DMA_BUF)
        return speadi_err_range(err, "kind", (unsigned)arena->kind, 0, SPEAD_REGION_DMA_BUF);
    return ret;
}

static int read_config(struct spead_region_pool_config *config,
                       const struct spead_region_pool_config *from, struct spead_err *err)
{
    static const struct spead_region_pool_config defaults = SPEAD_REGION_POOL_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "region pool",
        .init = "SPEAD_REGION_POOL_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_region_pool_config, memory_bytes_max),
    };

    return speadi_struct_read(config, from, &kind, err);
}

static int check_arena(const struct spead_region_pool_config *config, size_t stride,
                       struct spead_err *err)
{
    const struct spead_region_arena *arena = config->arena;

    if (arena->kind != SPEAD_REGION_HOST && !arena->ops)
        return speadi_err_set(err, -EINVAL,
                              "region pool: an arena that is not host memory needs ops");
    if (!arena->data && !arena->device_address)
        return speadi_err_set(err, -EINVAL,
                              "region pool: the arena has neither data nor device_address");
    if (stride > arena->bytes / config->region_count)
        return speadi_err_set(
            err, -EINVAL,
            "region pool: %u regions of %zu bytes need an arena of %zu bytes, not %zu",
            config->region_count, config->region_bytes, stride * config->region_count,
            arena->bytes);
    return 0;
}

static int check(const struct spead_region_pool_config *config, size_t stride,
                 struct spead_err *err)
{
    if (config->region_count == 0 || config->region_bytes == 0 || stride == 0)
        return speadi_err_set(err, -EINVAL, "region pool: %u regions of %zu bytes are none",
                              config->region_count, config->region_bytes);
    return config->arena ? check_arena(config, stride, err) : 0;
}

/* Makes the pool of blocks. If there is an arena, the regions lie in the arena. Then each block has only one byte of
 * memory of its own, which nobody touches. */
static int make_blocks(struct spead_region_pool *pool,
                       const struct spead_region_pool_config *config, struct spead_err *err)
{
    struct speadi_pool_config blocks = {
        .block_count = config->region_count,
        .block_bytes = config->arena ? 1 : config->region_bytes,
        .meta_bytes = sizeof(struct spead_region),
        .memory_bytes_max = config->memory_bytes_max,
    };

    return speadi_pool_create(&pool->blocks, &blocks, err);
}

/* Makes the pool. The caller must have converted `config` and its arena to the structs of this version of the
 * library. */
static int create(struct spead_region_pool **out, const struct spead_region_pool_config *config,
                  struct spead_err *err)
{
    /* A NIC or a GPU registers whole pages. */
    size_t stride = speadi_round_up(config->region_bytes, speadi_pages_size());
    struct spead_region_pool *pool;
    int ret = check(config, stride, err);

    if (ret < 0)
        return ret;
    pool = calloc(1, sizeof *pool);
    if (!pool)
        return speadi_err_set(err, -ENOMEM, "no memory for a pool of regions");
    ret = make_blocks(pool, config, err);
    if (ret < 0) {
        free(pool);
        return ret;
    }
    pool->arena = config->arena ? *config->arena : (struct spead_region_arena){.fd = -1};
    pool->event_ops = config->event_ops;
    pool->region_bytes = config->region_bytes;
    pool->stride_bytes = stride;
    atomic_init(&pool->references, 1);
    *out = pool;
    return 0;
}

int spead_region_pool_create(struct spead_region_pool **out,
                             const struct spead_region_pool_config *config, struct spead_err *err)
{
    struct spead_region_pool_config own;
    struct spead_region_arena arena;
    int ret = read_config(&own, config, err);

    if (ret == 0 && own.arena) {
        ret = speadi_region_arena_read(&arena, own.arena, err);
        own.arena = &arena;
    }
    return ret < 0 ? ret : create(out, &own, err);
}

void spead_region_pool_unref(struct spead_region_pool *pool)
{
    struct speadi_pool *blocks;

    if (!pool)
        return;
    blocks = pool->blocks;
    speadi_region_pool_close_parking(pool);
    speadi_region_pool_drop_reference(pool);
    speadi_pool_unref(blocks);
}

/* ---- Taking -------------------------------------------------------------------------------- */

static bool is_own_memory(const struct spead_region_pool *pool)
{
    return !pool->arena.data && !pool->arena.device_address;
}

/* Sets region->info, which says where the memory of the region is. It is the same memory each time that the block is
 * taken. */
static void locate(struct spead_region *region, const struct spead_region_pool *pool)
{
    uint64_t at = region->block->index * (uint64_t)pool->stride_bytes;
    const struct spead_region_arena *arena = &pool->arena;

    region->info = (struct spead_region_info){
        .struct_size = sizeof region->info,
        .kind = arena->kind,
        .fd = arena->fd,
        .fd_offset = arena->fd >= 0 ? at : 0,
        .data = arena->data ? (uint8_t *)arena->data + at : NULL,
        .device_address = arena->device_address ? arena->device_address + at : 0,
        .bytes = pool->region_bytes,
    };
    if (is_own_memory(pool))
        region->info.data = region->block->data;
}

static struct speadi_block *take_block(struct spead_region_pool *pool)
{
    struct speadi_block *block;

    speadi_region_pool_reap_first(pool);
    block = speadi_pool_take(pool->blocks);
    if (!block && spead_region_pool_reap(pool) > 0)
        block = speadi_pool_take(pool->blocks);
    return block;
}

struct spead_region *spead_region_take(struct spead_region_pool *pool, size_t bytes)
{
    struct speadi_block *block = bytes <= pool->region_bytes ? take_block(pool) : NULL;
    struct spead_region *region;

    if (block && is_own_memory(pool) && speadi_block_populate(block, bytes) < 0) {
        speadi_block_release(block);
        block = NULL;
    }
    if (!block) {
        pool->refused++;
        return NULL;
    }
    pool->takes++;
    region = block->meta;
    region->block = block;
    region->pool = pool;
    locate(region, pool);
    /* relaxed for both: no other thread knows the region yet, and the owner's reference keeps the pool alive. */
    atomic_store_explicit(&region->references, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    return region;
}

/* ---- References ---------------------------------------------------------------------------- */

struct spead_region *spead_region_ref(struct spead_region *region)
{
    /* relaxed: the caller holds a reference, so the region stays */
    atomic_fetch_add_explicit(&region->references, 1, memory_order_relaxed);
    return region;
}

void speadi_region_message_ref(const struct spead_message *message)
{
    struct spead_region *region = (struct spead_region *)(uintptr_t)message->reference;

    spead_region_ref(region);
    if (message->event)
        region->pool->event_ops->ref(region->pool->event_ops->arg, message->event);
}

void speadi_region_message_unref(const struct spead_message *message)
{
    spead_region_release((struct spead_region *)(uintptr_t)message->reference, message->event);
}

void spead_region_pool_stats(const struct spead_region_pool *pool,
                             struct spead_region_pool_stats *stats)
{
    struct speadi_pool_stats blocks;
    struct spead_region_pool_stats now;

    speadi_pool_stats(pool->blocks, &blocks);
    /* relaxed: these are only counts */
    now = (struct spead_region_pool_stats){
        .regions = blocks.blocks,
        .out = blocks.blocks_out,
        .parked = atomic_load_explicit(&pool->parked_count, memory_order_relaxed),
        .lost = atomic_load_explicit(&pool->lost_count, memory_order_relaxed),
        .takes = pool->takes,
        .refused = pool->refused,
        .event_waits = atomic_load_explicit(&pool->event_waits, memory_order_relaxed),
        .memory_bytes = is_own_memory(pool) ? blocks.memory_bytes : pool->arena.bytes,
        .memory_bytes_max = is_own_memory(pool) ? blocks.memory_bytes_max : pool->arena.bytes,
    };
    (void)speadi_struct_write(stats, &now, sizeof now);
}
