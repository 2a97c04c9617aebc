/* A receive stream as the source node of a graph, and the library's own test sink behind it.
 *
 *     static struct recv_graph_rig rig;    // zeroed
 *     recv_graph_init(&rig);               // change rig.config and rig.sink_config
 *     recv_graph_build(&rig);              // capture > sink
 *     recv_graph_push(&rig, 1, 100);       // heaps 1 to 100 onto rig.wire
 *     recv_graph_start(&rig);
 *     int ret = recv_graph_wait(&rig, NULL);
 *     recv_graph_close(&rig);
 *
 * Aborts when a call fails that no test is about. */
#ifndef TEST_RECV_GRAPH_RIG_H
#define TEST_RECV_GRAPH_RIG_H

#include <speadline/graph.h>
#include <speadline/mem_link.h>
#include <speadline/probe.h>

#include "recv_rig.h"

struct recv_graph_rig {
    struct spead_recv_stream_config config;
    struct spead_probe_sink_config sink_config;
    struct spead_mem_link *wire;
    struct spead_recv_stream *stream;
    struct recv_rig scripted; /* where the packets come from an engine that can fail */
    struct spead_executor *executor;
    struct spead_graph *graph;
    struct spead_probe_sink *sink;
    struct spead_node *capture, *sink_node;

    /* A second stream, on a link of its own. */
    struct spead_recv_stream *other;
    struct spead_mem_link *other_wire;

    struct spead_err err;
};

void recv_graph_init(struct recv_graph_rig *rig);
void recv_graph_close(struct recv_graph_rig *rig);

/* ---- Building ------------------------------------------------------------------------------ */

/* A stream on this link, by rig->config. */
struct spead_recv_stream *recv_graph_open_on(struct recv_graph_rig *rig,
                                             struct spead_mem_link **link);
struct spead_node *recv_graph_add_stream(struct recv_graph_rig *rig,
                                         struct spead_recv_stream *added, const char *name);
void recv_graph_add_sink(struct recv_graph_rig *rig);
void recv_graph_join(struct recv_graph_rig *rig, struct spead_node *from,
                     const struct spead_channel_config *edge); /* to the sink */

/* capture > sink, by the channel that the stream wants: a stream of the rig's own, or this one, or one on
 * rig->scripted. */
void recv_graph_build(struct recv_graph_rig *rig);
void recv_graph_build_on(struct recv_graph_rig *rig, struct spead_recv_stream *built);
void recv_graph_build_scripted(struct recv_graph_rig *rig);

/* close_other() takes the graph down first: it must have ended. */
void recv_graph_open_other(struct recv_graph_rig *rig);
void recv_graph_close_other(struct recv_graph_rig *rig);

/* ---- Running ------------------------------------------------------------------------------- */

/* Heaps of 8 bytes with counters from first on. */
void recv_graph_push(struct recv_graph_rig *rig, uint64_t first, uint64_t count);
void recv_graph_push_on(struct spead_mem_link *link, uint64_t first, uint64_t count);

void recv_graph_start(struct recv_graph_rig *rig);
int recv_graph_wait(struct recv_graph_rig *rig, struct spead_err *err);

/* ---- Afterwards ---------------------------------------------------------------------------- */

struct spead_probe_record recv_graph_record(struct recv_graph_rig *rig);
struct spead_recv_stats recv_graph_stats(struct recv_graph_rig *rig); /* they add up */
uint64_t recv_graph_packets(struct recv_graph_rig *rig, enum spead_recv_bucket bucket);
struct spead_channel_stats recv_graph_edge_stats(struct recv_graph_rig *rig); /* capture's */

/* Released by the channel: left in it when the sink closed, or sent at that very moment. */
uint64_t recv_graph_left_in_channel(struct recv_graph_rig *rig);

#endif
