/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict says which node limits a graph. The nodes before that node wait for free places, and the nodes after it
 * wait for messages.
 *
 * A channel measures how long each of its ends waits: from the announcement of a waker to the wake. This file divides
 * that time by the time since the start of the graph, and calls the result a share of the time. If a channel has
 * several ends at one side, their average counts. A source has no input, and a sink has no output. A source counts as
 * if it had an input that is always full, and a sink as if it had an output that is always empty.
 *
 * A source that waits for something outside of the graph, for example for packets, limits nothing: what it waits for
 * came no faster. Then the verdict says so, unless another node limits. */
#include <speadline/graph.h>

#include <stdio.h>

#include <speadi/clock.h>
#include <speadi/count.h>

#include "graph_parts.h"
#include "report.h"

/* The verdict names a node only if other nodes have to wait for that node for at least this share of the time. */
#define LIMIT_MIN 0.05
/* A source that waited outside of the graph for at least this share of the time is not called a limit. */
#define WAITED_MIN 0.1

struct load {
    double input_full, output_empty, busy, waited;
    bool has_input, has_output;
};

static double elapsed_ns(const struct spead_graph *graph)
{
    struct spead_graph *locked = (struct spead_graph *)graph; /* only its lock is written */
    uint64_t until, since;

    pthread_mutex_lock(&locked->lock);
    since = graph->started_ns;
    until = graph->ended ? graph->ended_ns : speadi_clock_mono_ns();
    pthread_mutex_unlock(&locked->lock);
    return since && until > since ? (double)(until - since) : 0;
}

static double share(uint64_t ns, uint32_t ends, double elapsed)
{
    double part = elapsed > 0 ? (double)ns / (ends ? ends : 1) / elapsed : 0;

    return part > 1 ? 1 : part;
}

static double full_share(const struct speadi_edge *edge, double elapsed)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

    spead_channel_stats(edge->channel, &stats);
    return share(stats.blocked_ns, edge->sender_count, elapsed);
}

static double empty_share(const struct speadi_edge *edge, double elapsed)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

    spead_channel_stats(edge->channel, &stats);
    return share(stats.starved_ns, edge->receiver_count, elapsed);
}

/* Returns how full the inputs of a node were, and how empty its outputs were, each as a share of the time. If the node
 * has several inputs, the input with the largest share counts. If it has several outputs, the output with the largest
 * share counts. The error port does not count. */
static struct load load_of(const struct spead_node *node, double elapsed)
{
    struct load load = {.busy = share(speadi_counter_read(&node->busy_ns), 1, elapsed),
                        .waited = share(speadi_counter_read(&node->waited_ns), 1, elapsed)};

    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct speadi_edge *edge = node->inputs[i].edge;
        double full = edge && edge->channel ? full_share(edge, elapsed) : 0;

        load.has_input = true;
        load.input_full = full > load.input_full ? full : load.input_full;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        const struct speadi_edge *edge = node->outputs[i].edge;
        double empty;

        if (!edge || !edge->channel || &node->outputs[i] == node->error_port)
            continue;
        empty = empty_share(edge, elapsed);
        load.has_output = true;
        load.output_empty = empty > load.output_empty ? empty : load.output_empty;
    }
    return load;
}

static bool waited_outside(const struct load *load)
{
    return !load->has_input && load->waited >= WAITED_MIN;
}

/* Returns how much the node limits the graph, from 0 to 1. This is the smaller of two shares of the time: the time in
 * which its input was full, and the time in which its output was empty. */
static double weight(const struct load *load)
{
    double full = load->has_input ? load->input_full : 1;
    double empty = load->has_output ? load->output_empty : 1;

    if (waited_outside(load))
        return 0;
    if (!load->has_input && !load->has_output)
        return load->busy;
    return full < empty ? full : empty;
}

static const struct spead_node *find_limit(const struct spead_graph *graph, double elapsed,
                                           struct load *load)
{
    const struct spead_node *limit = NULL;
    double most = LIMIT_MIN;

    for (const struct spead_node *node = graph->nodes; node; node = node->next) {
        struct load own = load_of(node, elapsed);

        if (weight(&own) < most)
            continue;
        most = weight(&own);
        limit = node;
        *load = own;
    }
    return limit;
}

/* Finds the source that waited longest for something outside of the graph. Returns NULL if no source waited for at
 * least WAITED_MIN of the time. */
static const struct spead_node *find_waiting(const struct spead_graph *graph, double elapsed,
                                             double *waited)
{
    const struct spead_node *found = NULL;

    *waited = 0;
    for (const struct spead_node *node = graph->nodes; node; node = node->next) {
        struct load own = load_of(node, elapsed);

        if (!waited_outside(&own) || own.waited <= *waited)
            continue;
        *waited = own.waited;
        found = node;
    }
    return found;
}

static const char *waited_for(const struct spead_node *node)
{
    /* relaxed: the text itself does not change */
    return atomic_load_explicit(&node->waited_for, memory_order_relaxed);
}

static double percent(double part)
{
    return part * 100;
}

static uint64_t shed_of(const struct spead_channel_stats *stats)
{
    uint64_t shed = 0;

    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        shed += i != SPEAD_SHED_SAMPLED ? stats->shed[i] : 0;
    return shed;
}

/* Finds the edge that has shed the most messages: the node behind it did not keep up. No end waits at an edge that
 * sheds, so the shares of the time do not show this node. Returns NULL if no edge has shed a message. */
static const struct speadi_edge *find_shedding(const struct spead_graph *graph, uint64_t *most)
{
    const struct speadi_edge *found = NULL;

    *most = 0;
    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next) {
        struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

        if (!edge->channel)
            continue;
        spead_channel_stats(edge->channel, &stats);
        if (shed_of(&stats) <= *most)
            continue;
        *most = shed_of(&stats);
        found = edge;
    }
    return found;
}

static void say_shedding(struct speadi_report *report, const struct spead_graph *graph)
{
    uint64_t shed;
    const struct speadi_edge *edge = find_shedding(graph, &shed);
    char name[200];

    if (!edge)
        return;
    speadi_edge_describe(edge, name, sizeof name);
    speadi_report_text(report, "; %s was full and shed %llu messages", name,
                       (unsigned long long)shed);
}

/* Finds the node that was held up most by the nodes behind it, because they hold all of something that it needs. *most
 * becomes the share of the time. Returns NULL if no node was held up for at least LIMIT_MIN of the time. */
static const struct spead_node *find_short(const struct spead_graph *graph, double elapsed,
                                           double *most)
{
    const struct spead_node *found = NULL;

    *most = LIMIT_MIN;
    for (const struct spead_node *node = graph->nodes; node; node = node->next) {
        double part = share(speadi_counter_read(&node->short_ns), 1, elapsed);

        if (part < *most)
            continue;
        *most = part;
        found = node;
    }
    return found;
}

static const char *short_of(const struct spead_node *node)
{
    /* relaxed: the text itself does not change */
    return atomic_load_explicit(&node->short_of, memory_order_relaxed);
}

static void say_short(struct speadi_report *report, const struct spead_graph *graph, double elapsed)
{
    double part;
    const struct spead_node *node = find_short(graph, elapsed, &part);

    if (node)
        speadi_report_text(report,
                           "; node %s had no free %s %.0f %% of the time: the nodes behind it hold "
                           "all of them",
                           node->name, short_of(node), percent(part));
}

static void short_json(struct speadi_report *report, const struct spead_graph *graph,
                       double elapsed)
{
    double part;
    const struct spead_node *node = find_short(graph, elapsed, &part);

    if (!node)
        return;
    speadi_report_open(report, "short", '{');
    speadi_report_string(report, "node", node->name);
    speadi_report_string(report, "of", short_of(node));
    speadi_report_share(report, "share", part);
    speadi_report_close(report, '}');
}

/* Says why no node limits. */
static void say_no_limit(struct speadi_report *report, const struct spead_graph *graph,
                         double elapsed)
{
    double waited;
    const struct spead_node *node = find_waiting(graph, elapsed, &waited);
    uint64_t shed;
    double part;
    bool has_shed = find_shedding(graph, &shed) != NULL || find_short(graph, elapsed, &part);

    /* A graph that has shed messages, or whose nodes held what others needed, was too slow at times, although it waited at other times. */
    speadi_report_text(report, has_shed ? "nothing limited this run on average: "
                                        : "nothing limited this run: ");
    if (node)
        speadi_report_text(report, "node %s waited for %s %.0f %% of the time", node->name,
                           waited_for(node), percent(waited));
    else
        speadi_report_text(report, "no node kept others waiting for 5 %% of the time");
}

static void say_limit(struct speadi_report *report, const struct spead_node *limit,
                      const struct load *load)
{
    if (load->has_input && load->has_output)
        speadi_report_text(report,
                           "node %s limits: its input was full %.0f %% of the time, its output "
                           "empty %.0f %%",
                           limit->name, percent(load->input_full), percent(load->output_empty));
    else if (load->has_input)
        speadi_report_text(report, "node %s limits: its input was full %.0f %% of the time",
                           limit->name, percent(load->input_full));
    else if (load->has_output)
        speadi_report_text(report, "node %s limits: its output was empty %.0f %% of the time",
                           limit->name, percent(load->output_empty));
    else
        speadi_report_text(report, "node %s limits: it is the only one", limit->name);
}

static void edge_text(struct speadi_report *report, const struct speadi_edge *edge, double elapsed)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;
    char name[200];

    speadi_edge_describe(edge, name, sizeof name);
    spead_channel_stats(edge->channel, &stats);
    speadi_report_text(report, "  %s: %llu messages, full %.0f %%, empty %.0f %%", name,
                       (unsigned long long)stats.received, percent(full_share(edge, elapsed)),
                       percent(empty_share(edge, elapsed)));
    if (shed_of(&stats) > 0)
        speadi_report_text(report, ", %llu shed", (unsigned long long)shed_of(&stats));
    speadi_report_text(report, "\n");
}

static void latency_json(struct speadi_report *report, const struct speadi_edge *edge)
{
    struct spead_latency latency = SPEAD_LATENCY_INIT;

    if (spead_channel_latency(edge->channel, &latency) < 0)
        return;
    speadi_report_number(report, "p50_ns", spead_latency_quantile_ns(&latency, 0.5));
    speadi_report_number(report, "p99_ns", spead_latency_quantile_ns(&latency, 0.99));
    speadi_report_number(report, "max_ns", latency.max_ns);
}

static void edge_json(struct speadi_report *report, const struct speadi_edge *edge, double elapsed)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;
    uint64_t shed = 0;
    char name[200];

    speadi_edge_describe(edge, name, sizeof name);
    spead_channel_stats(edge->channel, &stats);
    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        shed += stats.shed[i];
    speadi_report_open(report, NULL, '{');
    speadi_report_string(report, "name", name);
    speadi_report_number(report, "sent", stats.sent);
    speadi_report_number(report, "received", stats.received);
    speadi_report_number(report, "shed", shed);
    speadi_report_number(report, "depth", stats.depth);
    speadi_report_number(report, "capacity", stats.capacity);
    speadi_report_number(report, "high_water", stats.high_water);
    speadi_report_number(report, "starved", stats.starved);
    speadi_report_number(report, "starved_ns", stats.starved_ns);
    speadi_report_number(report, "blocked", stats.blocked);
    speadi_report_number(report, "blocked_ns", stats.blocked_ns);
    speadi_report_share(report, "full", full_share(edge, elapsed));
    speadi_report_share(report, "empty", empty_share(edge, elapsed));
    latency_json(report, edge);
    speadi_report_close(report, '}');
}

static void verdict_json(struct speadi_report *report, const struct spead_graph *graph,
                         double elapsed)
{
    struct load load = {0};
    const struct spead_node *limit = find_limit(graph, elapsed, &load);
    double waited;
    const struct spead_node *waiting = find_waiting(graph, elapsed, &waited);

    speadi_report_open(report, NULL, '{');
    speadi_report_string(report, "graph", graph->name);
    speadi_report_number(report, "elapsed_ns", (unsigned long long)elapsed);
    if (limit) {
        speadi_report_open(report, "limit", '{');
        speadi_report_string(report, "node", limit->name);
        if (load.has_input)
            speadi_report_share(report, "input_full", load.input_full);
        if (load.has_output)
            speadi_report_share(report, "output_empty", load.output_empty);
        speadi_report_share(report, "busy", load.busy);
        speadi_report_close(report, '}');
    }
    if (waiting) {
        speadi_report_open(report, "waited", '{');
        speadi_report_string(report, "node", waiting->name);
        speadi_report_string(report, "for", waited_for(waiting));
        speadi_report_share(report, "share", waited);
        speadi_report_close(report, '}');
    }
    short_json(report, graph, elapsed);
    speadi_report_open(report, "edges", '[');
    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->channel)
            edge_json(report, edge, elapsed);
    speadi_report_close(report, ']');
    speadi_report_close(report, '}');
}

static void verdict_text(struct speadi_report *report, const struct spead_graph *graph,
                         double elapsed)
{
    struct load load = {0};
    const struct spead_node *limit = find_limit(graph, elapsed, &load);

    if (limit)
        say_limit(report, limit, &load);
    else
        say_no_limit(report, graph, elapsed);
    say_shedding(report, graph);
    say_short(report, graph, elapsed);
    speadi_report_text(report, "\n");
    for (const struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->channel)
            edge_text(report, edge, elapsed);
}

int spead_graph_verdict(const struct spead_graph *graph, enum spead_report_format format, char *out,
                        size_t max)
{
    struct speadi_report report;
    double elapsed = elapsed_ns(graph);

    speadi_report_init(&report, out, max, format == SPEAD_REPORT_JSON);
    if (report.json)
        verdict_json(&report, graph, elapsed);
    else
        verdict_text(&report, graph, elapsed);
    return speadi_report_length(&report);
}
