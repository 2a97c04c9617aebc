/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_null_graph.h. */
#include "recv_null_graph.h"

#include <stdio.h>

#include <speadline/graph.h>

#include <heap_check.h>

struct parts {
    struct spead_recv_stream *stream; /* borrowed from the caller */
    struct heap_check *check;
    struct spead_graph *graph;
    struct spead_executor *executor;
};

static int join(struct parts *parts, struct spead_err *err)
{
    struct spead_node_config from = spead_recv_stream_node(parts->stream, "stream");
    struct spead_node_config to = heap_check_node(parts->check, "check");
    struct spead_channel_config edge = spead_recv_stream_edge_config(parts->stream);
    struct spead_node *sender, *receiver;
    int ret;

    from.blocking = false; /* the null engine never sleeps */
    ret = spead_graph_add(parts->graph, &from, &sender, err);
    if (ret == 0)
        ret = spead_graph_add(parts->graph, &to, &receiver, err);
    if (ret == 0)
        ret = spead_graph_join(parts->graph, (struct spead_graph_end){sender, NULL},
                               (struct spead_graph_end){receiver, NULL}, &edge, err);
    return ret;
}

static int build(struct parts *parts, struct spead_err *err)
{
    struct spead_graph_config graph = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_executor_config executor = SPEAD_EXECUTOR_CONFIG_INIT;
    struct heap_check_config check = {.stream = parts->stream, .batch = HEAP_CHECK_BATCH_MAX};
    int ret = heap_check_create(&parts->check, &check, err);

    graph.name = "bench";
    if (ret == 0)
        ret = spead_graph_create(&parts->graph, &graph, err);
    if (ret == 0)
        ret = join(parts, err);
    if (ret == 0)
        ret = spead_executor_create(&parts->executor, &executor, err);
    return ret;
}

uint64_t receive_in_a_graph(struct spead_recv_stream *stream)
{
    struct parts parts = {.stream = stream};
    struct spead_err err = {0};
    uint64_t taken = 0;
    int ret = build(&parts, &err);

    if (ret == 0)
        ret = spead_graph_start(parts.graph, parts.executor, &err);
    if (ret == 0)
        ret = spead_graph_wait(parts.graph, 0, &err);
    if (ret == 0)
        taken = heap_check_totals(parts.check).heaps;
    else
        fprintf(stderr, "bench-recv-null: the graph failed: %s\n", err.text);
    spead_graph_destroy(parts.graph);
    spead_executor_destroy(parts.executor);
    heap_check_destroy(parts.check);
    return taken;
}
