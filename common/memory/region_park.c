/* How regions come back: references are given up, and a region that a device still uses is parked.
 *
 * Releasers push onto `parked`, the taker takes the list whole (as the pool of blocks does it). At its end
 * the owner swaps PARKING_CLOSED in and waits for what it finds; who comes later waits for its own region.
 * So a region without references is always looked after by exactly one thread. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "region_parts.h"

static struct spead_region closed_mark;
#define PARKING_CLOSED (&closed_mark)

/* Pools with regions that a failed device may still write: they stay mapped, and reachable here. */
static _Atomic(struct spead_region_pool *) lost_pools;

/* ---- Events of one region ------------------------------------------------------------------ */

static int query(const struct spead_region_pool *pool, uint64_t event)
{
    return pool->event_ops->query(pool->event_ops->arg, event);
}

static void drop_event(const struct spead_region_pool *pool, uint64_t event)
{
    pool->event_ops->unref(pool->event_ops->arg, event);
}

static void wait_for(const struct spead_region_pool *pool, uint64_t event)
{
    pool->event_ops->wait(pool->event_ops->arg, event);
}

static bool has_events(const struct spead_region *region)
{
    /* relaxed: ordered by the last reference (REGION1) */
    for (unsigned i = 0; i < SPEAD_REGION_EVENTS_MAX; i++)
        if (atomic_load_explicit(&region->event[i], memory_order_relaxed))
            return true;
    return false;
}

/* 1: all are done (and dropped), 0: one is not, -errno: one failed, the others are no longer of interest. */
static int look(struct spead_region *region, bool wait)
{
    for (unsigned i = 0; i < SPEAD_REGION_EVENTS_MAX; i++) {
        /* relaxed: ordered by the last reference (REGION1), or by the list it came through (REGION4) */
        uint64_t event = atomic_load_explicit(&region->event[i], memory_order_relaxed);
        int done;

        if (!event)
            continue;
        if (wait)
            wait_for(region->pool, event);
        done = query(region->pool, event);
        if (done <= 0)
            return done;
        drop_event(region->pool, event);
        atomic_store_explicit(&region->event[i], 0, memory_order_relaxed);
    }
    return 1;
}

static bool claim_place(struct spead_region *region, uint64_t event)
{
    for (unsigned i = 0; i < SPEAD_REGION_EVENTS_MAX; i++) {
        uint64_t none = 0;

        /* REGION3 release: another releaser that trades this event sees what it refers to. The thread with the
         * last reference reads it after this releaser has given its own up (REGION1). relaxed on failure: the
         * place is taken. */
        if (atomic_compare_exchange_strong_explicit(&region->event[i], &none, event,
                                                    memory_order_release, memory_order_relaxed))
            return true;
    }
    return false;
}

/* ---- Parking ------------------------------------------------------------------------------- */

static void lose(struct spead_region *region)
{
    struct spead_region_pool *pool = region->pool;

    /* relaxed: nobody else has the region any more */
    for (unsigned i = 0; i < SPEAD_REGION_EVENTS_MAX; i++) {
        uint64_t event = atomic_exchange_explicit(&region->event[i], 0, memory_order_relaxed);

        if (event)
            drop_event(pool, event);
    }
    /* relaxed: a count; and nobody follows the list, it only keeps the pools reachable */
    if (atomic_fetch_add_explicit(&pool->lost_count, 1, memory_order_relaxed) > 0)
        return;
    pool->next_lost = atomic_load_explicit(&lost_pools, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&lost_pools, &pool->next_lost, pool,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

void speadi_region_pool_settle(struct spead_region_pool *pool)
{
    /* REGION2 release, acquire: the thread that ends the pool sees the last use of every region. */
    if (atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) > 1)
        return;
    if (pool->arena.ended)
        pool->arena.ended(pool->arena.arg);
    free(pool);
}

static void give_back(struct spead_region *region)
{
    struct spead_region_pool *pool = region->pool;

    speadi_block_release(region->block);
    speadi_region_pool_settle(pool);
}

static void wait_and_give_back(struct spead_region *region)
{
    if (look(region, true) > 0)
        give_back(region);
    else
        lose(region);
}

static void park(struct spead_region *region)
{
    struct spead_region_pool *pool = region->pool;
    /* relaxed: only compared and linked to */
    struct spead_region *top = atomic_load_explicit(&pool->parked, memory_order_relaxed);

    do {
        if (top == PARKING_CLOSED) {
            wait_and_give_back(region);
            return;
        }
        region->next = top;
        /* REGION4 release: the taker sees its events and its link. */
    } while (!atomic_compare_exchange_weak_explicit(&pool->parked, &top, region,
                                                    memory_order_release, memory_order_relaxed));
}

/* The last reference is gone: back to the pool, or parked. */
static void end_region(struct spead_region *region)
{
    if (!has_events(region)) {
        give_back(region);
        return;
    }
    /* relaxed: a count */
    atomic_fetch_add_explicit(&region->pool->parked_count, 1, memory_order_relaxed);
    park(region);
}

void spead_region_unref(struct spead_region *region)
{
    /* REGION1 release, acquire: the last one sees the others' use of the memory, and the events that they left. */
    if (region && atomic_fetch_sub_explicit(&region->references, 1, memory_order_acq_rel) == 1)
        end_region(region);
}

int spead_region_query(const struct spead_region *region, uint64_t event)
{
    if (event == 0)
        return 1;
    return region->pool->event_ops ? query(region->pool, event) : -EINVAL;
}

/* Done: it is dropped, and there is nothing to keep any more. */
static bool is_over(const struct spead_region_pool *pool, uint64_t event, bool wait)
{
    if (wait)
        wait_for(pool, event);
    if (query(pool, event) <= 0)
        return false;
    drop_event(pool, event);
    return true;
}

/* Puts the event in the place of one that is over. Each event is in one place or in one releaser's hand, so that
 * nobody looks at one that another has dropped. Returns what is left in hand: 0, or one that is not over: the
 * first place is met twice, so that it is the same one unless others trade meanwhile. */
static uint64_t trade_places(struct spead_region *region, uint64_t event, bool wait)
{
    for (unsigned i = 0; i <= SPEAD_REGION_EVENTS_MAX; i++) {
        if (is_over(region->pool, event, wait))
            return 0;
        /* REGION3 release, acquire: for what another releaser's event refers to. */
        event = atomic_exchange_explicit(&region->event[i % SPEAD_REGION_EVENTS_MAX], event,
                                         memory_order_acq_rel);
        if (!event)
            return 0;
    }
    return event;
}

/* One that failed is kept too, or the region would be given out while a device may still write. */
static void keep(struct spead_region *region, uint64_t event)
{
    if (claim_place(region, event))
        return;
    event = trade_places(region, event, false);
    if (!event || is_over(region->pool, event, false))
        return;
    /* relaxed: a count */
    atomic_fetch_add_explicit(&region->pool->event_waits, 1, memory_order_relaxed);
    event = trade_places(region, event, true);
    if (event && !is_over(region->pool, event, true))
        drop_event(region->pool, event); /* all of them failed: those in the places say so */
}

void spead_region_release(struct spead_region *region, uint64_t event)
{
    struct spead_region_pool *pool = region->pool;

    if (event && is_over(pool, event, false))
        event = 0;
    if (event)
        keep(region, event);
    spead_region_unref(region);
}

/* ---- The taker's side ---------------------------------------------------------------------- */

/* The list came newest first; append it oldest first. */
static void append(struct spead_region_pool *pool, struct spead_region *newest)
{
    struct spead_region *oldest = NULL, *last = newest, *next;

    for (; newest; newest = next) {
        next = newest->next;
        newest->next = oldest;
        oldest = newest;
    }
    if (!oldest)
        return;
    if (pool->parked_last)
        pool->parked_last->next = oldest;
    else
        pool->parked_first = oldest;
    pool->parked_last = last;
}

static void collect(struct spead_region_pool *pool)
{
    /* relaxed: only asks whether the exchange is worth it */
    if (atomic_load_explicit(&pool->parked, memory_order_relaxed))
        /* REGION4 acquire: the events and links of those that were parked. */
        append(pool, atomic_exchange_explicit(&pool->parked, NULL, memory_order_acquire));
}

static void leave_parking(struct spead_region *region, int done)
{
    /* relaxed: a count */
    atomic_fetch_sub_explicit(&region->pool->parked_count, 1, memory_order_relaxed);
    if (done > 0)
        give_back(region);
    else
        lose(region);
}

/* whole: looks at all of them, else stops at the first that is not done. */
static uint32_t reap(struct spead_region_pool *pool, bool whole)
{
    struct spead_region *region, *next, *kept = NULL;
    uint32_t back = 0;

    collect(pool);
    for (region = pool->parked_first; region; region = next) {
        int done = look(region, false);

        next = region->next;
        if (done == 0 && !whole)
            break;
        if (done == 0) {
            kept = region;
            continue;
        }
        if (kept)
            kept->next = next;
        else
            pool->parked_first = next;
        if (!next)
            pool->parked_last = kept;
        leave_parking(region, done);
        back += done > 0;
    }
    return back;
}

uint32_t spead_region_pool_reap(struct spead_region_pool *pool)
{
    return reap(pool, true);
}

void speadi_region_pool_reap_first(struct spead_region_pool *pool)
{
    /* relaxed: a region parked meanwhile is seen next time */
    if (atomic_load_explicit(&pool->parked_count, memory_order_relaxed))
        reap(pool, false);
}

void speadi_region_pool_close_parking(struct spead_region_pool *pool)
{
    struct spead_region *region, *next;

    /* REGION4 acquire: as in collect(). */
    append(pool, atomic_exchange_explicit(&pool->parked, PARKING_CLOSED, memory_order_acquire));
    for (region = pool->parked_first; region; region = next) {
        next = region->next;
        leave_parking(region, look(region, true));
    }
}
