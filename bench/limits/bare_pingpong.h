/* The shortest round trip between two sleeping threads. Each thread has one word; a thread stores to the word of the
 * other one, wakes it by futex(2), and waits on its own word. The loop uses nothing of the library. */
#ifndef SPEADLINE_BENCH_BARE_PINGPONG_H
#define SPEADLINE_BENCH_BARE_PINGPONG_H

#include <stdint.h>

struct pingpong_run {
    uint32_t rounds;
    uint64_t pause_ns; /* between a pong and the next ping */
    int cpus[2];       /* of the thread that begins, of the thread that answers */
};

/* Fills trips_ns[rounds] with the times of the round trips. Exits when a thread cannot be made or pinned. */
void bare_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns);

#endif
