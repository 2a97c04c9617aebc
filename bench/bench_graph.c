/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_graph.h"

#include <err.h>

struct spead_graph *bench_graph(const char *name)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_graph *graph;
    struct spead_err error;

    config.name = name;
    if (spead_graph_create(&graph, &config, &error) < 0)
        errx(1, "%s", error.text);
    return graph;
}

struct spead_executor *bench_executor(uint32_t workers, const int *cpus)
{
    struct spead_executor_config config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_executor *executor;
    struct spead_err error;

    config.workers = workers;
    config.cpus = cpus;
    if (spead_executor_create(&executor, &config, &error) < 0)
        errx(1, "%s", error.text);
    return executor;
}

struct spead_node *bench_add(struct spead_graph *graph, const char *name,
                             const struct spead_node_ops *ops, void *state, bool has_input,
                             bool has_output)
{
    static const struct spead_port in = {"in", SPEAD_TYPE_PLAIN}, out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *node;
    struct spead_err error;

    config.name = name;
    config.ops = ops;
    config.state = state;
    config.inputs = &in;
    config.input_count = has_input;
    config.outputs = &out;
    config.output_count = has_output;
    if (spead_graph_add(graph, &config, &node, &error) < 0)
        errx(1, "%s", error.text);
    return node;
}

void bench_join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to,
                uint32_t capacity)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_err error;

    config.capacity = capacity;
    if (spead_graph_join(graph, (struct spead_graph_end){from, NULL},
                         (struct spead_graph_end){to, NULL}, &config, &error) < 0)
        errx(1, "%s", error.text);
}

void bench_run(struct spead_graph *graph, struct spead_executor *executor)
{
    struct spead_err error;

    if (spead_graph_start(graph, executor, &error) < 0 || spead_graph_wait(graph, 0, &error) < 0)
        errx(1, "%s", error.text);
}
