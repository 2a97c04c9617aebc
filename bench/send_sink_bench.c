/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the cost of sending through a graph: messages -> channel -> sink -> stream. The program compares this cost
 * with the cost of a thread that submits the same heaps itself and waits when the heap queue is full. In both cases the
 * stream runs over the null engine (null_tx.c), on a thread of its own. So the only difference is how the heaps get to
 * the stream.
 *
 * Method: the program runs the two cases alternately. It measures the CPU time of the whole process for each heap, and
 * prints the medians as one JSON object. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadline/graph.h>
#include <speadline/send_node.h>

#include "limits/limit.h"
#include "null_tx.h"

enum { RUNS_MAX = 99, PACKET_BYTES = 1472, SOURCE_BATCH = 16 };

struct options {
    uint64_t heaps, heap_bytes;
    uint32_t heaps_max, capacity;
    unsigned runs;
};

static uint8_t *payload;

static void must(int ret, const struct spead_err *error)
{
    if (ret < 0)
        errx(1, "%s", error->text);
}

static double cpu_s(void)
{
    struct limit_cpu cpu = limit_cpu();

    return cpu.user_s + cpu.system_s;
}

static void check(const struct spead_send_stream *stream, uint64_t heaps)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;

    spead_send_stream_stats(stream, &stats);
    if (stats.counters.heaps_sent != heaps)
        errx(1, "%ju of %ju heaps were sent", (uintmax_t)stats.counters.heaps_sent,
             (uintmax_t)heaps);
}

static void submit_all(const struct options *o, struct spead_send_stream *stream)
{
    struct spead_send_runner *runner;
    struct spead_send_heap *heap;
    struct spead_err error = {0};

    if (spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) < 0 ||
        spead_send_heap_add_item(heap, 0x1000, payload, o->heap_bytes, false) < 0)
        errx(1, "no memory for a heap");
    must(spead_send_runner_start(&runner, stream, -1, &error), &error);
    for (uint64_t i = 0; i < o->heaps; i++)
        if (spead_send_stream_submit_wait(stream, heap, NULL, 0) < 0)
            errx(1, "a heap was refused");
    spead_send_stream_stop(stream);
    spead_send_runner_join(runner, NULL);
    spead_send_heap_destroy(heap);
}

static int describe(void *arg, const struct spead_message *message, struct spead_send_heap *heap,
                    struct spead_send_options *options)
{
    const struct options *o = arg;

    (void)message;
    (void)options;
    return spead_send_heap_add_item(heap, 0x1000, payload, o->heap_bytes, false);
}

/* A source of messages that carry no data. This source costs less than the probe source, which reads the clock for each
 * message. */
struct source {
    struct spead_message messages[SOURCE_BATCH];
    uint64_t left;
};

static int source_step(void *state, struct spead_node *self)
{
    struct source *source = state;
    uint32_t count = source->left < SOURCE_BATCH ? (uint32_t)source->left : SOURCE_BATCH;
    int ret = count == 0 ? 0 : spead_node_send(self, 0, source->messages, count);

    if (ret < 0)
        return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret;
    source->left -= (uint64_t)ret;
    return source->left == 0 ? SPEAD_STEP_DONE : SPEAD_STEP_AGAIN;
}

static struct spead_node_config source_node(struct source *source)
{
    static const struct spead_node_ops ops = {.kind = "source", .step = source_step};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = "source";
    config.ops = &ops;
    config.state = source;
    config.outputs = &out;
    config.output_count = 1;
    return config;
}

static void run_graph(const struct options *o, struct spead_send_stream *stream)
{
    struct spead_send_sink_config sink_config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_executor_config executor_config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_graph_config graph_config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;
    struct source source = {.left = o->heaps};
    struct spead_node_config node_config = source_node(&source);
    struct spead_send_sink *sink;
    struct spead_executor *executor;
    struct spead_graph *graph;
    struct spead_node *from, *to;
    struct spead_err error = {0};

    sink_config.stream = stream;
    sink_config.type = SPEAD_TYPE_PLAIN;
    sink_config.describe = describe;
    sink_config.describe_arg = (void *)(uintptr_t)o;
    edge.capacity = o->capacity;
    must(spead_send_sink_create(&sink, &sink_config, &error), &error);
    must(spead_executor_create(&executor, &executor_config, &error), &error);
    must(spead_graph_create(&graph, &graph_config, &error), &error);
    must(spead_graph_add(graph, &node_config, &from, &error), &error);
    node_config = spead_send_sink_node(sink, "sink");
    must(spead_graph_add(graph, &node_config, &to, &error), &error);
    must(spead_graph_join(graph, (struct spead_graph_end){from, "out"},
                          (struct spead_graph_end){to, "heaps"}, &edge, &error),
         &error);
    must(spead_graph_start(graph, executor, &error), &error);
    must(spead_graph_wait(graph, 0, &error), &error);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_send_sink_destroy(sink);
}

static double ns_per_heap(const struct options *o,
                          void (*send)(const struct options *, struct spead_send_stream *))
{
    struct spead_send_stream *stream = null_tx_stream(o->heaps_max, PACKET_BYTES);
    double start = cpu_s();

    send(o, stream);
    start = cpu_s() - start;
    check(stream, o->heaps);
    spead_send_stream_destroy(stream);
    return start * 1e9 / (double)o->heaps;
}

/* ---- Options ------------------------------------------------------------------------------- */

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case 's':
        o->heap_bytes = limit_number(state, "--heap-size", text, 1, 1u << 30);
        return 0;
    case 'n':
        o->heaps = limit_number(state, "--heaps", text, 1, UINT64_C(1) << 40);
        return 0;
    case 'm':
        o->heaps_max = (uint32_t)limit_number(state, "--max-heaps", text, 1, 1u << 20);
        return 0;
    case 'c':
        o->capacity = (uint32_t)limit_number(state, "--capacity", text, 1, 1u << 24);
        return 0;
    case 'r':
        o->runs = (unsigned)limit_number(state, "--runs", text, 1, RUNS_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option known[] = {
        {"heap-size", 's', "N", 0, "Payload bytes of a heap (1024)", 0},
        {"heaps", 'n', "N", 0, "Heaps to send in a run (1000000)", 0},
        {"max-heaps", 'm', "N", 0, "Heaps in flight (64)", 0},
        {"capacity", 'c', "N", 0, "Messages in the channel (64)", 0},
        {"runs", 'r', "N", 0, "Runs of each kind; their median is printed (7)", 0},
        {0}};
    static const struct argp argp = {
        .options = known, .parser = parse, .doc = "Cost of sending through a graph"};
    struct options o = {
        .heaps = 1000000, .heap_bytes = 1024, .heaps_max = 64, .capacity = 64, .runs = 7};
    double direct[RUNS_MAX], graph[RUNS_MAX];

    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
        return 2;
    payload = limit_memory(o.heap_bytes);
    for (unsigned i = 0; i < o.runs; i++) {
        direct[i] = ns_per_heap(&o, submit_all);
        graph[i] = ns_per_heap(&o, run_graph);
    }
    printf("{\"bench\": \"send-sink\", \"heap_bytes\": %ju, \"heaps\": %ju, \"max_heaps\": %u, "
           "\"capacity\": %u, \"runs\": %u, \"submit_wait_cpu_ns\": %.1f, \"graph_cpu_ns\": %.1f, "
           "\"ratio\": %.2f}\n",
           (uintmax_t)o.heap_bytes, (uintmax_t)o.heaps, o.heaps_max, o.capacity, o.runs,
           limit_median(direct, o.runs), limit_median(graph, o.runs),
           limit_median(graph, o.runs) / limit_median(direct, o.runs));
    return 0;
}
