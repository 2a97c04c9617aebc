/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a worker: it gives turns to tasks, and sleeps in the kernel when no task is runnable. */
#include "worker.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/count.h>

/* The worker that runs on the current thread, or NULL. */
static _Thread_local struct speadi_worker *here;

void speadi_worker_init(struct speadi_worker *worker, enum speadi_worker_kind kind, int cpu)
{
    *worker = (struct speadi_worker){.kind = kind, .cpu = cpu};
    worker->now_ns = speadi_clock_mono_ns();
}

struct speadi_worker *speadi_worker_here(void)
{
    return here;
}

struct speadi_worker *speadi_worker_enter(struct speadi_worker *worker)
{
    struct speadi_worker *before = here;

    here = worker;
    return before;
}

void speadi_worker_queue(struct speadi_worker *worker, struct speadi_task *task)
{
    if (worker->kind == SPEADI_WORKER_PULLED)
        return; /* a pulled worker has no queue: its thread searches the graph for the next task */
    task->next = NULL;
    if (worker->last)
        worker->last->next = task;
    else
        worker->first = task;
    worker->last = task;
    speadi_counter_add(&worker->queued, 1);
}

_Atomic uint32_t *speadi_worker_hand(struct speadi_worker *worker, struct speadi_task *task)
{
    /* relaxed: this thread only compares the pointer and stores it. */
    struct speadi_task *head = atomic_load_explicit(&worker->handed, memory_order_relaxed);

    /* WORKER2 store: this thread pushes the task and then looks at `asleep` (WORKER3). The worker sets `asleep` and
     * then looks at this list. So at least one of the two threads sees what the other has done. WORKER1 release: the
     * worker sees task->next, and what this thread did to make the task runnable. */
    do
        task->next = head;
    while (!atomic_compare_exchange_weak(&worker->handed, &head, task));
    if (!atomic_load(&worker->asleep) || !atomic_exchange(&worker->asleep, 0)) /* WORKER3 load */
        return NULL;
    /* relaxed: `wakes` is a count that is only reported. Several threads write it. */
    atomic_fetch_add_explicit(&worker->wakes, 1, memory_order_relaxed);
    return &worker->asleep;
}

void speadi_worker_rouse(_Atomic uint32_t *futex)
{
    if (futex)
        syscall(SYS_futex, futex, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void speadi_worker_quit(struct speadi_worker *worker)
{
    atomic_store(&worker->quit, true);       /* WORKER2 store */
    if (atomic_exchange(&worker->asleep, 0)) /* WORKER3 load */
        speadi_worker_rouse(&worker->asleep);
}

/* Queues the tasks that other threads have handed to this worker. The list `handed` begins with the newest task. The
 * function reverses the list, so that the oldest task gets its turn first. */
static void take_handed(struct speadi_worker *worker)
{
    struct speadi_task *newest, *oldest = NULL;

    /* WORKER1 acquire: this thread sees the links of the list. */
    newest = atomic_exchange_explicit(&worker->handed, NULL, memory_order_acquire);
    while (newest) {
        struct speadi_task *task = newest;

        newest = task->next;
        task->next = oldest;
        oldest = task;
    }
    while (oldest) {
        struct speadi_task *task = oldest;

        oldest = task->next;
        speadi_worker_queue(worker, task);
    }
}

static void fire_timers(struct speadi_worker *worker)
{
    while (worker->timers.first && worker->timers.first->time_ns <= worker->now_ns) {
        struct speadi_task *task = speadi_task_of_timer(worker->timers.first);

        speadi_timers_remove(&worker->timers, worker->timers.first);
        if (speadi_task_mark_woken(task))
            speadi_worker_queue(worker, task);
    }
}

void speadi_worker_collect_all(struct speadi_worker *worker)
{
    /* relaxed: take_handed() reads the list again. */
    if (atomic_load_explicit(&worker->handed, memory_order_relaxed))
        take_handed(worker);
    fire_timers(worker);
}

static void futex_sleep(struct speadi_worker *worker)
{
    const struct speadi_timer *next = worker->timers.first;
    struct timespec until = speadi_clock_timespec(next ? next->time_ns : 0);

    /* FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. The system call can return without a reason. The
     * caller then finds nothing to do and sleeps again. */
    syscall(SYS_futex, &worker->asleep, FUTEX_WAIT_BITSET_PRIVATE, 1, next ? &until : NULL, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

void speadi_worker_sleep(struct speadi_worker *worker)
{
    atomic_store(&worker->asleep, 1);                                   /* WORKER3 store */
    if (!atomic_load(&worker->handed) && !atomic_load(&worker->quit)) { /* WORKER2 load */
        speadi_counter_add(&worker->sleeps, 1);
        futex_sleep(worker);
    }
    /* relaxed: if a thread still reads 1, it makes a system call that wakes no thread. */
    atomic_store_explicit(&worker->asleep, 0, memory_order_relaxed);
    worker->now_ns = speadi_clock_mono_ns();
}

/* Takes the first task out of the queue and returns it. Returns NULL if the queue is empty. */
static struct speadi_task *next_turn(struct speadi_worker *worker)
{
    struct speadi_task *task = worker->first;

    if (!task)
        return NULL;
    worker->first = task->next;
    if (!worker->first)
        worker->last = NULL;
    /* relaxed: the value is only reported. */
    atomic_store_explicit(&worker->queued, speadi_counter_read(&worker->queued) - 1,
                          memory_order_relaxed);
    return task;
}

static bool is_over(struct speadi_worker *worker)
{
    /* An OWN worker ends when `tasks` is 0. A turn on this thread lowers `tasks` when the task finishes. If the graph
     * could not start, another thread lowers `tasks` and then calls speadi_worker_quit(). WORKER2 gives the order of
     * these two steps. */
    if (worker->kind == SPEADI_WORKER_OWN)
        return speadi_counter_read(&worker->tasks) == 0;
    /* relaxed: `quit` says nothing about other data, and speadi_worker_sleep() looks at `quit` again (WORKER2). */
    return atomic_load_explicit(&worker->quit, memory_order_relaxed);
}

void speadi_worker_run(struct speadi_worker *worker)
{
    here = worker;
    while (!is_over(worker)) {
        struct speadi_task *task;

        speadi_worker_collect(worker);
        task = next_turn(worker);
        if (task)
            task->turn(task);
        else
            speadi_worker_sleep(worker);
    }
    here = NULL;
}
