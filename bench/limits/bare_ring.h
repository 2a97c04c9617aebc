/* The least that a hand-over between two threads can be: a ring of 64-byte messages, one sender, one receiver,
 * two indices, no end, no waiting, no counters. Uses nothing of the library. */
#ifndef SPEADLINE_BENCH_BARE_RING_H
#define SPEADLINE_BENCH_BARE_RING_H

#include <stdint.h>

struct ring_run {
    uint32_t capacity; /* a power of two */
    uint32_t batch;    /* at most 64 */
    uint64_t messages;
    int sender_cpu, receiver_cpu;
};

#define RING_BATCH_MAX 64

/* Millions of messages a second; every message is checked to have arrived. Exits when it cannot run. */
double bare_ring_run(const struct ring_run *run);

/* Of the calling thread. Exits when there is no such CPU. */
void ring_pin(int cpu);

/* What a loop does that has nothing to do. */
static inline void ring_pause(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

#endif
