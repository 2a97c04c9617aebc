/* Regions: the free list, the returns from other threads, and the account of touched bytes.
 *
 * Free regions form a list from warm (freed last) to cold. take() pops the warm end; trimming starts at
 * the cold one. Releasing threads push onto `returned`, which the taker takes whole: with nothing ever
 * popped singly from it there is no ABA problem.
 *
 * End of life: the owner swaps CLOSED into `returned`, learns how many regions are still out, and adds
 * that number to `outstanding`; releases that meet CLOSED subtract one each, before or after. The
 * step that makes it zero is the last use of the pool and frees it. So neither take nor release pays for
 * a reference count. */
#include <speadi/pool.h>

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "memory/pages.h"

struct slot {
    alignas(64) struct speadi_region region; /* first: a region is its slot */
    struct slot *warmer, *colder;            /* while free */
    size_t populated_bytes;                  /* faulted in ahead; <= charged_bytes */
    size_t huge_bytes;                       /* prefix that may use huge pages; <= charged_bytes */
};

struct speadi_pool {
    struct speadi_pages memory, table; /* table: slots, then metas */
    struct spead_region_info all;      /* the memory, ours or an arena's */
    bool fixed;                        /* pinned or an arena's: charged whole */
    void (*ended)(void *arg);
    void *ended_arg;
    struct slot *slots;
    uint8_t *metas;
    uint32_t region_count;
    size_t region_bytes, region_stride, meta_stride, page_bytes, table_bytes;
    uint64_t charge_max;

    /* The taker's. */
    struct slot *warmest, *coldest;
    uint32_t free_count;
    uint64_t charged, charged_high_water;
    uint64_t free_charged; /* what trimming the free regions would yield */

    /* Everyone's. */
    alignas(64) _Atomic(struct speadi_region *) returned;
    atomic_int_fast64_t outstanding; /* only once closed, see the top */
};

static struct speadi_region closed_mark;
#define CLOSED (&closed_mark)

static size_t round_up(size_t bytes, size_t step)
{
    return (bytes + step - 1) / step * step;
}

static struct slot *slot_of(struct speadi_region *region)
{
    return (struct slot *)region;
}

/* ---- The free list (taker) ----------------------------------------------------------------- */

static void put_free(struct speadi_pool *pool, struct slot *slot)
{
    slot->warmer = NULL;
    slot->colder = pool->warmest;
    if (pool->warmest)
        pool->warmest->warmer = slot;
    else
        pool->coldest = slot;
    pool->warmest = slot;
    pool->free_count++;
    pool->free_charged += slot->region.charged_bytes;
}

static struct slot *get_free(struct speadi_pool *pool)
{
    struct slot *slot = pool->warmest;

    if (!slot)
        return NULL;
    pool->warmest = slot->colder;
    if (pool->warmest)
        pool->warmest->warmer = NULL;
    else
        pool->coldest = NULL;
    pool->free_count--;
    pool->free_charged -= slot->region.charged_bytes;
    return slot;
}

/* The list came newest first; put oldest first, so that the newest ends up warmest. */
static void put_returned(struct speadi_pool *pool, struct speadi_region *newest)
{
    struct speadi_region *oldest = NULL, *next;

    for (; newest; newest = next) {
        next = newest->next;
        newest->next = oldest;
        oldest = newest;
    }
    for (; oldest; oldest = next) {
        next = oldest->next;
        put_free(pool, slot_of(oldest));
    }
}

static void collect(struct speadi_pool *pool)
{
    /* relaxed: only asks whether the exchange is worth it; a return seen late is seen next time */
    if (!atomic_load_explicit(&pool->returned, memory_order_relaxed))
        return;
    /* R1: acquire pairs with R2 in release: the releaser has done with the region. */
    put_returned(pool, atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire));
}

/* ---- Making and unmaking ------------------------------------------------------------------- */

static int check(const struct speadi_pool_config *config, struct spead_err *err)
{
    if (config->region_count == 0 || config->region_bytes == 0)
        return speadi_err_set(err, -EINVAL,
                              "a pool needs regions of at least 1 byte, not %u of %zu",
                              config->region_count, config->region_bytes);
    if (config->region_count > SPEADI_POOL_REGIONS_MAX)
        return speadi_err_set(err, -EINVAL,
                              "a pool has at most %u regions, not %u: lower the number of heaps",
                              SPEADI_POOL_REGIONS_MAX, config->region_count);
    return 0;
}

/* Slots and metas in one mapping: metas that are never touched cost no memory. */
static int map_table(struct speadi_pool *pool, const struct speadi_pool_config *config)
{
    size_t slots_bytes = pool->region_count * sizeof *pool->slots, meta_stride, metas_bytes;

    if (config->meta_bytes > SIZE_MAX / 2)
        return -ENOMEM;
    meta_stride = round_up(config->meta_bytes, 64);
    if (__builtin_mul_overflow(meta_stride, pool->region_count, &metas_bytes) ||
        __builtin_add_overflow(slots_bytes, metas_bytes, &pool->table_bytes) ||
        speadi_pages_reserve(&pool->table, pool->table_bytes, 64) < 0)
        return -ENOMEM;
    pool->slots = (struct slot *)(void *)pool->table.data;
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
    else /* else the first touch of a region could cost 2 MiB where 4 KiB are charged */
        speadi_pages_keep_small(pool->memory.data, total);
    pool->all = (struct spead_region_info){
        .kind = SPEAD_REGION_HOST, .fd = -1, .data = pool->memory.data, .bytes = total};
    return 0;
}

static int use_arena(struct speadi_pool *pool, const struct spead_region_arena *arena, size_t total,
                     struct spead_err *err)
{
    if (arena->bytes < total)
        return speadi_err_set(err, -EINVAL,
                              "%u heaps of up to %zu bytes need an arena of %zu bytes, not %zu",
                              pool->region_count, pool->region_bytes, total, arena->bytes);
    pool->all = (struct spead_region_info){
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
                          config->region_count, config->region_bytes);
}

/* A device's table of pages needs no gaps between regions, and the gaps would be pinned too. */
static int make_memory(struct speadi_pool *pool, const struct speadi_pool_config *config,
                       struct spead_err *err)
{
    size_t bytes, stride, align, total;

    if (config->region_bytes > SIZE_MAX / 2)
        return out_of_space(config, err);
    bytes = round_up(config->region_bytes, pool->page_bytes);
    align = bytes >= SPEADI_HUGE_PAGE_BYTES ? SPEADI_HUGE_PAGE_BYTES : pool->page_bytes;
    stride = pool->fixed ? bytes : round_up(bytes, align);
    if (__builtin_mul_overflow(stride, pool->region_count, &total))
        return out_of_space(config, err);
    pool->region_bytes = bytes;
    pool->region_stride = stride;
    if (config->arena != NULL)
        return use_arena(pool, config->arena, total, err);
    return map_memory(pool, align, total) < 0 ? out_of_space(config, err) : 0;
}

/* What is charged at most; for fixed memory that is what is charged, now and always. */
static int set_charge(struct speadi_pool *pool, const struct speadi_pool_config *config,
                      struct spead_err *err)
{
    uint64_t all = (uint64_t)config->region_count * pool->region_bytes;

    pool->charge_max = config->memory_bytes_max ? config->memory_bytes_max : all;
    if (!pool->fixed)
        return 0;
    if (pool->charge_max < all)
        return speadi_err_set(err, -ENOMEM,
                              "%u heaps of up to %zu bytes in memory that a device knows take %llu "
                              "bytes, more than the bound of %llu: lower the largest heap size or "
                              "the number of heaps, or raise the bound",
                              config->region_count, pool->region_bytes, (unsigned long long)all,
                              (unsigned long long)pool->charge_max);
    pool->charge_max = all;
    pool->charged = pool->charged_high_water = all;
    return 0;
}

/* Last, when nothing can fail any more: this is what first touches the table. */
static void fill(struct speadi_pool *pool)
{
    for (uint32_t i = pool->region_count; i-- > 0;) {
        uint64_t offset = i * pool->region_stride;

        pool->slots[i].region = (struct speadi_region){
            .data = pool->all.data != NULL ? (uint8_t *)pool->all.data + offset : NULL,
            .offset = offset,
            .bytes = pool->region_bytes,
            .charged_bytes = pool->fixed ? pool->region_bytes : 0,
            .meta = pool->metas + i * pool->meta_stride,
            .pool = pool,
            .index = i,
        };
        if (pool->fixed)
            pool->slots[i].populated_bytes = pool->slots[i].huge_bytes = pool->region_bytes;
        put_free(pool, &pool->slots[i]);
    }
}

static void destroy(struct speadi_pool *pool)
{
    if (pool->ended != NULL)
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
        return speadi_err_set(err, -ENOMEM, "no memory for a pool of regions");
    *pool = (struct speadi_pool){.region_count = config->region_count,
                                 .fixed = config->pinned || config->arena != NULL,
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
    return (uint64_t)pool->region_stride * pool->region_count;
}

void speadi_pool_at_end(struct speadi_pool *pool, void (*ended)(void *arg), void *arg)
{
    pool->ended = ended;
    pool->ended_arg = arg;
}

/* change: how many regions the closing owner found out, or -1 for one that came back.
 * acq_rel: whoever frees the pool sees the last use of every region. */
static void settle(struct speadi_pool *pool, int_fast64_t change)
{
    if (atomic_fetch_add_explicit(&pool->outstanding, change, memory_order_acq_rel) + change == 0)
        destroy(pool);
}

void speadi_pool_unref(struct speadi_pool *pool)
{
    if (!pool)
        return;
    /* acquire: as R1 */
    put_returned(pool, atomic_exchange_explicit(&pool->returned, CLOSED, memory_order_acquire));
    settle(pool, (int_fast64_t)pool->region_count - pool->free_count);
}

/* ---- Taking and releasing ------------------------------------------------------------------ */

struct speadi_region *speadi_pool_take(struct speadi_pool *pool)
{
    struct slot *slot;

    collect(pool);
    slot = get_free(pool);
    return slot ? &slot->region : NULL;
}

void speadi_region_release(struct speadi_region *region)
{
    struct speadi_pool *pool = region->pool;
    /* relaxed: the value is only compared and linked to, never looked into */
    struct speadi_region *top = atomic_load_explicit(&pool->returned, memory_order_relaxed);

    do {
        if (top == CLOSED) {
            settle(pool, -1);
            return;
        }
        region->next = top;
        /* R2: release pairs with R1 in collect(). */
    } while (!atomic_compare_exchange_weak_explicit(&pool->returned, &top, region,
                                                    memory_order_release, memory_order_relaxed));
}

/* ---- Charging (taker) ---------------------------------------------------------------------- */

static void trim(struct speadi_pool *pool, struct slot *slot)
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
    for (struct slot *slot = pool->coldest; slot; slot = slot->warmer) {
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
        return round_up(bytes, region->pool->page_bytes);
    charge = round_up(bytes, SPEADI_HUGE_PAGE_BYTES);
    return charge < region->bytes ? charge : region->bytes;
}

static void make_huge(struct slot *slot)
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
    collect(pool);
    charge = charge_for(region, bytes);
    if (!make_room(pool, charge - before)) {
        charge = round_up(bytes, pool->page_bytes); /* no room for a huge page's worth: exactly */
        if (!make_room(pool, charge - before))
            return -ENOMEM;
    }
    region->charged_bytes = charge;
    pool->charged += charge - before;
    if (pool->charged > pool->charged_high_water)
        pool->charged_high_water = pool->charged;
    make_huge(slot_of(region));
    return 0;
}

int speadi_region_charge(struct speadi_region *region, size_t bytes)
{
    return bytes <= region->charged_bytes ? 0 : grow(region, bytes);
}

int speadi_region_populate(struct speadi_region *region, size_t bytes)
{
    struct slot *slot = slot_of(region);
    int ret;

    if (bytes <= slot->populated_bytes)
        return 0;
    ret = speadi_region_charge(region, bytes);
    if (ret < 0)
        return ret;
    speadi_pages_fault_in(region->data + slot->populated_bytes,
                          region->charged_bytes - slot->populated_bytes);
    slot->populated_bytes = region->charged_bytes;
    return 0;
}

/* A large part need not have been touched, and then must not be: its pages are given back, which makes
 * them zero too. */
void speadi_region_zero(struct speadi_region *region, uint64_t from, uint64_t end)
{
    uint64_t inner = (from + SPEADI_HUGE_PAGE_BYTES - 1) / SPEADI_HUGE_PAGE_BYTES *
                     SPEADI_HUGE_PAGE_BYTES,
             inner_end = end / SPEADI_HUGE_PAGE_BYTES * SPEADI_HUGE_PAGE_BYTES;

    if (inner >= inner_end || region->pool->fixed ||
        speadi_pages_trim(region->data + inner, inner_end - inner) < 0) { /* locked: it is there */
        memset(region->data + from, 0, end - from);
        return;
    }
    if (slot_of(region)->populated_bytes > inner)
        slot_of(region)->populated_bytes = inner;
    memset(region->data + from, 0, inner - from);
    memset(region->data + inner_end, 0, end - inner_end);
}

void speadi_pool_stats(const struct speadi_pool *pool, struct speadi_pool_stats *stats)
{
    uint32_t in = pool->free_count;

    /* Regions on the returned list stay there until this thread takes them: it can be walked.
     * acquire: as R1, for their links. */
    for (const struct speadi_region *region =
             atomic_load_explicit(&pool->returned, memory_order_acquire);
         region; region = region->next)
        in++;
    *stats = (struct speadi_pool_stats){
        .memory_bytes = pool->charged,
        .memory_high_water_bytes = pool->charged_high_water,
        .memory_bytes_max = pool->charge_max,
        .regions = pool->region_count,
        .regions_out = pool->region_count - in,
        .table_bytes = sizeof *pool + pool->table_bytes,
    };
}

uint64_t speadi_pool_memory_bytes(const struct speadi_pool *pool, uint64_t *high_water_bytes)
{
    *high_water_bytes = pool->charged_high_water;
    return pool->charged;
}
