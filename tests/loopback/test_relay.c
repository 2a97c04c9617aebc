/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a graph receives heaps on one link and sends them on another link, unchanged and in order. It loses no heap,
 * although both sides have room for only a few heaps.
 *
 * Method: a receive stream and a send stream are the two nodes of a graph. A sender and a receiver, which know nothing
 * of the graph, are at its two sides. The content of each heap depends on its heap counter, so the test sees which heap
 * has arrived. The stop heap of the sender ends the graph. */
#include <criterion/criterion.h>

#include <string.h>

#include <speadline/graph.h>
#include <speadline/recv.h>
#include <speadline/send_node.h>

#include "step_nodes.h"

enum { HEAPS = 300, HEAP_BYTES = 5000, FIRST_COUNTER = 40 };

static uint8_t contents[HEAPS][HEAP_BYTES];

struct relay {
    struct spead_mem_link *in, *out;
    struct spead_send_stream *sender, *forward;
    struct spead_recv_stream *capture, *receiver;
    struct spead_send_sink *sink;
    struct spead_graph *graph;
    struct spead_executor *executor;
    struct spead_send_runner *sending;
    struct spead_recv_runner *receiving;
};

static struct spead_send_stream *send_to(struct spead_mem_link *link, uint32_t heaps_max)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream;

    config.engine = "mem";
    config.links = &link;
    config.link_count = 1;
    config.heaps_max = heaps_max;
    config.heap_counter_first = FIRST_COUNTER;
    cr_assert_eq(spead_send_stream_create(&stream, &config, NULL), 0);
    return stream;
}

static struct spead_recv_stream *receive_from(struct spead_mem_link *link, uint32_t hand_over_heaps)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stream *stream;

    config.engine = "mem";
    config.links = &link;
    config.link_count = 1;
    config.heap_bytes_max = 8192;
    config.hand_over_heaps = hand_over_heaps;
    config.held_heaps = 8; /* The send sink keeps the heaps that are in flight. */
    config.on_full = SPEAD_ON_FULL_BLOCK;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, NULL), 0);
    return stream;
}

static void build(struct relay *relay, uint32_t heaps_max)
{
    struct spead_send_sink_config sink_config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_channel_config edge = spead_recv_stream_edge_config(relay->capture);
    struct spead_node_config node = spead_recv_stream_node(relay->capture, "capture");
    struct spead_node *from, *to;

    sink_config.stream = relay->forward = send_to(relay->out, heaps_max);
    cr_assert_eq(spead_send_sink_create(&relay->sink, &sink_config, NULL), 0);
    relay->graph = step_graph("relay");
    relay->executor = step_executor(1);
    cr_assert_eq(spead_graph_add(relay->graph, &node, &from, NULL), 0);
    node = spead_send_sink_node(relay->sink, "forward");
    cr_assert_eq(spead_graph_add(relay->graph, &node, &to, NULL), 0);
    cr_assert_eq(spead_graph_join(relay->graph, (struct spead_graph_end){from, "heaps"},
                                  (struct spead_graph_end){to, "heaps"}, &edge, NULL),
                 0);
}

static void open_relay(struct relay *relay, uint32_t heaps_max)
{
    cr_assert_eq(spead_mem_link_create(&relay->in, 16, 2048, NULL), 0);
    cr_assert_eq(spead_mem_link_create(&relay->out, 16, 2048, NULL), 0);
    relay->sender = send_to(relay->in, 2);
    relay->capture = receive_from(relay->in, 2);
    relay->receiver = receive_from(relay->out, HEAPS);
    build(relay, heaps_max);
    cr_assert_eq(spead_recv_runner_start(&relay->receiving, relay->receiver, -1, NULL), 0);
    cr_assert_eq(spead_graph_start(relay->graph, relay->executor, NULL), 0);
    cr_assert_eq(spead_send_runner_start(&relay->sending, relay->sender, -1, NULL), 0);
}

static void close_relay(struct relay *relay)
{
    spead_send_stream_stop(relay->sender);
    cr_expect_eq(spead_send_runner_join(relay->sending, NULL), 0);
    spead_graph_destroy(relay->graph);
    spead_executor_destroy(relay->executor);
    spead_send_stream_destroy(relay->sender);
    spead_send_stream_destroy(relay->forward);
    spead_send_sink_destroy(relay->sink);
    spead_recv_stream_destroy(relay->capture);
    spead_recv_stream_stop(relay->receiver);
    cr_expect_eq(spead_recv_runner_join(relay->receiving, NULL), 0);
    spead_recv_stream_destroy(relay->receiver);
    spead_mem_link_unref(relay->in);
    spead_mem_link_unref(relay->out);
}

static void send_all(struct relay *relay)
{
    struct spead_send_heap *heaps[HEAPS], *stop;

    for (unsigned i = 0; i < HEAPS; i++) {
        for (size_t k = 0; k < HEAP_BYTES; k++)
            contents[i][k] = (uint8_t)(i * 7 + k * 13);
        cr_assert_eq(spead_send_heap_create(&heaps[i], (struct spead_flavour)SPEAD_FLAVOUR_64_48),
                     0);
        cr_assert_geq(spead_send_heap_add_immediate(heaps[i], 0x1600, i), 0);
        cr_assert_geq(spead_send_heap_add_item(heaps[i], 0x1000, contents[i], HEAP_BYTES, false),
                      0);
        cr_assert_eq(spead_send_stream_submit_wait(relay->sender, heaps[i], NULL, 0), 0);
    }
    cr_assert_eq(spead_send_heap_create(&stop, (struct spead_flavour)SPEAD_FLAVOUR_64_48), 0);
    cr_assert_geq(spead_send_heap_add_control(stop, SPEAD_CONTROL_STOP), 0);
    cr_assert_eq(spead_send_stream_submit_wait(relay->sender, stop, NULL, 0), 0);
    cr_assert_eq(spead_send_stream_flush(relay->sender, 0), 0);
    for (unsigned i = 0; i < HEAPS; i++)
        spead_send_heap_destroy(heaps[i]);
    spead_send_heap_destroy(stop);
}

static void expect_heap(struct relay *relay, uint64_t i)
{
    struct spead_heap *heap;
    struct spead_item item;

    cr_assert_eq(spead_recv_stream_take(relay->receiver, &heap, 0), 0);
    cr_assert_eq(spead_heap_counter(heap), FIRST_COUNTER + i);
    cr_expect(spead_heap_is_complete(heap));
    cr_assert_eq(spead_heap_find_item(heap, 0x1600, &item), 0);
    cr_expect_eq(item.value, i);
    cr_assert_eq(spead_heap_find_item(heap, 0x1000, &item), 0);
    cr_assert_eq(item.bytes, HEAP_BYTES);
    cr_expect_arr_eq(item.data, contents[i], HEAP_BYTES);
    spead_heap_unref(heap);
}

static void relay_all(uint32_t heaps_max)
{
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_recv_stats received = SPEAD_RECV_STATS_INIT;
    struct relay relay = {0};
    struct spead_err err = {0};

    open_relay(&relay, heaps_max);
    send_all(&relay);
    cr_expect_eq(spead_graph_wait(relay.graph, 0, &err), 0, "%s", err.text);
    for (uint64_t i = 0; i < HEAPS; i++)
        expect_heap(&relay, i);
    spead_send_sink_stats(relay.sink, &stats);
    cr_expect_eq(stats.sent, HEAPS);
    spead_recv_stream_stats(relay.capture, &received);
    cr_expect_eq(received.counters.heaps_complete, HEAPS);
    cr_expect_eq(received.counters.heaps_shed + received.counters.heaps_no_memory, 0);
    close_relay(&relay);
}

Test(relay, heaps_go_through_one_at_a_time)
{
    relay_all(1);
}

Test(relay, heaps_go_through_with_several_in_flight)
{
    relay_all(6);
}
