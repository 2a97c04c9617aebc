/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a test a graph of two nodes: a receive stream as the source node, and a probe sink.
 *
 *     static struct recv_graph_rig rig;    // zeroed
 *     recv_graph_init(&rig);               // then change rig.config and rig.sink_config
 *     recv_graph_build(&rig);              // builds the graph capture > sink
 *     recv_graph_push(&rig, 1, 100);       // pushes the heaps 1 to 100 onto rig.wire
 *     recv_graph_start(&rig);
 *     int ret = recv_graph_wait(&rig, NULL);
 *     recv_graph_close(&rig);
 *
 * Some calls must not fail in any test. If such a call fails, the rig ends the program with abort(). */
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
    /* A stream on a scripted engine. A test uses this stream, and not a stream on `wire`, if it needs an engine that
     * can fail. */
    struct recv_rig scripted;
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

/* Makes a stream that reads *link, with the configuration rig->config, and returns the stream. */
struct spead_recv_stream *recv_graph_open_on(struct recv_graph_rig *rig,
                                             struct spead_mem_link **link);
struct spead_node *recv_graph_add_stream(struct recv_graph_rig *rig,
                                         struct spead_recv_stream *added, const char *name);
void recv_graph_add_sink(struct recv_graph_rig *rig);
/* Joins the output of `from` to the sink. `edge` is the configuration of the edge. */
void recv_graph_join(struct recv_graph_rig *rig, struct spead_node *from,
                     const struct spead_channel_config *edge);

/* Each function builds the graph capture > sink. The stream gives the configuration of the edge. recv_graph_build()
 * makes a stream on rig->wire, recv_graph_build_on() uses the given stream, and recv_graph_build_scripted() makes a
 * stream on rig->scripted. */
void recv_graph_build(struct recv_graph_rig *rig);
void recv_graph_build_on(struct recv_graph_rig *rig, struct spead_recv_stream *built);
void recv_graph_build_scripted(struct recv_graph_rig *rig);

/* recv_graph_open_other() makes the second stream. recv_graph_close_other() destroys the graph, which must have ended,
 * and then the second stream. */
void recv_graph_open_other(struct recv_graph_rig *rig);
void recv_graph_close_other(struct recv_graph_rig *rig);

/* ---- Running ------------------------------------------------------------------------------- */

/* Both functions push `count` heaps of 8 bytes; the heap counters are `first`, `first` + 1 and so on. recv_graph_push()
 * pushes onto rig->wire, and recv_graph_push_on() onto `link`. */
void recv_graph_push(struct recv_graph_rig *rig, uint64_t first, uint64_t count);
void recv_graph_push_on(struct spead_mem_link *link, uint64_t first, uint64_t count);

void recv_graph_start(struct recv_graph_rig *rig);
int recv_graph_wait(struct recv_graph_rig *rig, struct spead_err *err);

/* ---- Afterwards ---------------------------------------------------------------------------- */

struct spead_probe_record recv_graph_record(struct recv_graph_rig *rig);
/* Returns the statistics of the stream. Checks that `seen` equals the sum of the buckets. */
struct spead_recv_stats recv_graph_stats(struct recv_graph_rig *rig);
uint64_t recv_graph_packets(struct recv_graph_rig *rig, enum spead_recv_bucket bucket);
/* Returns the statistics of the edge from capture to the sink. */
struct spead_channel_stats recv_graph_edge_stats(struct recv_graph_rig *rig);

/* Returns how many heaps are still in the channel behind the stream: those that were sent at the same moment at which
 * its receiving end closed. They are counted as delivered. */
uint64_t recv_graph_left_in_channel(struct recv_graph_rig *rig);

#endif
