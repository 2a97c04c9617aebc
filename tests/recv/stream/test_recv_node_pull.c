/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream works as a node of a graph that the caller pulls. The stream then runs on the caller's own
 * thread.
 * Method: the packets come from memory links or from a scripted engine. */
#include <criterion/criterion.h>

#include <errno.h>

#include "recv_graph_rig.h"

static struct recv_graph_rig rig;

static void set_up(void)
{
    recv_graph_init(&rig);
}

static void tear_down(void)
{
    recv_graph_close(&rig);
}

TestSuite(recv_node_pull, .init = set_up, .fini = tear_down);

/* Fifty heaps come in one burst, and the caller asks for one heap at a time. The other heaps must wait, whatever the
 * value of on_full is. */
Test(recv_node_pull, pulled_one_heap_at_a_time_nothing_is_shed)
{
    struct spead_message message;

    recv_rig_init(&rig.scripted);
    rig.scripted.config.on_full = SPEAD_ON_FULL_DROP_NEWEST;
    rig.scripted.engine->end = -ESHUTDOWN;
    recv_rig_open(&rig.scripted);
    rig.stream = rig.scripted.stream;
    rig.capture = recv_graph_add_stream(&rig, rig.stream, "capture");
    for (uint64_t counter = 1; counter <= 50; counter++)
        recv_rig_data(&rig.scripted, counter, 8, 0, 8);
    for (uint64_t counter = 1; counter <= 50; counter++) {
        cr_assert_eq(spead_graph_next(rig.graph, (struct spead_graph_end){rig.capture, NULL},
                                      &message, NULL),
                     0);
        cr_expect_eq(message.key, counter);
        cr_expect_eq(message.sequence, counter - 1);
        spead_message_unref(&message);
    }
    cr_expect_eq(
        spead_graph_next(rig.graph, (struct spead_graph_end){rig.capture, NULL}, &message, NULL),
        -ESHUTDOWN);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), 50u);
}

/* Nobody pulls from the second stream, so its node makes no step. */
Test(recv_node_pull, a_cancel_before_the_first_step_ends_the_stream_as_a_later_one_does)
{
    struct spead_recv_end end = SPEAD_RECV_END_INIT;
    struct spead_graph_end from;
    struct spead_message message;

    rig.stream = recv_graph_open_on(&rig, &rig.wire);
    rig.capture = recv_graph_add_stream(&rig, rig.stream, "capture");
    recv_graph_open_other(&rig);
    (void)recv_graph_add_stream(&rig, rig.other, "other");
    from = (struct spead_graph_end){rig.capture, NULL};
    recv_graph_push(&rig, 1, 1);
    cr_assert_eq(spead_graph_next(rig.graph, from, &message, NULL), 0);
    spead_message_unref(&message);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_next(rig.graph, from, &message, NULL), -ECANCELED);
    cr_expect_eq(spead_recv_stream_poll(rig.stream), -ESHUTDOWN);
    cr_expect_eq(spead_recv_stream_poll(rig.other), -ESHUTDOWN);
    spead_recv_stream_end(rig.other, &end);
    cr_expect_eq(end.cause, SPEAD_END_NO_READER);
    recv_graph_close_other(&rig);
}

/* The step of a relay node, which passes heaps on, one at a time. */
static int relay_step(void *state, struct spead_node *self)
{
    struct spead_message *held = state;
    int ret = held->reference != 0 ? 1 : spead_node_receive(self, 0, held, 1);

    if (ret == 1)
        ret = spead_node_send(self, 0, held, 1);
    if (ret == 1)
        held->reference = 0;
    return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret == 1 ? SPEAD_STEP_AGAIN : ret;
}

static struct spead_graph_end join_to_relay(struct spead_message *held)
{
    static const struct spead_node_ops ops = {.kind = "relay", .step = relay_step};
    static const struct spead_port port = {"heaps", SPEAD_TYPE_HEAP};
    struct spead_node_config node_config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *from[] = {recv_graph_add_stream(&rig, rig.other, "silent"),
                                 recv_graph_add_stream(&rig, rig.stream, "capture")};
    struct spead_graph_end relay = {NULL, NULL};

    node_config.name = "relay";
    node_config.ops = &ops;
    node_config.state = held;
    node_config.inputs = node_config.outputs = &port;
    node_config.input_count = node_config.output_count = 1;
    cr_assert_eq(spead_graph_add(rig.graph, &node_config, &relay.node, NULL), 0);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(
            spead_graph_join(rig.graph, (struct spead_graph_end){from[i], NULL}, relay, NULL, NULL),
            0);
    return relay;
}

/* The caller's thread steps both streams. When one stream receives nothing, the thread must still get the heap of the
 * other stream. */
Test(recv_node_pull, pulled_streams_share_the_callers_thread)
{
    struct spead_message held = {0}, message;
    struct spead_graph_end out;

    rig.stream = recv_graph_open_on(&rig, &rig.wire);
    recv_graph_open_other(&rig);
    out = join_to_relay(&held);
    for (uint64_t counter = 1; counter <= 3; counter++) {
        recv_graph_push(&rig, counter, 1);
        cr_assert_eq(spead_graph_next(rig.graph, out, &message, NULL), 0);
        cr_expect_eq(message.key, counter);
        spead_message_unref(&message);
    }
    recv_graph_close_other(&rig);
}
