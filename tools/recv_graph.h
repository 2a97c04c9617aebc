/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of spead-recv. It has the nodes `stream` and `check`, and with --output also the node `writer`. The heaps
 * travel from the stream to the check and then to the writer.
 *
 * The stream and the writer each have a thread of their own. A worker of the executor runs the check. The stream never
 * waits: when its channel to the check is full, the channel sheds heaps by the policy of --on-full. The check may wait
 * for the writer. */
#ifndef SPEADLINE_TOOLS_RECV_GRAPH_H
#define SPEADLINE_TOOLS_RECV_GRAPH_H

#include <speadline/graph.h>
#include <speadline/recv.h>

#include "heap_check.h"
#include "heap_writer.h"
#include "spead_recv_options.h"

struct recv_graph {
    struct spead_recv_stream *stream;
    struct heap_check *check;
    struct item_printer *printer; /* NULL without --items */
    struct heap_writer *writer;   /* NULL without --output */
    struct spead_graph *graph;
    struct spead_node *stream_node;  /* owned by the graph */
    struct spead_executor *executor; /* NULL until recv_graph_start() */
};

/* Makes the stream and the graph, and starts neither of the two. After this call the sockets of the stream are bound.
 * *graph must be all zero before. Returns 0, or -errno with a sentence. The caller must call recv_graph_release() in
 * both cases. */
int recv_graph_build(struct recv_graph *graph, const struct spead_recv_tool_options *options,
                     const struct spead_log *log, struct spead_err *err);

/* Makes the executor, opens the files and starts all threads. Returns 0, or -errno with a sentence. */
int recv_graph_start(struct recv_graph *graph, struct spead_err *err);

/* A buffer of this size can hold the plan or the verdict of this graph as text, also when all numbers in the text are
 * very large. */
#define RECV_GRAPH_TEXT_MAX 8192u

/* Frees everything that *graph holds. If the graph still runs, the function first waits until the graph has ended. */
void recv_graph_release(struct recv_graph *graph);

#endif
