/* SPDX-License-Identifier: Apache-2.0 */
/* Building a graph with calls that stand in the order in which the messages pass them:
 *
 *     struct spead_pipeline *p = spead_pipeline_create("photometer");
 *
 *     spead_pipeline_node(p, NULL, spead_recv_stream_node(stream, "stream"));
 *     spead_pipeline_filter(p, SPEAD_STAGE("complete"), is_complete, NULL);
 *     spead_pipeline_each(p, SPEAD_STAGE("writer", .capacity = 8), write_heap, file);
 *     ret = spead_pipeline_finish(p, &graph, &err);
 *
 * Each call adds one node (a stage) and joins it to the output at which the pipeline stands. Then the pipeline stands
 * at the output of the new node. spead_pipeline_from() goes back to another output, so that the graph gets a branch.
 * spead_pipeline_into() joins the output to a node that exists already, so that two branches meet. The operators are in
 * speadline/operators.h. A call that adds a stage returns nothing: the pipeline keeps the first error, does nothing
 * more after it, and spead_pipeline_finish() returns it with its sentence.
 *
 * The result is an ordinary graph (graph.h), which can be planned, started, pulled and destroyed as any other. Building
 * opens nothing and runs nothing.
 *
 * Threads:  One thread at a time uses a pipeline.
 * Lifetime: create -> stages ... -> finish | destroy */
#ifndef SPEADLINE_PIPELINE_H
#define SPEADLINE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/error.h>
#include <speadline/graph.h>
#include <speadline/node.h>
#include <speadline/throttle.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_pipeline; /* opaque */

/* A clock that a program can give to a stage, mostly in tests. now_ns() returns the time in nanoseconds. The thread
 * that steps the node calls it. A time that is earlier than the one before counts as "no time has passed". */
struct spead_stage_clock {
    uint64_t (*now_ns)(void *arg);
    void *arg;
};

/* What is said about a stage besides its function. In C, SPEAD_STAGE() makes one; otherwise start from
 * SPEAD_STAGE_INIT. A field that is 0 has its default. The library copies what it needs. */
struct spead_stage {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    const char *name;     /* the name of the node, unique in the graph */

    /* The channel in front of the node. These fields mean the same as in struct spead_channel_config. `capacity` 0 means
     * the capacity of the pipeline, which is 1 or what spead_pipeline_set_capacity() said. */
    uint32_t capacity;
    enum spead_on_full on_full;
    uint32_t sample_n;
    uint32_t lanes; /* 0: one lane */
    /* The whole configuration of that channel, in place of the four fields above; NULL: they hold. */
    const struct spead_channel_config *edge;

    /* The next fields mean the same as in struct spead_node_config. They have no effect on a node that has a
     * configuration of its own (spead_pipeline_node()). */
    enum spead_on_error on_error;
    enum spead_on_error after_retries;
    uint32_t retries;
    uint64_t backoff_ns;
    bool blocking;
    bool pinned; /* true: the node runs on the CPU `cpu` */
    int cpu;

    /* The names of the types of the messages that come in and go out, such as "heap". NULL: what comes in has the type
     * of the output that the stage is joined to, and what goes out has the type of what comes in. */
    const char *takes, *gives;
    /* How many messages one step takes. 0: as many as the channel holds, at most 64. At most 4096. */
    uint32_t batch;
    /* The stage takes a ticket of this throttle for a message before it works on the message. The graph keeps a
     * reference. NULL: no ticket. */
    struct spead_throttle *throttle;
    /* The clock of the stage; *clock is borrowed until the graph is destroyed. NULL: CLOCK_MONOTONIC. With a clock of
     * the program the library cannot know when a time comes. The program must call spead_node_wake() after it has moved
     * the clock. */
    const struct spead_stage_clock *clock;
};
/* clang-format off */
#define SPEAD_STAGE_INIT { .struct_size = sizeof(struct spead_stage) }
/* clang-format on */
/* Does what SPEAD_STAGE_INIT does; `size` is sizeof *stage. Any thread. See docs/abi.md. */
void spead_stage_init(struct spead_stage *stage, size_t size);

/* A pointer to a stage with this name, and after the name any fields: SPEAD_STAGE("fft", .capacity = 8). C only. */
#define SPEAD_STAGE(...) \
    (&(struct spead_stage){.struct_size = sizeof(struct spead_stage), __VA_ARGS__})

/* Begins a graph of this name. Returns NULL if there is no memory. All functions below accept NULL, so the caller need
 * not look: spead_pipeline_finish() then returns -ENOMEM. */
struct spead_pipeline *spead_pipeline_create(const char *name);

/* Sets the capacity of the channels that later calls make, where their stage does not say one. */
void spead_pipeline_set_capacity(struct spead_pipeline *pipeline, uint32_t capacity);

/* Adds a node that has a configuration of its own: a receive stream, a send sink, a node of the program. A node without
 * inputs begins a new path. Otherwise its only input, or the input "in", is joined to the output at which the pipeline
 * stands. The stage says which channel is in front of the node; it may be NULL. */
void spead_pipeline_add(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        const struct spead_node_config *node);
/* Does what spead_pipeline_add() does with a configuration that another function has just returned. */
static inline void spead_pipeline_node(struct spead_pipeline *pipeline,
                                       const struct spead_stage *stage,
                                       struct spead_node_config node)
{
    spead_pipeline_add(pipeline, stage, &node);
}

/* Goes to the output `port` of the node with this name: the next stage is joined there. `port` may be NULL if the node
 * has one output, or an output "out". */
void spead_pipeline_from(struct spead_pipeline *pipeline, const char *node, const char *port);

/* Joins the output at which the pipeline stands to the input `port` of the node with this name. `port` may be NULL: then
 * it is the first input that is joined to nothing, or else the only input. Several outputs that are joined to one input
 * share its channel; its messages come in the order in which they are sent. The stage says which channel is made; it
 * may be NULL, and must be NULL if the input is joined already. After the call the pipeline stands nowhere. */
void spead_pipeline_into(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         const char *node, const char *port);

/* Joins the output at which the pipeline stands to a channel of the program, or begins a path at a channel of the
 * program: the next stage reads it. See spead_graph_join_output() and spead_graph_join_input(). */
void spead_pipeline_to_channel(struct spead_pipeline *pipeline, struct spead_channel *channel);
void spead_pipeline_from_channel(struct spead_pipeline *pipeline, struct spead_channel *channel);

/* Returns the graph as it is now, so that spead_graph_find() can name its nodes. It is borrowed from the pipeline.
 * Returns NULL after an error. */
struct spead_graph *spead_pipeline_graph(struct spead_pipeline *pipeline);

/* Checks the graph, gives it to the caller in *graph, and frees the pipeline. Every input must be joined. Every output
 * must be joined too, except the output at which the pipeline stands: that one can be pulled (spead_graph_next()).
 * Returns 0, or the first error of the calls before, or -EINVAL; then err holds one sentence, the graph is destroyed
 * and *graph is NULL. err may be NULL. */
int spead_pipeline_finish(struct spead_pipeline *pipeline, struct spead_graph **graph,
                          struct spead_err *err);

/* Frees the pipeline and what it has built. NULL is ignored. */
void spead_pipeline_destroy(struct spead_pipeline *pipeline);

#ifdef __cplusplus
}
#endif
#endif
