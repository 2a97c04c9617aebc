/* The least that a round trip between two sleeping threads can be: a word each, a futex(2) wake, a futex wait.
 * Uses nothing of the library. */
#ifndef SPEADLINE_BENCH_BARE_PINGPONG_H
#define SPEADLINE_BENCH_BARE_PINGPONG_H

#include <stdint.h>

struct pingpong_run {
    uint32_t rounds;
    uint64_t pause_ns; /* between a pong and the next ping */
    int cpus[2];
};

/* Fills trips_ns[rounds] with the round trips. Exits when it cannot run. */
void bare_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns);

#endif
