/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a graph in the language of Graphviz: a box for each node, an arrow for each pair of ports that an edge joins, and
 * an ellipse for each channel of the program. */
#include "graphviz.h"

/* Writes a text between quotes. Graphviz knows only \" as an escape that matters here; a backslash gets another one. */
static void quoted(struct speadi_report *report, const char *text)
{
    speadi_report_text(report, "\"");
    for (; *text; text++)
        speadi_report_text(report, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    speadi_report_text(report, "\"");
}

static void write_node(struct speadi_report *report, const struct spead_node *node)
{
    speadi_report_text(report, "  ");
    quoted(report, node->name);
    speadi_report_text(report, " [xlabel=");
    quoted(report, node->ops->kind);
    speadi_report_text(report, "%s];\n", node->blocking ? ", style=bold" : "");
}

/* Writes what an arrow is called: the ports, if a node has several, the capacity, and the policy if it sheds. */
static void write_label(struct speadi_report *report, const struct speadi_edge *edge,
                        const struct speadi_node_port *from, const struct speadi_node_port *to)
{
    speadi_report_text(report, " [label=\"%u", edge->config.capacity);
    if (edge->config.on_full != SPEAD_ON_FULL_BLOCK)
        speadi_report_text(report, " %s", speadi_policy_name(edge->config.on_full));
    speadi_report_text(report, "\"");
    if (speadi_node_of(from)->output_count > 1) {
        speadi_report_text(report, ", taillabel=");
        quoted(report, from->name);
    }
    if (speadi_node_of(to)->input_count > 1) {
        speadi_report_text(report, ", headlabel=");
        quoted(report, to->name);
    }
    speadi_report_text(report, "];\n");
}

static void write_inside(struct speadi_report *report, const struct speadi_edge *edge)
{
    for (const struct speadi_node_port *from = edge->senders; from; from = from->edge_next)
        for (const struct speadi_node_port *to = edge->receivers; to; to = to->edge_next) {
            speadi_report_text(report, "  ");
            quoted(report, speadi_node_of(from)->name);
            speadi_report_text(report, " -> ");
            quoted(report, speadi_node_of(to)->name);
            write_label(report, edge, from, to);
        }
}

/* A channel of the program has ports of nodes on one side. */
static void write_outside(struct speadi_report *report, const struct speadi_edge *edge)
{
    const char *name = spead_channel_name(edge->channel);
    const struct speadi_node_port *port = edge->senders ? edge->senders : edge->receivers;

    speadi_report_text(report, "  ");
    quoted(report, name);
    speadi_report_text(report, " [shape=ellipse];\n  ");
    quoted(report, edge->senders ? speadi_node_of(port)->name : name);
    speadi_report_text(report, " -> ");
    quoted(report, edge->senders ? name : speadi_node_of(port)->name);
    speadi_report_text(report, ";\n");
}

void speadi_graphviz(struct speadi_report *report, const struct spead_graph *graph)
{
    speadi_report_text(report, "digraph ");
    quoted(report, graph->name);
    speadi_report_text(report, " {\n  rankdir=LR;\n  node [shape=box];\n");
    for (const struct spead_node *node = graph->nodes; node; node = node->next)
        write_node(report, node);
    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next) {
        if (edge->outside)
            write_outside(report, edge);
        else
            write_inside(report, edge);
    }
    speadi_report_text(report, "}\n");
}
