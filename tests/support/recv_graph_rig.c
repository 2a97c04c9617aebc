/* SPDX-License-Identifier: Apache-2.0 */
#include "recv_graph_rig.h"

#include <speadi/clock.h>

#include "must.h"

void recv_graph_init(struct recv_graph_rig *rig)
{
    struct spead_executor_config one = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_graph_config named = SPEAD_GRAPH_CONFIG_INIT;

    rig->config = (struct spead_recv_stream_config)SPEAD_RECV_STREAM_CONFIG_INIT;
    rig->config.heap_bytes_max = 4096;
    rig->config.on_full = SPEAD_ON_FULL_BLOCK;
    rig->config.stop_drain_ns = 30000000000u; /* a worker may not run for a while */
    rig->sink_config = (struct spead_probe_sink_config)SPEAD_PROBE_SINK_CONFIG_INIT;
    MUST(spead_mem_link_create(&rig->wire, 4096, 256, &rig->err) == 0, "%s", rig->err.text);
    MUST(spead_executor_create(&rig->executor, &one, &rig->err) == 0, "%s", rig->err.text);
    MUST(spead_graph_create(&rig->graph, &named, &rig->err) == 0, "%s", rig->err.text);
}

void recv_graph_close(struct recv_graph_rig *rig)
{
    spead_graph_destroy(rig->graph);
    spead_executor_destroy(rig->executor);
    spead_recv_stream_destroy(rig->stream);
    spead_probe_sink_destroy(rig->sink);
    spead_mem_link_unref(rig->wire);
}

void recv_graph_push_on(struct spead_mem_link *link, uint64_t first, uint64_t count)
{
    struct test_packet packet;

    for (uint64_t counter = first; counter < first + count; counter++) {
        test_packet_data(&packet, 40, counter, 8, 0, NULL, 8);
        MUST(spead_mem_link_push(link, packet.bytes, packet.length) == 0, "the link is full");
    }
}

void recv_graph_push(struct recv_graph_rig *rig, uint64_t first, uint64_t count)
{
    recv_graph_push_on(rig->wire, first, count);
}

struct spead_recv_stream *recv_graph_open_on(struct recv_graph_rig *rig,
                                             struct spead_mem_link **link)
{
    struct spead_recv_stream *opened;

    rig->config.links = link;
    rig->config.link_count = 1;
    MUST(spead_recv_stream_create(&opened, &rig->config, &rig->err) == 0, "%s", rig->err.text);
    return opened;
}

struct spead_node *recv_graph_add_stream(struct recv_graph_rig *rig,
                                         struct spead_recv_stream *added, const char *name)
{
    struct spead_node_config node = spead_recv_stream_node(added, name);
    struct spead_node *out;

    MUST(spead_graph_add(rig->graph, &node, &out, &rig->err) == 0, "%s", rig->err.text);
    return out;
}

void recv_graph_add_sink(struct recv_graph_rig *rig)
{
    struct spead_node_config node;

    MUST(spead_probe_sink_create(&rig->sink, &rig->sink_config, &rig->err) == 0, "%s",
         rig->err.text);
    node = spead_probe_sink_node(rig->sink, "sink");
    MUST(spead_graph_add(rig->graph, &node, &rig->sink_node, &rig->err) == 0, "%s", rig->err.text);
}

void recv_graph_join(struct recv_graph_rig *rig, struct spead_node *from,
                     const struct spead_channel_config *edge)
{
    MUST(spead_graph_join(rig->graph, (struct spead_graph_end){from, "heaps"},
                          (struct spead_graph_end){rig->sink_node, NULL}, edge, &rig->err) == 0,
         "%s", rig->err.text);
}

void recv_graph_build_on(struct recv_graph_rig *rig, struct spead_recv_stream *built)
{
    struct spead_channel_config edge = spead_recv_stream_edge_config(built);

    rig->stream = built;
    rig->capture = recv_graph_add_stream(rig, rig->stream, "capture");
    recv_graph_add_sink(rig);
    recv_graph_join(rig, rig->capture, &edge);
}

void recv_graph_build(struct recv_graph_rig *rig)
{
    recv_graph_build_on(rig, recv_graph_open_on(rig, &rig->wire));
}

void recv_graph_build_scripted(struct recv_graph_rig *rig)
{
    recv_rig_init(&rig->scripted);
    recv_rig_open(&rig->scripted);
    recv_graph_build_on(rig, rig->scripted.stream);
}

void recv_graph_start(struct recv_graph_rig *rig)
{
    MUST(spead_graph_start(rig->graph, rig->executor, &rig->err) == 0, "%s", rig->err.text);
}

int recv_graph_wait(struct recv_graph_rig *rig, struct spead_err *err)
{
    /* The graph must end within 30 seconds, which is enough time on any machine. */
    return spead_graph_wait(rig->graph, speadi_clock_mono_ns() + 30000000000u, err);
}

struct spead_probe_record recv_graph_record(struct recv_graph_rig *rig)
{
    struct spead_probe_record seen = SPEAD_PROBE_RECORD_INIT;

    spead_probe_sink_record(rig->sink, &seen);
    return seen;
}

struct spead_recv_stats recv_graph_stats(struct recv_graph_rig *rig)
{
    struct spead_recv_stats now = SPEAD_RECV_STATS_INIT;
    uint64_t sum = 0;

    spead_recv_stream_stats(rig->stream, &now);
    for (unsigned i = 0; i < now.bucket_count; i++)
        sum += now.total.bucket[i].packets;
    MUST(sum == now.total.seen.packets, "the ledger does not add up");
    return now;
}

uint64_t recv_graph_packets(struct recv_graph_rig *rig, enum spead_recv_bucket bucket)
{
    return recv_graph_stats(rig).total.bucket[bucket].packets;
}

struct spead_channel_stats recv_graph_edge_stats(struct recv_graph_rig *rig)
{
    struct spead_channel_stats now = SPEAD_CHANNEL_STATS_INIT;
    struct spead_graph_end end = {rig->capture, "heaps"};

    spead_channel_stats(spead_graph_channel(rig->graph, end), &now);
    return now;
}

uint64_t recv_graph_left_in_channel(struct recv_graph_rig *rig)
{
    struct spead_channel_stats edge = recv_graph_edge_stats(rig);

    return edge.depth;
}

void recv_graph_open_other(struct recv_graph_rig *rig)
{
    MUST(spead_mem_link_create(&rig->other_wire, 4096, 256, &rig->err) == 0, "%s", rig->err.text);
    rig->config.message_stream = 1;
    rig->other = recv_graph_open_on(rig, &rig->other_wire);
}

void recv_graph_close_other(struct recv_graph_rig *rig)
{
    spead_graph_destroy(rig->graph);
    rig->graph = NULL;
    spead_recv_stream_destroy(rig->other);
    spead_mem_link_unref(rig->other_wire);
}
