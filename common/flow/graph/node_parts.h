/* The struct of a node, for the .c files that work on it. */
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
    struct spead_throttle *ticket; /* the node waits here for a ticket, or has one; NULL: neither */
    struct speadi_node_waker ticket_waker;
    int reported_end; /* last code of an ended port that this step has been given; 0: none */
    int input_error; /* error with which an input has ended; the outputs end with it too; 0: none */
    uint32_t tries;  /* retries so far for the message on which the node failed last */
    /* Used only while the nodes are sorted, before any turn: how many outputs still have a receiving node that is
     * not in the order. */
    uint32_t unready;
    uint64_t working_sequence, tried_sequence;
    uint32_t working_stream, tried_stream;
    bool has_working;
    bool started, diverting;
    bool must_pass_on;           /* a port has must_pass_on set */
    _Atomic uint32_t last_input; /* last input that received; other threads read it for a path */
    /* A failed message that waits for a free place at the error port. NULL: the policy never diverts. */
    struct spead_message *diverted;
    uint64_t logged_ns; /* when the last line went to the log */

    /* The thread of the node's worker writes these, and any thread reads them: */
    _Atomic bool is_running;
    _Atomic uint64_t steps, busy_ns, cpu_ns, in, out;
    _Atomic uint64_t retried, skipped, logged, diverted_count, fatal;

    /* These are constant once the graph has started: */
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
    uint32_t own_bytes; /* size of this struct with its ports and names */

    /* The thread that builds the graph writes these, and later the thread that calls spead_graph_next(): */
    uint64_t search;                /* number of the last search that has met this node */
    struct spead_node *search_next; /* next in the search; while building: next with same hash */

    struct spead_node *next; /* next node in graph->nodes */
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

/* Gives a turn to the active node that has this task. The node makes one step; then it is queued again, suspended or
 * finished. Runs on the thread of the node's worker. The node may have been freed when this function returns. */
void speadi_node_turn(struct speadi_task *task);

/* Ends a node: calls its finish() and then closes its inputs and outputs. The outputs are closed with `error` (0: no
 * error). Runs on the thread of the node's worker. While that worker does not run, any thread may call it. The node
 * may have been freed when this function returns, unless the caller keeps the graph. */
void speadi_node_finish(struct spead_node *node, int error);

/* ---- policy.c ------------------------------------------------------------------------------- */

/* Applies the policy of the node after a step failed with `code`. Returns the result with which the turn goes on: an
 * enum spead_step, or `code` if the failure is fatal. */
int speadi_node_failed(struct spead_node *node, int code);

/* Tries to send the diverted message to the error port. Returns false if the channel there is still full. */
bool speadi_node_divert(struct spead_node *node);

/* Called when the node ends. If there is a diverted message, releases it and counts it as skipped. */
void speadi_node_drop_diverted(struct spead_node *node);

/* ---- failure.c ------------------------------------------------------------------------------ */

/* Reports a failure of the node and stops the graph. Only the first failure of a graph is kept. `cause` says in
 * words what failed. */
void speadi_graph_fail(struct spead_node *node, int code, const char *cause);

/* Writes a failure as a sentence. */
void speadi_failure_text(const struct spead_failure *failure, char *out, size_t max);

#endif
