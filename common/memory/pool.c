/* Pools: making the blocks, the free list, and the blocks that other threads return.
 *
 * The free blocks form a list from warm (freed last) to cold. take() removes the warmest block; trimming begins with
 * the coldest one. A thread that releases a block pushes it onto the list `returned`. The taker removes that list as a
 * whole. No thread ever pops a single block from `returned`, so there is no ABA problem.
 *
 * End of life: unref() puts CLOSED into `returned`. It counts how many blocks are still out and adds that number to
 * `outstanding`. A release that finds CLOSED subtracts one from `outstanding`; this may happen before or after the
 * addition. The change that makes `outstanding` zero is the last use of the pool, and the thread that made this change
 * frees the pool. So neither take() nor release() needs a reference count. */
#include "pool_parts.h"

#include <errno.h>
#include <stdlib.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

static struct speadi_block closed_mark;
#define CLOSED (&closed_mark)

/* ---- The free list (taker) ----------------------------------------------------------------- */

static void put_free(struct speadi_pool *pool, struct speadi_pool_slot *slot)
{
    slot->warmer = NULL;
    slot->colder = pool->warmest;
    if (pool->warmest)
        pool->warmest->warmer = slot;
    else
        pool->coldest = slot;
    pool->warmest = slot;
    pool->free_count++;
    pool->free_charged += slot->block.charged_bytes;
}

static struct speadi_pool_slot *get_free(struct speadi_pool *pool)
{
    struct speadi_pool_slot *slot = pool->warmest;

    if (!slot)
        return NULL;
    pool->warmest = slot->colder;
    if (pool->warmest)
        pool->warmest->warmer = NULL;
    else
        pool->coldest = NULL;
    pool->free_count--;
    pool->free_charged -= slot->block.charged_bytes;
    return slot;
}

/* Puts a list of returned blocks into the free list. The list begins with the newest block. The oldest block is put
 * first, so that the newest becomes the warmest. */
static void put_returned(struct speadi_pool *pool, struct speadi_block *newest)
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
    put_returned(pool, atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire));
}

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

/* Maps one table for the slots and for the metadata ("metas") of all blocks. Metadata that is never touched uses no
 * memory. */
static int map_table(struct speadi_pool *pool, const struct speadi_pool_config *config)
{
    size_t slots_bytes = pool->block_count * sizeof *pool->slots, meta_stride, metas_bytes;

    if (config->meta_bytes > SIZE_MAX / 2)
        return -ENOMEM;
    meta_stride = speadi_round_up(config->meta_bytes, SPEADI_CACHE_LINE);
    if (__builtin_mul_overflow(meta_stride, pool->block_count, &metas_bytes) ||
        __builtin_add_overflow(slots_bytes, metas_bytes, &pool->table_bytes) ||
        speadi_pages_reserve(&pool->table, pool->table_bytes, 64) < 0)
        return -ENOMEM;
    pool->slots = (struct speadi_pool_slot *)(void *)pool->table.data;
    pool->metas = pool->table.data + slots_bytes;
    pool->meta_stride = meta_stride;
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
                                pool->block_count, pool->block_bytes, total, arena->bytes);
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

/* Sets the size of a block and the distance between blocks, and gets the memory. Blocks of fixed memory lie side by
 * side without gaps. A device does not need blocks that are aligned to huge pages, and it would pin the gaps too. */
static int make_memory(struct speadi_pool *pool, const struct speadi_pool_config *config,
                       struct spead_err *err)
{
    size_t bytes, stride, align, total;

    if (config->block_bytes > SIZE_MAX / 2)
        return out_of_space(config, err);
    bytes = speadi_round_up(config->block_bytes, pool->page_bytes);
    align = bytes >= SPEADI_HUGE_PAGE_BYTES ? SPEADI_HUGE_PAGE_BYTES : pool->page_bytes;
    stride = pool->fixed ? bytes : speadi_round_up(bytes, align);
    if (__builtin_mul_overflow(stride, pool->block_count, &total))
        return out_of_space(config, err);
    pool->block_bytes = bytes;
    pool->block_stride = stride;
    if (config->arena)
        return use_arena(pool, config->arena, total, err);
    return map_memory(pool, align, total) < 0 ? out_of_space(config, err) : 0;
}

/* Sets the limit of charged bytes. Fixed memory is charged here, and its charge never changes. */
static int set_charge(struct speadi_pool *pool, const struct speadi_pool_config *config,
                      struct spead_err *err)
{
    uint64_t all = (uint64_t)config->block_count * pool->block_bytes;

    pool->charge_max = config->memory_bytes_max ? config->memory_bytes_max : all;
    if (!pool->fixed)
        return 0;
    if (pool->charge_max < all)
        return speadi_err_field(err, -ENOMEM, "memory_bytes_max",
                                " %llu: %u heaps of up to %zu bytes in memory that a device knows "
                                "take %llu: lower the largest heap size or the number of heaps, or "
                                "raise the bound",
                                (unsigned long long)pool->charge_max, config->block_count,
                                pool->block_bytes, (unsigned long long)all);
    pool->charge_max = all;
    pool->charged = pool->charged_high_water = all;
    return 0;
}

/* Fills the table and the free list. It is called last, when nothing can fail any more, because it touches the
 * memory of the table. */
static void fill(struct speadi_pool *pool)
{
    for (uint32_t i = pool->block_count; i-- > 0;) {
        uint64_t offset = i * pool->block_stride;

        pool->slots[i].block = (struct speadi_block){
            .data = pool->all.data ? (uint8_t *)pool->all.data + offset : NULL,
            .offset = offset,
            .bytes = pool->block_bytes,
            .charged_bytes = pool->fixed ? pool->block_bytes : 0,
            .meta = pool->metas + i * pool->meta_stride,
            .pool = pool,
            .index = i,
        };
        if (pool->fixed)
            pool->slots[i].populated_bytes = pool->slots[i].huge_bytes = pool->block_bytes;
        put_free(pool, &pool->slots[i]);
    }
}

static void destroy(struct speadi_pool *pool)
{
    if (pool->ended)
        pool->ended(pool->ended_arg);
    speadi_pages_release(&pool->memory);
    speadi_pages_release(&pool->table);
    free(pool);
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
    *pool = (struct speadi_pool){.block_count = config->block_count,
                                 .fixed = config->pinned || config->arena,
                                 .page_bytes = speadi_pages_size()};
    ret = map_table(pool, config) < 0 ? out_of_space(config, err) : make_memory(pool, config, err);
    if (ret == 0)
        ret = set_charge(pool, config, err);
    if (ret < 0) {
        destroy(pool);
        return ret;
    }
    fill(pool);
    *out = pool;
    return 0;
}

uint64_t speadi_pool_memory(const struct speadi_pool *pool, struct spead_region_info *memory)
{
    *memory = pool->all;
    return (uint64_t)pool->block_stride * pool->block_count;
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
    /* POOL1 acquire: as in speadi_pool_take_returned(). */
    put_returned(pool, atomic_exchange_explicit(&pool->returned, CLOSED, memory_order_acquire));
    change_outstanding(pool, (int_fast64_t)pool->block_count - pool->free_count);
}

/* ---- Taking and releasing ------------------------------------------------------------------ */

struct speadi_block *speadi_pool_take(struct speadi_pool *pool)
{
    struct speadi_pool_slot *slot;

    speadi_pool_collect(pool);
    slot = get_free(pool);
    return slot ? &slot->block : NULL;
}

void speadi_block_release(struct speadi_block *block)
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
