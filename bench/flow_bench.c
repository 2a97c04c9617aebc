/* SPDX-License-Identifier: Apache-2.0 */
/* Measures graphs, and prints three results as JSON:
 *   - how many messages a second pass through a chain of nodes;
 *   - how long a round trip between two nodes takes, compared with a round trip without the library;
 *   - how much memory a node takes. */
#include "flow_bench.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "limits/limit.h"

#define RUNS_MAX 99

struct options {
    struct chain_run chain;
    struct pingpong_run pingpong;
    uint32_t nodes; /* how many nodes the measurement of memory makes */
    unsigned runs;
};

/* ---- Measuring ------------------------------------------------------------------------------ */

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void measure_chain(struct options o, const char *name, uint32_t batch)
{
    double wall[RUNS_MAX], cpu[RUNS_MAX];

    o.chain.batch = batch;
    for (unsigned i = 0; i < o.runs; i++) {
        struct chain_rate rate = chain_run(&o.chain);

        wall[i] = rate.wall;
        cpu[i] = rate.cpu;
    }
    printf("  \"%s\": {\"million_per_s\": %.2f, \"million_per_cpu_s\": %.2f},\n", name,
           limit_median(wall, o.runs), limit_median(cpu, o.runs));
}

static void print_trips(const char *name, uint64_t *trips, uint32_t count)
{
    qsort(trips, count, sizeof *trips, compare_times);
    printf("  \"%s\": {\"p50_ns\": %llu, \"p99_ns\": %llu, \"p999_ns\": %llu},\n", name,
           (unsigned long long)trips[count / 2], (unsigned long long)trips[count / 100 * 99],
           (unsigned long long)trips[count / 1000 * 999]);
}

/* Measures round trips without the library and round trips between nodes alternately, each time for a hundredth of the
 * rounds. If the load of the machine changes, the change then affects both measurements. */
static void measure_trips(struct options o)
{
    uint32_t rounds = o.pingpong.rounds, turn = rounds / 100;
    uint64_t *bare = calloc(rounds, sizeof *bare), *nodes = calloc(rounds, sizeof *nodes);

    if (!bare || !nodes)
        errx(1, "out of memory");
    o.pingpong.rounds = turn;
    for (uint32_t at = 0; at < rounds; at += turn) {
        bare_pingpong_run(&o.pingpong, bare + at);
        flow_pingpong_run(&o.pingpong, nodes + at);
    }
    print_trips("bare_round_trip", bare, rounds);
    print_trips("node_round_trip", nodes, rounds);
    printf("  \"p50_ratio\": %.2f, \"p99_ratio\": %.2f,\n",
           (double)nodes[rounds / 2] / (double)bare[rounds / 2],
           (double)nodes[rounds / 100 * 99] / (double)bare[rounds / 100 * 99]);
    free(bare);
    free(nodes);
}

/* ---- Options ------------------------------------------------------------------------------- */

static int parse(int key, char *text, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case 'c':
        o->chain.capacity = (uint32_t)limit_number(state, "--capacity", text, 1, 1u << 24);
        return 0;
    case 'n':
        o->chain.messages = limit_number(state, "--messages", text, 1, UINT64_C(1) << 40);
        return 0;
    case 'r':
        o->runs = (unsigned)limit_number(state, "--runs", text, 1, RUNS_MAX);
        return 0;
    case 't':
        o->pingpong.rounds = (uint32_t)limit_number(state, "--trips", text, 1, 10000) * 1000;
        return 0;
    case 'm':
        o->nodes = (uint32_t)limit_number(state, "--nodes", text, 1, 1000000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option arguments[] = {
        {"capacity", 'c', "COUNT", 0, "capacity of each channel of the chain (default 64)", 0},
        {"messages", 'n', "COUNT", 0, "messages through the chain in one run (default 10 million)",
         0},
        {"runs", 'r', "COUNT", 0, "runs of the chain; the median is printed (default 5)", 0},
        {"trips", 't', "COUNT", 0, "thousands of round trips (default 10)", 0},
        {"nodes", 'm', "COUNT", 0, "nodes for measuring the memory of one (default 10000)", 0},
        {0}};
    static const struct argp program = {
        arguments,
        parse,
        NULL,
        "Run source, map, filter, sink on CPU 1; round trips between CPUs 0 and 1; measure memory.",
        NULL,
        NULL,
        NULL};
    struct options o = {.chain = {.messages = 10000000, .capacity = 64, .cpu = 1},
                        .pingpong = {.rounds = 10000, .pause_ns = 20000, .cpus = {0, 1}},
                        .nodes = 10000,
                        .runs = 5};
    struct memory_figures memory;

    argp_err_exit_status = 2;
    argp_parse(&program, argc, argv, 0, NULL, &o);
    memory = flow_memory(o.nodes);
    printf("{\"program\": \"bench-flow\", \"capacity\": %u, \"messages\": %llu, \"runs\": %u,\n",
           o.chain.capacity, (unsigned long long)o.chain.messages, o.runs);
    measure_chain(o, "chain_by_message", 1);
    measure_chain(o, "chain_by_64", 64);
    measure_trips(o);
    printf("  \"node_resident_bytes\": %.0f, \"node_with_channel_resident_bytes\": %.0f, "
           "\"producer_resident_bytes\": %.0f}\n",
           memory.node_bytes, memory.chained_bytes, memory.producer_bytes);
    return 0;
}
