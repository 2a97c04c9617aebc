/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: nodes joined by channels. A graph is built first and run later.
 *
 * Building opens nothing and runs nothing. It checks names, types, capacities and memory, and the program can print the
 * plan. A graph then runs once, in one of two ways: on an executor, or pulled. A pulled graph runs on the thread of the
 * caller, one message at a time.
 *
 * Threads:  One thread builds and starts the graph. After that, any thread may call stop(), cancel() and the functions
 *           for stats and reports. Only one thread may call wait(), drain() and next().
 * Lifetime: create -> add, join ... -> start -> wait | drain | (cancel -> wait) -> destroy
 *                                   or -> next ... until the end -> destroy
 *
 * stop      Sources are told to finish. The nodes process everything that the sources have sent, and ends of stream
 *           travel in order. An input that reads a channel of the program takes the messages that are in that channel
 *           and then ends, even if sending ends of the channel are still open.
 * drain     Stops and waits. At the deadline it cancels the graph, and says what was not drained.
 * cancel    Steps that are running go on to their end, and no node is stepped again. The messages in channels are
 *           released and counted.
 * failure   A node whose policy is FAIL has failed. Its outputs end with its error, its inputs close, and sources stop.
 *           Results from before the failure stay valid and are delivered. When a channel of the program ends with an
 *           error, the node that reads the channel counts as failed. */
#ifndef SPEADLINE_GRAPH_H
#define SPEADLINE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/deadline.h>
#include <speadline/error.h>
#include <speadline/executor.h>
#include <speadline/node.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_graph; /* opaque */

/* The configuration of a graph. Start from SPEAD_GRAPH_CONFIG_INIT. */
struct spead_graph_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    const char *name;     /* create() copies the name; NULL (default) means "graph" */
    /* True: each edge keeps a histogram of the times that messages spend in it. The histograms take memory. Default
     * false. */
    bool metrics;
    /* The log callback for the policy SPEAD_ON_ERROR_LOG. The threads that step the nodes call it. By default there is
     * no callback. */
    struct spead_log log;
};
/* clang-format off */
#define SPEAD_GRAPH_CONFIG_INIT { .struct_size = sizeof(struct spead_graph_config) }
/* clang-format on */
/* Does what SPEAD_GRAPH_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_graph_config_init(struct spead_graph_config *config, size_t size);

/* Makes a graph without nodes. Returns 0 and gives *out to the caller, or -EINVAL (struct_size is not valid) or
 * -ENOMEM. err may be NULL, in this function and in those below. */
int spead_graph_create(struct spead_graph **out, const struct spead_graph_config *config,
                       struct spead_err *err);

/* Frees a graph with its nodes and channels. If the graph still runs, this call first cancels the graph and waits for
 * its end. Messages that the caller has received from the graph stay valid. NULL is ignored. */
void spead_graph_destroy(struct spead_graph *graph);

/* ---- Building ------------------------------------------------------------------------------ */

/* Adds a node to the graph. Sets *node to the new node, which is borrowed and lives as long as the graph; `node` may be
 * NULL. Returns 0, -EINVAL (err names the field), -EEXIST (another node has the name), -ENOMEM or -EBUSY (the graph has
 * started). On failure the state of the node still belongs to the caller, and the destroy() of the node is not
 * called. */
int spead_graph_add(struct spead_graph *graph, const struct spead_node_config *config,
                    struct spead_node **node, struct spead_err *err);

/* Returns the node with this name, or NULL. It is borrowed, and lives as long as the graph. Any thread, but not while
 * another thread adds nodes. */
struct spead_node *spead_graph_find(const struct spead_graph *graph, const char *name);

/* Names a port of a node. `port` may be NULL if the node has only one port on the side that is meant (inputs or
 * outputs). Otherwise a NULL port gives -EINVAL. */
struct spead_graph_end {
    struct spead_node *node;
    const char *port; /* name of the port */
};

/* Joins an output to an input by a channel with this configuration. config may be NULL. In that case, if one of the
 * ports is joined already, the channel of that port gives the configuration. If neither port is joined, the channel has
 * capacity 1 and policy block.
 *
 * Several joins to one input share the channel of that input (many sending ends). Several joins from one output share
 * the channel of that output (each message goes to one of the inputs). The configurations of such joins must agree. The
 * graph chooses the form of the channel when it starts, by the number of ports that share the channel. The chosen form
 * allows at least as many ends as the form in the configuration.
 *
 * Returns 0, -EINVAL (err names the port), -EBUSY (the graph has started), -ENOMEM or -EPROTOTYPE (err names both ports
 * and their types). */
int spead_graph_join(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_graph_end to, const struct spead_channel_config *config,
                     struct spead_err *err);

/* The two functions join a port to a channel that the program has made. The other side of this channel belongs to a
 * thread, an event loop, an engine or another graph. The graph keeps a reference to the channel, and opens its own end
 * on the channel when it starts. Both return the same values as spead_graph_join(). */
int spead_graph_join_input(struct spead_graph *graph, struct spead_channel *from,
                           struct spead_graph_end to, struct spead_err *err);
int spead_graph_join_output(struct spead_graph *graph, struct spead_graph_end from,
                            struct spead_channel *to, struct spead_err *err);

/* Checks the graph: every input must be joined, types and policies must agree, and every node must be reached from a
 * source or from a channel of the program. (A loop that no source leads to would wait for its own messages.) Then
 * describes the graph: nodes, edges, capacities, policies, memory, and where each node will run. Writes text for
 * people, or JSON, or a picture of the nodes and edges for Graphviz (`dot -Tsvg`). As snprintf() does, the function returns the full length of the text, and writes at most max bytes,
 * with a terminator. If the graph cannot run, the function returns -errno, and *err holds a sentence. */
enum spead_report_format {
    SPEAD_REPORT_TEXT = 0,
    SPEAD_REPORT_JSON = 1,
    SPEAD_REPORT_GRAPHVIZ = 2, /* only for plans; a verdict is written as text */
};
int spead_graph_plan(const struct spead_graph *graph, enum spead_report_format format, char *out,
                     size_t max, struct spead_err *err);

/* ---- Running on an executor ---------------------------------------------------------------- */

/* Checks the graph, starts its nodes and lets it run. Each node starts after the nodes that receive from it, so that a
 * receiving node is ready first. If the start() of a node fails, the library calls the finish() of the nodes that have
 * started, and the graph can then only be destroyed. Returns 0 or -errno with a sentence in *err.
 *
 * A node stays with one worker. If the configuration of a node names a CPU, the node goes to the worker that is pinned
 * to that CPU; if there is no such worker, the call returns -EINVAL. The graph divides the other nodes so that all
 * workers get about the same number of nodes. As far as this allows, a node has the same worker as the nodes that it
 * sends to. See docs/adr/0014. */
int spead_graph_start(struct spead_graph *graph, struct spead_executor *executor,
                      struct spead_err *err);

/* The two functions stop or cancel the graph, as the top of this file says. They do not wait until the graph has ended.
 * Any thread. */
void spead_graph_stop(struct spead_graph *graph);
void spead_graph_cancel(struct spead_graph *graph);

/* Waits until the graph has ended. deadline_ns is a deadline (deadline.h). Returns 0, the code of the failure (err
 * holds a sentence about it), -ECANCELED (the graph was cancelled), -ETIMEDOUT (the deadline has passed), -EDEADLK (a
 * step called this function, on a thread that also has to step nodes of the graph) or -EINVAL (deadline_ns is a
 * duration, or the graph does not run on an executor). */
int spead_graph_wait(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err);

/* Returns true if the graph has ended, so that wait() would return immediately. A wait() can return -ETIMEDOUT for two
 * reasons, which this function tells apart. False: the deadline has passed. True: a node has failed with the code
 * -ETIMEDOUT. A graph that could not start has not ended. Any thread. */
bool spead_graph_has_ended(const struct spead_graph *graph);

/* Makes an executor with this number of workers, runs the graph on it to its end, and destroys the executor. Returns what
 * spead_executor_create(), spead_graph_start() or spead_graph_wait() return. Another thread may stop or cancel the
 * graph. */
int spead_graph_run(struct spead_graph *graph, uint32_t workers, struct spead_err *err);

/* Stops the graph and waits for its end. deadline_ns is a deadline (deadline.h). If the graph has not
 * ended at the deadline, the call cancels the graph and returns -ETIMEDOUT. Then err holds a sentence that says
 * which edges held how many messages. In all other cases the call returns what spead_graph_wait() returns. The graph
 * has ended when the call returns, except after two errors: -EDEADLK (as in spead_graph_wait(); the graph is not even
 * stopped) and -EINVAL (deadline_ns is a duration, or the graph does not run on an executor; the graph is not stopped
 * because of the first). */
int spead_graph_drain(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err);

/* ---- Pulling on the caller's thread -------------------------------------------------------- */

/* Takes the next message from an output that is joined to nothing. The function does only the work that this message
 * needs, on the thread of the caller. It steps a node only when a node downstream has found its own input empty. So the
 * capacity of an edge limits how many messages a node makes before they are needed. The first call starts the nodes.
 * Blocking nodes are stepped on this thread too.
 *
 * Returns 0 and one message, -ESHUTDOWN at the end of stream, the code of a failure, -ECANCELED, or -EINVAL (the output
 * is joined, or the graph runs on an executor). If every node that is needed waits for a time, for spead_node_wake() or
 * for a channel of the program, this call sleeps. */
int spead_graph_next(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_message *message, struct spead_err *err);

/* ---- Reports (any thread) ------------------------------------------------------------------ */

/* The first fatal error of a graph: which node failed, on which message, and why. */
struct spead_failure {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    int code;             /* -errno of the failure; 0: no node has failed */
    /* The names of the nodes from a source to the node that failed: "capture > unpack > fft". */
    char path[256];
    bool has_message;               /* false: the node did not work on a message */
    uint32_t stream;                /* stream of the message that the node worked on */
    uint64_t sequence;              /* sequence of the message that the node worked on */
    char cause[SPEAD_ERR_TEXT_MAX]; /* why the step failed, as a text */
};
/* clang-format off */
#define SPEAD_FAILURE_INIT { .struct_size = sizeof(struct spead_failure) }
/* clang-format on */
/* Does what SPEAD_FAILURE_INIT does; `size` is sizeof *failure. Any thread. See docs/abi.md. */
void spead_failure_init(struct spead_failure *failure, size_t size);
/* Fills *failure. The caller must have set failure->struct_size by SPEAD_FAILURE_INIT. Any thread. */
void spead_graph_failure(const struct spead_graph *graph, struct spead_failure *failure);

/* The statistics of one node since the graph has started. */
struct spead_node_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t state;       /* a value of enum spead_node_state */
    uint64_t steps;       /* steps that the node has made */
    /* The time that the steps of the node took. The time of each step includes what the worker did just before the
     * step. */
    uint64_t busy_ns;
    /* Messages received and messages sent, over all ports. A node can send more or fewer messages than it takes. */
    uint64_t in, out;
    /* The number of steps that failed. It is the sum of the five counters below. */
    uint64_t failed;
    /* the numbers of failed steps, one for each policy that the node applied to them */
    uint64_t retried, skipped, logged, diverted, fatal;
    /* The CPU time of the thread of a blocking node, in nanoseconds. It is 0 until the node has finished. It is always
     * 0 for other nodes. */
    uint64_t cpu_ns;
    /* The part of busy_ns in which the node waited for something outside of the graph: see spead_node_waited_for(). */
    uint64_t waited_ns;
};
/* What a node does now. */
enum spead_node_state {
    SPEAD_NODE_BUILT,     /* the graph has not started */
    SPEAD_NODE_RUNNABLE,  /* the node can make a step and waits for its turn */
    SPEAD_NODE_RUNNING,   /* the node makes a step now */
    SPEAD_NODE_SUSPENDED, /* the node waits, for example for a port, a ticket or a time */
    SPEAD_NODE_FINISHED,  /* the node makes no more steps */
};
/* clang-format off */
#define SPEAD_NODE_STATS_INIT { .struct_size = sizeof(struct spead_node_stats) }
/* clang-format on */
/* Does what SPEAD_NODE_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_node_stats_init(struct spead_node_stats *stats, size_t size);
/* Fills *stats. The caller must have set stats->struct_size by SPEAD_NODE_STATS_INIT. Any thread. */
void spead_node_stats(const struct spead_node *node, struct spead_node_stats *stats);

/* Returns the channel that is joined to a port of a node, so that the caller can read its stats. The caller borrows the
 * channel. Returns NULL if the port is joined to nothing, if there is no such port, or if the graph has not started. */
struct spead_channel *spead_graph_channel(const struct spead_graph *graph,
                                          struct spead_graph_end end);

/* Says which node limits the graph. It compares how long the ends of each edge have been starved and blocked since
 * the start of the graph. An example: "node fft limits: its input was full 93 % of the time, its output empty 90 %".
 * If no node limits, it says why: "nothing limited this run: node stream waited for packets 96 % of the time".
 * If a source lacked something that the nodes behind it hold, it adds that: "node stream had no free chunk 37 % of the
 * time: the nodes behind it hold all of them".
 * Writes text, or JSON with all edges. As snprintf() does, it returns the full length of the text, and writes at
 * most max bytes. */
int spead_graph_verdict(const struct spead_graph *graph, enum spead_report_format format, char *out,
                        size_t max);

#ifdef __cplusplus
}
#endif
#endif
