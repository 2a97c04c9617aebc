/* SPDX-License-Identifier: Apache-2.0 */
/* Measures how much memory a node takes. In the graphs of this program each node passes at most one message. */
#include <err.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <speadline/throttle.h>

#include "bench_graph.h"
#include "flow_bench.h"

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long total, resident;

    if (!file || fscanf(file, "%ld %ld", &total, &resident) != 2)
        err(1, "/proc/self/statm");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static int relay_step(void *state, struct spead_node *self)
{
    struct spead_message message;
    int ret = spead_node_receive(self, 0, &message, 1);

    (void)state;
    if (ret < 0)
        return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret;
    return spead_node_send(self, 0, &message, 1) == 1 ? SPEAD_STEP_AGAIN : SPEAD_STEP_DONE;
}

static int end_step(void *state, struct spead_node *self)
{
    (void)state;
    (void)self;
    return SPEAD_STEP_DONE;
}

/* Returns the bytes of memory per relay node. A relay node passes messages from its input to its output. If `in_a_row`
 * is true, the nodes form a chain, and each node adds a channel. Otherwise all nodes share two channels, so nearly all
 * the memory belongs to the nodes. */
static double relay_bytes(uint32_t nodes, bool in_a_row)
{
    static const struct spead_node_ops end_ops = {.kind = "end", .step = end_step};
    static const struct spead_node_ops relay_ops = {.kind = "relay", .step = relay_step};
    struct spead_graph *graph = bench_graph("relays");
    struct spead_executor *executor = bench_executor(1, NULL);
    double before = resident_bytes();
    struct spead_node *source = bench_add(graph, "source", &end_ops, NULL, false, true);
    struct spead_node *sink = bench_add(graph, "sink", &end_ops, NULL, true, false);
    struct spead_node *last = source;

    for (uint32_t i = 0; i < nodes; i++) {
        char name[16];
        struct spead_node *node;

        snprintf(name, sizeof name, "n%u", i);
        node = bench_add(graph, name, &relay_ops, NULL, true, true);
        bench_join(graph, in_a_row ? last : source, node, 1);
        if (!in_a_row)
            bench_join(graph, node, sink, 1);
        last = node;
    }
    if (in_a_row)
        bench_join(graph, last, sink, 1);
    bench_run(graph, executor);
    before = resident_bytes() - before;
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    malloc_trim(0);
    return before / nodes;
}

/* ---- Producers ------------------------------------------------------------------------------ */

struct producer {
    struct spead_throttle *throttle;
    bool has_ticket, sent;
};

static int producer_step(void *state, struct spead_node *self)
{
    struct producer *producer = state;
    struct spead_message message = {.key = 1};

    if (producer->sent)
        return SPEAD_STEP_DONE;
    if (!producer->has_ticket && spead_node_take_ticket(self, producer->throttle) != 0)
        return SPEAD_STEP_WAITING;
    producer->has_ticket = true;
    if (spead_node_send(self, 0, &message, 1) != 1)
        return SPEAD_STEP_WAITING;
    producer->sent = true;
    return SPEAD_STEP_DONE;
}

static int consumer_step(void *state, struct spead_node *self)
{
    struct spead_message message;
    int ret = spead_node_receive(self, 0, &message, 1);

    if (ret < 0)
        return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret;
    spead_throttle_give(state);
    return SPEAD_STEP_AGAIN;
}

static double producer_bytes(uint32_t nodes)
{
    static const struct spead_node_ops producer_ops = {.kind = "producer", .step = producer_step};
    static const struct spead_node_ops consumer_ops = {.kind = "consumer", .step = consumer_step};
    struct spead_graph *graph = bench_graph("throttled");
    struct spead_executor *executor = bench_executor(1, NULL);
    struct spead_throttle *throttle;
    struct producer *producers = calloc(nodes, sizeof *producers);
    double before = resident_bytes();
    struct spead_node *consumer;

    if (!producers || spead_throttle_create(&throttle, 4, NULL) < 0)
        errx(1, "out of memory");
    consumer = bench_add(graph, "consumer", &consumer_ops, throttle, true, false);
    for (uint32_t i = 0; i < nodes; i++) {
        char name[16];

        snprintf(name, sizeof name, "p%u", i);
        producers[i].throttle = throttle;
        bench_join(graph, bench_add(graph, name, &producer_ops, &producers[i], false, true),
                   consumer, 4);
    }
    bench_run(graph, executor);
    before = resident_bytes() - before;
    for (uint32_t i = 0; i < nodes; i++)
        if (!producers[i].sent)
            errx(1, "producer %u never had its turn", i);
    spead_graph_destroy(graph);
    spead_throttle_unref(throttle);
    spead_executor_destroy(executor);
    free(producers);
    malloc_trim(0);
    return before / nodes;
}

struct memory_figures flow_memory(uint32_t nodes)
{
    return (struct memory_figures){.node_bytes = relay_bytes(nodes, false),
                                   .chained_bytes = relay_bytes(nodes, true),
                                   .producer_bytes = producer_bytes(nodes)};
}
