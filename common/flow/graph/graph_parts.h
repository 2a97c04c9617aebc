/* SPDX-License-Identifier: Apache-2.0 */
/* The struct of a graph, for the .c files that work on it. */
#ifndef SPEADI_GRAPH_PARTS_H
#define SPEADI_GRAPH_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/graph.h>

#include "edge.h"
#include "node_parts.h"
#include "worker.h"

enum speadi_graph_phase {
    SPEADI_GRAPH_BUILDING,
    SPEADI_GRAPH_RUNNING, /* the graph runs on an executor */
    SPEADI_GRAPH_PULLED,  /* the graph runs in the calls of spead_graph_next() */
    SPEADI_GRAPH_BROKEN,  /* the start of the graph has failed */
};

struct spead_graph {
    char *name;
    bool metrics;
    struct spead_log log;
    struct spead_node **names; /* hash table of the nodes by name; NULL after the start */
    uint32_t name_chains;      /* number of chains in `names`: a power of two, or 0 */
    struct spead_node *nodes, **nodes_end;
    struct speadi_edge *edges, **edges_end;
    uint32_t node_count;
    /* All nodes. A node that receives comes before the nodes that send to it. speadi_graph_sort() makes this array. */
    struct spead_node **order;
    struct speadi_worker puller; /* the worker of all nodes of a pulled graph */
    /* Index of the latest search for a node to step (graph_pull.c). */
    uint64_t searches;

    /* Any thread may set these flags, and nobody clears them. `failed` means that a node has failed. */
    _Atomic bool stopping, cancelled, failed;

    pthread_mutex_t lock; /* protects all fields below */
    pthread_cond_t ended_cond;
    enum speadi_graph_phase phase;
    uint32_t alive; /* number of nodes that have not finished */
    bool ended;
    uint64_t started_ns, ended_ns;
    struct spead_failure failure;
};

/* ---- graph.c -------------------------------------------------------------------------------- */

/* Frees the table of names. The graph needs it only until all nodes are added. */
void speadi_graph_forget_names(struct spead_graph *graph);

/* Checks whether the graph can run. Returns 0, or -EINVAL with a sentence in *err. */
int speadi_graph_check(const struct spead_graph *graph, struct spead_err *err);

/* ---- graph_sources.c ------------------------------------------------------------------------ */

/* Checks that a source or a channel of the program leads to every node. All inputs must be joined. Returns 0, -EINVAL
 * or -ENOMEM with a sentence in *err. */
int speadi_graph_check_sources(const struct spead_graph *graph, struct spead_err *err);

/* ---- graph_start.c -------------------------------------------------------------------------- */

/* Opens all edges and starts all nodes. Each node must have its worker already. */
int speadi_graph_open(struct spead_graph *graph, struct spead_err *err);
/* Makes graph->order: an array of all nodes, in which a receiving node comes before the nodes that send to it. */
int speadi_graph_sort(struct spead_graph *graph, struct spead_err *err);

/* ---- graph_end.c ---------------------------------------------------------------------------- */

/* Tells the graph that one of its nodes has finished. The last node that finishes ends the graph. After that, the
 * owner may destroy the graph. */
void speadi_graph_node_ended(struct spead_graph *graph);

/* Stops the graph because a node has failed. It wakes all nodes even if the graph was stopped before. */
void speadi_graph_stop_failed(struct spead_graph *graph);

/* ---- graph_pull.c --------------------------------------------------------------------------- */

/* Finishes every node that has not finished yet, on the thread of the caller. */
void speadi_graph_end_pull(struct spead_graph *graph);

#endif
