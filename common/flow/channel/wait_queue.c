/* SPDX-License-Identifier: Apache-2.0 */
/* The wakers of the ends that wait at one side of a channel. They are woken in the order in which they were added. */
#include "wait_queue.h"

#include <assert.h>
#include <stdlib.h>

bool speadi_wait_queue_init(struct speadi_wait_queue *queue, bool many)
{
    atomic_init(&queue->single, NULL);
    atomic_init(&queue->waiting, 0);
    queue->many = many ? calloc(1, sizeof *queue->many) : NULL;
    if (queue->many)
        pthread_mutex_init(&queue->many->lock, NULL);
    return !many || queue->many;
}

void speadi_wait_queue_release(struct speadi_wait_queue *queue)
{
    assert(!atomic_load(&queue->waiting) && !atomic_load(&queue->single));
    if (queue->many)
        pthread_mutex_destroy(&queue->many->lock);
    free(queue->many);
}

/* Takes a waker out of a queue for many ends. The caller must hold the lock of the queue. */
static void unlink_waker(struct speadi_wait_queue *queue, struct spead_waker *waker)
{
    speadi_waker_list_remove(&queue->many->queue, waker);
    /* relaxed: if a thread still sees the old count, it takes the lock without need and finds no waker. */
    atomic_fetch_sub_explicit(&queue->waiting, 1, memory_order_relaxed);
}

void speadi_wait_queue_add(struct speadi_wait_queue *queue, struct spead_waker *waker)
{
    if (!queue->many) {
        /* WAIT1 store: after this, the caller looks at the channel for the last time (WAIT2). */
        struct spead_waker *other = atomic_exchange(&queue->single, waker);

        assert(!other);
        (void)other;
        return;
    }
    pthread_mutex_lock(&queue->many->lock);
    speadi_waker_list_append(&queue->many->queue, waker);
    atomic_fetch_add(&queue->waiting, 1); /* WAIT1 store */
    pthread_mutex_unlock(&queue->many->lock);
}

bool speadi_wait_queue_remove(struct speadi_wait_queue *queue, struct spead_waker *waker)
{
    bool removed;

    if (!queue->many)
        return atomic_compare_exchange_strong(&queue->single, &waker, NULL);
    pthread_mutex_lock(&queue->many->lock);
    removed = speadi_waker_list_has(&queue->many->queue, waker);
    if (removed)
        unlink_waker(queue, waker);
    pthread_mutex_unlock(&queue->many->lock);
    return removed;
}

static void wake_single(struct speadi_wait_queue *queue)
{
    /* WAIT1 load: the thread that takes the waker out sees what the waiting thread wrote into the waker. */
    struct spead_waker *waker = atomic_exchange(&queue->single, NULL);

    if (waker)
        waker->wake(waker);
}

void speadi_wait_queue_wake_first(struct speadi_wait_queue *queue)
{
    struct spead_waker *waker;

    if (!queue->many) {
        wake_single(queue);
        return;
    }
    pthread_mutex_lock(&queue->many->lock);
    waker = queue->many->queue.first;
    if (waker) {
        unlink_waker(queue, waker);
        waker->wake(waker);
    }
    pthread_mutex_unlock(&queue->many->lock);
}

void speadi_wait_queue_wake_all(struct speadi_wait_queue *queue)
{
    if (!queue->many) {
        wake_single(queue);
        return;
    }
    pthread_mutex_lock(&queue->many->lock);
    while (queue->many->queue.first) {
        struct spead_waker *waker = queue->many->queue.first;

        unlink_waker(queue, waker);
        waker->wake(waker);
    }
    pthread_mutex_unlock(&queue->many->lock);
}
