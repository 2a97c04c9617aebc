/* SPDX-License-Identifier: Apache-2.0 */
/* See bare_pingpong.h. */
#include "bare_pingpong.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bare_ring.h"
#include "limit.h"

struct side {
    /* the other thread stores the round number here when it wakes this thread */
    _Alignas(64) _Atomic uint32_t word;
};

struct table {
    const struct pingpong_run *run;
    struct side ping, pong;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void hit(struct side *side, uint32_t round)
{
    atomic_store(&side->word, round);
    syscall(SYS_futex, &side->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wait_for(struct side *side, uint32_t round)
{
    while (atomic_load(&side->word) != round)
        syscall(SYS_futex, &side->word, FUTEX_WAIT_PRIVATE, round - 1, NULL, NULL, 0);
}

static void *answer(void *arg)
{
    struct table *table = arg;

    ring_pin(table->run->cpus[1]);
    for (uint32_t round = 1; round <= table->run->rounds; round++) {
        wait_for(&table->ping, round);
        hit(&table->pong, round);
    }
    return NULL;
}

void bare_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns)
{
    struct table table = {.run = run};
    struct timespec pause = {.tv_nsec = (long)run->pause_ns};
    pthread_t thread;

    ring_pin(run->cpus[0]);
    if (pthread_create(&thread, NULL, answer, &table) != 0)
        limit_fail("thread");
    for (uint32_t round = 1; round <= run->rounds; round++) {
        uint64_t began;

        nanosleep(&pause, NULL);
        began = now_ns();
        hit(&table.ping, round);
        wait_for(&table.pong, round);
        trips_ns[round - 1] = now_ns() - began;
    }
    pthread_join(thread, NULL);
}
