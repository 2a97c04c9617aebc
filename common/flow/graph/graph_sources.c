/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that messages can come to every node. The nodes of a loop that no source leads to would wait for each other's
 * messages for ever. */
#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>

#include "graph_parts.h"

/* The nodes that a source leads to. node[done] and the nodes behind it were not looked at yet. */
struct reached {
    struct spead_node **node;
    uint32_t count, done;
};

static void reach(struct reached *reached, struct spead_node *node)
{
    if (node->reached)
        return;
    node->reached = true;
    reached->node[reached->count++] = node;
}

static void reach_receivers(struct reached *reached, struct speadi_edge *edge)
{
    if (!edge || edge->reached)
        return;
    edge->reached = true;
    for (struct speadi_node_port *port = edge->receivers; port; port = port->edge_next)
        reach(reached, speadi_node_of(port));
}

static bool is_source(const struct spead_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i].edge->outside)
            return true;
    return node->input_count == 0;
}

/* Clears the marks of an earlier check. A plan can be made several times before the start, and nodes can be added
 * between two plans. */
static void forget_marks(const struct spead_graph *graph)
{
    for (struct spead_node *node = graph->nodes; node; node = node->next)
        node->reached = false;
    for (struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        edge->reached = false;
}

static void mark_reached(const struct spead_graph *graph, struct reached *reached)
{
    forget_marks(graph);
    for (struct spead_node *node = graph->nodes; node; node = node->next)
        if (is_source(node))
            reach(reached, node);
    while (reached->done < reached->count) {
        const struct spead_node *node = reached->node[reached->done++];

        for (uint32_t i = 0; i < node->output_count; i++)
            reach_receivers(reached, node->outputs[i].edge);
    }
}

int speadi_graph_check_sources(const struct spead_graph *graph, struct spead_err *err)
{
    const struct spead_node *node = graph->nodes;
    struct reached reached = {0};

    if (graph->phase != SPEADI_GRAPH_BUILDING)
        return 0; /* checked before the start; after it, nobody may write the marks */
    reached.node = calloc(graph->node_count, sizeof *reached.node);
    if (!reached.node)
        return speadi_err_set(err, -ENOMEM, "cannot check graph \"%s\": out of memory",
                              graph->name);
    mark_reached(graph, &reached);
    free(reached.node);
    while (node && node->reached)
        node = node->next;
    if (!node)
        return 0;
    return speadi_err_set(err, -EINVAL,
                          "no source leads to node \"%s\": its messages come from a loop only "
                          "(input \"%s\" from node \"%s\"); join a node without inputs to the loop",
                          node->name, node->inputs[0].name,
                          speadi_node_of(node->inputs[0].edge->senders)->name);
}
