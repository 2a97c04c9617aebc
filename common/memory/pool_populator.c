/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that populates blocks of a pool ahead of their use.
 *
 * The taker gives the thread one piece of work at a time: a range of one block that it has charged. Populating changes
 * no byte. So the taker may give the block out at the same time, and a heap or a device may write into it. Only
 * trimming must wait: pages that the thread populates after a trim would not be charged. The taker therefore halts the
 * thread before it trims a block while slot->is_populating is true. */
#include "pool_parts.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/thread.h>

/* The thread looks after each step whether it must halt or end. The taker waits for one step at most: when it halts the
 * thread, and in a page fault or an madvise(). */
#define STEP_BYTES SPEADI_HUGE_PAGE_BYTES

#define NICE 5 /* how much nicer the populator is than the thread that has made it */

struct speadi_pool_populator {
    struct speadi_runner *runner;
    sem_t work; /* posted for each piece of work, and for the end */
    /* The piece of work. The taker writes it while `busy` is false. */
    uint8_t *data;
    size_t bytes;
    atomic_bool busy, halting, ending;
    sem_t halted; /* posted when a piece of work is over that the taker has halted */
    /* the block of the piece, or NULL if there is none; only the taker uses it */
    struct speadi_pool_slot *slot;
};

static bool must_stop(struct speadi_pool_populator *populator)
{
    /* relaxed: the flags publish nothing */
    return atomic_load_explicit(&populator->halting, memory_order_relaxed) ||
           atomic_load_explicit(&populator->ending, memory_order_relaxed);
}

static void populate(struct speadi_pool_populator *populator)
{
    for (size_t at = 0; at < populator->bytes && !must_stop(populator); at += STEP_BYTES)
        speadi_pages_fault_in(populator->data + at,
                              speadi_min_u64(STEP_BYTES, populator->bytes - at));
}

/* Lets the owner thread go first where they share a CPU. A thread inherits a real-time class, in which the nice value
 * has no effect, so the class is set too. Both can fail only where a thread may not lower its own priority, and then
 * the populator works as it is. The scheduling class SCHED_IDLE would be wrong: a thread that the kernel suspends inside
 * madvise() holds a lock that the madvise() of the owner thread needs. */
static void yield_to_others(void)
{
    const struct sched_param ordinary = {0};

    (void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
}

static int body(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    struct speadi_pool_populator *populator = arg;

    (void)err;
    yield_to_others();
    speadi_runner_ready(self);
    for (;;) {
        while (sem_wait(&populator->work) < 0)
            ; /* a signal interrupted the wait */
        /* relaxed: sem_post() and sem_wait() give the order */
        if (atomic_load_explicit(&populator->ending, memory_order_relaxed))
            return 0;
        populate(populator);
        /* POPULATE1 release: the taker trims the block only after this thread has used the block for the last time. */
        if (!atomic_exchange_explicit(&populator->busy, false, memory_order_acq_rel))
            sem_post(&populator->halted);
    }
}

int speadi_pool_start_populator(struct speadi_pool *pool, struct spead_err *err)
{
    struct speadi_pool_populator *populator = calloc(1, sizeof *populator);
    int ret;

    if (!populator)
        return speadi_err_set(err, -ENOMEM, "no memory for the thread that populates heap memory");
    sem_init(&populator->work, 0, 0);
    sem_init(&populator->halted, 0, 0);
    ret = speadi_runner_start(&populator->runner, "spead-populate", -1, body, populator, err);
    if (ret < 0) {
        sem_destroy(&populator->work);
        sem_destroy(&populator->halted);
        free(populator);
        return ret;
    }
    pool->populator = populator;
    return 0;
}

void speadi_pool_stop_populator(struct speadi_pool *pool)
{
    struct speadi_pool_populator *populator = pool->populator;

    if (!populator)
        return;
    /* relaxed: the flag publishes nothing. The populator also reads it between two steps of its work. */
    atomic_store_explicit(&populator->ending, true, memory_order_relaxed);
    sem_post(&populator->work);
    (void)speadi_runner_join(populator->runner, NULL);
    sem_destroy(&populator->work);
    sem_destroy(&populator->halted);
    free(populator);
    pool->populator = NULL;
}

bool speadi_pool_populator_is_idle(struct speadi_pool *pool)
{
    struct speadi_pool_populator *populator = pool->populator;
    struct speadi_pool_slot *slot;

    if (!populator)
        return false;
    /* POPULATE1 acquire: as above */
    if (atomic_load_explicit(&populator->busy, memory_order_acquire))
        return false;
    slot = populator->slot;
    if (!slot)
        return true;
    if (slot->populating_bytes > slot->populated_bytes)
        slot->populated_bytes = slot->populating_bytes;
    slot->is_populating = false;
    populator->slot = NULL;
    return true;
}

void speadi_pool_halt_populator(struct speadi_pool *pool)
{
    struct speadi_pool_populator *populator = pool->populator;
    struct speadi_pool_slot *slot = populator->slot;

    slot->populating_bytes = slot->populated_bytes; /* it is unknown how far the thread came */
    /* relaxed: the flag publishes nothing */
    atomic_store_explicit(&populator->halting, true, memory_order_relaxed);
    /* POPULATE1 acquire: as in speadi_pool_populator_is_idle(), if the populator has cleared `busy` before. Otherwise it
     * finds `busy` cleared, and posts `halted`; then sem_wait() gives the order. */
    if (atomic_exchange_explicit(&populator->busy, false, memory_order_acq_rel))
        while (sem_wait(&populator->halted) < 0)
            ; /* a signal interrupted the wait */
    atomic_store_explicit(&populator->halting, false, memory_order_relaxed);
    (void)speadi_pool_populator_is_idle(pool);
}

void speadi_pool_give_populator(struct speadi_pool_slot *slot)
{
    struct speadi_pool_populator *populator = slot->block.pool->populator;

    populator->slot = slot;
    populator->data = slot->block.data + slot->populated_bytes;
    populator->bytes = slot->block.charged_bytes - slot->populated_bytes;
    slot->populating_bytes = slot->block.charged_bytes;
    slot->is_populating = true;
    /* relaxed: sem_post() publishes the piece of work */
    atomic_store_explicit(&populator->busy, true, memory_order_relaxed);
    sem_post(&populator->work);
}

void speadi_pool_populator_swap(struct speadi_pool_slot *a, struct speadi_pool_slot *b)
{
    struct speadi_pool_populator *populator = a->block.pool->populator;
    bool is_populating = a->is_populating;
    size_t bytes = a->populating_bytes;

    a->is_populating = b->is_populating;
    a->populating_bytes = b->populating_bytes;
    b->is_populating = is_populating;
    b->populating_bytes = bytes;
    if (populator && populator->slot == a)
        populator->slot = b;
    else if (populator && populator->slot == b)
        populator->slot = a;
}
