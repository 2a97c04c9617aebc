/* Measures the cheapest way to pass messages between two threads. It is a ring of 64-byte messages with one sending
 * thread, one receiving thread and two indices. It has no end of stream, no sleeping and no counters. It uses nothing
 * of the library. */
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

/* Passes as many messages as run->messages says through a ring. Returns how many millions of messages passed per
 * second. Exits when a message did not arrive, or when memory, a thread or a CPU is missing. */
double bare_ring_run(const struct ring_run *run);

/* Binds the calling thread to a CPU. Exits when there is no such CPU. */
void ring_pin(int cpu);

/* Tells the CPU that the thread waits. A loop that waits calls this function each time round. */
static inline void ring_pause(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

#endif
