/* The parts of a graph, for the files that work on them. */
#ifndef SPEADI_FLOW_GRAPH_PARTS_H
#define SPEADI_FLOW_GRAPH_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/graph.h>

#include "timers.h"
#include "worker.h"

/* A waker of a node, and how far wake() has come. */
enum { SPEADI_SILENT, SPEADI_RINGING, SPEADI_RUNG };
struct speadi_waiter {
    struct spead_waker waker;
    struct spead_node *node;
    _Atomic uint32_t state; /* RINGING: called; RUNG: whoever called it no more touches this */
};

/* A port of a node, and its end of the edge while the graph runs. */
struct speadi_port {
    struct speadi_waiter waiter;      /* and whose port it is */
    struct speadi_edge *edge;         /* NULL: joined to nothing */
    struct speadi_port *edge_next;    /* at the same side of the edge */
    struct speadi_port *waiting_next; /* in node->waiting */
    union {
        struct spead_sender *sender;     /* of an output */
        struct spead_receiver *receiver; /* of an input */
    };
    const char *name;
    int type;
    bool is_output;
    /* Its worker's: */
    bool waits : 1;     /* answered -EAGAIN in this step */
    bool announced : 1; /* and the channel knows */
    bool ended : 1;     /* outside input of a stopped graph: found empty */
    bool woken : 1;     /* for a change that is there for others too */
};

/* Ports that share a channel. */
struct speadi_edge {
    struct speadi_edge *next;      /* in graph->edges */
    struct spead_channel *channel; /* made at start; outside: from the beginning, the caller's */
    struct spead_channel_config config;
    char *name; /* of the channel; NULL: made of its ports */
    struct speadi_port *senders, *receivers;
    uint32_t sender_count, receiver_count;
    uint32_t unready; /* while the order of starting is found: receivers not placed yet */
    int type;
    bool outside;
    struct spead_receiver *pulled; /* the end that spead_graph_next() reads */
};

/* Of node->state. */
enum {
    SPEADI_NODE_BUILT,
    SPEADI_NODE_ACTIVE, /* has or will have a turn: running, queued, or handed over */
    SPEADI_NODE_SUSPENDED,
    SPEADI_NODE_FINISHED,
    SPEADI_NODE_STATES = 3, /* mask */
    SPEADI_NODE_WOKEN = 4,  /* since the turn began */
};

/* See the state machine in turn.c. */
struct spead_node {
    /* Any thread. */
    _Atomic uint32_t state;

    /* Its worker's. */
    struct spead_node *queue_next;
    struct speadi_port *waiting; /* answered -EAGAIN in the last step */
    uint64_t wait_until_ns;      /* 0: no time to wait for */
    uint64_t not_before_ns;      /* back-off of a retry */
    struct speadi_timer timer;
    struct spead_throttle *ticket; /* queued for, or given and not yet asked for again */
    struct speadi_waiter ticket_waiter;
    int told;        /* the last end that a port answered in this step; 0: none */
    int input_error; /* an input ended with it: so do the outputs */
    uint32_t tries;  /* retries of the message last failed at */
    uint64_t working_sequence, tried_sequence;
    uint32_t working_stream, tried_stream;
    bool has_working;
    bool started, diverting;
    bool woken_for_all;          /* one of its ports was `woken` */
    _Atomic uint32_t last_input; /* received from; for paths */
    struct spead_message
        *diverted;      /* waits for room at its error port; NULL unless the policy diverts */
    uint64_t logged_ns; /* last line of the log */

    /* Its worker's, read by anyone. */
    _Atomic bool is_running;
    _Atomic uint64_t steps, busy_ns, cpu_ns, in, out;
    _Atomic uint64_t retried, skipped, logged, diverted_count, fatal;

    /* Constant once started. */
    struct speadi_worker *worker;
    struct spead_graph *graph;
    const struct spead_node_ops *ops;
    void *step_state;
    struct speadi_port *inputs, *outputs;
    struct speadi_port *error_port;
    uint32_t input_count, output_count;
    const char *name;
    uint32_t retries;
    int cpu;
    uint64_t backoff_ns, memory_bytes;
    uint8_t on_error, after_retries;
    bool blocking;
    uint32_t own_bytes; /* of this object with its ports and names */
    uint32_t
        unready; /* while the order of starting is found: outputs whose readers are not placed */

    /* Of spead_graph_next(). */
    uint64_t search; /* number of the search that has seen it */
    struct spead_node
        *search_next; /* still to be looked at; while the graph is built: same chain */

    struct spead_node *next; /* in graph->nodes */
};

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

static inline struct spead_node *speadi_node_of(const struct speadi_port *port)
{
    return port->waiter.node;
}

static inline struct spead_node *speadi_node_of_timer(struct speadi_timer *timer)
{
    return (struct spead_node *)(void *)((char *)timer - offsetof(struct spead_node, timer));
}

/* ---- node.c --------------------------------------------------------------------------------- */

/* Allocates a node with its ports and names in one piece. */
int speadi_node_create(struct spead_node **out, const struct spead_node_config *config,
                       struct spead_err *err);

/* The waker of a port or a ticket. */
void speadi_waiter_init(struct speadi_waiter *waiter, struct spead_node *node);
/* Until whoever rings is through with it: short. */
void speadi_waiter_join(struct speadi_waiter *waiter);

/* ---- turn.c --------------------------------------------------------------------------------- */

/* One step of an active node, on its worker's thread, and what follows from it. The node may be gone after. */
void speadi_node_turn(struct spead_node *node);

/* Ends a node: finish(), then its ends. error: what its outputs end with. On its worker's thread, or where
 * none runs. The node may be gone after, unless the caller holds the graph. */
void speadi_node_finish(struct spead_node *node, int error);

/* ---- failing.c ------------------------------------------------------------------------------ */

/* A step answered code: what the policy makes of it, as a step would answer it (code: fatal). */
int speadi_node_failed(struct spead_node *node, int code);

/* Tries again to send a message that the error port had no room for: false: still no room. */
bool speadi_node_divert(struct spead_node *node);

/* At the end: nobody will take it any more. */
void speadi_node_drop_diverted(struct spead_node *node);

/* The first one counts; then sources stop. cause: a sentence. */
void speadi_graph_fail(struct spead_node *node, int code, const char *cause);

/* The sentence of a failure. */
void speadi_failure_text(const struct spead_failure *failure, char *out, size_t max);

/* ---- edge.c --------------------------------------------------------------------------------- */

struct speadi_port *speadi_port_find(const struct spead_graph_end *end, bool is_output,
                                     struct spead_err *err);
void speadi_edge_add(struct spead_graph *graph, struct speadi_edge *edge);
void speadi_edge_attach(struct speadi_edge *edge, struct speadi_port *port);
void speadi_edge_destroy(struct speadi_edge *edge);
enum spead_channel_form speadi_edge_form(const struct speadi_edge *edge);
/* "a.out > b.in", "(outside) > b.in", "a.out x 100 > b.in". */
void speadi_edge_describe(const struct speadi_edge *edge, char *out, size_t max);
int speadi_edge_open(struct spead_graph *graph, struct speadi_edge *edge, struct spead_err *err);
const char *speadi_type_name(int type);
const char *speadi_policy_name(unsigned policy);

/* ---- graph.c, graph_start.c ----------------------------------------------------------------- */

/* Names are looked up while nodes are added only. */
void speadi_graph_forget_names(struct spead_graph *graph);

int speadi_graph_check(const struct spead_graph *graph, struct spead_err *err);

/* Opens edges and starts nodes; workers are theirs already. */
int speadi_graph_open(struct spead_graph *graph, struct spead_err *err);
int speadi_graph_sort(struct spead_graph *graph, struct spead_err *err);

/* One node less; the last one ends the graph, which may be gone then. */
void speadi_graph_node_ended(struct spead_graph *graph);

void speadi_graph_wake_all(struct spead_graph *graph);

/* graph_pull.c: finishes every node that has not; on the caller's thread. */
void speadi_graph_end_pull(struct spead_graph *graph);

/* ---- executor.c ----------------------------------------------------------------------------- */

uint32_t speadi_executor_workers(const struct spead_executor *executor);
struct speadi_worker *speadi_executor_worker(struct spead_executor *executor, uint32_t index);

#endif
