/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a graph: a text about its nodes, its edges and the memory that they take. It is written before the graph
 * runs. */
#include <speadline/graph.h>

#include <stdio.h>

#include "graph_parts.h"
#include "graphviz.h"
#include "report.h"

static const char *const on_error_names[] = {"fail", "retry", "skip", "log", "divert"};
static const char *const form_names[] = {"spsc", "mpsc", "spmc", "mpmc"};

static size_t node_bytes(const struct spead_node *node)
{
    return node->own_bytes + node->memory_bytes;
}

static size_t edge_bytes(const struct spead_graph *graph, const struct speadi_edge *edge)
{
    struct spead_channel_config config = edge->config;
    size_t ends = (edge->sender_count + edge->receiver_count) * spead_channel_end_bytes();

    if (edge->outside)
        return sizeof *edge + ends;
    config.form = speadi_edge_form(edge);
    config.latency = config.latency || graph->metrics;
    return sizeof *edge + ends + spead_channel_bytes(&config);
}

static size_t graph_bytes(const struct spead_graph *graph)
{
    size_t bytes = sizeof *graph + graph->node_count * sizeof *graph->order;

    for (const struct spead_node *node = graph->nodes; node; node = node->next)
        bytes += node_bytes(node);
    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        bytes += edge_bytes(graph, edge);
    return bytes;
}

static void describe_thread(const struct spead_node *node, char *out, size_t max)
{
    const char *where = node->blocking ? "own thread" : "executor";

    if (node->cpu >= 0)
        snprintf(out, max, "%s, CPU %d", where, node->cpu);
    else
        snprintf(out, max, "%s", where);
}

static void describe_policy(const struct spead_node *node, char *out, size_t max)
{
    if (node->on_error == SPEAD_ON_ERROR_RETRY)
        snprintf(out, max, "retry %u times, then %s", node->retries,
                 on_error_names[node->after_retries]);
    else
        snprintf(out, max, "%s", on_error_names[node->on_error]);
}

static void describe_full(const struct speadi_edge *edge, char *out, size_t max)
{
    if (edge->config.on_full == SPEAD_ON_FULL_SAMPLE)
        snprintf(out, max, "sample 1/%u", edge->config.sample_n);
    else
        snprintf(out, max, "%s", speadi_policy_name(edge->config.on_full));
}

/* ---- Text ----------------------------------------------------------------------------------- */

static void node_text(struct speadi_report *report, const struct spead_node *node)
{
    char thread[48], policy[64];

    describe_thread(node, thread, sizeof thread);
    describe_policy(node, policy, sizeof policy);
    speadi_report_text(report, "  node %s (%s): %s; on error %s; %zu bytes\n", node->name,
                       node->ops->kind, thread, policy, node_bytes(node));
}

static void edge_text(struct speadi_report *report, const struct spead_graph *graph,
                      const struct speadi_edge *edge)
{
    char name[200], full[32];

    speadi_edge_describe(edge, name, sizeof name);
    describe_full(edge, full, sizeof full);
    if (edge->outside)
        speadi_report_text(report, "  edge %s: channel \"%s\" of the caller's; type %s\n", name,
                           spead_channel_name(edge->channel), speadi_type_name(edge->type));
    else
        speadi_report_text(report,
                           "  edge %s: capacity %u, %s, %u lane%s, %s; type %s; %zu bytes\n", name,
                           edge->config.capacity, full, edge->config.lanes,
                           edge->config.lanes == 1 ? "" : "s", form_names[speadi_edge_form(edge)],
                           speadi_type_name(edge->type), edge_bytes(graph, edge));
}

static uint32_t count_edges(const struct spead_graph *graph)
{
    uint32_t count = 0;

    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        count++;
    return count;
}

static void unjoined_text(struct speadi_report *report, const struct spead_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (!node->outputs[i].edge)
            speadi_report_text(report, "  output %s.%s: joined to nothing; type %s\n", node->name,
                               node->outputs[i].name, speadi_type_name(node->outputs[i].type));
}

static void plan_text(struct speadi_report *report, const struct spead_graph *graph)
{
    uint32_t edges = count_edges(graph);

    speadi_report_text(report, "graph %s: %u node%s, %u edge%s, %zu bytes, metrics %s\n",
                       graph->name, graph->node_count, graph->node_count == 1 ? "" : "s", edges,
                       edges == 1 ? "" : "s", graph_bytes(graph), graph->metrics ? "on" : "off");
    for (const struct spead_node *node = graph->nodes; node; node = node->next)
        node_text(report, node);
    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        edge_text(report, graph, edge);
    for (const struct spead_node *node = graph->nodes; node; node = node->next)
        unjoined_text(report, node);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void node_json(struct speadi_report *report, const struct spead_node *node)
{
    speadi_report_open(report, NULL, '{');
    speadi_report_string(report, "name", node->name);
    speadi_report_string(report, "kind", node->ops->kind);
    speadi_report_bool(report, "blocking", node->blocking);
    if (node->cpu >= 0)
        speadi_report_number(report, "cpu", (unsigned)node->cpu);
    speadi_report_string(report, "on_error", on_error_names[node->on_error]);
    if (node->on_error == SPEAD_ON_ERROR_RETRY) {
        speadi_report_number(report, "retries", node->retries);
        speadi_report_number(report, "backoff_ns", node->backoff_ns);
        speadi_report_string(report, "after_retries", on_error_names[node->after_retries]);
    }
    speadi_report_number(report, "bytes", node_bytes(node));
    speadi_report_close(report, '}');
}

static void edge_json(struct speadi_report *report, const struct spead_graph *graph,
                      const struct speadi_edge *edge)
{
    char name[200], full[32];

    speadi_edge_describe(edge, name, sizeof name);
    describe_full(edge, full, sizeof full);
    speadi_report_open(report, NULL, '{');
    speadi_report_string(report, "name", name);
    speadi_report_string(report, "type", speadi_type_name(edge->type));
    speadi_report_bool(report, "outside", edge->outside);
    if (!edge->outside) {
        speadi_report_number(report, "capacity", edge->config.capacity);
        speadi_report_string(report, "policy", full);
        speadi_report_number(report, "lanes", edge->config.lanes);
        speadi_report_string(report, "form", form_names[speadi_edge_form(edge)]);
    }
    speadi_report_number(report, "bytes", edge_bytes(graph, edge));
    speadi_report_close(report, '}');
}

static void plan_json(struct speadi_report *report, const struct spead_graph *graph)
{
    speadi_report_open(report, NULL, '{');
    speadi_report_string(report, "graph", graph->name);
    speadi_report_number(report, "bytes", graph_bytes(graph));
    speadi_report_bool(report, "metrics", graph->metrics);
    speadi_report_open(report, "nodes", '[');
    for (const struct spead_node *node = graph->nodes; node; node = node->next)
        node_json(report, node);
    speadi_report_close(report, ']');
    speadi_report_open(report, "edges", '[');
    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        edge_json(report, graph, edge);
    speadi_report_close(report, ']');
    speadi_report_close(report, '}');
}

int spead_graph_plan(const struct spead_graph *graph, enum spead_report_format format, char *out,
                     size_t max, struct spead_err *err)
{
    struct speadi_report report;
    int ret = speadi_graph_check(graph, err);

    if (ret < 0)
        return ret;
    speadi_report_init(&report, out, max, format == SPEAD_REPORT_JSON);
    if (format == SPEAD_REPORT_GRAPHVIZ)
        speadi_graphviz(&report, graph);
    else if (report.json)
        plan_json(&report, graph);
    else
        plan_text(&report, graph);
    return speadi_report_length(&report);
}
