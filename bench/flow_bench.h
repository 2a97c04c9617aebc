/* What the parts of bench-flow share. */
#ifndef SPEADLINE_BENCH_FLOW_H
#define SPEADLINE_BENCH_FLOW_H

#include <stdint.h>

#include "limits/bare_pingpong.h"

struct chain_run {
    uint64_t messages;
    uint32_t capacity, batch; /* batch at most 64 */
    int cpu;
};

/* Millions of messages from the source, a second and a second of CPU time (the same where the CPU is not shared);
 * results are checked. */
struct chain_rate {
    double wall, cpu;
};
struct chain_rate chain_run(const struct chain_run *run);

/* As bare_pingpong_run(), between two nodes on two workers. */
void flow_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns);

/* Resident bytes a node with an input and an output: side by side (two channels in all), in a row (a channel of
 * capacity 1 each), and a producer among many that share a throttle of 4, after it ran to its end. */
struct memory_figures {
    double node_bytes, chained_bytes, producer_bytes;
};
struct memory_figures flow_memory(uint32_t nodes);

#endif
