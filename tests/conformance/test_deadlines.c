/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a duration in the place of a deadline is refused by every function that takes a deadline, and a deadline that
 * has passed is accepted by each.
 * Method: a table has a row for each such function. tests/package/exported.py compares it with the public headers. */
#include <criterion/criterion.h>
#include <errno.h>

#include <speadline/deadline.h>
#include <speadline/graph.h>
#include <speadline/recv.h>
#include <speadline/recv_chunk.h>
#include <speadline/send.h>
#include <speadline/send_slots.h>
#include <speadline/throttle.h>

#include "must.h"

#define DURATION_NS \
    UINT64_C(500000000) /* what a caller gives who wants to wait for half a second */

static struct spead_mem_link *link_between;
static struct spead_recv_stream *receiving, *chunking;
static struct spead_send_stream *sending;
static struct spead_send_heap *heap;
static struct spead_send_slots *slots;
static struct spead_channel *channel;
static struct spead_sender *sender;
static struct spead_receiver *receiver;
static struct spead_throttle *throttle;
static struct spead_executor *executor;
static struct spead_graph *graph;
static uint64_t deadline_of_step;
static int ret_of_step;

static int step(void *state, struct spead_node *self)
{
    (void)state;
    if (!spead_node_is_stopping(self))
        ret_of_step = spead_node_wait_until(self, deadline_of_step);
    return SPEAD_STEP_DONE;
}

static void start_graph(void)
{
    static const struct spead_node_ops ops = {.kind = "test", .step = step};
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_node_config node = SPEAD_NODE_CONFIG_INIT;

    node.name = "node";
    node.ops = &ops;
    MUST(spead_graph_create(&graph, &config, NULL) == 0, "no graph");
    MUST(spead_graph_add(graph, &node, NULL, NULL) == 0, "no node");
    MUST(spead_graph_start(graph, executor, NULL) == 0, "no start");
}

static int call_spead_graph_wait(uint64_t deadline_ns)
{
    return spead_graph_wait(graph, deadline_ns, NULL);
}

static int call_spead_graph_drain(uint64_t deadline_ns)
{
    return spead_graph_drain(graph, deadline_ns, NULL);
}

static int call_spead_node_wait_until(uint64_t deadline_ns)
{
    deadline_of_step = deadline_ns;
    spead_graph_destroy(graph);
    start_graph();
    MUST(spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, NULL) == 0, "no end");
    return ret_of_step;
}

static int call_spead_sender_send(uint64_t deadline_ns)
{
    struct spead_message message = {.type = SPEAD_TYPE_PLAIN};

    return spead_sender_send(sender, &message, 1, deadline_ns);
}

static int call_spead_receiver_receive(uint64_t deadline_ns)
{
    struct spead_message message;

    return spead_receiver_receive(receiver, &message, 1, deadline_ns);
}

static int call_spead_throttle_take(uint64_t deadline_ns)
{
    return spead_throttle_take(throttle, deadline_ns);
}

static int call_spead_recv_stream_wait(uint64_t deadline_ns)
{
    return spead_recv_stream_wait(receiving, deadline_ns);
}

static int call_spead_recv_stream_take(uint64_t deadline_ns)
{
    struct spead_heap *taken;

    return spead_recv_stream_take(receiving, &taken, deadline_ns);
}

static int call_spead_recv_stream_take_many(uint64_t deadline_ns)
{
    struct spead_heap *taken;

    return spead_recv_stream_take_many(receiving, &taken, 1, deadline_ns);
}

static int call_spead_recv_stream_take_chunk(uint64_t deadline_ns)
{
    struct spead_chunk *taken;

    return spead_recv_stream_take_chunk(chunking, &taken, deadline_ns);
}

static int call_spead_send_stream_wait(uint64_t deadline_ns)
{
    return spead_send_stream_wait(sending, deadline_ns);
}

static int call_spead_send_stream_submit_wait(uint64_t deadline_ns)
{
    return spead_send_stream_submit_wait(sending, heap, NULL, deadline_ns);
}

static int call_spead_send_stream_submit_group_wait(uint64_t deadline_ns)
{
    const struct spead_send_group_heap group = {.heap = heap};

    return spead_send_stream_submit_group_wait(sending, &group, 1, SPEAD_SEND_GROUP_SERIAL,
                                               deadline_ns);
}

static int call_spead_send_slots_acquire(uint64_t deadline_ns)
{
    struct spead_send_slot *slot;

    return spead_send_slots_acquire(slots, &slot, deadline_ns);
}

static int call_spead_send_slots_flush(uint64_t deadline_ns)
{
    return spead_send_slots_flush(slots, deadline_ns);
}

static int call_spead_send_stream_flush(uint64_t deadline_ns)
{
    return spead_send_stream_flush(sending, deadline_ns);
}

#define ROW(function)               \
    {                               \
#        function, call_##function, \
    }

static const struct {
    const char *name;
    int (*call)(uint64_t deadline_ns);
} rows[] = {
    ROW(spead_graph_wait),
    ROW(spead_graph_drain),
    ROW(spead_node_wait_until),
    ROW(spead_sender_send),
    ROW(spead_receiver_receive),
    ROW(spead_throttle_take),
    ROW(spead_recv_stream_wait),
    ROW(spead_recv_stream_take),
    ROW(spead_recv_stream_take_many),
    ROW(spead_recv_stream_take_chunk),
    ROW(spead_send_stream_wait),
    ROW(spead_send_stream_submit_wait),
    ROW(spead_send_stream_submit_group_wait),
    ROW(spead_send_stream_flush),
    ROW(spead_send_slots_acquire),
    ROW(spead_send_slots_flush),
};

#define EACH_ROW                    \
    size_t i = 0;                   \
    i < sizeof rows / sizeof *rows; \
    i++

static void place(void *state, const struct spead_chunk_packet *packet,
                  struct spead_chunk_place *answer)
{
    (void)state;
    (void)packet;
    (void)answer;
}

static void open_streams(void)
{
    struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;
    struct spead_recv_stream_config recv_config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_send_stream_config send_config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_slots_config slots_config = SPEAD_SEND_SLOTS_CONFIG_INIT;

    MUST(spead_mem_link_create(&link_between, 16, 1472, NULL) == 0, "no link");
    send_config.links = recv_config.links = &link_between;
    send_config.link_count = recv_config.link_count = 1;
    recv_config.heap_bytes_max = 4096;
    MUST(spead_recv_stream_create(&receiving, &recv_config, NULL) == 0, "no receive stream");
    chunks.chunk_bytes = chunks.present_count = 1;
    chunks.place = place;
    recv_config.chunks = &chunks;
    MUST(spead_recv_stream_create(&chunking, &recv_config, NULL) == 0, "no chunk stream");
    MUST(spead_send_stream_create(&sending, &send_config, NULL) == 0, "no send stream");
    MUST(spead_recv_stream_start(receiving, NULL) == 0, "no start");
    MUST(spead_send_slots_create(&slots, &slots_config, NULL) == 0, "no slots");
    MUST(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "no heap");
}

static void set_up(void)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_executor_config workers = SPEAD_EXECUTOR_CONFIG_INIT;

    open_streams();
    MUST(spead_channel_create(&channel, &config, NULL) == 0, "no channel");
    MUST(spead_sender_open(&sender, channel, "in", SPEAD_TYPE_PLAIN, NULL) == 0, "no end");
    MUST(spead_receiver_open(&receiver, channel, "out", SPEAD_TYPE_PLAIN, NULL) == 0, "no end");
    MUST(spead_throttle_create(&throttle, 1, NULL) == 0, "no throttle");
    MUST(spead_executor_create(&executor, &workers, NULL) == 0, "no executor");
    start_graph();
}

static void tear_down(void)
{
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_throttle_unref(throttle);
    spead_sender_close(sender, 0);
    spead_receiver_close(receiver);
    spead_channel_unref(channel);
    spead_recv_stream_destroy(receiving);
    spead_recv_stream_destroy(chunking);
    spead_send_stream_destroy(sending);
    spead_send_heap_destroy(heap);
    spead_send_slots_destroy(slots);
    spead_mem_link_unref(link_between);
}

TestSuite(deadlines, .init = set_up, .fini = tear_down);

Test(deadlines, a_duration_is_refused_by_every_function, .timeout = 60)
{
    for (EACH_ROW)
        cr_expect_eq(rows[i].call(DURATION_NS), -EINVAL, "%s", rows[i].name);
}

Test(deadlines, one_that_has_passed_is_accepted_by_every_function, .timeout = 60)
{
    for (EACH_ROW)
        cr_expect_neq(rows[i].call(SPEAD_DEADLINE_NOW), -EINVAL, "%s", rows[i].name);
    spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, NULL);
}
