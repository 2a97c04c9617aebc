/* SPDX-License-Identifier: Apache-2.0 */
#include "relay_rig.h"

#include <errno.h>

#include "must.h"
#include "step_nodes.h"

void relay_hop_open(struct relay_hop *hop)
{
    struct spead_send_stream_config send = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_recv_stream_config recv = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_err err = {0};

    MUST(spead_mem_link_create(&hop->link, 1024, 2048, &err) == 0, "%s", err.text);
    send.engine = recv.engine = "mem";
    send.links = recv.links = &hop->link;
    send.link_count = recv.link_count = 1;
    recv.hand_over_heaps = recv.held_heaps = RELAY_HEAPS_MAX;
    recv.heap_bytes_max = 65536;
    MUST(spead_send_stream_create(&hop->send, &send, &err) == 0, "%s", err.text);
    MUST(spead_recv_stream_create(&hop->recv, &recv, &err) == 0, "%s", err.text);
    MUST(spead_recv_stream_start(hop->recv, &err) == 0, "%s", err.text);
}

void relay_hop_close(struct relay_hop *hop)
{
    spead_send_stream_destroy(hop->send);
    spead_recv_stream_destroy(hop->recv);
    spead_mem_link_unref(hop->link);
}

struct spead_heap *relay_hop_take(struct relay_hop *hop)
{
    struct spead_heap *heap = NULL;

    while (spead_recv_stream_try_take(hop->recv, &heap) == -EAGAIN)
        MUST(spead_recv_stream_poll(hop->recv) >= 0, "the receiver fails");
    return heap;
}

int relay_messages(const struct spead_send_sink_config *config,
                   const struct spead_message *messages, uint64_t count,
                   enum spead_on_error on_error, struct spead_send_sink_stats *stats,
                   struct spead_err *err)
{
    struct spead_probe_source_config source_config = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_executor *executor = step_executor(1);
    struct spead_graph *graph = step_graph("relay");
    struct spead_node_config node_config;
    struct spead_probe_source *source;
    struct spead_node *from, *to;
    struct spead_send_sink *sink;
    int ret;

    source_config.messages = messages;
    source_config.count = count;
    source_config.type = SPEAD_CHANNEL_ANY_TYPE;
    MUST(spead_probe_source_create(&source, &source_config, err) == 0, "%s", err->text);
    MUST(spead_send_sink_create(&sink, config, err) == 0, "%s", err->text);
    node_config = spead_probe_source_node(source, "source");
    MUST(spead_graph_add(graph, &node_config, &from, err) == 0, "%s", err->text);
    node_config = spead_send_sink_node(sink, "sink");
    node_config.on_error = on_error;
    MUST(spead_graph_add(graph, &node_config, &to, err) == 0, "%s", err->text);
    MUST(spead_graph_join(graph, (struct spead_graph_end){from, NULL},
                          (struct spead_graph_end){to, NULL}, NULL, err) == 0,
         "%s", err->text);
    MUST(spead_graph_start(graph, executor, err) == 0, "%s", err->text);
    ret = spead_graph_wait(graph, 0, err);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_send_sink_stats(sink, stats);
    spead_send_sink_destroy(sink);
    for (uint64_t i = spead_probe_source_sent(source); i < count; i++)
        /* The source has not sent this message, so the reference of the message must be released here. */
        spead_message_unref(&messages[i]);
    spead_probe_source_destroy(source);
    return ret;
}
