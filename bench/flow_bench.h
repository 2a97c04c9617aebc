/* The measurements of bench-flow. Each function prints a sentence and exits when it fails. */
#ifndef SPEADLINE_BENCH_FLOW_H
#define SPEADLINE_BENCH_FLOW_H

#include <stdint.h>

#include "limits/bare_pingpong.h"

struct chain_run {
    uint64_t messages;
    uint32_t capacity; /* messages that a channel can hold */
    uint32_t batch;    /* messages in one call, at most 64 */
    int cpu;           /* CPU of the only worker */
};

/* Millions of messages that the source sends in a second. */
struct chain_rate {
    double wall; /* in a second of wall-clock time */
    double cpu;  /* in a second of CPU time of the process; same as wall on an idle CPU */
};

/* Runs source, map, filter and sink on one worker, and checks what the sink has received. */
struct chain_rate chain_run(const struct chain_run *run);

/* Measures round trips as bare_pingpong_run() does, but between two nodes on two workers. */
void flow_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns);

/* Bytes of resident memory that one node takes. */
struct memory_figures {
    double node_bytes;     /* node with one input and one output; all nodes share two channels */
    double chained_bytes;  /* such nodes in a chain, joined by channels of capacity 1 */
    double producer_bytes; /* finished producer; all producers share a throttle of 4 tickets */
};
struct memory_figures flow_memory(uint32_t nodes);

#endif
