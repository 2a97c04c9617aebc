/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a chunk stream works as a source node, and the graph names a consumer that holds all chunks. Method: heaps come
 * over a memory link; a sink of the test keeps the chunks for as long as the test says. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "chunk_rig.h"
#include "recv_graph_rig.h"

#define KEPT_MAX 16u

static struct recv_graph_rig rig;
static struct spead_chunk_config chunks;
static const uint64_t ids[] = {CHUNK_RIG_NUMBER};

static void put(void *state, const struct spead_chunk_packet *packet,
                struct spead_chunk_place *place)
{
    (void)state;
    place->chunk_id = packet->items[0] / (int64_t)CHUNK_RIG_HEAPS;
    place->heap_index = (uint64_t)packet->items[0] % CHUNK_RIG_HEAPS;
    place->heap_offset = place->heap_index * CHUNK_RIG_HEAP;
}

static void set_up(void)
{
    recv_graph_init(&rig);
    chunks = (struct spead_chunk_config)SPEAD_CHUNK_CONFIG_INIT;
    chunks.chunk_bytes = CHUNK_RIG_CHUNK;
    chunks.present_count = CHUNK_RIG_HEAPS;
    chunks.chunk_count = 4;
    chunks.place = put;
    chunks.items = ids;
    chunks.item_count = 1;
    rig.config.chunks = &chunks;
}

static void tear_down(void)
{
    recv_graph_close(&rig);
}

TestSuite(chunk_node, .init = set_up, .fini = tear_down);

static void push_heaps(uint64_t count)
{
    struct test_packet packet;
    uint8_t payload[CHUNK_RIG_HEAP];

    for (uint64_t number = 0; number < count; number++) {
        for (unsigned i = 0; i < CHUNK_RIG_HEAP; i++)
            payload[i] = test_packet_byte(number + 1, i);
        test_packet_specials(&packet, 40, number + 1, CHUNK_RIG_HEAP, 0, CHUNK_RIG_HEAP);
        test_packet_immediate(&packet, CHUNK_RIG_NUMBER, number);
        test_packet_payload(&packet, payload, sizeof payload);
        cr_assert_eq(spead_mem_link_push(rig.wire, packet.bytes, packet.length), 0);
    }
    spead_mem_link_close(rig.wire);
}

/* Adds the stream, and joins it to the input of `sink`. */
static void build(struct spead_node *sink)
{
    struct spead_channel_config edge;

    rig.stream = recv_graph_open_on(&rig, &rig.wire);
    edge = spead_recv_stream_edge_config(rig.stream);
    rig.capture = recv_graph_add_stream(&rig, rig.stream, "capture");
    cr_assert_eq(spead_graph_join(rig.graph, (struct spead_graph_end){rig.capture, "chunks"},
                                  (struct spead_graph_end){sink, NULL}, &edge, &rig.err),
                 0, "%s", rig.err.text);
}

Test(chunk_node, chunks_leave_a_graph_as_messages)
{
    struct spead_probe_record seen;

    recv_graph_add_sink(&rig);
    build(rig.sink_node);
    push_heaps(95);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    seen = recv_graph_record(&rig);
    cr_assert_eq(seen.received, 10);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_eq(seen.arrivals[i].message.key, i);
        cr_expect_eq(seen.arrivals[i].message.sequence, i);
        cr_expect_eq(seen.arrivals[i].message.length, CHUNK_RIG_CHUNK);
        cr_expect_eq(seen.arrivals[i].message.flags & SPEAD_MESSAGE_INCOMPLETE,
                     i < 9 ? 0 : SPEAD_MESSAGE_INCOMPLETE);
    }
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), 95);
    cr_expect_eq(recv_graph_stats(&rig).counters.chunks_complete, 9);
}

Test(chunk_node, an_input_for_heaps_is_refused)
{
    rig.sink_config.type = SPEAD_TYPE_HEAP;
    struct spead_channel_config edge;

    recv_graph_add_sink(&rig);
    rig.stream = recv_graph_open_on(&rig, &rig.wire);
    edge = spead_recv_stream_edge_config(rig.stream);
    rig.capture = recv_graph_add_stream(&rig, rig.stream, "capture");
    cr_expect_lt(spead_graph_join(rig.graph, (struct spead_graph_end){rig.capture, "chunks"},
                                  (struct spead_graph_end){rig.sink_node, NULL}, &edge, &rig.err),
                 0);
    cr_expect_not_null(strstr(rig.err.text, "\"chunk\""), "%s", rig.err.text);
}

/* A sink that keeps the chunks until it has as many as there are, and then for `keep_ns`. */
struct keeper {
    struct spead_message kept[KEPT_MAX];
    uint32_t count, full_times;
    uint64_t received;
};

static int keep(void *state, struct spead_node *self)
{
    struct keeper *keeper = state;
    const struct timespec nap = {.tv_nsec = 50000000};
    int ret = spead_node_receive(self, 0, &keeper->kept[keeper->count], 1);

    if (ret > 0) {
        keeper->count++;
        keeper->received++;
    }
    if (keeper->count == 4 || (ret == -ESHUTDOWN && keeper->count > 0)) {
        nanosleep(&nap, NULL); /* the source has heaps, and no chunk */
        keeper->full_times++;
        while (keeper->count > 0)
            spead_message_unref(&keeper->kept[--keeper->count]);
    }
    if (ret == -ESHUTDOWN)
        return SPEAD_STEP_DONE;
    return ret > 0 ? SPEAD_STEP_AGAIN : SPEAD_STEP_WAITING;
}

Test(chunk_node, the_verdict_names_a_consumer_that_holds_all_chunks)
{
    static const struct spead_node_ops ops = {.kind = "keeper", .step = keep};
    struct spead_port input = {.name = "in", .type = (int)spead_chunk_message_type()};
    struct spead_node_config node = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *added;
    struct keeper keeper = {0};
    char text[4096], json[8192];

    node.name = "keeper";
    node.ops = &ops;
    node.state = &keeper;
    node.inputs = &input;
    node.input_count = 1;
    node.blocking = true;
    cr_assert_eq(spead_graph_add(rig.graph, &node, &added, &rig.err), 0, "%s", rig.err.text);
    build(added);
    push_heaps(200);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(keeper.received, 20);
    cr_expect_gt(recv_graph_stats(&rig).counters.chunk_shortage_ns, 0u);
    cr_expect_eq(recv_graph_stats(&rig).counters.chunks_free_least, 0);
    (void)spead_graph_verdict(rig.graph, SPEAD_REPORT_TEXT, text, sizeof text);
    (void)spead_graph_verdict(rig.graph, SPEAD_REPORT_JSON, json, sizeof json);
    cr_expect_not_null(strstr(text, "node capture had no free chunk "), "%s", text);
    cr_expect_not_null(strstr(text, "the nodes behind it hold all of them"), "%s", text);
    cr_expect_not_null(strstr(json, "\"short\""), "%s", json);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), 200);
}

Test(chunk_node, a_cancelled_graph_sheds_its_chunks)
{
    recv_graph_add_sink(&rig);
    build(rig.sink_node);
    push_heaps(25);
    recv_graph_start(&rig);
    spead_graph_cancel(rig.graph);
    (void)recv_graph_wait(&rig, NULL);
    (void)recv_graph_stats(&rig); /* the ledger adds up */
}
