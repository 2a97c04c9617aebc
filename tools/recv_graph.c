/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_graph.h. */
#include "recv_graph.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Building ------------------------------------------------------------------------------ */

static int make_printer(struct recv_graph *graph, const struct spead_recv_tool_options *options,
                        struct spead_err *err)
{
    const struct item_printer_config config = {
        .endpoints = options->shared.endpoints,
        .endpoint_count = options->shared.endpoint_count,
        .joint = options->stream.joint,
        .json = options->shared.json,
    };

    return options->items ? item_printer_create(&graph->printer, &config, err) : 0;
}

static int make_parts(struct recv_graph *graph, const struct spead_recv_tool_options *options,
                      const struct spead_log *log, struct spead_err *err)
{
    struct spead_recv_stream_config config = spead_recv_stream_config_of(options);
    struct spead_graph_config graph_config = SPEAD_GRAPH_CONFIG_INIT;
    struct heap_check_config check = {
        .batch = spead_recv_take_max(options),
        .heaps_max = options->shared.heaps,
        .verify = options->shared.verify,
        .passes_on = options->output.path,
    };
    struct heap_writer_config writer = {
        .batch = spead_recv_writer_batch(options),
        .recording = spead_recv_recording_config_of(options, log),
    };
    int ret;

    config.log = graph_config.log = *log;
    graph_config.name = "spead-recv";
    ret = spead_recv_stream_create(&graph->stream, &config, err);
    check.stream = graph->stream;
    if (ret == 0)
        ret = make_printer(graph, options, err);
    check.printer = graph->printer;
    if (ret == 0)
        ret = heap_check_create(&graph->check, &check, err);
    if (ret == 0 && options->output.path)
        ret = heap_writer_create(&graph->writer, &writer, err);
    if (ret == 0)
        ret = spead_graph_create(&graph->graph, &graph_config, err);
    return ret;
}

static int join(struct recv_graph *graph, struct spead_node *from, struct spead_node *to,
                const struct spead_channel_config *edge, struct spead_err *err)
{
    return spead_graph_join(graph->graph, (struct spead_graph_end){from, NULL},
                            (struct spead_graph_end){to, NULL}, edge, err);
}

static int add_stream_and_check(struct recv_graph *graph, int cpu, struct spead_node **check,
                                struct spead_err *err)
{
    struct spead_node_config stream_node = spead_recv_stream_node(graph->stream, "stream");
    struct spead_node_config check_node = heap_check_node(graph->check, "check");
    struct spead_channel_config edge = spead_recv_stream_edge_config(graph->stream);
    int ret;

    stream_node.cpu = cpu;
    ret = spead_graph_add(graph->graph, &stream_node, &graph->stream_node, err);
    if (ret == 0)
        ret = spead_graph_add(graph->graph, &check_node, check, err);
    if (ret == 0)
        ret = join(graph, graph->stream_node, *check, &edge, err);
    return ret;
}

static int add_writer(struct recv_graph *graph, struct spead_node *check, unsigned capacity,
                      struct spead_err *err)
{
    struct spead_node_config config = heap_writer_node(graph->writer, "writer");
    struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_node *writer;
    int ret = spead_graph_add(graph->graph, &config, &writer, err);

    edge.capacity = capacity;
    if (ret == 0)
        ret = join(graph, check, writer, &edge, err);
    return ret;
}

int recv_graph_build(struct recv_graph *graph, const struct spead_recv_tool_options *options,
                     const struct spead_log *log, struct spead_err *err)
{
    struct spead_node *check;
    int ret = make_parts(graph, options, log, err);

    if (ret == 0)
        ret = add_stream_and_check(graph, options->shared.cpu, &check, err);
    if (ret == 0 && graph->writer)
        ret = add_writer(graph, check, spead_recv_writer_capacity(options), err);
    return ret;
}

/* ---- Running ------------------------------------------------------------------------------- */

int recv_graph_start(struct recv_graph *graph, struct spead_err *err)
{
    struct spead_executor_config config = SPEAD_EXECUTOR_CONFIG_INIT;
    int ret;

    config.name = "spead-check";
    ret = spead_executor_create(&graph->executor, &config, err);
    if (ret == 0)
        ret = spead_graph_start(graph->graph, graph->executor, err);
    return ret;
}

void recv_graph_release(struct recv_graph *graph)
{
    spead_graph_destroy(graph->graph);
    spead_executor_destroy(graph->executor);
    heap_writer_destroy(graph->writer);
    heap_check_destroy(graph->check);
    item_printer_destroy(graph->printer);
    spead_recv_stream_destroy(graph->stream);
}
