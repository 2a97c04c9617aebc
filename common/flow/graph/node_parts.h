/* A node of a graph, for the files that work on it. */
#ifndef SPEADI_NODE_PARTS_H
#define SPEADI_NODE_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/graph.h>

#include "edge.h"
#include "task.h"

struct spead_node {
    struct speadi_task task; /* how it has turns, and how it is woken */

    /* Its worker's. */
    struct speadi_node_port *waiting; /* answered -EAGAIN in the last step */
    uint64_t wait_until_ns;           /* 0: no time to wait for */
    uint64_t not_before_ns;           /* back-off of a retry */
    struct spead_throttle *ticket;    /* queued for, or given and not yet asked for again */
    struct speadi_node_waker ticket_waiter;
    int told;        /* the last end that a port answered in this step; 0: none */
    int input_error; /* an input ended with it: so do the outputs */
    uint32_t tries;  /* retries of the message last failed at */
    /* While the order of starting is found, before any turn: outputs whose readers are not placed. */
    uint32_t unready;
    uint64_t working_sequence, tried_sequence;
    uint32_t working_stream, tried_stream;
    bool has_working;
    bool started, diverting;
    bool woken_for_all;          /* one of its ports was `woken` */
    _Atomic uint32_t last_input; /* received from; for paths */
    /* Waits for room at its error port; NULL unless the policy diverts. */
    struct spead_message *diverted;
    uint64_t logged_ns; /* last line of the log */

    /* Its worker's, read by anyone. */
    _Atomic bool is_running;
    _Atomic uint64_t steps, busy_ns, cpu_ns, in, out;
    _Atomic uint64_t retried, skipped, logged, diverted_count, fatal;

    /* Constant once started. */
    struct spead_graph *graph;
    const struct spead_node_ops *ops;
    void *step_state;
    struct speadi_node_port *inputs, *outputs;
    struct speadi_node_port *error_port;
    uint32_t input_count, output_count;
    const char *name;
    uint32_t retries;
    int cpu;
    uint64_t backoff_ns, memory_bytes;
    uint8_t on_error, after_retries;
    bool blocking;
    uint32_t own_bytes; /* of this object with its ports and names */

    /* Of spead_graph_next(). */
    uint64_t search; /* number of the search that has seen it */
    /* Still to be looked at; while the graph is built: same chain. */
    struct spead_node *search_next;

    struct spead_node *next; /* in graph->nodes */
};

static inline struct spead_node *speadi_node_of_task(struct speadi_task *task)
{
    return (struct spead_node *)(void *)((char *)task - offsetof(struct spead_node, task));
}

static inline struct spead_node *speadi_node_of(const struct speadi_node_port *port)
{
    return speadi_node_of_task(port->waiter.task);
}

/* ---- node.c --------------------------------------------------------------------------------- */

/* Allocates a node with its ports and names in one piece. */
int speadi_node_create(struct spead_node **out, const struct spead_node_config *config,
                       struct spead_err *err);

/* ---- turn.c --------------------------------------------------------------------------------- */

/* One step of the active node whose task it is, on its worker's thread, and what follows from that step. The node may
 * be gone after. */
void speadi_node_turn(struct speadi_task *task);

/* Ends a node: finish(), then its ends. error: what its outputs end with. On its worker's thread, or where
 * none runs. The node may be gone after, unless the caller holds the graph. */
void speadi_node_finish(struct spead_node *node, int error);

/* ---- policy.c ------------------------------------------------------------------------------- */

/* A step answered code: what the policy makes of it, as a step would answer it (code: fatal). */
int speadi_node_failed(struct spead_node *node, int code);

/* Tries again to send a message that the error port had no room for: false: still no room. */
bool speadi_node_divert(struct spead_node *node);

/* At the end: nobody will take it any more. */
void speadi_node_drop_diverted(struct spead_node *node);

/* ---- failure.c ------------------------------------------------------------------------------ */

/* The first failure of a graph counts; then its sources stop. cause: a sentence. */
void speadi_graph_fail(struct spead_node *node, int code, const char *cause);

/* The sentence of a failure. */
void speadi_failure_text(const struct spead_failure *failure, char *out, size_t max);

#endif
