/* SPDX-License-Identifier: Apache-2.0 */
/* Finding nodes by their names, and what the builder of pipelines must know about a node. */
#include <errno.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/node_internal.h>

#include "graph_parts.h"

struct spead_node *spead_graph_find(const struct spead_graph *graph, const char *name)
{
    for (struct spead_node *node = graph->nodes; node; node = node->next)
        if (strcmp(node->name, name) == 0)
            return node;
    return NULL;
}

const struct spead_node_ops *speadi_node_ops(const struct spead_node *node)
{
    return node->ops;
}

void *speadi_node_state(const struct spead_node *node)
{
    return node->step_state;
}

static const struct speadi_node_port *named(const struct speadi_node_port *ports, uint32_t count,
                                            const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(ports[i].name, name) == 0)
            return &ports[i];
    return NULL;
}

const char *speadi_node_port(const struct spead_node *node, bool is_output, const char *usual)
{
    const struct speadi_node_port *ports = is_output ? node->outputs : node->inputs;
    uint32_t count = is_output ? node->output_count : node->input_count;
    const struct speadi_node_port *port = count == 1 ? ports : named(ports, count, usual);

    return port ? port->name : NULL;
}

const char *speadi_node_output_named(const struct spead_node *node, const char *name)
{
    const struct speadi_node_port *port = named(node->outputs, node->output_count, name);

    return port ? port->name : NULL;
}

bool speadi_node_has_outputs(const struct spead_node *node)
{
    return node->output_count > 0;
}

bool speadi_node_is_joined(const struct spead_node *node, const char *input)
{
    const struct speadi_node_port *port =
        input ? named(node->inputs, node->input_count, input) : NULL;

    return port && port->edge;
}

const char *speadi_node_free_input(const struct spead_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (!node->inputs[i].edge)
            return node->inputs[i].name;
    return node->input_count == 1 ? node->inputs[0].name : NULL;
}

int speadi_node_output_type(const struct spead_graph *graph, struct spead_graph_end end,
                            struct spead_err *err)
{
    const struct speadi_node_port *port = speadi_node_port_find(graph, &end, true, err);

    if (!port)
        return -EINVAL;
    return port->edge && port->type == SPEAD_CHANNEL_ANY_TYPE ? port->edge->type : port->type;
}

int speadi_graph_check_outputs(const struct spead_graph *graph, struct spead_graph_end open,
                               struct spead_err *err)
{
    for (const struct spead_node *node = graph->nodes; node; node = node->next)
        for (uint32_t i = 0; i < node->output_count; i++) {
            const struct speadi_node_port *port = &node->outputs[i];
            bool is_open = node == open.node && open.port && strcmp(port->name, open.port) == 0;

            if (!port->edge && !is_open)
                return speadi_err_set(err, -EINVAL,
                                      "output \"%s.%s\" is joined to nothing: join it, or build "
                                      "its path last to pull it",
                                      node->name, port->name);
        }
    return 0;
}
