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
    struct speadi_task task; /* what the worker knows of the node */

    /* Only the thread of the node's worker reads and writes these: */
    struct speadi_node_port *waiting; /* ports that have answered -EAGAIN in the last step */
    uint64_t wait_until_ns;           /* 0: the node does not wait for a time */
    uint64_t not_before_ns;           /* end of the back-off before a retry; 0: none */
    struct spead_throttle *ticket;    /* queued there, or has a ticket that no step has asked for */
    struct speadi_node_waker ticket_waker;
    int reported_end; /* code of the last end that a call has answered in this step; 0: none */
    int input_error;  /* an input has ended with this error, and the outputs end with it; 0: none */
    uint32_t tries;   /* retries so far of the message on which the node failed last */
    /* While the nodes are sorted, before any turn: outputs whose receiving nodes are not all in the order yet. */
    uint32_t unready;
    uint64_t working_sequence, tried_sequence;
    uint32_t working_stream, tried_stream;
    bool has_working;
    bool started, diverting;
    bool must_pass_on;           /* a port has must_pass_on set */
    _Atomic uint32_t last_input; /* input of the last receive; other threads read it for paths */
    /* A failed message that waits for room at the error port. NULL: the policy never diverts. */
    struct spead_message *diverted;
    uint64_t logged_ns; /* when the last line went to the log */

    /* The thread of the node's worker writes these, and any thread reads them: */
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
    uint32_t own_bytes; /* of this struct with its ports and names */

    /* The thread that builds the graph writes these, and later the thread that calls spead_graph_next(): */
    uint64_t search;                /* number of the last search that has met this node */
    struct spead_node *search_next; /* next to look at; while building: next of the same hash */

    struct spead_node *next; /* in graph->nodes */
};

static inline struct spead_node *speadi_node_of_task(struct speadi_task *task)
{
    return (struct spead_node *)(void *)((char *)task - offsetof(struct spead_node, task));
}

static inline struct spead_node *speadi_node_of(const struct speadi_node_port *port)
{
    return speadi_node_of_task(port->node_waker.task);
}

/* ---- node.c --------------------------------------------------------------------------------- */

/* Allocates a node with its ports and names in one piece. */
int speadi_node_create(struct spead_node **out, const struct spead_node_config *config,
                       struct spead_err *err);

/* ---- turn.c --------------------------------------------------------------------------------- */

/* Gives a turn to the active node that has this task: one step, and what follows from it. Runs on the thread of its
 * worker. The node may be freed when it returns. */
void speadi_node_turn(struct speadi_task *task);

/* Ends a node: calls its finish(), then closes its ends, the outputs with this error (0: none). Runs on the thread of
 * the node's worker, or on any thread while that worker does not run. The node may be freed when it returns, unless
 * the caller keeps the graph. */
void speadi_node_finish(struct spead_node *node, int error);

/* ---- policy.c ------------------------------------------------------------------------------- */

/* Applies the policy of the node after a step that failed with code. Returns what the turn goes on with: an enum
 * spead_step, or code if the failure is fatal. */
int speadi_node_failed(struct spead_node *node, int code);

/* Tries to send the diverted message to the error port. Returns false if there is still no room. */
bool speadi_node_divert(struct spead_node *node);

/* Releases the diverted message, if there is one, when the node ends; counts it as skipped. */
void speadi_node_drop_diverted(struct spead_node *node);

/* ---- failure.c ------------------------------------------------------------------------------ */

/* Reports a failure of the node and stops the graph. Only the first failure of a graph is kept. cause: what failed,
 * in words. */
void speadi_graph_fail(struct spead_node *node, int code, const char *cause);

/* Writes a failure as a sentence. */
void speadi_failure_text(const struct spead_failure *failure, char *out, size_t max);

#endif
