/* SPDX-License-Identifier: Apache-2.0 */
/* Receives heaps as a user of the library does, for small_heaps.py. In mode "take" one thread polls the stream, and
 * another thread takes the heaps. In mode "graph" a graph of the stream and a sink receives them. All settings have
 * their defaults. The program ends after the stop heap of the sender or after SIGINT, and prints one line of JSON.
 *
 * usage: bench-small-heaps take|graph ENDPOINT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/graph.h>
#include <speadline/recv.h>

static struct spead_recv_stream *stream;
static struct spead_err err;
static uint64_t heaps, bytes, sum;

static void must(int ret)
{
    if (ret >= 0)
        return;
    fprintf(stderr, "bench-small-heaps: %s\n", err.text[0] ? err.text : strerror(-ret));
    exit(1);
}

static void on_signal(int number)
{
    (void)number;
    spead_recv_stream_stop(stream);
}

/* Looks at the last byte of each heap, and counts. */
static void use(const struct spead_heap *heap)
{
    uint64_t length = spead_heap_length(heap);

    heaps++;
    bytes += length;
    if (length > 0)
        sum += spead_heap_payload(heap)[length - 1];
}

static void take_all(void)
{
    struct spead_recv_runner *runner;
    struct spead_heap *heap;

    must(spead_recv_runner_start(&runner, stream, -1, &err));
    while (spead_recv_stream_take(stream, &heap, 0) == 0) {
        use(heap);
        spead_heap_unref(heap);
    }
    must(spead_recv_runner_join(runner, NULL));
}

/* The step of the sink. */
static int take_some(void *state, struct spead_node *self)
{
    struct spead_message message[64];
    int count = spead_node_receive(self, 0, message, 64);

    (void)state;
    for (int i = 0; i < count; i++) {
        use((const struct spead_heap *)(uintptr_t)message[i].reference);
        spead_message_unref(&message[i]);
    }
    return count == -EAGAIN ? SPEAD_STEP_WAITING : count < 0 ? count : SPEAD_STEP_AGAIN;
}

static void run_graph(void)
{
    static const struct spead_node_ops ops = {.kind = "sink", .step = take_some};
    static const struct spead_port input = {"heaps", SPEAD_TYPE_HEAP};
    struct spead_graph_config graph_config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_node_config source = spead_recv_stream_node(stream, "stream");
    struct spead_node_config sink = SPEAD_NODE_CONFIG_INIT;
    struct spead_channel_config edge = spead_recv_stream_edge_config(stream);
    struct spead_executor_config executor_config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_executor *executor;
    struct spead_graph *graph;
    struct spead_graph_end from = {NULL, "heaps"}, to = {NULL, "heaps"};

    sink.name = "sink";
    sink.ops = &ops;
    sink.inputs = &input;
    sink.input_count = 1;
    must(spead_executor_create(&executor, &executor_config, &err));
    must(spead_graph_create(&graph, &graph_config, &err));
    must(spead_graph_add(graph, &source, &from.node, &err));
    must(spead_graph_add(graph, &sink, &to.node, &err));
    must(spead_graph_join(graph, from, to, &edge, &err));
    must(spead_graph_start(graph, executor, &err));
    must(spead_graph_wait(graph, 0, &err));
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

static void report(void)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

    spead_recv_stream_stats(stream, &stats);
    printf("{\"heaps\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"sum\": %" PRIu64
           ", \"shed\": %" PRIu64 ", \"no_memory\": %" PRIu64 ", \"kernel_drops\": %" PRIu64
           ", \"paused_ns\": %" PRIu64 ", \"high_water\": %" PRIu64 "}\n",
           heaps, bytes, sum, stats.counters.heaps_shed, stats.counters.heaps_no_memory,
           stats.counters.kernel_drops, stats.counters.paused_ns, stats.hand_over_high_water);
}

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    bool graph = argc == 3 && strcmp(argv[1], "graph") == 0;

    if (argc != 3 || (!graph && strcmp(argv[1], "take") != 0)) {
        fputs("usage: bench-small-heaps take|graph ENDPOINT\n", stderr);
        return 2;
    }
    config.endpoints = (const char *const *)&argv[2];
    config.endpoint_count = 1;
    must(spead_recv_stream_create(&stream, &config, &err));
    signal(SIGINT, on_signal);
    if (graph)
        run_graph();
    else
        take_all();
    report();
    spead_recv_stream_destroy(stream);
    return 0;
}
