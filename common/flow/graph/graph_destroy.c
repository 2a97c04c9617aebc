/* SPDX-License-Identifier: Apache-2.0 */
/* Destroying a graph. */
#include <stdlib.h>

#include <speadi/thread.h>

#include "graph_parts.h"

static void end_run(struct spead_graph *graph)
{
    if (graph->phase == SPEADI_GRAPH_RUNNING) {
        spead_graph_cancel(graph);
        spead_graph_wait(graph, 0, NULL);
    }
    if (graph->phase == SPEADI_GRAPH_PULLED)
        speadi_graph_end_pull(graph);
}

static void destroy_own_worker(struct speadi_worker *worker)
{
    if (worker->thread)
        speadi_runner_join(worker->thread, NULL);
    free(worker);
}

static void destroy_node(struct spead_node *node)
{
    /* Only a worker that the graph owns is destroyed here. This function must not read the worker of an executor,
     * because the program can have destroyed the executor before the graph. */
    if (node->blocking && node->task.worker && node->task.worker != &node->graph->puller)
        destroy_own_worker(node->task.worker);
    if (node->ops->destroy)
        node->ops->destroy(node->step_state);
    free(node);
}

void spead_graph_destroy(struct spead_graph *graph)
{
    if (!graph)
        return;
    end_run(graph);
    speadi_graph_forget_names(graph);
    while (graph->edges) {
        struct speadi_edge *edge = graph->edges;

        graph->edges = edge->next;
        speadi_edge_destroy(edge);
    }
    while (graph->nodes) {
        struct spead_node *node = graph->nodes;

        graph->nodes = node->next;
        destroy_node(node);
    }
    pthread_cond_destroy(&graph->ended_cond);
    pthread_mutex_destroy(&graph->lock);
    free(graph->order);
    free(graph->name);
    free(graph);
}
