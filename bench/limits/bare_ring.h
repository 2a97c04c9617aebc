/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the cheapest way to pass messages between two threads. It is a ring of 64-byte messages with one sending
 * thread, one receiving thread and two indices. The ring has no end of stream, no sleeping and no counters, and uses
 * nothing of the library. */
#ifndef SPEADLINE_BENCH_BARE_RING_H
#define SPEADLINE_BENCH_BARE_RING_H

#include <stdint.h>

struct ring_run {
    uint32_t capacity; /* a power of two */
    uint32_t batch;    /* messages in one call, at most 64 */
    uint64_t messages;
    int sender_cpu, receiver_cpu;
};

#define RING_BATCH_MAX 64

/* Passes as many messages through a ring as run->messages says. Returns how many million messages passed per second. If
 * a message did not arrive, or if memory, a thread or a CPU is missing, the function exits the process. */
double bare_ring_run(const struct ring_run *run);

/* Binds the calling thread to a CPU. If there is no such CPU, the function exits the process. */
void ring_pin(int cpu);

/* Tells the CPU that the thread is waiting in a loop. The loop must call this function in each pass. */
static inline void ring_pause(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

#endif
