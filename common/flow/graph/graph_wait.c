/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the end of a graph, and draining it. */
#include <errno.h>
#include <stdio.h>

#include <speadi/clock.h>
#include <speadi/deadline.h>
#include <speadi/err.h>

#include "graph_parts.h"

static int outcome(struct spead_graph *graph, struct spead_err *err)
{
    char text[SPEAD_ERR_TEXT_MAX];

    if (graph->failure.code != 0) {
        speadi_failure_text(&graph->failure, text, sizeof text);
        return speadi_err_set(err, graph->failure.code, "%s", text);
    }
    if (atomic_load(&graph->cancelled))
        return speadi_err_set(err, -ECANCELED, "graph \"%s\" was cancelled", graph->name);
    return 0;
}

static bool wait_for_end(struct spead_graph *graph, uint64_t deadline_ns)
{
    struct timespec until = speadi_clock_timespec(deadline_ns);

    while (!graph->ended) {
        if (deadline_ns == 0)
            pthread_cond_wait(&graph->ended_cond, &graph->lock);
        else if (pthread_cond_timedwait(&graph->ended_cond, &graph->lock, &until) == ETIMEDOUT)
            return graph->ended;
    }
    return true;
}

/* Returns a node of the graph that has not finished and whose worker runs on this thread, or NULL. If there is such a
 * node, a step (or another function of a node) has called this function, and the graph cannot end before the step
 * returns. */
static const struct spead_node *node_of_this_thread(const struct spead_graph *graph)
{
    const struct speadi_worker *here = speadi_worker_here();

    for (const struct spead_node *node = here ? graph->nodes : NULL; node; node = node->next)
        if (node->task.worker == here && speadi_task_state(&node->task) != SPEADI_TASK_FINISHED)
            return node;
    return NULL;
}

static int refuse_in_step(const struct spead_graph *graph, struct spead_err *err)
{
    const struct spead_node *node = node_of_this_thread(graph);

    if (!node)
        return 0;
    return speadi_err_set(err, -EDEADLK,
                          "graph \"%s\" cannot end while a step waits for it on the thread of its "
                          "node \"%s\": call spead_graph_stop() there, and wait on another thread",
                          graph->name, node->name);
}

/* Waits as spead_graph_wait() does. Sets *ended to false if the deadline has passed before the graph ended, else to
 * true. The return value is not enough for this, because a node can also fail with -ETIMEDOUT. */
static int wait_or_time_out(struct spead_graph *graph, uint64_t deadline_ns, bool *ended,
                            struct spead_err *err)
{
    int ret;

    *ended = true;
    if (graph->phase != SPEADI_GRAPH_RUNNING)
        return speadi_err_set(err, -EINVAL,
                              "graph \"%s\" does not run on an executor: there is "
                              "nothing to wait for",
                              graph->name);
    ret = refuse_in_step(graph, err);
    if (ret < 0)
        return ret;
    pthread_mutex_lock(&graph->lock);
    *ended = wait_for_end(graph, deadline_ns);
    if (*ended)
        ret = outcome(graph, err);
    else
        ret = speadi_err_set(err, -ETIMEDOUT, "graph \"%s\" still runs, with %u of %u nodes",
                             graph->name, graph->alive, graph->node_count);
    pthread_mutex_unlock(&graph->lock);
    return ret;
}

bool spead_graph_has_ended(const struct spead_graph *graph)
{
    struct spead_graph *locked = (struct spead_graph *)graph; /* only its lock is written */
    bool ended;

    pthread_mutex_lock(&locked->lock);
    ended = graph->ended;
    pthread_mutex_unlock(&locked->lock);
    return ended;
}

int spead_graph_wait(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err)
{
    bool ended;
    int ret = speadi_deadline_check(deadline_ns, err);

    return ret < 0 ? ret : wait_or_time_out(graph, deadline_ns, &ended, err);
}

/* Writes "a.out > b.in: 3 left" for each edge that holds messages. */
static void describe_left(struct spead_graph *graph, char *out, size_t max)
{
    size_t at = 0;

    snprintf(out, max, "channels are empty");
    for (struct speadi_edge *edge = graph->edges; edge; edge = edge->next) {
        struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;
        char name[200];
        int length;

        if (!edge->channel)
            continue;
        spead_channel_stats(edge->channel, &stats);
        if (stats.depth == 0)
            continue;
        speadi_edge_describe(edge, name, sizeof name);
        length = snprintf(out + at, max - at, "%s%s: %llu left", at ? ", " : "", name,
                          (unsigned long long)stats.depth);
        if (length < 0 || (size_t)length >= max - at)
            return; /* the text is cut here */
        at += (size_t)length;
    }
}

int spead_graph_drain(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err)
{
    char left[160];
    bool ended;
    int ret = speadi_deadline_check(deadline_ns, err);

    if (ret == 0)
        ret = refuse_in_step(graph, err);
    if (ret < 0)
        return ret;
    spead_graph_stop(graph);
    ret = wait_or_time_out(graph, deadline_ns, &ended, err);
    if (ended)
        return ret;
    describe_left(graph, left, sizeof left);
    spead_graph_cancel(graph);
    ret = spead_graph_wait(graph, 0, err);
    if (ret != -ECANCELED)
        return ret; /* the graph has failed, or has ended before the cancel */
    return speadi_err_set(err, -ETIMEDOUT, "graph \"%s\" was not drained in time: %s", graph->name,
                          left);
}
