/* SPDX-License-Identifier: Apache-2.0 */
/* A graph with two nodes: a probe source and a send sink. The stream of the sink has a scripted engine
 * (scripted_tx.h).
 *
 *     struct sink_rig rig;
 *     sink_rig_init(&rig, 100, 4);         // messages, heaps in flight; then change configs and rig.tx
 *     sink_rig_start(&rig);
 *     int ret = spead_graph_wait(rig.graph, 0, &rig.err);
 *     sink_rig_close(&rig);                // returns 0 when all messages have been released
 *
 * Each message refers to an object that counts references. For each message the sink sends a heap with one item. The
 * first word of the item is the number of the object. */
#ifndef TEST_SINK_RIG_H
#define TEST_SINK_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/graph.h>
#include <speadline/probe.h>
#include <speadline/send_node.h>

#include "scripted_tx.h"

enum { SINK_RIG_HEAP_BYTES = 64, SINK_RIG_MESSAGES_MAX = 4096 };

/* The object that a message refers to. */
struct sink_object {
    _Atomic int references;
    uint64_t number;
    uint8_t bytes[SINK_RIG_HEAP_BYTES];
};

struct sink_rig {
    struct spead_send_stream_config stream_config;
    struct spead_send_sink_config sink_config;
    struct spead_probe_source_config source_config;
    struct spead_node_config node_config; /* the test sets the failure policies of the sink here */
    /* The capacity of the channel from the source to the sink, in messages. It begins with 32. */
    uint32_t edge_capacity;
    /* describe() returns describe_error for the message with the index describe_error_at, but only the first
     * describe_error_times times. */
    int describe_error;
    uint64_t describe_error_at;
    unsigned describe_error_times;
    /* If true, a probe sink receives the diverted messages. */
    bool collects;

    struct scripted_tx *tx;
    struct spead_send_stream *stream;
    struct spead_send_sink *sink;
    struct spead_probe_source *source;
    struct spead_probe_sink *diverted; /* NULL if `collects` is false */
    struct spead_executor *executor;
    struct spead_graph *graph;
    struct spead_node *from, *to;
    struct spead_err err;

    struct sink_object *objects;
    struct spead_message *messages;
    uint32_t count;
    _Atomic uint64_t done; /* how many heaps have completed, with or without an error */
};

void sink_rig_init(struct sink_rig *rig, uint32_t messages, uint32_t heaps_max);
/* Returns the type of the messages. */
int sink_rig_type(void);

/* sink_rig_open() creates the stream, the send sink and the source. sink_rig_build() builds the graph.
 * sink_rig_build_on() builds the graph without the source; the channel `input` is then the input of the graph.
 * sink_rig_start() builds the graph with sink_rig_build() and starts it on an executor. If the test has not called
 * sink_rig_open(), sink_rig_start() calls it first. */
void sink_rig_open(struct sink_rig *rig);
void sink_rig_build(struct sink_rig *rig);
void sink_rig_build_on(struct sink_rig *rig, struct spead_channel *input);
void sink_rig_start(struct sink_rig *rig);

/* Returns the number of the object from which the sink made the heap of the recorded packet n. */
uint64_t sink_rig_sent_number(const struct sink_rig *rig, size_t n);

/* Returns a snapshot of the statistics. Aborts if `in` is not the sum of the other counters of messages. */
struct spead_send_sink_stats sink_rig_stats(const struct sink_rig *rig);

/* Destroys everything in the order that the contracts ask for. Returns how many messages have not been released. */
unsigned sink_rig_close(struct sink_rig *rig);

#endif
