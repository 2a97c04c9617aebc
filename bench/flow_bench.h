/* SPDX-License-Identifier: Apache-2.0 */
/* The measurements of bench-flow. Each function prints a sentence and exits when it fails. */
#ifndef SPEADLINE_BENCH_FLOW_H
#define SPEADLINE_BENCH_FLOW_H

#include <stdint.h>

#include "limits/bare_pingpong.h"

struct chain_run {
    uint64_t messages;
    uint32_t capacity; /* messages that a channel can hold */
    uint32_t batch;    /* messages in one call of send or receive, at most 64 */
    int cpu;           /* CPU of the only worker */
};

/* How many million messages the source sends, for each second of two clocks. */
struct chain_rate {
    double wall; /* per second of wall-clock time */
    /* per second of CPU time of the process; equal to `wall` if nothing else uses the CPU */
    double cpu;
};

/* Runs a graph of four nodes (source, map, filter, sink) on one worker, and checks what the sink has received. */
struct chain_rate chain_run(const struct chain_run *run);

/* Measures round trips as bare_pingpong_run() does, but between two nodes on two workers. */
void flow_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns);

/* How many bytes of resident memory one node takes, in three kinds of graph. */
struct memory_figures {
    double node_bytes;    /* a node with one input and one output; all nodes share two channels */
    double chained_bytes; /* a node in a chain, in which channels of capacity 1 join the nodes */
    /* a producer that has ended; all producers share a throttle of 4 tickets */
    double producer_bytes;
};
struct memory_figures flow_memory(uint32_t nodes);

#endif
