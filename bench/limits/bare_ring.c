/* SPDX-License-Identifier: Apache-2.0 */
/* See bare_ring.h. */
#include "bare_ring.h"

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"

struct slot {
    uint64_t word[8];
};

struct ring {
    struct ring_run run;
    struct slot *slots;
    /* The receiving thread adds word 3 of every message. The sum shows whether messages were lost. */
    uint64_t sum;
    alignas(64) _Atomic uint64_t tail;
    alignas(64) _Atomic uint64_t head;
};

void ring_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    int error = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    if (error != 0)
        errx(1, "CPU %d: %s", cpu, strerror(error));
}

static void *receive_all(void *arg)
{
    struct ring *ring = arg;
    uint64_t mask = ring->run.capacity - 1, head = 0, tail_seen = 0, sum = 0;
    struct slot out[RING_BATCH_MAX];

    ring_pin(ring->run.receiver_cpu);
    while (head < ring->run.messages) {
        if (tail_seen == head) {
            tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
            if (tail_seen == head) {
                ring_pause();
                continue;
            }
        }
        uint64_t there = tail_seen - head;
        uint32_t count = there < ring->run.batch ? (uint32_t)there : ring->run.batch;
        for (uint32_t i = 0; i < count; i++)
            out[i] = ring->slots[(head + i) & mask];
        head += count;
        atomic_store_explicit(&ring->head, head, memory_order_release);
        for (uint32_t i = 0; i < count; i++)
            sum += out[i].word[3];
    }
    ring->sum = sum;
    return NULL;
}

static void send_all(struct ring *ring)
{
    uint64_t mask = ring->run.capacity - 1, tail = 0, head_seen = 0;
    struct slot in[RING_BATCH_MAX];

    memset(in, 0, sizeof in);
    while (tail < ring->run.messages) {
        uint64_t left = ring->run.messages - tail;
        uint32_t count = left < ring->run.batch ? (uint32_t)left : ring->run.batch;
        uint64_t room = ring->run.capacity - (tail - head_seen);
        if (room < count) {
            head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
            room = ring->run.capacity - (tail - head_seen);
            if (room == 0) {
                ring_pause();
                continue;
            }
        }
        if (room < count)
            count = (uint32_t)room;
        for (uint32_t i = 0; i < count; i++)
            in[i].word[3] = tail + i;
        for (uint32_t i = 0; i < count; i++)
            ring->slots[(tail + i) & mask] = in[i];
        tail += count;
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
    }
}

double bare_ring_run(const struct ring_run *run)
{
    struct ring *ring = aligned_alloc(64, sizeof *ring);
    size_t bytes = run->capacity * sizeof(struct slot);
    pthread_t receiver;

    if (!ring)
        limit_fail("memory");
    memset(ring, 0, sizeof *ring);
    ring->run = *run;
    ring->slots = aligned_alloc(64, bytes);
    if (!ring->slots)
        limit_fail("memory");
    memset(ring->slots, 0, bytes);
    ring_pin(run->sender_cpu);
    if (pthread_create(&receiver, NULL, receive_all, ring) != 0)
        limit_fail("thread");
    double start = limit_now_s();
    send_all(ring);
    pthread_join(receiver, NULL);
    double seconds = limit_now_s() - start;
    if (ring->sum != run->messages * (run->messages - 1) / 2)
        errx(1, "the bare ring lost messages");
    free(ring->slots);
    free(ring);
    return (double)run->messages / seconds * 1e-6;
}
