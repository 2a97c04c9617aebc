/* A thread that gives tasks their turns: its queue of runnable tasks, its timers, its sleep.
 *
 * A task belongs to one worker for life, so that only the worker's thread touches queue and timers; other threads
 * hand tasks over. A worker is run by a thread of an executor, by the thread of one blocking task, or by none
 * (SPEADI_WORKER_PULLED: the thread that calls spead_graph_next() is the worker's thread during the call and picks
 * the tasks). See docs/adr/0014. */
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
    SPEADI_WORKER_SHARED, /* runs until it is told to quit */
    SPEADI_WORKER_OWN,    /* runs until its one task has finished */
    SPEADI_WORKER_PULLED,
};

struct speadi_worker {
    enum speadi_worker_kind kind; /* constant */
    int cpu;                      /* constant; -1: not pinned */
    struct speadi_runner *thread; /* its owner's: an executor's, a graph's; NULL: none runs */

    /* Its thread's. */
    struct speadi_task *first, *last; /* runnable, in the order of their turns */
    struct speadi_timers timers;
    uint64_t now_ns;
    char cause[SPEAD_ERR_TEXT_MAX]; /* why the turn under way failed, in the words of its task */

    /* Its thread writes, anyone reads. */
    _Atomic uint64_t steps, sleeps, busy_ns, queued;

    /* Other threads write too. */
    alignas(SPEADI_CACHE_LINE) _Atomic(struct speadi_task *)
        handed;              /* made runnable by them, newest first */
    _Atomic uint32_t asleep; /* 1: sleeps or is about to; the futex */
    _Atomic bool quit;
    _Atomic uint64_t wakes, tasks;
};

void speadi_worker_init(struct speadi_worker *worker, enum speadi_worker_kind kind, int cpu);

/* The worker whose thread this is, or NULL. */
struct speadi_worker *speadi_worker_here(void);
/* For a pulled worker: this thread's from now on; returns the one before. */
struct speadi_worker *speadi_worker_enter(struct speadi_worker *worker);

/* Gives turns until it is to end (see the kinds). */
void speadi_worker_run(struct speadi_worker *worker);
void speadi_worker_quit(struct speadi_worker *worker); /* any thread */

/* Makes a task of this worker have a turn: queue() on the worker's thread, hand() from others. hand() returns the futex
 * to be woken, or NULL: that a thread sleeps on it is known, so its address is enough and the worker may be gone by
 * then. */
void speadi_worker_queue(struct speadi_worker *worker, struct speadi_task *task);
_Atomic uint32_t *speadi_worker_hand(struct speadi_worker *worker, struct speadi_task *task);
void speadi_worker_rouse(_Atomic uint32_t *futex); /* NULL is ignored */

/* Pulled: what the loop of the others does by itself. */
void speadi_worker_collect_all(struct speadi_worker *worker);
void speadi_worker_sleep(struct speadi_worker *worker); /* until the next of what is collected */

/* What was handed over; timers due. */
static inline void speadi_worker_collect(struct speadi_worker *worker)
{
    /* relaxed: a task that comes meanwhile is seen before the next turn, or before the sleep (WORKER2) */
    if (atomic_load_explicit(&worker->handed, memory_order_relaxed) || worker->timers.first)
        speadi_worker_collect_all(worker);
}

#endif
