/* Graphs: nodes joined by channels; built first, then run.
 *
 * Building opens nothing and runs nothing: names, types, capacities and memory are checked, and the plan
 * can be printed. A graph then runs once, in one of two ways: on an executor, or pulled one result at a
 * time on the caller's thread.
 *
 * Threads:  one thread builds and starts. stop(), cancel(), stats and reports are safe from any thread from
 *           then on; wait(), drain() and next() belong to one thread.
 * Lifetime: create -> add, join ... -> start -> wait | drain | (cancel -> wait) -> destroy
 *                                   or -> next ... until the end -> destroy
 *
 * stop      sources are told to finish; all they have emitted is processed; ends travel in order. Of a channel
 *           of the caller's what it holds is taken; then that input ends, whether or not its sender closed.
 * drain     stop, then wait; at the deadline cancel, and say what was not drained.
 * cancel    steps under way end, no node is stepped again; what is in channels is released and counted.
 * failure   of a node whose policy is FAIL: its outputs end with its error, its inputs take no more, sources
 *           stop; results that were reached before it stay valid and are delivered. An error that comes out of a
 *           channel of the caller's is a failure of the node that reads it. */
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
    bool metrics; /* keep a latency histogram for each edge; default false: no memory for them */
    struct spead_log log;
};
/* clang-format off */
#define SPEAD_GRAPH_CONFIG_INIT { .struct_size = sizeof(struct spead_graph_config) }
/* clang-format on */

int spead_graph_create(struct spead_graph **out, const struct spead_graph_config *config,
                       struct spead_err *err);

/* Cancels and waits if it still runs; then ends nodes and channels. Messages received from it stay valid. NULL is
 * ignored. */
void spead_graph_destroy(struct spead_graph *graph);

/* ---- Building ------------------------------------------------------------------------------ */

/* Adds a node; *node (nullable) is borrowed and lives as long as the graph. On failure the state stays the
 * caller's (destroy() is not called). -EINVAL (err names the field), -EEXIST (name), -ENOMEM, -EBUSY
 * (already started). */
int spead_graph_add(struct spead_graph *graph, const struct spead_node_config *config,
                    struct spead_node **node, struct spead_err *err);

/* One end of an edge. port NULL: the node's only one (-EINVAL if there are several). */
struct spead_graph_end {
    struct spead_node *node;
    const char *port;
};

/* Joins an output to an input by a channel of this config (NULL: capacity 1, block; or as the channel is that
 * one of them has already). Several joins to one input share its channel (many senders), several from one
 * output share it too (each message to one of them); their configs must agree. The form is chosen when the
 * graph starts, by how many share the channel, and is at least what the config says. -EINVAL (err names
 * the port), -EBUSY (started), -ENOMEM; -EPROTOTYPE names both ends and their types. */
int spead_graph_join(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_graph_end to, const struct spead_channel_config *config,
                     struct spead_err *err);

/* Joins a port to a channel of the caller's, whose other end belongs to a thread, an event loop, an engine or
 * another graph. The graph opens its end at start, and keeps a reference. */
int spead_graph_join_input(struct spead_graph *graph, struct spead_channel *from,
                           struct spead_graph_end to, struct spead_err *err);
int spead_graph_join_output(struct spead_graph *graph, struct spead_graph_end from,
                            struct spead_channel *to, struct spead_err *err);

/* Checks (every input joined, types, policies) and describes: nodes, edges, capacities, policies, memory,
 * where each node will run. Text for people, or JSON. As snprintf(): returns the length it has in all,
 * fills at most max bytes, terminated; or -errno with a sentence when the graph cannot run. */
enum spead_report_format { SPEAD_REPORT_TEXT = 0, SPEAD_REPORT_JSON = 1 };
int spead_graph_plan(const struct spead_graph *graph, enum spead_report_format format, char *out,
                     size_t max, struct spead_err *err);

/* ---- Running on an executor ---------------------------------------------------------------- */

/* Checks, starts the nodes (against the direction of flow: who receives is ready first) and runs. If a start()
 * fails, those started are finished again and the graph can only be destroyed. A node stays with one worker:
 * the one pinned to its cpu (-EINVAL if there is none), else neighbours in the flow share one as far as
 * that keeps the numbers of nodes even. See docs/adr/0014. */
int spead_graph_start(struct spead_graph *graph, struct spead_executor *executor,
                      struct spead_err *err);

void spead_graph_stop(struct spead_graph *graph);
void spead_graph_cancel(struct spead_graph *graph);

/* Waits for the end. Returns 0, the code of the failure (err: its sentence), -ECANCELED, or -ETIMEDOUT.
 * deadline_ns is CLOCK_MONOTONIC; 0 waits without limit. */
int spead_graph_wait(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err);

/* Whether wait() would return at once; also tells a wait that was too long from a failure with -ETIMEDOUT. A graph
 * that could not start has not ended. Any thread. */
bool spead_graph_has_ended(const struct spead_graph *graph);

/* stop and wait; at the deadline cancel, and -ETIMEDOUT with a sentence that says which edges held how
 * many messages. The graph has ended when it returns. */
int spead_graph_drain(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err);

/* ---- Pulling on the caller's thread -------------------------------------------------------- */

/* The next message of an output that is joined to nothing; only the work that it needs is done, on this
 * thread: a node is stepped when the one after it found its input empty, so that an edge's capacity is how
 * far work may run ahead. The first call starts the nodes. Returns 0 and one message, -ESHUTDOWN at the
 * end, the code of a failure, or -ECANCELED. A graph with blocking nodes steps these here too. Where all
 * that is needed waits for time, spead_node_wake() or a channel of the caller's, this call sleeps. */
int spead_graph_next(struct spead_graph *graph, struct spead_graph_end from,
                     struct spead_message *message, struct spead_err *err);

/* ---- Reports (any thread) ------------------------------------------------------------------ */

/* What went wrong first. */
struct spead_failure {
    uint32_t struct_size; /* set by _INIT */
    int code;             /* 0: nothing did */
    char path[256];       /* node by node from a source: "capture > unpack > fft" */
    bool has_message;
    uint32_t stream; /* of the message worked on */
    uint64_t sequence;
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
    uint64_t busy_ns; /* in steps, and between one and the next of its worker */
    uint64_t in, out; /* messages over all ports; conservation is the node's own affair */
    uint64_t failed;  /* steps that failed = retried + skipped + logged + diverted + fatal */
    uint64_t retried, skipped, logged, diverted, fatal;
    uint64_t cpu_ns; /* of the thread of a blocking node on an executor; 0 until it has finished */
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

/* The channel at a node's port, for its stats; borrowed. NULL: joined to nothing, no such port, or the graph has
 * not started. */
struct spead_channel *spead_graph_channel(const struct spead_graph *graph,
                                          struct spead_graph_end end);

/* Which node limits the graph, from how long ends were starved and blocked since the start: "node fft
 * limits: its input was full 93 % of the time, its output empty". Text or JSON with all edges; as
 * spead_graph_plan(). */
int spead_graph_verdict(const struct spead_graph *graph, enum spead_report_format format, char *out,
                        size_t max);

#ifdef __cplusplus
}
#endif
#endif
