/* A graph of a test source and a send sink, on a stream whose engine does as the test says.
 *
 *     struct sink_rig rig;
 *     sink_rig_init(&rig, 100, 4);         // messages, heaps in flight; change configs and rig.tx
 *     sink_rig_start(&rig);
 *     int ret = spead_graph_wait(rig.graph, 0, &rig.err);
 *     sink_rig_close(&rig);                // and all messages must have been released
 *
 * Messages count their references; each becomes a heap of one item, whose first word is its number. */
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

/* What a message of the rig refers to. */
struct sink_object {
    _Atomic int references;
    uint64_t number;
    uint8_t bytes[SINK_RIG_HEAP_BYTES];
};

struct sink_rig {
    struct spead_send_stream_config stream_config;
    struct spead_send_sink_config sink_config;
    struct spead_probe_source_config source_config;
    struct spead_node_config node_config; /* policies; names and ops are filled in */
    uint32_t edge_capacity;               /* between source and sink; 32 */
    int describe_error;                   /* what describe() answers ... */
    uint64_t describe_error_at;           /* ... for this message, */
    unsigned describe_error_times;        /* so many times */
    bool collects;                        /* another sink takes what is diverted */

    struct scripted_tx *tx;
    struct spead_send_stream *stream;
    struct spead_send_sink *sink;
    struct spead_probe_source *source;
    struct spead_probe_sink *diverted; /* NULL unless it collects */
    struct spead_executor *executor;
    struct spead_graph *graph;
    struct spead_node *from, *to;
    struct spead_err err;

    struct sink_object *objects;
    struct spead_message *messages;
    uint32_t count;
    _Atomic uint64_t done; /* heaps that have ended, well or not */
};

void sink_rig_init(struct sink_rig *rig, uint32_t messages, uint32_t heaps_max);
int sink_rig_type(void); /* of its messages */

/* Makes stream and sink; builds the graph; starts it on an executor. */
void sink_rig_open(struct sink_rig *rig);
void sink_rig_build(struct sink_rig *rig);
void sink_rig_build_on(struct sink_rig *rig,
                       struct spead_channel *input); /* in place of a source */
void sink_rig_start(struct sink_rig *rig);

/* The number of the heap in recorded packet n. */
uint64_t sink_rig_sent_number(const struct sink_rig *rig, size_t n);

/* A snapshot that adds up. Aborts if it does not. */
struct spead_send_sink_stats sink_rig_stats(const struct sink_rig *rig);

/* Ends graph, sink, stream in the order that the contract says. Returns how many references are left. */
unsigned sink_rig_close(struct sink_rig *rig);

#endif
