/* How a task is woken: by its owner, or through a waker that a channel or a throttle keeps. */
#include "task.h"

#include <sched.h>

#include "worker.h"

/* Makes a suspended task have a turn. Returns the futex that the caller must rouse, or NULL. */
static _Atomic uint32_t *make_active(struct speadi_task *task)
{
    if (!speadi_task_mark_woken(task))
        return NULL;
    if (task->worker == speadi_worker_here()) {
        speadi_worker_queue(task->worker, task);
        return NULL;
    }
    return speadi_worker_hand(task->worker, task);
}

void speadi_task_wake(struct speadi_task *task)
{
    speadi_worker_rouse(make_active(task));
}

static void wake_waiter(struct spead_waker *waker)
{
    struct speadi_node_waker *waiter =
        (struct speadi_node_waker *)(void *)((char *)waker -
                                             offsetof(struct speadi_node_waker, waker));
    _Atomic uint32_t *futex;

    /* Before the task can have its turn, which may ask at once whether it was this that woke it (and that
     * no later wake would tell). relaxed: make_active() releases it. */
    atomic_store_explicit(&waiter->state, SPEADI_WAKER_CALLING, memory_order_relaxed);
    futex = make_active(waiter->task);
    /* WAKER2 release: the owner, which sees RUNG, may free the task, and with its last graph the worker. From here
     * on only the address of the futex is used. */
    atomic_store_explicit(&waiter->state, SPEADI_WAKER_CALLED, memory_order_release);
    speadi_worker_rouse(futex);
}

void speadi_node_waker_init(struct speadi_node_waker *waiter, struct speadi_task *task)
{
    waiter->waker.wake = wake_waiter;
    waiter->task = task;
}

void speadi_node_waker_join(struct speadi_node_waker *waiter)
{
    /* WAKER2 acquire: the waking thread touches the waiter no more. */
    while (atomic_load_explicit(&waiter->state, memory_order_acquire) != SPEADI_WAKER_CALLED)
        sched_yield(); /* the thread that wakes has a few instructions left, or was preempted there */
}
