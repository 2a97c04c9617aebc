/* The measurements of bench-flow. Each function prints a sentence and exits when it fails. */
#ifndef SPEADLINE_BENCH_FLOW_H
#define SPEADLINE_BENCH_FLOW_H

#include <stdint.h>

#include "limits/bare_pingpong.h"

struct chain_run {
    uint64_t messages;
    uint32_t capacity; /* of each channel */
    uint32_t batch;    /* messages in one call, at most 64 */
    int cpu;           /* of the only worker */
};

/* Millions of messages that the source sends in a second. */
struct chain_rate {
    double wall; /* in a second of time */
    double cpu;  /* in a second of CPU time of the process: the same if the CPU is not shared */
};

/* Runs source, map, filter and sink on one worker, and checks what the sink has received. */
struct chain_rate chain_run(const struct chain_run *run);

/* The same as bare_pingpong_run(), but between two nodes on two workers. */
void flow_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns);

/* Resident memory for each node, in bytes. */
struct memory_figures {
    double node_bytes;    /* node with one input and one output, side by side with the others */
    double chained_bytes; /* the same in a row: each node has a channel of capacity 1 to the next */
    double producer_bytes; /* producer that shares a throttle of 4 tickets, and has finished */
};
struct memory_figures flow_memory(uint32_t nodes);

#endif
