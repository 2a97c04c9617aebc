/* SPDX-License-Identifier: Apache-2.0 */
/* How a graph ends: by a stop, by a cancel, and when its last node has finished. */
#include <speadi/clock.h>

#include "graph_parts.h"

void speadi_graph_node_ended(struct spead_graph *graph)
{
    pthread_mutex_lock(&graph->lock);
    if (--graph->alive == 0) {
        graph->ended = true;
        graph->ended_ns = speadi_clock_mono_ns();
        pthread_cond_broadcast(&graph->ended_cond);
    }
    pthread_mutex_unlock(&graph->lock);
}

/* Interrupts a blocking node. The caller must have woken the node before. So this call only has to interrupt a step
 * that began before that wake. A step that begins later sees graph->stopping. */
static void interrupt(struct spead_node *node)
{
    uint32_t state = speadi_task_state(&node->task);

    if (node->ops->interrupt && (state == SPEADI_TASK_ACTIVE || state == SPEADI_TASK_SUSPENDED))
        node->ops->interrupt(node->step_state);
}

static void wake_all(struct spead_graph *graph)
{
    for (struct spead_node *node = graph->nodes; node; node = node->next) {
        speadi_task_wake(&node->task);
        interrupt(node);
    }
}

void spead_graph_stop(struct spead_graph *graph)
{
    /* The wakes below make the new value visible to the nodes (TASK1). */
    if (!atomic_exchange(&graph->stopping, true))
        wake_all(graph);
}

void speadi_graph_stop_failed(struct spead_graph *graph)
{
    bool stopping;

    atomic_store(&graph->failed,
                 true); /* the wakes make it visible (TASK1), as in spead_graph_stop() */
    stopping = atomic_exchange(&graph->stopping, true);
    for (struct spead_node *node = graph->nodes; node; node = node->next) {
        speadi_task_wake(&node->task);
        if (!stopping)
            interrupt(node);
    }
}

/* Cancels the channels that the graph has made. It does not cancel channels that the program has made. The receiving
 * ends of those channels see that the ends of the graph have closed with -ECANCELED. */
static void cancel_edges(struct spead_graph *graph)
{
    for (struct speadi_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->channel && !edge->outside)
            spead_channel_cancel(edge->channel);
}

void spead_graph_cancel(struct spead_graph *graph)
{
    bool live;

    pthread_mutex_lock(&graph->lock);
    live = (graph->phase == SPEADI_GRAPH_RUNNING || graph->phase == SPEADI_GRAPH_PULLED) &&
           !graph->ended;
    pthread_mutex_unlock(&graph->lock);
    if (!live || atomic_exchange(&graph->cancelled, true))
        return;
    atomic_store(&graph->stopping, true);
    cancel_edges(graph);
    wake_all(graph);
}
