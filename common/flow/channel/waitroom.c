/* Waiting ends, woken in the order in which they came. */
#include "waitroom.h"

#include <assert.h>
#include <stdlib.h>

bool speadi_waitroom_init(struct speadi_waitroom *room, bool many)
{
    atomic_init(&room->single, NULL);
    atomic_init(&room->waiting, 0);
    room->crowd = many ? calloc(1, sizeof *room->crowd) : NULL;
    if (room->crowd)
        pthread_mutex_init(&room->crowd->lock, NULL);
    return !many || room->crowd;
}

void speadi_waitroom_release(struct speadi_waitroom *room)
{
    assert(!atomic_load(&room->waiting) && !atomic_load(&room->single));
    if (room->crowd)
        pthread_mutex_destroy(&room->crowd->lock);
    free(room->crowd);
}

static void unlink_waker(struct speadi_waitroom *room, struct spead_waker *waker)
{
    speadi_waker_queue_remove(&room->crowd->queue, waker);
    /* relaxed: a waker that sees the old count takes the lock in vain */
    atomic_fetch_sub_explicit(&room->waiting, 1, memory_order_relaxed);
}

void speadi_waitroom_add(struct speadi_waitroom *room, struct spead_waker *waker)
{
    if (!room->crowd) {
        /* WAIT1 store: before the caller's last look (WAIT2). */
        struct spead_waker *other = atomic_exchange(&room->single, waker);

        assert(!other);
        (void)other;
        return;
    }
    pthread_mutex_lock(&room->crowd->lock);
    speadi_waker_queue_append(&room->crowd->queue, waker);
    atomic_fetch_add(&room->waiting, 1); /* WAIT1 store */
    pthread_mutex_unlock(&room->crowd->lock);
}

bool speadi_waitroom_remove(struct speadi_waitroom *room, struct spead_waker *waker)
{
    bool removed;

    if (!room->crowd)
        return atomic_compare_exchange_strong(&room->single, &waker, NULL);
    pthread_mutex_lock(&room->crowd->lock);
    removed = speadi_waker_queue_has(&room->crowd->queue, waker);
    if (removed)
        unlink_waker(room, waker);
    pthread_mutex_unlock(&room->crowd->lock);
    return removed;
}

static void wake_single(struct speadi_waitroom *room)
{
    /* WAIT1 load: the thread that takes the waker out sees what its owner wrote into it. */
    struct spead_waker *waker = atomic_exchange(&room->single, NULL);

    if (waker)
        waker->wake(waker);
}

void speadi_waitroom_wake_first(struct speadi_waitroom *room)
{
    struct spead_waker *waker;

    if (!room->crowd) {
        wake_single(room);
        return;
    }
    pthread_mutex_lock(&room->crowd->lock);
    waker = room->crowd->queue.first;
    if (waker) {
        unlink_waker(room, waker);
        waker->wake(waker);
    }
    pthread_mutex_unlock(&room->crowd->lock);
}

void speadi_waitroom_wake_all(struct speadi_waitroom *room)
{
    if (!room->crowd) {
        wake_single(room);
        return;
    }
    pthread_mutex_lock(&room->crowd->lock);
    while (room->crowd->queue.first) {
        struct spead_waker *waker = room->crowd->queue.first;

        unlink_waker(room, waker);
        waker->wake(waker);
    }
    pthread_mutex_unlock(&room->crowd->lock);
}
