/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of a graph: they say which ports are joined by one channel. This file also makes the channels. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/channel_internal.h>
#include <speadi/err.h>

#include "graph_parts.h"

/* ---- Names ---------------------------------------------------------------------------------- */

const char *speadi_type_name(int type)
{
    const struct spead_message_type *known =
        type >= 0 && type < SPEAD_TYPES_MAX ? spead_message_type_get((uint16_t)type) : NULL;

    if (type == SPEAD_CHANNEL_ANY_TYPE)
        return "any";
    return known ? known->name : "unknown";
}

const char *speadi_policy_name(unsigned policy)
{
    static const char *const names[] = {"block", "drop-newest", "drop-oldest", "sample"};

    return policy < sizeof names / sizeof *names ? names[policy] : "unknown";
}

static void describe_side(const struct speadi_node_port *ports, uint32_t count, char *out,
                          size_t max)
{
    if (count == 0)
        snprintf(out, max, "(outside)");
    else if (count == 1)
        snprintf(out, max, "%s.%s", speadi_node_of(ports)->name, ports->name);
    else
        snprintf(out, max, "%s.%s x %u", speadi_node_of(ports)->name, ports->name, count);
}

void speadi_edge_describe(const struct speadi_edge *edge, char *out, size_t max)
{
    char from[96], to[96];

    describe_side(edge->senders, edge->sender_count, from, sizeof from);
    describe_side(edge->receivers, edge->receiver_count, to, sizeof to);
    if (edge->pulled)
        snprintf(to, sizeof to, "(pulled)");
    snprintf(out, max, "%s > %s", from, to);
}

/* ---- Joining -------------------------------------------------------------------------------- */

static struct speadi_node_port *ports_of(struct spead_node *node, bool is_output, uint32_t *count)
{
    *count = is_output ? node->output_count : node->input_count;
    return is_output ? node->outputs : node->inputs;
}

struct speadi_node_port *speadi_node_port_find(const struct spead_graph *graph,
                                               const struct spead_graph_end *end, bool is_output,
                                               struct spead_err *err)
{
    const char *side = is_output ? "output" : "input";
    struct speadi_node_port *ports;
    uint32_t count;

    if (!end->node) {
        speadi_err_set(err, -EINVAL, "an end of a join has no node");
        return NULL;
    }
    if (end->node->graph != graph) {
        speadi_err_set(err, -EINVAL, "node \"%s\" belongs to graph \"%s\", not to graph \"%s\"",
                       end->node->name, end->node->graph->name, graph->name);
        return NULL;
    }
    ports = ports_of(end->node, is_output, &count);
    if (!end->port && count == 1)
        return ports;
    for (uint32_t i = 0; end->port && i < count; i++)
        if (strcmp(ports[i].name, end->port) == 0)
            return &ports[i];
    if (end->port)
        speadi_err_set(err, -EINVAL, "node \"%s\" has no %s called \"%s\"", end->node->name, side,
                       end->port);
    else
        speadi_err_set(err, -EINVAL, "node \"%s\" has %u %ss: say which one is meant",
                       end->node->name, count, side);
    return NULL;
}

void speadi_edge_add(struct spead_graph *graph, struct speadi_edge *edge)
{
    edge->next = NULL;
    *graph->edges_end = edge;
    graph->edges_end = &edge->next;
}

void speadi_edge_attach(struct speadi_edge *edge, struct speadi_node_port *port)
{
    struct speadi_node_port **side = port->is_output ? &edge->senders : &edge->receivers;

    /* The port becomes the first port of the list. A search for the end of the list would be slow if 10,000 nodes used
     * one edge. The order of the ports has no meaning. */
    port->edge_next = *side;
    *side = port;
    port->edge = edge;
    if (port->is_output)
        edge->sender_count++;
    else
        edge->receiver_count++;
    if (edge->type == SPEAD_CHANNEL_ANY_TYPE)
        edge->type = port->type;
}

void speadi_edge_destroy(struct speadi_edge *edge)
{
    spead_receiver_close(edge->pulled);
    spead_channel_unref(edge->channel);
    free(edge->name);
    free(edge);
}

/* Makes an edge without ports. If `config` is NULL, the edge gets the default config. Otherwise
 * speadi_channel_config_read() must have filled *config. Returns NULL if there is no memory. */
static struct speadi_edge *new_edge(const struct spead_channel_config *config)
{
    static const struct spead_channel_config plain = SPEAD_CHANNEL_CONFIG_INIT;
    struct speadi_edge *edge = calloc(1, sizeof *edge);

    if (!edge)
        return NULL;
    edge->type = SPEAD_CHANNEL_ANY_TYPE;
    edge->config = config ? *config : plain;
    edge->config.name = NULL;
    if (config && config->name) {
        edge->name = strdup(config->name);
        if (!edge->name) {
            free(edge);
            return NULL;
        }
    }
    return edge;
}

/* Returns true if both configs describe the same channel. Only their names are allowed to differ. */
static bool agrees(const struct spead_channel_config *a, const struct spead_channel_config *b)
{
    return a->capacity == b->capacity && a->on_full == b->on_full && a->sample_n == b->sample_n &&
           a->lanes == b->lanes && a->form == b->form && a->latency == b->latency &&
           a->on_shed == b->on_shed && a->on_shed_arg == b->on_shed_arg;
}

static bool is_other_type(int a, int b)
{
    return a != b && a != SPEAD_CHANNEL_ANY_TYPE && b != SPEAD_CHANNEL_ANY_TYPE;
}

static int type_of(const struct speadi_node_port *port)
{
    return port->edge && port->edge->type != SPEAD_CHANNEL_ANY_TYPE ? port->edge->type : port->type;
}

static int check_join(const struct speadi_node_port *from, const struct speadi_node_port *to,
                      const struct spead_channel_config *config, struct spead_err *err)
{
    const struct speadi_edge *edges[] = {from->edge, to->edge};

    if (is_other_type(type_of(from), type_of(to)))
        return speadi_err_set(
            err, -EPROTOTYPE,
            "output \"%s.%s\" gives messages of type \"%s\", input \"%s.%s\" takes "
            "\"%s\"",
            speadi_node_of(from)->name, from->name, speadi_type_name(type_of(from)),
            speadi_node_of(to)->name, to->name, speadi_type_name(type_of(to)));
    for (unsigned i = 0; i < 2; i++) {
        const struct speadi_node_port *port = i == 0 ? from : to;

        if (edges[i] && edges[i]->outside)
            return speadi_err_set(err, -EINVAL, "port \"%s.%s\" is joined to a channel of its own",
                                  speadi_node_of(port)->name, port->name);
        if (edges[i] && config && !agrees(&edges[i]->config, config))
            return speadi_err_set(
                err, -EINVAL,
                "port \"%s.%s\" is joined already, by a channel of another config "
                "(capacity %u, %s): ports that share a channel must agree on it",
                speadi_node_of(port)->name, port->name, edges[i]->config.capacity,
                speadi_policy_name(edges[i]->config.on_full));
    }
    if (edges[0] && edges[1] && !agrees(&edges[0]->config, &edges[1]->config))
        return speadi_err_set(
            err, -EINVAL,
            "\"%s.%s\" and \"%s.%s\" are joined already, by channels of different "
            "configs: ports that share a channel must agree on it",
            speadi_node_of(from)->name, from->name, speadi_node_of(to)->name, to->name);
    return 0;
}

static void move_ports(struct speadi_edge *to, struct speadi_node_port *ports)
{
    while (ports) {
        struct speadi_node_port *port = ports;

        ports = port->edge_next;
        speadi_edge_attach(to, port);
    }
}

/* Moves all ports of the edge `gone` to the edge `kept`, and destroys `gone`. */
static void merge(struct spead_graph *graph, struct speadi_edge *kept, struct speadi_edge *gone)
{
    struct speadi_edge **link = &graph->edges;

    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    if (graph->edges_end == &gone->next)
        graph->edges_end = link;
    move_ports(kept, gone->senders);
    move_ports(kept, gone->receivers);
    speadi_edge_destroy(gone);
}

int spead_graph_join(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_graph_end to, const struct spead_channel_config *config,
                     struct spead_err *err)
{
    struct speadi_node_port *output = speadi_node_port_find(graph, &from, true, err);
    struct speadi_node_port *input = output ? speadi_node_port_find(graph, &to, false, err) : NULL;
    struct spead_channel_config own;
    struct speadi_edge *edge;
    int ret;

    if (!output || !input)
        return -EINVAL;
    if (graph->phase != SPEADI_GRAPH_BUILDING)
        return speadi_err_set(err, -EBUSY, "graph \"%s\" has started and cannot be changed",
                              graph->name);
    ret = config ? speadi_channel_config_read(&own, config, err) : 0;
    if (ret < 0)
        return ret;
    config = config ? &own : NULL;
    ret = check_join(output, input, config, err);
    if (ret < 0)
        return ret;
    edge = output->edge ? output->edge : input->edge;
    if (!edge) {
        edge = new_edge(config);
        if (!edge)
            return speadi_err_set(err, -ENOMEM, "cannot join \"%s\" to \"%s\": out of memory",
                                  speadi_node_of(output)->name, speadi_node_of(input)->name);
        speadi_edge_add(graph, edge);
    }
    if (!output->edge)
        speadi_edge_attach(edge, output);
    if (!input->edge)
        speadi_edge_attach(edge, input);
    else if (input->edge != edge)
        merge(graph, edge, input->edge);
    return 0;
}

static int join_outside(struct spead_graph *graph, struct speadi_node_port *port,
                        struct spead_channel *channel, struct spead_err *err)
{
    struct speadi_edge *edge;

    if (graph->phase != SPEADI_GRAPH_BUILDING)
        return speadi_err_set(err, -EBUSY, "graph \"%s\" has started and cannot be changed",
                              graph->name);
    if (port->edge)
        return speadi_err_set(err, -EINVAL, "port \"%s.%s\" is joined already",
                              speadi_node_of(port)->name, port->name);
    edge = new_edge(NULL);
    if (!edge)
        return speadi_err_set(err, -ENOMEM, "cannot join \"%s.%s\": out of memory",
                              speadi_node_of(port)->name, port->name);
    edge->outside = true;
    edge->channel = spead_channel_ref(channel);
    speadi_edge_attach(edge, port);
    speadi_edge_add(graph, edge);
    return 0;
}

int spead_graph_join_input(struct spead_graph *graph, struct spead_channel *from,
                           struct spead_graph_end to, struct spead_err *err)
{
    struct speadi_node_port *port = speadi_node_port_find(graph, &to, false, err);

    return port ? join_outside(graph, port, from, err) : -EINVAL;
}

int spead_graph_join_output(struct spead_graph *graph, struct spead_graph_end from,
                            struct spead_channel *to, struct spead_err *err)
{
    struct speadi_node_port *port = speadi_node_port_find(graph, &from, true, err);

    return port ? join_outside(graph, port, to, err) : -EINVAL;
}

/* ---- Opening -------------------------------------------------------------------------------- */

enum spead_channel_form speadi_edge_form(const struct speadi_edge *edge)
{
    bool wants_many = edge->config.on_full == SPEAD_ON_FULL_DROP_OLDEST || edge->config.lanes > 1;
    bool many_senders = edge->sender_count > 1 || edge->config.form == SPEAD_CHANNEL_MPSC ||
                        edge->config.form == SPEAD_CHANNEL_MPMC;
    bool many_receivers = edge->receiver_count > 1 || wants_many ||
                          edge->config.form == SPEAD_CHANNEL_SPMC ||
                          edge->config.form == SPEAD_CHANNEL_MPMC;

    if (many_senders)
        return many_receivers ? SPEAD_CHANNEL_MPMC : SPEAD_CHANNEL_MPSC;
    return many_receivers ? SPEAD_CHANNEL_SPMC : SPEAD_CHANNEL_SPSC;
}

/* Returns the kind of memory ordering that the channel needs. If one worker runs all nodes at the edge, one thread uses
 * both sides of the channel, and no fences are needed. */
static enum speadi_channel_sync sync_of(const struct speadi_edge *edge)
{
    const struct speadi_worker *worker = edge->senders
                                             ? speadi_node_of(edge->senders)->task.worker
                                             : speadi_node_of(edge->receivers)->task.worker;

    for (const struct speadi_node_port *port = edge->senders; port; port = port->edge_next)
        if (speadi_node_of(port)->task.worker != worker)
            return SPEADI_SYNC_FENCED;
    for (const struct speadi_node_port *port = edge->receivers; port; port = port->edge_next)
        if (speadi_node_of(port)->task.worker != worker)
            return SPEADI_SYNC_FENCED;
    return SPEADI_SYNC_LOCAL;
}

static int make_channel(struct spead_graph *graph, struct speadi_edge *edge, struct spead_err *err)
{
    struct spead_channel_config config = edge->config;
    char name[200];
    int ret;

    speadi_edge_describe(edge, name, sizeof name);
    config.name = edge->name ? edge->name : name;
    config.form = speadi_edge_form(edge);
    config.latency = config.latency || graph->metrics;
    ret = spead_channel_create(&edge->channel, &config, err);
    if (ret == 0)
        speadi_channel_set_sync(edge->channel, sync_of(edge));
    return ret;
}

static void wake_task(void *task)
{
    speadi_task_wake(task);
}

static int open_sender(struct speadi_edge *edge, struct speadi_node_port *port, const char *name,
                       struct spead_err *err)
{
    int ret = spead_sender_open(&port->sender, edge->channel, name, port->type, err);

    /* A node that waits for a ticket does not wait at its outputs. Without this call, such a node would not notice that
     * nobody takes its messages any more. It would perhaps wait for ever, because no ticket comes back. */
    if (ret == 0)
        speadi_sender_on_stop(port->sender, wake_task, &speadi_node_of(port)->task);
    return ret;
}

static int open_ends(struct speadi_edge *edge, struct speadi_node_port *ports,
                     struct spead_err *err)
{
    int ret = 0;

    for (struct speadi_node_port *port = ports; port && ret == 0; port = port->edge_next) {
        char name[128];

        snprintf(name, sizeof name, "%s.%s", speadi_node_of(port)->name, port->name);
        ret = port->is_output
                  ? open_sender(edge, port, name, err)
                  : spead_receiver_open(&port->receiver, edge->channel, name, port->type, err);
    }
    return ret;
}

int speadi_edge_open(struct spead_graph *graph, struct speadi_edge *edge, struct spead_err *err)
{
    int ret = edge->channel ? 0 : make_channel(graph, edge, err);

    if (ret == 0)
        ret = open_ends(edge, edge->receivers, err);
    if (ret == 0)
        ret = open_ends(edge, edge->senders, err);
    return ret;
}
