/* SPDX-License-Identifier: Apache-2.0 */
/* A worker gives turns to tasks. It has a queue of runnable tasks and a set of timers, and it sleeps when there is
 * nothing to do.
 *
 * A task belongs to one worker for its whole life, so only the thread of this worker touches the queue and the timers.
 * Other threads hand a task to the worker through the list `handed`. There are three kinds of workers. A shared worker
 * runs on a thread of an executor. An own worker runs on a thread of its own, and has the task of one blocking node. A
 * pulled worker has no fixed thread: the thread that calls spead_graph_next() is its thread during that call, and
 * spead_graph_next() chooses which task has the next turn. See docs/adr/0014. */
#ifndef SPEADI_WORKER_H
#define SPEADI_WORKER_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>

#include <speadi/cache_line.h>

#include "task.h"
#include "timers.h"

struct speadi_runner;

enum speadi_worker_kind {
    SPEADI_WORKER_SHARED, /* runs until speadi_worker_quit() is called */
    SPEADI_WORKER_OWN,    /* runs until its one task has finished */
    SPEADI_WORKER_PULLED, /* has no loop: spead_graph_next() gives the turns */
};

struct speadi_worker {
    enum speadi_worker_kind kind; /* never changes */
    int cpu;                      /* never changes; -1 if the worker is not pinned to a CPU */
    /* The thread of the worker. The executor or the graph starts it and joins it. NULL if the worker has no thread of
     * its own. */
    struct speadi_runner *thread;

    /* Only the thread of the worker uses these fields. */
    struct speadi_task *first, *last; /* the runnable tasks, in the order of their turns */
    struct speadi_timers timers;
    uint64_t now_ns; /* the time of CLOCK_MONOTONIC that the worker read last */
    /* the sentence by which the present node explains its failed step */
    char cause[SPEAD_ERR_TEXT_MAX];

    /* The thread of the worker writes these counters, and any thread reads them. */
    _Atomic uint64_t steps, sleeps, busy_ns, queued;

    /* Other threads write these fields as well. `handed` is the list of tasks that they have handed to this worker, the
     * newest first. */
    alignas(SPEADI_CACHE_LINE) _Atomic(struct speadi_task *) handed;
    /* 1 if the worker sleeps or is about to sleep, else 0. This field is also the word of the futex. */
    _Atomic uint32_t asleep;
    _Atomic bool quit;
    _Atomic uint64_t wakes; /* how often another thread has ended a sleep */
    _Atomic uint64_t tasks; /* how many tasks of this worker have not finished */
};

void speadi_worker_init(struct speadi_worker *worker, enum speadi_worker_kind kind, int cpu);

/* Returns the worker that runs on the current thread, or NULL. */
struct speadi_worker *speadi_worker_here(void);
/* Makes the current thread the thread of a pulled worker. Returns the worker that ran on this thread before, or NULL.
 * At the end the caller must call this function again, and pass the worker that the first call returned. */
struct speadi_worker *speadi_worker_enter(struct speadi_worker *worker);

/* Runs the loop of a worker of kind SHARED or OWN. The comments in enum speadi_worker_kind say when the loop ends. */
void speadi_worker_run(struct speadi_worker *worker);
/* Makes speadi_worker_run() of a SHARED worker return. It also ends the sleep of an OWN worker, which then looks
 * whether it still has a task. Any thread may call it. */
void speadi_worker_quit(struct speadi_worker *worker);

/* speadi_worker_queue() and speadi_worker_hand() make a task of this worker runnable. The thread of the worker must
 * call queue(). Any other thread must call hand(). hand() returns NULL, or the futex on which the worker sleeps. The
 * caller must pass the result of hand() to speadi_worker_rouse(), which wakes the worker. rouse() uses only the address
 * of the futex, so it does no harm if the worker is already freed. */
void speadi_worker_queue(struct speadi_worker *worker, struct speadi_task *task);
_Atomic uint32_t *speadi_worker_hand(struct speadi_worker *worker, struct speadi_task *task);
void speadi_worker_rouse(_Atomic uint32_t *futex); /* NULL is ignored */

/* The three functions below are the parts of a worker's loop. speadi_worker_run() calls them. For a pulled worker,
 * spead_graph_next() calls them. speadi_worker_sleep() sleeps until another thread hands a task to the worker, the
 * first timer of the worker is due, or speadi_worker_quit() is called. It can also return without a reason. */
void speadi_worker_collect_all(struct speadi_worker *worker);
void speadi_worker_sleep(struct speadi_worker *worker);

/* Makes tasks runnable: the tasks that other threads have handed to the worker, and the tasks whose timer is due. */
static inline void speadi_worker_collect(struct speadi_worker *worker)
{
    /* relaxed: if this load misses a task, the worker sees the task before its next turn or before it sleeps
     * (WORKER2). */
    if (atomic_load_explicit(&worker->handed, memory_order_relaxed) || worker->timers.first)
        speadi_worker_collect_all(worker);
}

#endif
