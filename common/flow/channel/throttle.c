/* SPDX-License-Identifier: Apache-2.0 */
/* The tickets of a throttle. When a ticket is given back and some thread or node waits for one, the ticket goes
 * directly to the thread or node that has waited longest. */
#include <speadline/throttle.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/deadline.h>
#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "thread_waker.h"
#include "ticket.h"
#include "waker_list.h"

/* A throttle has a lock instead of atomic counters, because the waker list and the count of free tickets must change
 * together. Only in this way do the wakers get tickets in the order in which they began to wait. The lock costs little,
 * because each ticket is taken for a piece of work that takes much longer. */
struct spead_throttle {
    pthread_mutex_t lock;

    /* `lock` protects these fields. */
    struct speadi_waker_list queue; /* the wakers that wait; empty if a ticket is free */
    uint32_t tickets;               /* how many tickets there are; this never changes */
    /* How many tickets are taken now. This can be more than `tickets`, because a copy of a message with a ticket gets
     * a ticket of its own. */
    uint32_t out;
    uint32_t high_water; /* largest value that `out` has had */
    uint32_t waiting;    /* number of wakers in `queue` */
    uint64_t taken;      /* how often a ticket was taken */

    _Atomic bool cancelled; /* changes only under `lock` */
    _Atomic uint32_t references;
    struct speadi_ticket_number number; /* what messages with tickets of this throttle carry */
};

int spead_throttle_create(struct spead_throttle **out, uint32_t tickets, struct spead_err *err)
{
    struct spead_throttle *throttle;

    if (tickets == 0)
        return speadi_err_range(err, "tickets", tickets, 1, UINT64_MAX);
    throttle = calloc(1, sizeof *throttle);
    if (!throttle)
        return speadi_err_set(err, -ENOMEM, "no memory for a throttle");
    pthread_mutex_init(&throttle->lock, NULL);
    throttle->tickets = tickets;
    atomic_init(&throttle->references, 1);
    *out = throttle;
    return 0;
}

struct spead_throttle *spead_throttle_ref(struct spead_throttle *throttle)
{
    /* relaxed: the reference of the caller keeps the throttle alive. */
    atomic_fetch_add_explicit(&throttle->references, 1, memory_order_relaxed);
    return throttle;
}

void spead_throttle_unref(struct spead_throttle *throttle)
{
    /* THROTTLE2 release, acquire: the thread that frees the throttle sees the last use of every other thread. */
    if (!throttle || atomic_fetch_sub_explicit(&throttle->references, 1, memory_order_acq_rel) > 1)
        return;
    speadi_ticket_number_release(&throttle->number);
    pthread_mutex_destroy(&throttle->lock);
    free(throttle);
}

struct speadi_ticket_number *speadi_throttle_number(struct spead_throttle *throttle)
{
    return &throttle->number;
}

/* ---- The queue (under lock) ---------------------------------------------------------------- */

static void enqueue(struct spead_throttle *throttle, struct spead_waker *waker)
{
    speadi_waker_list_append(&throttle->queue, waker);
    throttle->waiting++;
}

static void dequeue(struct spead_throttle *throttle, struct spead_waker *waker)
{
    speadi_waker_list_remove(&throttle->queue, waker);
    throttle->waiting--;
}

static void take_out(struct spead_throttle *throttle)
{
    throttle->out++;
    throttle->taken++;
    if (throttle->out > throttle->high_water)
        throttle->high_water = throttle->out;
}

/* ---- Taking and giving --------------------------------------------------------------------- */

/* Takes a ticket if one is free. Otherwise puts the waker into the queue, if `waker` is not NULL. Returns 1 if the
 * caller now has a ticket, and 0 if the waker is in the queue. Returns -EAGAIN if no ticket is free and `waker` is
 * NULL, or -ECANCELED if the throttle was cancelled. */
static int take_or_queue(struct spead_throttle *throttle, struct spead_waker *waker)
{
    int ret = -EAGAIN;

    pthread_mutex_lock(&throttle->lock);
    if (spead_throttle_is_cancelled(throttle)) {
        ret = -ECANCELED;
    } else if (throttle->out < throttle->tickets) {
        take_out(throttle);
        ret = 1;
    } else if (waker) {
        enqueue(throttle, waker);
        ret = 0;
    }
    pthread_mutex_unlock(&throttle->lock);
    return ret;
}

int spead_throttle_try_take(struct spead_throttle *throttle)
{
    int ret = take_or_queue(throttle, NULL);

    return ret == 1 ? 0 : ret;
}

int spead_throttle_announce(struct spead_throttle *throttle, struct spead_waker *waker)
{
    return take_or_queue(throttle, waker);
}

bool spead_throttle_retract(struct spead_throttle *throttle, struct spead_waker *waker)
{
    bool queued;

    pthread_mutex_lock(&throttle->lock);
    queued = speadi_waker_list_has(&throttle->queue, waker);
    if (queued)
        dequeue(throttle, waker);
    pthread_mutex_unlock(&throttle->lock);
    return queued;
}

int spead_throttle_take(struct spead_throttle *throttle, uint64_t deadline_ns)
{
    struct speadi_thread_waker thread_waker;
    int ret;

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    speadi_thread_waker_init(&thread_waker);
    speadi_thread_waker_arm(&thread_waker);
    ret = take_or_queue(throttle, &thread_waker.waker);
    if (ret != 0)
        return ret == 1 ? 0 : ret;
    if (!speadi_thread_waker_wait(&thread_waker, deadline_ns)) {
        if (spead_throttle_retract(throttle, &thread_waker.waker))
            return -ETIMEDOUT;
        /* The waker was no longer in the queue, so another thread has called wake() or is calling it. Wait until that
         * call has ended, because it uses thread_waker, which lies on the stack of this function. */
        speadi_thread_waker_wait(&thread_waker, 0);
    }
    /* Either spead_throttle_give() or spead_throttle_cancel() has called wake(). If it was spead_throttle_give(), this
     * thread has a ticket now. If another thread cancels the throttle after that, the ticket is lost. The loss does no
     * harm, because no thread can take tickets any more. */
    return spead_throttle_is_cancelled(throttle) ? -ECANCELED : 0;
}

void speadi_throttle_take_for_copy(struct spead_throttle *throttle)
{
    pthread_mutex_lock(&throttle->lock);
    take_out(throttle);
    pthread_mutex_unlock(&throttle->lock);
}

/* Counts one ticket as given back. Returns NULL, or the waker that gets this ticket; the waker is not in the queue any
 * more. The caller must hold the lock. */
static struct spead_waker *take_back(struct spead_throttle *throttle)
{
    struct spead_waker *first = throttle->queue.first;

    if (throttle->out == 0)
        return NULL; /* more tickets were given back than taken: the throttle keeps its limit */
    throttle->out--;
    if (!first || throttle->out >= throttle->tickets)
        return NULL;
    dequeue(throttle, first);
    take_out(throttle);
    return first;
}

/* spead_throttle_give() and spead_throttle_cancel() first release the lock, and then call wake(). The waker still
 * exists then: its owner sees that the waker is not in the queue, and waits until wake() was called (see
 * spead_throttle_retract()). But after wake() was called, the owner can give back the last reference to the throttle.
 * So these two functions do not use the throttle after that. */
void spead_throttle_give(struct spead_throttle *throttle)
{
    struct spead_waker *waker;

    pthread_mutex_lock(&throttle->lock);
    waker = take_back(throttle);
    pthread_mutex_unlock(&throttle->lock);
    if (waker)
        waker->wake(waker);
}

/* Empties the queue and returns its first waker. The field `next` links the others. The caller must hold the lock. */
static struct spead_waker *empty_queue(struct spead_throttle *throttle)
{
    struct spead_waker *first = throttle->queue.first;

    /* A waker without `previous` that is not the first of the queue counts as not queued. */
    for (struct spead_waker *waker = first; waker; waker = waker->next)
        waker->previous = NULL;
    throttle->queue = (struct speadi_waker_list){0};
    throttle->waiting = 0;
    return first;
}

void spead_throttle_cancel(struct spead_throttle *throttle)
{
    struct spead_waker *waker;

    pthread_mutex_lock(&throttle->lock);
    /* THROTTLE1 release: a thread that sees `cancelled` sees what this thread did before. */
    atomic_store_explicit(&throttle->cancelled, true, memory_order_release);
    waker = empty_queue(throttle);
    pthread_mutex_unlock(&throttle->lock);
    while (waker) {
        struct spead_waker *next = waker->next;

        waker->next = NULL;
        waker->wake(waker);
        waker = next;
    }
}

bool spead_throttle_is_cancelled(const struct spead_throttle *throttle)
{
    return atomic_load_explicit(&throttle->cancelled, memory_order_acquire); /* THROTTLE1 acquire */
}

void spead_throttle_stats(struct spead_throttle *throttle, struct spead_throttle_stats *stats)
{
    struct spead_throttle_stats now = SPEAD_THROTTLE_STATS_INIT;

    pthread_mutex_lock(&throttle->lock);
    now.tickets = throttle->tickets;
    now.out = throttle->out;
    now.high_water = throttle->high_water;
    now.waiting = throttle->waiting;
    now.taken = throttle->taken;
    pthread_mutex_unlock(&throttle->lock);
    (void)speadi_struct_write(stats, &now, sizeof now);
}
