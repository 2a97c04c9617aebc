/* The loop that steps nodes, in turns, and sleeps in the kernel when there is none to step. */
#include "worker.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "count.h"
#include "graph_parts.h"

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

void speadi_worker_queue(struct speadi_worker *worker, struct spead_node *node)
{
    if (worker->kind == SPEADI_WORKER_PULLED)
        return; /* its thread looks for what it needs, among all */
    node->queue_next = NULL;
    if (worker->last)
        worker->last->queue_next = node;
    else
        worker->first = node;
    worker->last = node;
    speadi_count(&worker->queued, 1);
}

_Atomic uint32_t *speadi_worker_hand(struct speadi_worker *worker, struct spead_node *node)
{
    struct spead_node *head = atomic_load_explicit(&worker->handed, memory_order_relaxed);

    /* H1: sequentially consistent, before the look at `asleep` (H2). The worker says that it is about to
     * sleep (S1) before it looks here (S2): one of the two sees the other. Also releases queue_next to
     * the exchange in take_handed(). */
    do
        node->queue_next = head;
    while (!atomic_compare_exchange_weak(&worker->handed, &head, node));
    if (!atomic_load(&worker->asleep) || !atomic_exchange(&worker->asleep, 0)) /* H2 */
        return NULL;
    /* relaxed: a count, of many writers */
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
    atomic_store(&worker->quit, true); /* as H1 */
    if (atomic_exchange(&worker->asleep, 0))
        speadi_worker_rouse(&worker->asleep);
}

/* The list is newest first; turns go by age. */
static void take_handed(struct speadi_worker *worker)
{
    struct spead_node *newest, *oldest = NULL;

    newest = atomic_exchange_explicit(&worker->handed, NULL, memory_order_acquire);
    while (newest) {
        struct spead_node *node = newest;

        newest = node->queue_next;
        node->queue_next = oldest;
        oldest = node;
    }
    while (oldest) {
        struct spead_node *node = oldest;

        oldest = node->queue_next;
        speadi_worker_queue(worker, node);
    }
}

static void fire_timers(struct speadi_worker *worker)
{
    while (worker->timers.first && worker->timers.first->time_ns <= worker->now_ns) {
        struct spead_node *node = speadi_node_of_timer(worker->timers.first);

        speadi_timers_remove(&worker->timers, worker->timers.first);
        spead_node_wake(node);
    }
}

void speadi_worker_collect_all(struct speadi_worker *worker)
{
    if (atomic_load_explicit(&worker->handed, memory_order_relaxed))
        take_handed(worker);
    fire_timers(worker);
}

static void futex_sleep(struct speadi_worker *worker)
{
    const struct speadi_timer *next = worker->timers.first;
    struct timespec until = speadi_clock_timespec(next ? next->time_ns : 0);

    /* FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. A return without reason is one more
     * turn of the loop. */
    syscall(SYS_futex, &worker->asleep, FUTEX_WAIT_BITSET_PRIVATE, 1, next ? &until : NULL, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

void speadi_worker_sleep(struct speadi_worker *worker)
{
    atomic_store(&worker->asleep, 1);                                   /* S1 */
    if (!atomic_load(&worker->handed) && !atomic_load(&worker->quit)) { /* S2 */
        speadi_count(&worker->sleeps, 1);
        futex_sleep(worker);
    }
    /* relaxed: who still finds 1 makes a system call in vain */
    atomic_store_explicit(&worker->asleep, 0, memory_order_relaxed);
    worker->now_ns = speadi_clock_mono_ns();
}

static struct spead_node *next_turn(struct speadi_worker *worker)
{
    struct spead_node *node = worker->first;

    if (!node)
        return NULL;
    worker->first = node->queue_next;
    if (!worker->first)
        worker->last = NULL;
    atomic_store_explicit(&worker->queued, speadi_counted(&worker->queued) - 1,
                          memory_order_relaxed);
    return node;
}

static bool is_over(struct speadi_worker *worker)
{
    if (worker->kind == SPEADI_WORKER_OWN)
        return speadi_counted(&worker->nodes) == 0;
    return atomic_load_explicit(&worker->quit, memory_order_relaxed);
}

void speadi_worker_run(struct speadi_worker *worker)
{
    here = worker;
    while (!is_over(worker)) {
        struct spead_node *node;

        speadi_worker_collect(worker);
        node = next_turn(worker);
        if (node)
            speadi_node_turn(node);
        else
            speadi_worker_sleep(worker);
    }
    here = NULL;
}
