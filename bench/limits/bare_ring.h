/* The cheapest way to pass messages between two threads: a ring of 64-byte messages with one sending thread, one
 * receiving thread and two indices. It has no end of stream, no sleeping and no counters. It uses nothing of the
 * library. */
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

/* Passes run->messages through a ring. Returns millions of messages per second. It checks that every message
 * arrived, and exits when one did not, or when memory, a thread or a CPU is missing. */
double bare_ring_run(const struct ring_run *run);

/* Pins the calling thread to a CPU. Exits when there is no such CPU. */
void ring_pin(int cpu);

/* A loop that waits calls it in each turn. */
static inline void ring_pause(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

#endif
