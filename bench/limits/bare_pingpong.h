/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the shortest round trip between two sleeping threads. Each thread has one word. In each round, a thread
 * stores to the word of the other thread, wakes that thread with futex(2), and waits on its own word. The loop uses
 * nothing of the library. */
#ifndef SPEADLINE_BENCH_BARE_PINGPONG_H
#define SPEADLINE_BENCH_BARE_PINGPONG_H

#include <stdint.h>

struct pingpong_run {
    uint32_t rounds;
    uint64_t pause_ns; /* the pause before each round trip */
    int cpus[2]; /* the CPU of the thread that begins, and the CPU of the thread that answers */
};

/* Runs the round trips. Stores the time of each round trip in the array trips_ns, which must have room for run->rounds
 * times. If a thread cannot be made or pinned, the function exits the process. */
void bare_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns);

#endif
