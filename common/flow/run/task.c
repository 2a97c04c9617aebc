/* SPDX-License-Identifier: Apache-2.0 */
/* Waking a task: directly, or by a node waker that was announced at a channel or a throttle. */
#include "task.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker.h"

/* How often join() yields before it sleeps. One yield is enough if the thread in wake() can run: that thread has only a
 * few instructions left. */
#define JOIN_YIELDS 16u

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

/* Does what wake_node() does, for a call on the thread of the node's worker. There speadi_node_waker_join() cannot run
 * at the same time, so plain stores can change the state. */
static void wake_node_here(struct speadi_node_waker *node_waker)
{
    /* relaxed: the node reads this field on the same thread. */
    atomic_store_explicit(&node_waker->state, SPEADI_WAKER_CALLING, memory_order_relaxed);
    make_active(node_waker->task);
    /* WAKER2 release: as in wake_node(). */
    atomic_store_explicit(&node_waker->state, SPEADI_WAKER_CALLED, memory_order_release);
}

static void wake_node(struct spead_waker *waker)
{
    struct speadi_node_waker *node_waker =
        (struct speadi_node_waker *)(void *)((char *)waker -
                                             offsetof(struct speadi_node_waker, waker));
    _Atomic uint32_t *futex;

    if (node_waker->task->worker == speadi_worker_here()) {
        wake_node_here(node_waker);
        return;
    }
    /* This change must come before make_active(), which causes a turn of the node. In that turn the node must see that
     * this waker was called, because no second wake will come. This atomic OR keeps the mark JOINING of a thread that
     * sleeps in join(). relaxed: make_active() is the release. */
    atomic_fetch_or_explicit(&node_waker->state, SPEADI_WAKER_CALLING, memory_order_relaxed);
    futex = make_active(node_waker->task);
    /* WAKER2 release: as soon as the node sees CALLED, it is allowed to end. Then the task, the graph and even the
     * worker can be freed. So after this exchange, the function uses only the addresses of the two futexes. */
    if (atomic_exchange_explicit(&node_waker->state, SPEADI_WAKER_CALLED, memory_order_acq_rel) &
        SPEADI_WAKER_JOINING)
        speadi_worker_rouse(&node_waker->state);
    speadi_worker_rouse(futex);
}

void speadi_node_waker_init(struct speadi_node_waker *node_waker, struct speadi_task *task)
{
    node_waker->waker.wake = wake_node;
    node_waker->task = task;
}

/* Sleeps until wake() has ended, or without a reason. `state` is the state that the caller has read last. */
static void sleep_for_waker(struct speadi_node_waker *node_waker, uint32_t state)
{
    /* relaxed: if the exchange fails, the caller looks again. If it succeeds, wake() finds the mark in its exchange. */
    if (state & SPEADI_WAKER_JOINING ||
        atomic_compare_exchange_strong_explicit(&node_waker->state, &state,
                                                state | SPEADI_WAKER_JOINING, memory_order_relaxed,
                                                memory_order_relaxed))
        syscall(SYS_futex, &node_waker->state, FUTEX_WAIT_PRIVATE, state | SPEADI_WAKER_JOINING,
                NULL, NULL, 0);
}

void speadi_node_waker_join(struct speadi_node_waker *node_waker)
{
    /* The thread in wake() has only a few instructions left, but can be preempted there. If this thread has a real-time
     * priority, sched_yield() does not let an ordinary thread run. So after some tries this thread sleeps. */
    for (unsigned tries = 0;; tries++) {
        /* WAKER2 acquire: the thread that called wake() does not touch the waker any more. */
        uint32_t state = atomic_load_explicit(&node_waker->state, memory_order_acquire);

        if (state == SPEADI_WAKER_CALLED)
            return;
        if (tries < JOIN_YIELDS)
            sched_yield();
        else
            sleep_for_waker(node_waker, state);
    }
}
