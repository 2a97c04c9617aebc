/* A task: the part of a node that its worker knows and gives turns to. The node embeds it.
 *
 *   ACTIVE ----- a turn found nothing to do: the task suspends -----> SUSPENDED
 *   ACTIVE <---- a wake sets the mark WOKEN and queues the task ----- SUSPENDED
 *   ACTIVE ----- the node has ended --------------------------------> FINISHED
 *
 * WOKEN is a mark beside the state. Every wake sets it. The wake that finds the task SUSPENDED and without the mark
 * also queues the task, and only one wake can find that. A turn begins by clearing the mark, so the turn sees
 * everything that was done before the wake (TASK1). At the end of a turn a task can suspend only if the mark is still
 * clear. Otherwise it has another turn. */
#ifndef SPEADI_TASK_H
#define SPEADI_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>

#include "timers.h"

struct speadi_worker;

/* Values of task->state: one state, and the mark WOKEN or not. */
enum {
    SPEADI_TASK_BUILT,  /* the graph has not started */
    SPEADI_TASK_ACTIVE, /* it has a turn now, or is queued or handed to its worker for one */
    SPEADI_TASK_SUSPENDED,
    SPEADI_TASK_FINISHED,
    SPEADI_TASK_STATES = 3, /* mask of the four states */
    SPEADI_TASK_WOKEN = 4,  /* the mark: the task was woken since its turn began */
};

struct speadi_task {
    _Atomic uint32_t state; /* any thread reads and changes it */

    /* The thread of the worker reads and writes these two fields. A thread that hands the task to the worker writes
     * `next`. */
    struct speadi_task *next;  /* next task in the queue of the worker, or in worker->handed */
    struct speadi_timer timer; /* makes the task runnable when its time has come */

    /* Does not change after the first turn has begun. */
    struct speadi_worker *worker;

    /* Gives the task one turn, on the thread of the worker. The task may have been freed when it returns. */
    void (*turn)(struct speadi_task *task);
};

static inline struct speadi_task *speadi_task_of_timer(struct speadi_timer *timer)
{
    return (struct speadi_task *)(void *)((char *)timer - offsetof(struct speadi_task, timer));
}

/* ---- The state ------------------------------------------------------------------------------ */

/* Returns true if the task was suspended: then the caller must queue it. Otherwise the caller need do nothing: the task
 * will have a turn in any case, or it will see the mark before it suspends, or it has finished. Any thread. */
static inline bool speadi_task_mark_woken(struct speadi_task *task)
{
    /* TASK1 release: the next turn sees what this thread did before. */
    return atomic_fetch_or_explicit(&task->state, SPEADI_TASK_WOKEN, memory_order_acq_rel) ==
           SPEADI_TASK_SUSPENDED;
}

/* Clears the mark WOKEN. Each turn calls this first. */
static inline void speadi_task_begin_turn(struct speadi_task *task)
{
    /* TASK1 acquire: this turn sees what was done before each wake until now. TASK2 acquire: it sees what earlier turns
     * have done. */
    atomic_exchange(&task->state, SPEADI_TASK_ACTIVE);
}

/* Suspends the task at the end of a turn. Returns false if the task was woken since the turn began: then the task is
 * not suspended, and must have another turn. */
static inline bool speadi_task_suspend(struct speadi_task *task)
{
    uint32_t active = SPEADI_TASK_ACTIVE;

    /* TASK2 release: the thread that gives the next turn sees what this turn has done. That is nearly always the same
     * thread, but another thread may enter the worker of a pulled graph. */
    return atomic_compare_exchange_strong(&task->state, &active, SPEADI_TASK_SUSPENDED);
}

static inline uint32_t speadi_task_state(const struct speadi_task *task)
{
    return atomic_load(&task->state) & SPEADI_TASK_STATES;
}

/* ---- Waking --------------------------------------------------------------------------------- */

/* Makes a suspended task runnable. A task that is not suspended gets the mark WOKEN. Any thread. */
void speadi_task_wake(struct speadi_task *task);

/* How far the call of wake() of a node waker has come. */
enum {
    SPEADI_WAKER_IDLE,    /* wake() was not called */
    SPEADI_WAKER_CALLING, /* wake() was called and may still touch the waker */
    SPEADI_WAKER_CALLED,  /* that call touches the waker no more */
};

/* The waker of a node: its wake() makes the task of the node runnable. */
struct speadi_node_waker {
    struct spead_waker waker;
    struct speadi_task *task;
    _Atomic uint32_t state; /* SPEADI_WAKER_... */
};

void speadi_node_waker_init(struct speadi_node_waker *node_waker, struct speadi_task *task);

/* Waits until the thread that calls wake() does not touch the waker any more. The caller knows that wake() was called
 * or is being called. The wait takes a few instructions, unless the other thread was preempted there. */
void speadi_node_waker_join(struct speadi_node_waker *node_waker);

#endif
