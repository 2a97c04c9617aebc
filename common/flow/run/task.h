/* SPDX-License-Identifier: Apache-2.0 */
/* A task is the part of a node that the worker of the node knows. The worker gives turns to tasks. The struct of a node
 * contains its task.
 *
 *   ACTIVE ----- a turn found nothing to do: the task suspends -----> SUSPENDED
 *   ACTIVE <---- a wake sets the mark WOKEN and queues the task ----- SUSPENDED
 *   ACTIVE ----- the node has ended --------------------------------> FINISHED
 *
 * Besides its state, a task can have the mark WOKEN. Every wake sets the mark. If a wake finds the task SUSPENDED and
 * without the mark, it also queues the task. Only one wake can find the task like that. A turn begins by clearing the
 * mark, so the turn sees everything that was done before the wake (TASK1). At the end of a turn, the task can suspend
 * only if it still has no mark. Otherwise it has another turn. */
#ifndef SPEADI_TASK_H
#define SPEADI_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>

#include "timers.h"

struct speadi_worker;

/* The values of task->state: one of the four states, with or without the mark WOKEN. */
enum {
    SPEADI_TASK_BUILT,  /* the graph has not started */
    SPEADI_TASK_ACTIVE, /* the task has a turn now, or waits for its worker to give it one */
    SPEADI_TASK_SUSPENDED,
    SPEADI_TASK_FINISHED,
    SPEADI_TASK_STATES = 3, /* mask of the four states */
    SPEADI_TASK_WOKEN = 4,  /* the mark: a thread has woken the task after its last turn began */
};

struct speadi_task {
    _Atomic uint32_t state; /* any thread may read and change it */

    /* The thread of the worker reads and writes these two fields. A thread that hands the task to the worker also
     * writes `next`. */
    struct speadi_task *next;  /* next task in the queue of the worker, or in worker->handed */
    struct speadi_timer timer; /* when this timer is due, it makes the task runnable */

    /* The worker that gives turns to this task. It does not change after the first turn has begun. */
    struct speadi_worker *worker;

    /* Gives the task one turn. The thread of the worker calls this function. It must not use the task after the call,
     * because the task can already be freed. */
    void (*turn)(struct speadi_task *task);
};

static inline struct speadi_task *speadi_task_of_timer(struct speadi_timer *timer)
{
    return (struct speadi_task *)(void *)((char *)timer - offsetof(struct speadi_task, timer));
}

/* ---- The state ------------------------------------------------------------------------------ */

/* Sets the mark WOKEN. Returns true if the task was suspended without the mark. The caller must then queue the task. If
 * it returns false, the caller need do nothing: the task will have a turn anyway, or it will see the mark before it
 * suspends, or it has finished. Any thread may call it. */
static inline bool speadi_task_mark_woken(struct speadi_task *task)
{
    /* TASK1 release: the next turn sees what this thread did before. */
    return atomic_fetch_or_explicit(&task->state, SPEADI_TASK_WOKEN, memory_order_acq_rel) ==
           SPEADI_TASK_SUSPENDED;
}

/* Clears the mark WOKEN. Each turn calls this first. */
static inline void speadi_task_begin_turn(struct speadi_task *task)
{
    /* TASK1 acquire: this turn sees what was done before each wake until now. TASK2 acquire: this turn sees what
     * earlier turns have done. */
    atomic_exchange(&task->state, SPEADI_TASK_ACTIVE);
}

/* Suspends the task at the end of a turn, and returns true. But if a thread has woken the task after the turn began, it
 * does not suspend the task and returns false. The task must then have another turn. */
static inline bool speadi_task_suspend(struct speadi_task *task)
{
    uint32_t active = SPEADI_TASK_ACTIVE;

    /* TASK2 release: the thread that gives the next turn sees what this turn has done. Nearly always the next turn is
     * on the same thread. But in a pulled graph, another thread can give it. */
    return atomic_compare_exchange_strong(&task->state, &active, SPEADI_TASK_SUSPENDED);
}

static inline uint32_t speadi_task_state(const struct speadi_task *task)
{
    return atomic_load(&task->state) & SPEADI_TASK_STATES;
}

/* ---- Waking --------------------------------------------------------------------------------- */

/* Makes a suspended task runnable. If the task is not suspended, it only gets the mark WOKEN. Any thread may call
 * it. */
void speadi_task_wake(struct speadi_task *task);

/* The states of a node waker. They say whether its wake() was called, and whether that call still uses the waker. */
enum {
    SPEADI_WAKER_IDLE,        /* wake() was not called */
    SPEADI_WAKER_CALLING,     /* wake() was called and can still use the waker */
    SPEADI_WAKER_CALLED,      /* wake() was called and does not use the waker any more */
    SPEADI_WAKER_JOINING = 4, /* a mark beside IDLE and CALLING: a thread sleeps in join() */
};

/* The waker of a node: its wake() makes the task of the node runnable. */
struct speadi_node_waker {
    struct spead_waker waker;
    struct speadi_task *task;
    _Atomic uint32_t state; /* one of the SPEADI_WAKER_... values above; also the word of a futex */
};

void speadi_node_waker_init(struct speadi_node_waker *node_waker, struct speadi_task *task);

/* Waits until wake() does not use the waker any more. The caller must know that another thread has called wake() or is
 * calling it, and must be the thread of the node's worker. The wait takes only a few instructions of the other thread,
 * or longer if that thread was preempted in wake(); then the caller sleeps. */
void speadi_node_waker_join(struct speadi_node_waker *node_waker);

#endif
