/* A graph, for the files that work on it. */
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
    SPEADI_GRAPH_RUNNING, /* on an executor */
    SPEADI_GRAPH_PULLED,
    SPEADI_GRAPH_BROKEN, /* could not be started */
};

struct spead_graph {
    char *name;
    bool metrics;
    struct spead_log log;
    struct spead_node **names; /* while it is built: nodes by name */
    uint32_t name_chains;      /* a power of two, or 0 */
    struct spead_node *nodes, **nodes_end;
    struct speadi_edge *edges, **edges_end;
    uint32_t node_count;
    struct spead_node **order; /* receivers before senders; made at start */
    struct speadi_worker puller;
    uint64_t searches;

    _Atomic bool stopping, cancelled;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended_cond;
    enum speadi_graph_phase phase;
    uint32_t alive; /* nodes that have not finished */
    bool ended;
    uint64_t started_ns, ended_ns;
    struct spead_failure failure;
};

/* ---- graph.c -------------------------------------------------------------------------------- */

/* Names are looked up while nodes are added only. */
void speadi_graph_forget_names(struct spead_graph *graph);

int speadi_graph_check(const struct spead_graph *graph, struct spead_err *err);

/* ---- graph_start.c -------------------------------------------------------------------------- */

/* Opens edges and starts nodes; each node has its worker already. */
int speadi_graph_open(struct spead_graph *graph, struct spead_err *err);
int speadi_graph_sort(struct spead_graph *graph, struct spead_err *err);

/* ---- graph_end.c ---------------------------------------------------------------------------- */

/* One node less; the last one ends the graph, which may be gone then. */
void speadi_graph_node_ended(struct spead_graph *graph);

/* ---- graph_pull.c --------------------------------------------------------------------------- */

/* Finishes every node that has not; on the caller's thread. */
void speadi_graph_end_pull(struct spead_graph *graph);

#endif
