/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the throttle never gives out more tickets than it has, and it forgets no waiting thread and no waker. Threads
 * take tickets in four ways, stop waiting, and give tickets back. At the same time the throttle is cancelled.
 * Method: each thread that holds a ticket adds itself to a count, and checks the count. At the end of a round every
 * ticket is back. If a thread is forgotten, the program hangs, and the time limit of the test reports this. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <speadi/clock.h>
#include <speadline/throttle.h>

enum { THREADS = 6, TICKETS = 2, TURNS = 3000, ROUNDS = 10 };

static struct spead_throttle *throttle;
static atomic_int working, wrong;

struct test_waker {
    struct spead_waker waker;
    sem_t woken;
};

static void post(struct spead_waker *waker)
{
    sem_post(&((struct test_waker *)(void *)waker)->woken);
}

/* Takes a ticket as a node does: announces a waker and sleeps. In some turns it retracts the waker instead of
 * sleeping. */
static int take_by_waker(unsigned turn)
{
    struct test_waker test_waker = {.waker.wake = post};
    int ret;

    sem_init(&test_waker.woken, 0, 0);
    ret = spead_throttle_announce(throttle, &test_waker.waker);
    if (ret == 0) {
        if (turn % 5 == 0 && spead_throttle_retract(throttle, &test_waker.waker))
            return -EAGAIN;
        while (sem_wait(&test_waker.woken) < 0)
            ; /* sem_wait() was interrupted by a signal */
        ret = spead_throttle_is_cancelled(throttle) ? -ECANCELED : 1;
    }
    return ret < 0 ? ret : 0;
}

static int take(unsigned turn)
{
    switch (turn % 4) {
    case 0:
        return spead_throttle_take(throttle, 0);
    case 1:
        return spead_throttle_take(throttle, speadi_clock_mono_ns() + turn % 7 * 10000);
    case 2:
        return spead_throttle_try_take(throttle);
    default:
        return take_by_waker(turn);
    }
}

static void *work(void *arg)
{
    unsigned first = (unsigned)(uintptr_t)arg;

    for (unsigned turn = first; turn < TURNS + first; turn++) {
        int ret = take(turn);

        if (ret == -ECANCELED)
            return NULL;
        if (ret < 0)
            continue;
        if (atomic_fetch_add(&working, 1) >= TICKETS)
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_sub(&working, 1);
        spead_throttle_give(throttle);
    }
    return NULL;
}

static bool one_round(bool cancel)
{
    struct spead_throttle_stats stats = SPEAD_THROTTLE_STATS_INIT;
    pthread_t threads[THREADS];
    bool right;

    if (spead_throttle_create(&throttle, TICKETS, NULL) < 0)
        return false;
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    if (cancel)
        spead_throttle_cancel(throttle);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    spead_throttle_stats(throttle, &stats);
    right = stats.waiting == 0 && (cancel || stats.out == 0) && stats.high_water <= TICKETS;
    spead_throttle_unref(throttle);
    return right;
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (!one_round(round % 2 == 1) || atomic_load(&wrong)) {
            fprintf(stderr, "race_throttle: tickets were lost, or too many were out (%d times)\n",
                    atomic_load(&wrong));
            return 1;
        }
    }
    return 0;
}
