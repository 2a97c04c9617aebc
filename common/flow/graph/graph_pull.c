/* SPDX-License-Identifier: Apache-2.0 */
/* Pulling: the thread that calls spead_graph_next() gives turns only to nodes that the next message needs.
 *
 * The search for a node to step starts at the node whose output the caller wants. If a node can make a step, the search
 * ends with that node. If a node is suspended, the search continues at the nodes for which it waits. These are the
 * nodes that send to an input that it found empty, and the nodes that receive from an output that it found full. If the
 * search finds no such node, but has met a node that waits for a ticket, it ends with a node that can possibly return a
 * ticket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>

#include "graph_parts.h"

/* ---- The search ----------------------------------------------------------------------------- */

struct search {
    struct spead_graph *graph;
    /* The nodes that the search must still look at. The node that is nearest to the wanted output comes first. */
    struct spead_node *first, *last;
};

static void search_node(struct search *search, struct spead_node *node)
{
    if (node->search == search->graph->searches)
        return;
    node->search = search->graph->searches;
    node->search_next = NULL;
    if (search->last)
        search->last->search_next = node;
    else
        search->first = node;
    search->last = node;
}

/* Adds all nodes at one side of an edge to the search. Then it moves the first port of that side to the end of the
 * list. So the node of this port comes last in the next search. Without this, one of several sources could get all
 * turns, and the other sources would wait for ever. */
static void search_side(struct search *search, struct speadi_node_port **side)
{
    struct speadi_node_port *first = *side, *last = first;

    if (!first)
        return;
    for (struct speadi_node_port *port = first; port; port = port->edge_next) {
        search_node(search, speadi_node_of(port));
        last = port;
    }
    if (first != last) {
        *side = first->edge_next;
        first->edge_next = NULL;
        last->edge_next = first;
    }
}

static bool is_active(struct spead_node *node)
{
    uint32_t state = atomic_load(&node->task.state);

    return (state & SPEADI_TASK_STATES) == SPEADI_TASK_ACTIVE ||
           state == (SPEADI_TASK_SUSPENDED | SPEADI_TASK_WOKEN);
}

/* Returns a node that has inputs and can make a step, or NULL if there is none. Such a node can possibly return a
 * ticket. The function leaves out sources, because they would begin new work. The other nodes only continue work that
 * is under way. */
static struct spead_node *active_consumer(struct spead_graph *graph)
{
    for (struct spead_node *node = graph->nodes; node; node = node->next)
        if (node->input_count > 0 && is_active(node))
            return node;
    return NULL;
}

static struct spead_node *find_needed(struct spead_graph *graph, struct spead_node *wanted)
{
    struct search search = {.graph = graph};
    bool ticket = false;

    graph->searches++;
    search_node(&search, wanted);
    for (struct spead_node *node; (node = search.first) != NULL;) {
        search.first = node->search_next;
        if (!search.first)
            search.last = NULL;
        if (is_active(node))
            return node;
        ticket = ticket || node->ticket;
        for (struct speadi_node_port *port = node->waiting; port; port = port->waiting_next)
            search_side(&search, port->is_output ? &port->edge->receivers : &port->edge->senders);
    }
    return ticket ? active_consumer(graph) : NULL;
}

/* ---- Running -------------------------------------------------------------------------------- */

static int start_pull(struct spead_graph *graph, struct spead_err *err)
{
    int ret = speadi_graph_check(graph, err);

    if (ret < 0)
        return ret;
    graph->phase = SPEADI_GRAPH_BROKEN;
    ret = speadi_graph_sort(graph, err);
    if (ret < 0)
        return ret;
    for (struct spead_node *node = graph->nodes; node; node = node->next)
        node->task.worker = &graph->puller;
    ret = speadi_graph_open(graph, err);
    if (ret < 0)
        return ret;
    for (struct spead_node *node = graph->nodes; node; node = node->next)
        atomic_exchange(&node->task.state, SPEADI_TASK_ACTIVE); /* TASK1 acquire: as in launch() */
    atomic_store(&graph->puller.tasks, graph->node_count);
    pthread_mutex_lock(&graph->lock);
    graph->phase = SPEADI_GRAPH_PULLED;
    graph->alive = graph->node_count;
    graph->started_ns = speadi_clock_mono_ns();
    pthread_mutex_unlock(&graph->lock);
    return 0;
}

/* Makes the edge that leads from an output to the caller of spead_graph_next(). The channel of this edge holds one
 * message. */
static int open_result(struct spead_graph *graph, struct speadi_node_port *port,
                       struct spead_err *err)
{
    struct speadi_edge *edge = calloc(1, sizeof *edge);

    if (!edge)
        return speadi_err_set(err, -ENOMEM, "cannot pull from \"%s.%s\": out of memory",
                              speadi_node_of(port)->name, port->name);
    edge->config = (struct spead_channel_config)SPEAD_CHANNEL_CONFIG_INIT;
    edge->type = SPEAD_CHANNEL_ANY_TYPE;
    speadi_edge_attach(edge, port);
    speadi_edge_add(graph, edge);
    return graph->phase == SPEADI_GRAPH_BUILDING ? 0 : speadi_edge_open(graph, edge, err);
}

static int open_pulled_end(struct speadi_edge *edge, struct spead_err *err)
{
    return spead_receiver_open(&edge->pulled, edge->channel, "next()", SPEAD_CHANNEL_ANY_TYPE, err);
}

static bool has_finished(const struct spead_node *node)
{
    return speadi_task_state(&node->task) == SPEADI_TASK_FINISHED;
}

static int prepare(struct spead_graph *graph, struct speadi_node_port *port, struct spead_err *err)
{
    int ret = 0;

    if (port->edge && (port->edge->outside || port->edge->receivers))
        return speadi_err_set(err, -EINVAL,
                              "output \"%s.%s\" is joined: only one that is joined to nothing can "
                              "be pulled",
                              speadi_node_of(port)->name, port->name);
    if (graph->phase != SPEADI_GRAPH_BUILDING && graph->phase != SPEADI_GRAPH_PULLED)
        return speadi_err_set(err, -EINVAL, "graph \"%s\" runs on an executor, or could not start",
                              graph->name);
    if (!port->edge && has_finished(speadi_node_of(port)))
        return -ESHUTDOWN;
    if (!port->edge)
        ret = open_result(graph, port, err);
    if (ret == 0 && graph->phase == SPEADI_GRAPH_BUILDING)
        ret = start_pull(graph, err);
    if (ret == 0 && !port->edge->pulled)
        ret = open_pulled_end(port->edge, err);
    return ret;
}

void speadi_graph_end_pull(struct spead_graph *graph)
{
    struct speadi_worker *before = speadi_worker_enter(&graph->puller);

    for (uint32_t i = graph->node_count; i-- > 0;)
        if (!has_finished(graph->order[i]))
            speadi_node_finish(graph->order[i], -ECANCELED);
    speadi_worker_enter(before);
}

/* Returns the value that spead_graph_next() must return when the channel to its caller has ended with `code`. */
static int end_code(struct spead_graph *graph, int code, struct spead_err *err)
{
    struct spead_failure failure = SPEAD_FAILURE_INIT;
    char text[SPEAD_ERR_TEXT_MAX];

    if (code == -ESHUTDOWN)
        return code;
    spead_graph_failure(graph, &failure);
    if (failure.code == 0)
        return speadi_err_set(err, code, "graph \"%s\" ended with: %s", graph->name,
                              strerror(-code));
    speadi_failure_text(&failure, text, sizeof text);
    return speadi_err_set(err, failure.code, "%s", text);
}

static int pull(struct spead_graph *graph, struct speadi_node_port *port,
                struct spead_message *message, struct spead_err *err)
{
    for (;;) {
        struct spead_node *node;
        int ret;

        /* relaxed: spead_graph_cancel() sets this flag before it wakes the nodes (TASK1). These wakes end the sleep
         * below. */
        if (atomic_load_explicit(&graph->cancelled, memory_order_relaxed)) {
            speadi_graph_end_pull(graph);
            return speadi_err_set(err, -ECANCELED, "graph \"%s\" was cancelled", graph->name);
        }
        ret = spead_receiver_try_receive(port->edge->pulled, message, 1);
        if (ret == 1)
            return 0;
        if (ret != -EAGAIN)
            return end_code(graph, ret, err);
        speadi_worker_collect(&graph->puller);
        node = find_needed(graph, speadi_node_of(port));
        if (node)
            speadi_node_turn(&node->task);
        else
            speadi_worker_sleep(&graph->puller);
    }
}

int spead_graph_next(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_message *message, struct spead_err *err)
{
    struct speadi_node_port *port = speadi_node_port_find(graph, &from, true, err);
    struct speadi_worker *before;
    int ret;

    if (!port)
        return -EINVAL;
    before = speadi_worker_enter(&graph->puller);
    /* The time between two calls must not count as busy time of a node. */
    graph->puller.now_ns = speadi_clock_mono_ns();
    ret = prepare(graph, port, err);
    if (ret == 0)
        ret = pull(graph, port, message, err);
    speadi_worker_enter(before);
    return ret;
}
