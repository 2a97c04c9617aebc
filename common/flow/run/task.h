/* A task: something that has turns at a worker, such as a node of a graph. Its owner embeds it.
 *
 *   ACTIVE ---- the turn has nothing to do, and the task suspends ----> SUSPENDED
 *     ^  <------------ a wake marks it WOKEN and queues it ----------------- |
 *     |
 *     ---- the owner is done with it ----> FINISHED
 *
 * WOKEN is a mark beside the state. A wake sets the mark, and the wake that sets it on SUSPENDED (without a mark)
 * queues the task: exactly one wake does. A turn starts by clearing the mark, so that the turn sees everything that was
 * done before the wake (TASK1); and a task suspends only if the mark is still clear, else it has another turn. */
#ifndef SPEADI_TASK_H
#define SPEADI_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>

#include "timers.h"

struct speadi_worker;

/* Of task->state. */
enum {
    SPEADI_TASK_BUILT,
    SPEADI_TASK_ACTIVE, /* has or will have a turn: running, queued, or handed over */
    SPEADI_TASK_SUSPENDED,
    SPEADI_TASK_FINISHED,
    SPEADI_TASK_STATES = 3, /* mask */
    SPEADI_TASK_WOKEN = 4,  /* since the turn began */
};

struct speadi_task {
    _Atomic uint32_t state; /* any thread */

    /* The worker's thread reads and writes these two; `next` also the thread that hands the task over. */
    struct speadi_task *next;  /* in the worker's queue, or in its list of tasks handed over */
    struct speadi_timer timer; /* wakes the task */

    /* Constant from the first turn on. */
    struct speadi_worker *worker;
    void (*turn)(struct speadi_task *task); /* on the worker's thread; the task may be gone after */
};

static inline struct speadi_task *speadi_task_of_timer(struct speadi_timer *timer)
{
    return (struct speadi_task *)(void *)((char *)timer - offsetof(struct speadi_task, timer));
}

/* ---- The state ------------------------------------------------------------------------------ */

/* True: the task was suspended, so the caller must queue it. Otherwise it has a turn coming, or sees the mark before it
 * suspends, or is over. Any thread. */
static inline bool speadi_task_mark_woken(struct speadi_task *task)
{
    /* TASK1 release: the next turn sees what this thread did before. */
    return atomic_fetch_or_explicit(&task->state, SPEADI_TASK_WOKEN, memory_order_acq_rel) ==
           SPEADI_TASK_SUSPENDED;
}

/* The first thing that a turn does. */
static inline void speadi_task_begin_turn(struct speadi_task *task)
{
    /* TASK1 acquire: what was done before each wake until now. TASK2 acquire: what the turns before have done. */
    atomic_exchange(&task->state, SPEADI_TASK_ACTIVE);
}

/* The last thing that a turn does. False: the task was woken since the turn began and must have another one. */
static inline bool speadi_task_suspend(struct speadi_task *task)
{
    uint32_t active = SPEADI_TASK_ACTIVE;

    /* TASK2 release: for the thread that gives the next turn. That is mostly this thread; the worker of a pulled graph
     * may be entered by another thread. */
    return atomic_compare_exchange_strong(&task->state, &active, SPEADI_TASK_SUSPENDED);
}

static inline uint32_t speadi_task_state(const struct speadi_task *task)
{
    return atomic_load(&task->state) & SPEADI_TASK_STATES;
}

/* ---- Waking --------------------------------------------------------------------------------- */

/* Makes a suspended task have a turn. Any thread. */
void speadi_task_wake(struct speadi_task *task);

/* A waker of a task, and how far the call of wake() has come. */
enum { SPEADI_WAKER_IDLE, SPEADI_WAKER_CALLING, SPEADI_WAKER_CALLED };
struct speadi_node_waker {
    struct spead_waker waker;
    struct speadi_task *task;
    _Atomic uint32_t state; /* RINGING: wake() was called; RUNG: that call touches this no more */
};

void speadi_node_waker_init(struct speadi_node_waker *waiter, struct speadi_task *task);

/* Waits until the thread that calls wake() touches the waiter no more: a few instructions. Only for a waiter that has
 * been woken, or is just being woken. */
void speadi_node_waker_join(struct speadi_node_waker *waiter);

#endif
