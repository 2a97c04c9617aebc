/* SPDX-License-Identifier: Apache-2.0 */
/* Building a graph: adding its nodes, and checking whether it can run. */
#include <speadline/graph.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/backoff.h>
#include <speadi/cache_line.h>
#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "graph_parts.h"

static int read_config(struct spead_graph_config *config, const struct spead_graph_config *from,
                       struct spead_err *err)
{
    static const struct spead_graph_config defaults = SPEAD_GRAPH_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "graph",
        .init = "SPEAD_GRAPH_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_graph_config, metrics),
    };

    return speadi_struct_read(config, from, &kind, err);
}

int spead_graph_create(struct spead_graph **out, const struct spead_graph_config *config,
                       struct spead_err *err)
{
    struct spead_graph_config own;
    struct spead_graph *graph;
    pthread_condattr_t clock;
    int ret = read_config(&own, config, err);

    if (ret < 0)
        return ret;
    graph = speadi_alloc_lines(sizeof *graph);
    if (!graph)
        return speadi_err_set(err, -ENOMEM, "cannot make a graph: out of memory");
    memset(graph, 0, sizeof *graph);
    graph->name = strdup(own.name ? own.name : "graph");
    if (!graph->name) {
        free(graph);
        return speadi_err_set(err, -ENOMEM, "cannot make a graph: out of memory");
    }
    graph->metrics = own.metrics;
    graph->log = own.log;
    graph->nodes_end = &graph->nodes;
    graph->edges_end = &graph->edges;
    speadi_worker_init(&graph->puller, SPEADI_WORKER_PULLED, -1);
    pthread_mutex_init(&graph->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&graph->ended_cond, &clock);
    pthread_condattr_destroy(&clock);
    *out = graph;
    return 0;
}

/* ---- Adding --------------------------------------------------------------------------------- */

static int check_ports(const char *node, const char *side, const struct spead_port *ports,
                       uint32_t count, struct spead_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!ports[i].name || !ports[i].name[0])
            return speadi_err_set(err, -EINVAL, "%s %u of node \"%s\" has no name", side, i, node);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(ports[i].name, ports[j].name) == 0)
                return speadi_err_set(err, -EINVAL, "node \"%s\" has two %ss called \"%s\"", node,
                                      side, ports[i].name);
    }
    return 0;
}

static bool has_error_port(const struct spead_node_config *config)
{
    for (uint32_t i = 0; i < config->output_count; i++)
        if (strcmp(config->outputs[i].name, "error") == 0)
            return true;
    return false;
}

static int check_policy(const struct spead_node_config *config, struct spead_err *err)
{
    bool retries = config->on_error == SPEAD_ON_ERROR_RETRY;
    unsigned last = retries ? config->after_retries : config->on_error;

    if (config->on_error > SPEAD_ON_ERROR_DIVERT)
        return speadi_err_field(err, -EINVAL, "on_error", " of node \"%s\" is %u: no such policy",
                                config->name, (unsigned)config->on_error);
    if (last > SPEAD_ON_ERROR_DIVERT || last == SPEAD_ON_ERROR_RETRY)
        return speadi_err_field(err, -EINVAL, "after_retries",
                                " of node \"%s\" is %u: one of fail, skip, log, divert",
                                config->name, last);
    if (config->backoff_ns > SPEADI_BACKOFF_MAX_NS)
        return speadi_err_add(
            err, speadi_err_range(err, "backoff_ns", config->backoff_ns, 0, SPEADI_BACKOFF_MAX_NS),
            " (node \"%s\"): an hour", config->name);
    if (last != SPEAD_ON_ERROR_FAIL && !config->ops->surrender)
        return speadi_err_set(
            err, -EINVAL,
            "node \"%s\" (%s) cannot tell its failed message, so it can only fail "
            "or retry: see surrender",
            config->name, config->ops->kind);
    if (last == SPEAD_ON_ERROR_DIVERT && !has_error_port(config))
        return speadi_err_set(err, -EINVAL,
                              "node \"%s\" is to divert failed messages but has no output called "
                              "\"error\"",
                              config->name);
    return 0;
}

static int read_node(struct spead_node_config *config, const struct spead_node_config *from,
                     struct spead_err *err)
{
    static const struct spead_node_config defaults = SPEAD_NODE_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "node",
        .init = "SPEAD_NODE_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_node_config, blocking),
    };

    return speadi_struct_read(config, from, &kind, err);
}

static int check_node(const struct spead_node_config *config, struct spead_err *err)
{
    int ret;

    if (!config->name || !config->name[0])
        return speadi_err_field(err, -EINVAL, "name", ": a node needs a name");
    if (!config->ops || !config->ops->step || !config->ops->kind)
        return speadi_err_field(err, -EINVAL, "ops",
                                ": node \"%s\" has no ops, or its ops have no kind or no step",
                                config->name);
    if (speadi_err_array(err, "inputs", config->inputs, config->input_count) < 0 ||
        speadi_err_array(err, "outputs", config->outputs, config->output_count) < 0)
        return -EINVAL;
    ret = check_ports(config->name, "input", config->inputs, config->input_count, err);
    if (ret == 0)
        ret = check_ports(config->name, "output", config->outputs, config->output_count, err);
    return ret == 0 ? check_policy(config, err) : ret;
}

/* Returns the chain for this name in graph->names, which is a hash table. The field `search_next` links the nodes of a
 * chain. */
static struct spead_node **chain_of(const struct spead_graph *graph, const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &graph->names[hash & (graph->name_chains - 1)];
}

static void link_name(struct spead_graph *graph, struct spead_node *node)
{
    struct spead_node **chain = chain_of(graph, node->name);

    node->search_next = *chain;
    *chain = node;
}

static int make_room_for_name(struct spead_graph *graph)
{
    uint32_t chains = graph->name_chains ? 2 * graph->name_chains : 64;
    struct spead_node **names;

    if (graph->node_count < graph->name_chains)
        return 0;
    names = calloc(chains, sizeof *names);
    if (!names)
        return -ENOMEM;
    free(graph->names);
    graph->names = names;
    graph->name_chains = chains;
    for (struct spead_node *node = graph->nodes; node; node = node->next)
        link_name(graph, node);
    return 0;
}

static int enter_name(struct spead_graph *graph, struct spead_node *node, struct spead_err *err)
{
    if (make_room_for_name(graph) < 0)
        return speadi_err_set(err, -ENOMEM, "cannot add node \"%s\": out of memory", node->name);
    for (const struct spead_node *n = *chain_of(graph, node->name); n; n = n->search_next)
        if (strcmp(n->name, node->name) == 0)
            return speadi_err_set(err, -EEXIST, "graph \"%s\" has a node \"%s\" already",
                                  graph->name, node->name);
    link_name(graph, node);
    return 0;
}

void speadi_graph_forget_names(struct spead_graph *graph)
{
    free(graph->names);
    graph->names = NULL;
}

int spead_graph_add(struct spead_graph *graph, const struct spead_node_config *config,
                    struct spead_node **node, struct spead_err *err)
{
    struct spead_node_config own;
    struct spead_node *added;
    int ret = read_node(&own, config, err);

    if (ret == 0)
        ret = check_node(&own, err);
    if (ret < 0)
        return ret;
    if (graph->phase != SPEADI_GRAPH_BUILDING)
        return speadi_err_set(err, -EBUSY, "graph \"%s\" has started and cannot be changed",
                              graph->name);
    ret = speadi_node_create(&added, &own, err);
    if (ret < 0)
        return ret;
    ret = enter_name(graph, added, err);
    if (ret < 0) {
        free(added);
        return ret;
    }
    added->graph = graph;
    added->task.turn = speadi_node_turn;
    *graph->nodes_end = added;
    graph->nodes_end = &added->next;
    graph->node_count++;
    if (node)
        *node = added;
    return 0;
}

/* ---- Checking ------------------------------------------------------------------------------- */

int speadi_graph_check(const struct spead_graph *graph, struct spead_err *err)
{
    if (graph->node_count == 0)
        return speadi_err_set(err, -EINVAL, "graph \"%s\" has no nodes", graph->name);
    for (const struct spead_node *node = graph->nodes; node; node = node->next) {
        for (uint32_t i = 0; i < node->input_count; i++)
            if (!node->inputs[i].edge)
                return speadi_err_set(err, -EINVAL, "input \"%s.%s\" is joined to nothing",
                                      node->name, node->inputs[i].name);
        if (node->diverted && !node->error_port->edge)
            return speadi_err_set(
                err, -EINVAL,
                "output \"%s.error\" is joined to nothing: failed messages are to "
                "be diverted there",
                node->name);
    }
    return speadi_graph_check_sources(graph, err);
}

struct spead_channel *spead_graph_channel(const struct spead_graph *graph,
                                          struct spead_graph_end end)
{
    struct speadi_node_port *port = speadi_node_port_find(graph, &end, true, NULL);

    if (!port)
        port = speadi_node_port_find(graph, &end, false, NULL);
    return port && port->edge ? port->edge->channel : NULL;
}
