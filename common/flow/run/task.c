/* Waking a task: directly, or by a node waker that was announced at a channel or a throttle. */
#include "task.h"

#include <sched.h>

#include "worker.h"

/* Makes a suspended task runnable. Returns NULL, or a futex that the caller must pass to speadi_worker_rouse(). */
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

static void wake_node(struct spead_waker *waker)
{
    struct speadi_node_waker *node_waker =
        (struct speadi_node_waker *)(void *)((char *)waker -
                                             offsetof(struct speadi_node_waker, waker));
    _Atomic uint32_t *futex;

    /* This store must come before make_active(), which causes a turn of the node. In that turn the node must see that
     * this waker was called, because no second wake will come. relaxed: make_active() is the release. */
    atomic_store_explicit(&node_waker->state, SPEADI_WAKER_CALLING, memory_order_relaxed);
    futex = make_active(node_waker->task);
    /* WAKER2 release: as soon as the node sees CALLED, it is allowed to end. Then the task, the graph and even the
     * worker can be freed. So after this store, the function uses only the address of the futex. */
    atomic_store_explicit(&node_waker->state, SPEADI_WAKER_CALLED, memory_order_release);
    speadi_worker_rouse(futex);
}

void speadi_node_waker_init(struct speadi_node_waker *node_waker, struct speadi_task *task)
{
    node_waker->waker.wake = wake_node;
    node_waker->task = task;
}

void speadi_node_waker_join(struct speadi_node_waker *node_waker)
{
    /* WAKER2 acquire: the thread that called wake() does not touch the waker any more. */
    while (atomic_load_explicit(&node_waker->state, memory_order_acquire) != SPEADI_WAKER_CALLED)
        /* the thread in wake() has only a few instructions left, but can be preempted there */
        sched_yield();
}
