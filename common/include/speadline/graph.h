/* Graphs: nodes joined by channels. A graph is built first and run later.
 *
 * Building opens nothing and runs nothing: names, types, capacities and memory are checked, and the plan can be
 * printed. A graph then runs once, in one of two ways: on an executor, or pulled one message at a time on the thread
 * of the caller.
 *
 * Threads:  One thread builds and starts the graph. After that, any thread may call stop(), cancel() and the functions
 *           for stats and reports. Only one thread may call wait(), drain() and next().
 * Lifetime: create -> add, join ... -> start -> wait | drain | (cancel -> wait) -> destroy
 *                                   or -> next ... until the end -> destroy
 *
 * stop      Sources are told to finish. Everything that they have sent is processed, and ends of stream travel in
 *           order. An input that reads a channel of the program takes the messages that are in that channel and then
 *           ends, even if sending ends of the channel are still open.
 * drain     Stops and waits. At the deadline it cancels, and says what was not drained.
 * cancel    Steps under way run to their end, and no node is stepped again. Messages in channels are released and
 *           counted.
 * failure   A node whose policy is FAIL has failed: its outputs end with its error, its inputs take no more, and
 *           sources stop. Results that were reached before stay valid and are delivered. When a channel of the program
 *           ends with an error, the node that reads the channel counts as failed. */
#ifndef SPEADLINE_GRAPH_H
#define SPEADLINE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/error.h>
#include <speadline/executor.h>
#include <speadline/node.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_graph; /* opaque */

struct spead_graph_config {
    uint32_t struct_size; /* set by _INIT */
    const char *name;     /* copied; NULL: "graph" */
    bool metrics; /* keep a latency histogram for each edge (it takes memory); default false */
    struct spead_log log; /* gets the lines of SPEAD_ON_ERROR_LOG, on the threads of the nodes */
};
/* clang-format off */
#define SPEAD_GRAPH_CONFIG_INIT { .struct_size = sizeof(struct spead_graph_config) }
/* clang-format on */

/* Makes an empty graph. Returns 0, -EINVAL (struct_size) or -ENOMEM. err may be NULL, here and below. */
int spead_graph_create(struct spead_graph **out, const struct spead_graph_config *config,
                       struct spead_err *err);

/* Frees a graph with its nodes and channels. If the graph still runs, this call first cancels it and waits for its end.
 * Messages that were received from the graph stay valid. NULL is ignored. */
void spead_graph_destroy(struct spead_graph *graph);

/* ---- Building ------------------------------------------------------------------------------ */

/* Adds a node. Sets *node to the new node, which is borrowed and lives as long as the graph; node may be NULL. Returns
 * 0, -EINVAL (err names the field), -EEXIST (another node has the name), -ENOMEM or -EBUSY (the graph has started). On
 * failure the state still belongs to the caller, and the destroy() of the node is not called. */
int spead_graph_add(struct spead_graph *graph, const struct spead_node_config *config,
                    struct spead_node **node, struct spead_err *err);

/* A port of a node, by its name. port may be NULL if the node has only one on that side (else -EINVAL). */
struct spead_graph_end {
    struct spead_node *node;
    const char *port;
};

/* Joins an output to an input by a channel with this config. config may be NULL. Then, if one of the ports is joined
 * already, the config of its channel is used; if not, the channel has capacity 1 and policy block.
 *
 * Several joins to one input share the channel of that input (many sending ends). Several joins from one output share
 * the channel of that output too (each message goes to one of the inputs). The configs of such joins must agree. The
 * graph chooses the form of the channel when it starts, by the number of ports that share the channel. The form allows
 * at least as many ends as the form in the config.
 *
 * Returns 0, -EINVAL (err names the port), -EBUSY (the graph has started), -ENOMEM or -EPROTOTYPE (err names both
 * ports and their types). */
int spead_graph_join(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_graph_end to, const struct spead_channel_config *config,
                     struct spead_err *err);

/* Joins a port to a channel of the program, whose other side belongs to a thread, an event loop, an engine or another
 * graph. The graph keeps a reference to the channel, and opens its end when it starts. Returns as
 * spead_graph_join(). */
int spead_graph_join_input(struct spead_graph *graph, struct spead_channel *from,
                           struct spead_graph_end to, struct spead_err *err);
int spead_graph_join_output(struct spead_graph *graph, struct spead_graph_end from,
                            struct spead_channel *to, struct spead_err *err);

/* Checks the graph (every input is joined, types and policies agree) and describes it: nodes, edges, capacities,
 * policies, memory, and where each node will run. Writes text for people, or JSON. Works as snprintf(): returns the
 * full length of the text, and writes at most max bytes, with a terminator. If the graph cannot run, returns -errno,
 * and *err holds a sentence. */
enum spead_report_format { SPEAD_REPORT_TEXT = 0, SPEAD_REPORT_JSON = 1 };
int spead_graph_plan(const struct spead_graph *graph, enum spead_report_format format, char *out,
                     size_t max, struct spead_err *err);

/* ---- Running on an executor ---------------------------------------------------------------- */

/* Checks the graph, starts its nodes and lets it run. A node starts after the nodes that receive from it, so that a
 * receiving node is ready first. If the start() of a node fails, the library calls finish() of the nodes that have
 * started. Then the graph can only be destroyed.
 *
 * A node stays with one worker. A node whose config names a cpu goes to the worker that is pinned to that cpu (-EINVAL
 * if there is no such worker). Among the other nodes, neighbours in the flow share a worker, as long as all workers get
 * about the same number of nodes. See docs/adr/0014. */
int spead_graph_start(struct spead_graph *graph, struct spead_executor *executor,
                      struct spead_err *err);

/* Stop or cancel the graph, as the top of this file says. They do not wait until the graph has ended. Any thread. */
void spead_graph_stop(struct spead_graph *graph);
void spead_graph_cancel(struct spead_graph *graph);

/* Waits until the graph has ended. Returns 0, the code of the failure (err holds its sentence), -ECANCELED, or
 * -ETIMEDOUT. deadline_ns is a time of CLOCK_MONOTONIC; 0 means no limit. */
int spead_graph_wait(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err);

/* Returns true if wait() would return immediately. After a wait() that returned -ETIMEDOUT, this tells the two
 * causes apart. False: the deadline has passed. True: a node failed with this code. A graph that could not start has
 * not ended. Any thread. */
bool spead_graph_has_ended(const struct spead_graph *graph);

/* Stops the graph and waits for its end. At the deadline it cancels the graph and returns -ETIMEDOUT, with a sentence
 * that says which edges held how many messages. Otherwise it returns as spead_graph_wait() does. The graph has ended
 * when this call returns. */
int spead_graph_drain(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err);

/* ---- Pulling on the caller's thread -------------------------------------------------------- */

/* Takes the next message of an output that is joined to nothing. Only the work that this message needs is done, on
 * the thread of the caller: a node is stepped only when a node after it has found its input empty. So the capacity of
 * an edge limits how far work runs ahead. The first call starts the nodes. Blocking nodes are stepped on this thread
 * too.
 *
 * Returns 0 and one message, -ESHUTDOWN at the end of stream, the code of a failure, -ECANCELED, or -EINVAL (the output
 * is joined, or the graph runs on an executor). This call sleeps while each node that is needed waits for a time, for
 * spead_node_wake() or for a channel of the program. */
int spead_graph_next(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_message *message, struct spead_err *err);

/* ---- Reports (any thread) ------------------------------------------------------------------ */

/* The first fatal error of a graph. */
struct spead_failure {
    uint32_t struct_size; /* set by _INIT */
    int code;             /* 0: no node has failed */
    char path[256];       /* node by node from a source: "capture > unpack > fft" */
    bool has_message;     /* false: the node did not work on a message */
    uint32_t stream;      /* stream of the message that the node worked on */
    uint64_t sequence;    /* sequence of that message */
    char cause[SPEAD_ERR_TEXT_MAX];
};
/* clang-format off */
#define SPEAD_FAILURE_INIT { .struct_size = sizeof(struct spead_failure) }
/* clang-format on */
void spead_graph_failure(const struct spead_graph *graph, struct spead_failure *failure);

struct spead_node_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t state;       /* enum spead_node_state */
    uint64_t steps;
    uint64_t busy_ns; /* time in its steps, and what its worker spent before each of them */
    uint64_t in, out; /* messages over all ports; a node may take more than it sends, or fewer */
    uint64_t failed;  /* steps that failed = retried + skipped + logged + diverted + fatal */
    uint64_t retried, skipped, logged, diverted, fatal;
    /* CPU time of the thread of a blocking node. 0 until the node has finished, and for other nodes. */
    uint64_t cpu_ns;
};
enum spead_node_state {
    SPEAD_NODE_BUILT,
    SPEAD_NODE_RUNNABLE,
    SPEAD_NODE_RUNNING,
    SPEAD_NODE_SUSPENDED,
    SPEAD_NODE_FINISHED,
};
/* clang-format off */
#define SPEAD_NODE_STATS_INIT { .struct_size = sizeof(struct spead_node_stats) }
/* clang-format on */
void spead_node_stats(const struct spead_node *node, struct spead_node_stats *stats);

/* Returns the channel at a port of a node, for its stats; borrowed. NULL: the port is joined to nothing, there is no
 * such port, or the graph has not started. */
struct spead_channel *spead_graph_channel(const struct spead_graph *graph,
                                          struct spead_graph_end end);

/* Says which node limits the graph. It judges by how long the ends of each edge have been starved and blocked since
 * the start: "node fft limits: its input was full 93 % of the time, its output empty 90 %". Writes text, or JSON with
 * all edges; works as spead_graph_plan(). */
int spead_graph_verdict(const struct spead_graph *graph, enum spead_report_format format, char *out,
                        size_t max);

#ifdef __cplusplus
}
#endif
#endif
