/* SPDX-License-Identifier: Apache-2.0 */
/* The failure of a graph: which node failed first, on which message, and how data reached that node. */
#include <stdio.h>
#include <string.h>

#include <speadi/struct_size.h>

#include "graph_parts.h"

static const struct spead_node *upstream(const struct spead_node *node)
{
    /* relaxed: the value is only a hint for the path in the report */
    uint32_t input = atomic_load_explicit(&node->last_input, memory_order_relaxed);
    const struct speadi_edge *edge;

    if (node->input_count == 0)
        return NULL;
    edge = node->inputs[input].edge;
    return edge && edge->senders ? speadi_node_of(edge->senders) : NULL;
}

/* Writes the path from a source to the node. The function fills the text from its end to its beginning, because a node
 * knows only the nodes that send to it. If the path is too long or is a loop, the function writes "..." in place of the
 * beginning of the path. */
static void write_path(const struct spead_node *node, char *path, size_t max)
{
    char text[256];
    size_t at = sizeof text - 1;

    text[at] = '\0';
    for (const struct spead_node *n = node; n; n = upstream(n)) {
        const char *arrow = n == node ? "" : " > ";
        const char *name = n->name;
        size_t length = strlen(name) + strlen(arrow);

        if (length + strlen("... > ") > at) {
            name = "...";
            length = strlen(name) + strlen(arrow);
        }
        if (length > at)
            break;
        at -= length;
        memcpy(text + at, name, strlen(name));
        memcpy(text + at + strlen(name), arrow, strlen(arrow));
        if (strcmp(name, "...") == 0)
            break;
    }
    snprintf(path, max, "%s", text + at);
}

void speadi_failure_text(const struct spead_failure *failure, char *out, size_t max)
{
    int length = snprintf(out, max, "%s (at %s", failure->cause, failure->path);

    if (length < 0 || (size_t)length >= max)
        return;
    if (failure->has_message)
        snprintf(out + length, max - (size_t)length, ", stream %u, sequence %llu)", failure->stream,
                 (unsigned long long)failure->sequence);
    else
        snprintf(out + length, max - (size_t)length, ")");
}

void speadi_graph_fail(struct spead_node *node, int code, const char *cause)
{
    struct spead_graph *graph = node->graph;

    pthread_mutex_lock(&graph->lock);
    if (graph->failure.code == 0) {
        struct spead_failure *failure = &graph->failure;

        failure->code = code;
        failure->has_message = node->has_working;
        failure->stream = node->working_stream;
        failure->sequence = node->working_sequence;
        write_path(node, failure->path, sizeof failure->path);
        snprintf(failure->cause, sizeof failure->cause, "node %.60s: %.180s", node->name, cause);
    }
    pthread_mutex_unlock(&graph->lock);
    speadi_graph_stop_failed(graph);
}

void spead_graph_failure(const struct spead_graph *graph, struct spead_failure *failure)
{
    struct spead_graph *locked = (struct spead_graph *)graph; /* only its lock is written */

    pthread_mutex_lock(&locked->lock);
    (void)speadi_struct_write(failure, &graph->failure, sizeof graph->failure);
    pthread_mutex_unlock(&locked->lock);
}
