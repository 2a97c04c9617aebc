/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a graph: each node gets a worker, and receiving nodes start before the nodes that send to them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/thread.h>

#include "executor_workers.h"
#include "graph_parts.h"

/* ---- The order ------------------------------------------------------------------------------ */

static void count_unready(struct spead_graph *graph)
{
    for (struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        edge->unready = edge->receiver_count;
    for (struct spead_node *node = graph->nodes; node; node = node->next) {
        node->unready = 0;
        for (uint32_t i = 0; i < node->output_count; i++)
            if (node->outputs[i].edge && node->outputs[i].edge->unready > 0)
                node->unready++;
    }
}

/* Appends sending nodes of the edge to `order`. The caller calls it when all receiving nodes of the edge are in
 * `order`. The function appends a sending node only if, at each of its other edges, all receiving nodes are in `order`
 * too. */
static void order_senders(struct speadi_edge *edge, struct spead_node **order, uint32_t *count)
{
    for (struct speadi_node_port *port = edge->senders; port; port = port->edge_next)
        if (--speadi_node_of(port)->unready == 0 && speadi_node_of(port)->search == 0) {
            speadi_node_of(port)->search = 1;
            order[(*count)++] = speadi_node_of(port);
        }
}

/* Records that the node was put into `order`. `unready` of an edge counts the receiving nodes of the edge that are not
 * in `order` yet. The function lowers this count for each edge from which the node receives. When the count is 0,
 * order_senders() looks at the sending nodes of the edge. */
static void note_ordered(struct spead_node *node, struct spead_node **order, uint32_t *count)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (--node->inputs[i].edge->unready == 0)
            order_senders(node->inputs[i].edge, order, count);
}

/* Makes graph->order. It begins with the nodes that send to no other node. A sending node is put into the order after
 * all nodes that receive from it. This rule cannot put nodes of a loop into the order, because each of them sends to
 * another node of the loop. If only such nodes are left, the function puts one of them into the order: the node that
 * was added to the graph first. */
int speadi_graph_sort(struct spead_graph *graph, struct spead_err *err)
{
    struct spead_node *node = graph->nodes, *any = graph->nodes;
    uint32_t found = 0;

    graph->order = calloc(graph->node_count, sizeof *graph->order);
    if (!graph->order)
        return speadi_err_set(err, -ENOMEM, "cannot start graph \"%s\": out of memory",
                              graph->name);
    count_unready(graph);
    for (; node; node = node->next)
        if (node->unready == 0) {
            node->search = 1;
            graph->order[found++] = node;
        }
    for (uint32_t done = 0; done < graph->node_count; done++) {
        if (done == found) {
            while (any->search != 0)
                any = any->next;
            any->search = 1;
            graph->order[found++] = any;
        }
        note_ordered(graph->order[done], graph->order, &found);
    }
    graph->searches = 1;
    return 0;
}

/* ---- Workers -------------------------------------------------------------------------------- */

static struct speadi_worker *worker_on_cpu(struct spead_executor *executor, int cpu)
{
    for (uint32_t i = 0; i < speadi_executor_workers(executor); i++)
        if (speadi_executor_worker(executor, i)->cpu == cpu)
            return speadi_executor_worker(executor, i);
    return NULL;
}

/* Gives a worker to a node that blocks or that is bound to a CPU. A blocking node gets a worker of its own. A node that
 * is only bound to a CPU gets the worker of the executor that is pinned to that CPU. */
static int assign_fixed(struct spead_node *node, struct spead_executor *executor,
                        struct spead_err *err)
{
    if (node->blocking) {
        node->task.worker = speadi_alloc_lines(sizeof *node->task.worker);
        if (!node->task.worker)
            return speadi_err_set(err, -ENOMEM, "cannot start node \"%s\": out of memory",
                                  node->name);
        speadi_worker_init(node->task.worker, SPEADI_WORKER_OWN, node->cpu);
        return 0;
    }
    node->task.worker = worker_on_cpu(executor, node->cpu);
    if (!node->task.worker)
        return speadi_err_set(err, -EINVAL,
                              "node \"%s\" wants CPU %d, where no worker of the executor is pinned",
                              node->name, node->cpu);
    return 0;
}

/* Returns the index of the worker with the fewest nodes. assigned[i] is the number of nodes of this graph that were
 * already given to worker i. */
static uint32_t least_loaded(struct spead_executor *executor, const uint32_t *assigned)
{
    uint64_t least = UINT64_MAX;
    uint32_t best = 0;

    for (uint32_t i = 0; i < speadi_executor_workers(executor); i++) {
        uint64_t nodes = atomic_load(&speadi_executor_worker(executor, i)->tasks) + assigned[i];

        if (nodes < least) {
            least = nodes;
            best = i;
        }
    }
    return best;
}

/* Gives a worker to each node. There are two aims: nodes that are neighbours in the flow have the same worker, and all
 * workers have about the same number of nodes. So the function cuts graph->order into pieces of one length, and gives
 * each piece to a worker. */
static int assign_workers(struct spead_graph *graph, struct spead_executor *executor,
                          struct spead_err *err)
{
    uint32_t workers = speadi_executor_workers(executor);
    uint32_t assigned[SPEADI_EXECUTOR_WORKERS_MAX] = {0};
    uint32_t free_count = 0, run, left = 0, chosen = 0;

    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct spead_node *node = graph->order[i];
        int ret = 0;

        if (node->blocking || node->cpu >= 0)
            ret = assign_fixed(node, executor, err);
        else
            free_count++;
        if (ret < 0)
            return ret;
    }
    run = (uint32_t)speadi_divide_up(free_count, workers);
    for (uint32_t i = graph->node_count; i-- > 0;) {
        struct spead_node *node = graph->order[i];

        if (node->task.worker)
            continue;
        if (left == 0) {
            chosen = least_loaded(executor, assigned);
            left = run;
        }
        node->task.worker = speadi_executor_worker(executor, chosen);
        assigned[chosen]++;
        left--;
    }
    return 0;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static void undo_start(struct spead_graph *graph, uint32_t started)
{
    while (started-- > 0) {
        struct spead_node *node = graph->order[started];

        if (node->ops->finish)
            node->ops->finish(node->step_state);
        node->started = false;
    }
    for (struct spead_node *node = graph->nodes; node; node = node->next) {
        for (uint32_t i = 0; i < node->output_count; i++) {
            spead_sender_close(node->outputs[i].sender, -ECANCELED);
            node->outputs[i].sender = NULL;
        }
        for (uint32_t i = 0; i < node->input_count; i++) {
            spead_receiver_close(node->inputs[i].receiver);
            node->inputs[i].receiver = NULL;
        }
    }
}

static int start_node(struct spead_node *node, struct spead_err *err)
{
    struct spead_err own = {0};
    int ret = node->ops->start ? node->ops->start(node->step_state, node, &own) : 0;

    node->started = ret >= 0;
    if (ret >= 0)
        return 0;
    return speadi_err_set(err, ret, "node %s could not start: %s", node->name,
                          own.text[0] ? own.text : strerror(-ret));
}

int speadi_graph_open(struct spead_graph *graph, struct spead_err *err)
{
    uint32_t started = 0;
    int ret = 0;

    for (struct speadi_edge *edge = graph->edges; edge && ret == 0; edge = edge->next)
        ret = speadi_edge_open(graph, edge, err);
    while (ret == 0 && started < graph->node_count) {
        ret = start_node(graph->order[started], err);
        if (ret == 0)
            started++;
    }
    if (ret < 0)
        undo_start(graph, started);
    return ret;
}

/* ---- Running -------------------------------------------------------------------------------- */

static int run_blocking(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    (void)err;
    speadi_runner_ready(self);
    speadi_worker_run(arg);
    return 0;
}

static int start_threads(struct spead_graph *graph, struct spead_err *err)
{
    for (struct spead_node *node = graph->nodes; node; node = node->next) {
        int ret = 0;

        if (node->blocking)
            ret = speadi_runner_start(&node->task.worker->thread, node->name, node->cpu,
                                      run_blocking, node->task.worker, err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* Gives every node to its worker for the first turn. The first nodes can finish, and the graph can end, before this
 * loop has ended. The loop still reads graph->order. That is safe, because only the owner of the graph may destroy it,
 * and the owner is the caller. */
static void launch(struct spead_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct spead_node *node = graph->order[i];

        /* TASK1 acquire: if the graph was cancelled before this, the node sees that in its first turn. */
        atomic_exchange(&node->task.state, SPEADI_TASK_ACTIVE);
        speadi_worker_rouse(speadi_worker_hand(node->task.worker, &node->task));
    }
}

static void count_nodes(struct spead_graph *graph, bool add)
{
    for (struct spead_node *node = graph->nodes; node; node = node->next) {
        if (add)
            atomic_fetch_add(&node->task.worker->tasks, 1);
        else
            atomic_fetch_sub(&node->task.worker->tasks, 1);
    }
}

/* Ends the threads of blocking nodes. It is called when the start of the graph fails, before any node had a turn. Each
 * thread ends as soon as its worker has no node left. */
static void end_threads(struct spead_graph *graph)
{
    count_nodes(graph, false);
    for (struct spead_node *node = graph->nodes; node; node = node->next) {
        if (!node->blocking || !node->task.worker->thread)
            continue;
        speadi_worker_quit(node->task.worker);
        speadi_runner_join(node->task.worker->thread, NULL);
        node->task.worker->thread = NULL;
    }
}

static int open_and_launch(struct spead_graph *graph, struct spead_err *err)
{
    int ret = speadi_graph_open(graph, err);

    if (ret < 0)
        return ret;
    count_nodes(graph, true);
    ret = start_threads(graph, err);
    if (ret < 0) {
        end_threads(graph);
        undo_start(graph, graph->node_count);
        return ret;
    }
    speadi_graph_forget_names(graph);
    pthread_mutex_lock(&graph->lock);
    graph->phase = SPEADI_GRAPH_RUNNING;
    graph->alive = graph->node_count;
    graph->started_ns = speadi_clock_mono_ns();
    pthread_mutex_unlock(&graph->lock);
    launch(graph);
    return 0;
}

int spead_graph_start(struct spead_graph *graph, struct spead_executor *executor,
                      struct spead_err *err)
{
    int ret;

    if (graph->phase != SPEADI_GRAPH_BUILDING)
        return speadi_err_set(err, -EBUSY, "graph \"%s\" was started before: it runs once",
                              graph->name);
    if (!executor)
        return speadi_err_set(err, -EINVAL, "graph \"%s\" needs an executor to start on",
                              graph->name);
    ret = speadi_graph_check(graph, err);
    if (ret < 0)
        return ret;
    graph->phase = SPEADI_GRAPH_BROKEN;
    ret = speadi_graph_sort(graph, err);
    if (ret == 0)
        ret = assign_workers(graph, executor, err);
    if (ret == 0)
        ret = open_and_launch(graph, err);
    return ret;
}
