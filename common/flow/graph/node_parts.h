/* SPDX-License-Identifier: Apache-2.0 */
/* The struct of a node, for the .c files that work on it. */
#ifndef SPEADI_NODE_PARTS_H
#define SPEADI_NODE_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/graph.h>

#include <speadi/log_pause.h>

#include "edge.h"
#include "task.h"

struct spead_node {
    struct speadi_task task; /* the part of the node that its worker knows */

    /* Only the thread of the node's worker reads and writes the fields of this group. */
    struct speadi_node_port *waiting; /* list of the ports that returned -EAGAIN in the last step */
    uint64_t wait_until_ns;           /* until when the node waits; 0: no such time is set */
    uint64_t not_before_ns; /* when the back-off before a retry ends; 0 if there is none */
    /* The throttle at which the node waits for a ticket. It is NULL if the node waits for no ticket. When the ticket
     * has come, this field stays set until the node has noticed the ticket. */
    struct spead_throttle *ticket;
    struct speadi_node_waker ticket_waker;
    /* A port or a throttle that has ended reports this to the step by an error code. This is the last such code that
     * the present step has got, or 0 if there was none. */
    int reported_end;
    /* The first error with which an input has ended; 0 if there was none. The node closes its outputs with this
     * error. */
    int input_error;
    /* How many times the node has retried the message on which it failed last. */
    uint32_t tries;
    /* How many outputs of the node lead to a receiving node that is not in graph->order yet. Only speadi_graph_sort()
     * uses this field, before any turn. */
    uint32_t unready;
    /* True if a source leads to the node. Only graph_sources.c uses this field, before any turn. */
    bool reached;
    uint64_t working_sequence, tried_sequence;
    uint32_t working_stream, tried_stream;
    bool has_working;
    bool started, diverting;
    bool step_waited;  /* true if this step has called spead_node_waited_for() */
    bool must_pass_on; /* true if a port of this node has must_pass_on set */
    /* The input that received a message last. Other threads read this field when they write the path to a failure. */
    _Atomic uint32_t last_input;
    /* If `diverting` is set, this is a failed message that waits for a free place at the error port. The pointer is
     * NULL if the policy of the node never diverts messages. */
    struct spead_message *diverted;
    struct speadi_log_pause log_pause; /* of the lines about failed steps */

    /* Only the thread of the node's worker writes these counters. Any thread may read them. */
    _Atomic bool is_running;
    _Atomic uint64_t steps, busy_ns, cpu_ns, waited_ns, in, out;
    /* What the node waited for when it last called spead_node_waited_for(). NULL before the first call. */
    const char *_Atomic waited_for;
    /* How long the nodes behind this one held all of something that it needed, and what. NULL: that never happened. */
    _Atomic uint64_t short_ns;
    const char *_Atomic short_of;
    _Atomic uint64_t retried, skipped, logged, diverted_count, fatal;

    /* The fields of this group do not change after the start of the graph. */
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
    uint32_t own_bytes; /* size of this struct with its ports and names, in bytes */

    /* The thread that builds the graph writes these two fields. Later, the thread that calls spead_graph_next() writes
     * them. */
    uint64_t search; /* index of the last search that met this node */
    /* In a search: the next node of the search. Before the graph starts: the next node in the same chain of
     * graph->names. */
    struct spead_node *search_next;

    struct spead_node *next; /* next node in the list graph->nodes */
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

/* Allocates a node with its ports and names in one piece of memory. Returns 0 or -ENOMEM. */
int speadi_node_create(struct spead_node **out, const struct spead_node_config *config,
                       struct spead_err *err);

/* Records that the node waits for this port. */
void speadi_node_port_waits(struct spead_node *self, struct speadi_node_port *port);

/* Returns what the node must get from an input whose channel has answered `code` in place of messages. Records that the
 * node waits for the input, or that the input has ended. */
int speadi_node_nothing_received(struct spead_node *self, struct speadi_node_port *port, int code);

/* ---- turn.c --------------------------------------------------------------------------------- */

/* Gives one turn to the node of this task. The node makes one step. After that it is queued again, suspended or
 * finished. Only the thread of the node's worker may call this function. The caller must not use the node after the
 * call, because the node can already be freed. */
void speadi_node_turn(struct speadi_task *task);

/* Ends a node: calls the node's finish(), and then closes its inputs and outputs. The outputs are closed with `error`,
 * where 0 means no error. Only the thread of the node's worker may call this function; if that worker does not run, any
 * thread may call it. If the caller does not own the graph, it must not use the node after the call, because the node
 * can already be freed. */
void speadi_node_finish(struct spead_node *node, int error);

/* ---- policy.c ------------------------------------------------------------------------------- */

/* Applies the policy of the node after a step failed with `code`. The turn continues with the value that this function
 * returns: an enum spead_step, or `code` if the failure is fatal. */
int speadi_node_failed(struct spead_node *node, int code);

/* Tries to send the diverted message to the error port. Returns false if the channel there is still full. */
bool speadi_node_divert(struct spead_node *node);

/* Releases the diverted message, if there is one, and counts it as skipped. The caller calls it when the node or the
 * error port has ended. No other node can receive the message after that. */
void speadi_node_drop_diverted(struct spead_node *node);

/* ---- failure.c ------------------------------------------------------------------------------ */

/* Stores a failure of the node in the graph and stops the graph. The graph keeps only its first failure. `cause` says
 * in words what failed. */
void speadi_graph_fail(struct spead_node *node, int code, const char *cause);

/* Writes a failure as a sentence into `out`, which has room for `max` bytes. */
void speadi_failure_text(const struct spead_failure *failure, char *out, size_t max);

#endif
