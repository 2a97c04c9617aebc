/* SPDX-License-Identifier: Apache-2.0 */
/* How regions come back to their pool. Threads drop references. If a device still uses a region without references, the
 * region is parked.
 *
 * A thread that drops the last reference to such a region pushes the region onto the list `parked`. The taker removes
 * that list as a whole, as pool.c does with `returned`. When the owner ends the pool, it puts PARKING_CLOSED into
 * `parked` and waits for the regions that it finds there. A thread that drops a last reference after that waits itself
 * for the events of its region. So a region without references always has exactly one thread that checks its events or
 * waits for them. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "region_parts.h"

static struct spead_region closed_mark;
#define PARKING_CLOSED (&closed_mark)

/* The list of pools that have lost regions. A failed device may still write into a lost region, so its pool stays
 * mapped for ever. The list keeps these pools reachable, so that a leak checker does not report them. */
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
    /* relaxed: this thread has dropped the last reference, and that gave the order (REGION1) */
    for (unsigned i = 0; i < SPEAD_REGION_EVENTS_MAX; i++)
        if (atomic_load_explicit(&region->event[i], memory_order_relaxed))
            return true;
    return false;
}

/* Checks the events of a region. Returns 1 if all events are done; the function has dropped them then. Returns 0 if an
 * event is not done, or -errno if an event has failed; the function does not look at the rest then. If `wait` is set,
 * the function blocks until each event is done or has failed. */
static int check_events(struct spead_region *region, bool wait)
{
    for (unsigned i = 0; i < SPEAD_REGION_EVENTS_MAX; i++) {
        /* relaxed: the drop of the last reference (REGION1) or the list of parked regions (REGION4) gave the order */
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

        /* REGION3 release: another thread that releases the region may swap this event out, and then sees the object of
         * the event. The thread that drops the last reference reads the place after this thread has dropped its
         * reference (REGION1). relaxed if the exchange fails: the place is in use, and the loop tries the next
         * place. */
        if (atomic_compare_exchange_strong_explicit(&region->event[i], &none, event,
                                                    memory_order_release, memory_order_relaxed))
            return true;
    }
    return false;
}

/* ---- Parking ------------------------------------------------------------------------------- */

/* Makes a region lost: nobody uses it any more. One of its events has failed, so a device may still write into the
 * region. */
static void lose(struct spead_region *region)
{
    struct spead_region_pool *pool = region->pool;

    /* relaxed: no other thread uses the region any more */
    for (unsigned i = 0; i < SPEAD_REGION_EVENTS_MAX; i++) {
        uint64_t event = atomic_exchange_explicit(&region->event[i], 0, memory_order_relaxed);

        if (event)
            drop_event(pool, event);
    }
    /* relaxed: lost_count is only a count. No thread reads the list of lost pools. It only keeps these pools
     * reachable. */
    if (atomic_fetch_add_explicit(&pool->lost_count, 1, memory_order_relaxed) > 0)
        return;
    pool->next_lost = atomic_load_explicit(&lost_pools, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&lost_pools, &pool->next_lost, pool,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

void speadi_region_pool_drop_reference(struct spead_region_pool *pool)
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
    speadi_region_pool_drop_reference(pool);
}

static void wait_and_give_back(struct spead_region *region)
{
    if (check_events(region, true) > 0)
        give_back(region);
    else
        lose(region);
}

static void park(struct spead_region *region)
{
    struct spead_region_pool *pool = region->pool;
    /* relaxed: this thread only compares the pointer and stores it */
    struct spead_region *top = atomic_load_explicit(&pool->parked, memory_order_relaxed);

    do {
        if (top == PARKING_CLOSED) {
            wait_and_give_back(region);
            return;
        }
        region->next = top;
        /* REGION4 release: the taker sees the events and `next` of the region. */
    } while (!atomic_compare_exchange_weak_explicit(&pool->parked, &top, region,
                                                    memory_order_release, memory_order_relaxed));
}

/* It is called when the last reference to the region is gone. Gives the region back to the pool, or parks it if it has
 * events. */
static void end_region(struct spead_region *region)
{
    if (!has_events(region)) {
        give_back(region);
        return;
    }
    /* relaxed: this is only a count */
    atomic_fetch_add_explicit(&region->pool->parked_count, 1, memory_order_relaxed);
    park(region);
}

void spead_region_unref(struct spead_region *region)
{
    /* REGION1 release, acquire: the thread that drops the last reference comes after all uses of the memory by other
     * threads, and sees the events that those threads left in the region. */
    if (region && atomic_fetch_sub_explicit(&region->references, 1, memory_order_acq_rel) == 1)
        end_region(region);
}

int spead_region_query(const struct spead_region *region, uint64_t event)
{
    if (event == 0)
        return 1;
    return region->pool->event_ops ? query(region->pool, event) : -EINVAL;
}

/* Checks an event. Returns true if the event is done; the function has dropped it then. If `wait` is set, the function
 * first blocks until the event is done or has failed. */
static bool drop_if_done(const struct spead_region_pool *pool, uint64_t event, bool wait)
{
    if (wait)
        wait_for(pool, event);
    if (query(pool, event) <= 0)
        return false;
    drop_event(pool, event);
    return true;
}

/* Tries to keep `event` in the place of an event that is done. It is called when all places are in use. At each place,
 * the function puts in the event that it has, and takes out the event that was there. It stops when it has an event
 * that is done. So an event is always either in one place or with one thread, and no thread checks an event that
 * another thread has dropped. Returns 0, or an event that is not done and that has no place. The function visits the
 * first place twice. So the event that it returns is the one that it was given, if no other thread swaps events at the
 * same time. */
static uint64_t swap_events(struct spead_region *region, uint64_t event, bool wait)
{
    for (unsigned i = 0; i <= SPEAD_REGION_EVENTS_MAX; i++) {
        if (drop_if_done(region->pool, event, wait))
            return 0;
        /* REGION3 release, acquire: this thread sees the object of an event that another thread has left in this
         * place. */
        event = atomic_exchange_explicit(&region->event[i % SPEAD_REGION_EVENTS_MAX], event,
                                         memory_order_acq_rel);
        if (!event)
            return 0;
    }
    return event;
}

/* Keeps the event in one of the places of the region. It keeps a failed event too. Otherwise the pool would give the
 * region out again, although the device may still write into it. */
static void keep_event(struct spead_region *region, uint64_t event)
{
    if (claim_place(region, event))
        return;
    event = swap_events(region, event, false);
    if (!event || drop_if_done(region->pool, event, false))
        return;
    /* relaxed: this is only a count */
    atomic_fetch_add_explicit(&region->pool->event_waits, 1, memory_order_relaxed);
    event = swap_events(region, event, true);
    /* If drop_if_done() returns false here, all events have failed. The events in the places still show that, so the
     * region does not need this event. */
    if (event && !drop_if_done(region->pool, event, true))
        drop_event(region->pool, event);
}

void spead_region_release(struct spead_region *region, uint64_t event)
{
    struct spead_region_pool *pool = region->pool;

    if (event && drop_if_done(pool, event, false))
        event = 0;
    if (event)
        keep_event(region, event);
    spead_region_unref(region);
}

/* ---- Taker only ---------------------------------------------------------------------------- */

/* Appends a list of regions to the parked regions of the taker. The list begins with the newest region. The function
 * reverses it, so that the oldest region comes first. */
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
    /* relaxed: this load only decides whether to do the exchange */
    if (atomic_load_explicit(&pool->parked, memory_order_relaxed))
        /* REGION4 acquire: the taker sees the events and `next` of the parked regions. */
        append(pool, atomic_exchange_explicit(&pool->parked, NULL, memory_order_acquire));
}

static void leave_parking(struct spead_region *region, int done)
{
    /* relaxed: this is only a count */
    atomic_fetch_sub_explicit(&region->pool->parked_count, 1, memory_order_relaxed);
    if (done > 0)
        give_back(region);
    else
        lose(region);
}

/* Takes back parked regions whose events are done. Returns how many regions went back to the pool. If `whole` is set,
 * the function checks all parked regions. Otherwise it stops at the first region whose events are not done. */
static uint32_t reap(struct spead_region_pool *pool, bool whole)
{
    struct spead_region *region, *next, *kept = NULL;
    uint32_t back = 0;

    collect(pool);
    for (region = pool->parked_first; region; region = next) {
        int done = check_events(region, false);

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
    /* relaxed: if this load misses a region that another thread parks just now, the next call sees it */
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
        leave_parking(region, check_events(region, true));
    }
}
