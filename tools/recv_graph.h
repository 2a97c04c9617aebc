/* The graph of spead-recv: stream > check, and with --output > writer.
 *
 * The stream and the writer have threads of their own, the check is stepped by a worker. The stream never waits:
 * what finds the channel after it full is shed there, as --on-full says. The check may wait for the writer. */
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
    struct heap_writer *writer; /* NULL: no --output */
    struct spead_graph *graph;
    struct spead_node *stream_node; /* the graph's */
    struct spead_executor *executor;
};

/* Makes the stream, whose sockets are bound from then on, and the graph; starts neither. Returns 0, or -errno with
 * a sentence: then what there is can be released. *graph is all zero before. */
int recv_graph_build(struct recv_graph *graph, const struct spead_recv_tool_options *options,
                     const struct spead_log *log, struct spead_err *err);

/* Opens the files, starts all threads. */
int recv_graph_start(struct recv_graph *graph, struct spead_err *err);

/* Room for the plan or the verdict of these few nodes, whatever the numbers are. */
#define RECV_GRAPH_TEXT_MAX 8192u

/* Waits for its end if it still runs. */
void recv_graph_release(struct recv_graph *graph);

#endif
