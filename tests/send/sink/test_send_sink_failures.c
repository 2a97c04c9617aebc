/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: when the sink fails on a message, the failure policy decides what happens to the message. When the stream
 * fails, the graph fails. Heaps that were submitted before a failure complete first. Every message is released once and
 * counted once.
 *
 * Method: support/sink_rig.h. The objects of the messages count references. The scripted engine refuses packets, holds
 * them, or fails. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <speadi/clock.h>

#include "sink_rig.h"
#include "step_nodes.h"

static struct spead_node_stats node_stats(const struct sink_rig *rig)
{
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;

    spead_node_stats(rig->to, &stats);
    return stats;
}

/* ---- One message fails ---------------------------------------------------------------------- */

struct refusal {
    /* If true, the network refuses the heap. If false, describe() refuses the message. */
    bool at_network;
    int error;
};

static void set_refusal(struct sink_rig *rig, struct refusal refusal, uint64_t number)
{
    if (refusal.at_network) {
        rig->tx->refuse[0].packet = number;
        rig->tx->refuse[0].error = refusal.error;
    } else {
        rig->describe_error = refusal.error;
        rig->describe_error_at = number;
    }
}

static const struct refusal refusals[] = {{true, -EMSGSIZE}, {false, -EILSEQ}};
enum { REFUSALS = 2, MESSAGES = 50, REFUSED = 17 };

static void start_with_refusal(struct sink_rig *rig, struct refusal refusal,
                               enum spead_on_error on_error)
{
    sink_rig_init(rig, MESSAGES, 4);
    rig->node_config.on_error = on_error;
    rig->node_config.retries = 3;
    set_refusal(rig, refusal, REFUSED);
    sink_rig_start(rig);
}

Test(send_sink_failures, a_message_that_fails_fails_the_graph_and_is_named)
{
    for (unsigned i = 0; i < REFUSALS; i++) {
        struct spead_send_sink_stats stats;
        struct spead_failure failure = SPEAD_FAILURE_INIT;
        struct sink_rig rig;

        start_with_refusal(&rig, refusals[i], SPEAD_ON_ERROR_FAIL);
        cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), refusals[i].error);
        spead_graph_failure(rig.graph, &failure);
        cr_expect_eq(failure.stream, 7);
        cr_expect_eq(failure.sequence, REFUSED);
        cr_expect_not_null(strstr(failure.cause, refusals[i].at_network ? "refused" : "sent"), "%s",
                           failure.cause);
        stats = sink_rig_stats(&rig);
        cr_expect_eq(stats.failed, 1);
        cr_expect_eq(stats.pending, 0);
        cr_expect_geq(stats.sent + stats.abandoned, REFUSED);
        cr_expect(!refusals[i].at_network || stats.sent >= REFUSED, "they end in order");
        cr_expect_eq(sink_rig_close(&rig), 0);
    }
}

Test(send_sink_failures, a_message_that_fails_is_left_out_and_the_others_are_sent)
{
    for (unsigned i = 0; i < REFUSALS; i++) {
        for (unsigned log = 0; log < 2; log++) {
            struct sink_rig rig;

            start_with_refusal(&rig, refusals[i], log ? SPEAD_ON_ERROR_LOG : SPEAD_ON_ERROR_SKIP);
            cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
            cr_expect_eq(log ? node_stats(&rig).logged : node_stats(&rig).skipped, 1);
            cr_expect_eq(sink_rig_stats(&rig).sent, MESSAGES - 1);
            cr_expect_eq(sink_rig_stats(&rig).failed, 1);
            cr_expect_eq(sink_rig_close(&rig), 0);
        }
    }
}

Test(send_sink_failures, a_message_that_fails_is_tried_again)
{
    for (unsigned i = 0; i < REFUSALS; i++) {
        struct sink_rig rig;
        unsigned tries = 0;

        start_with_refusal(&rig, refusals[i], SPEAD_ON_ERROR_RETRY);
        cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
        cr_expect_eq(node_stats(&rig).retried, 1);
        cr_expect_eq(sink_rig_stats(&rig).sent, MESSAGES);
        cr_expect_eq(sink_rig_stats(&rig).failed, 0);
        for (size_t k = 0; k < rig.tx->packet_count; k++)
            tries += sink_rig_sent_number(&rig, k) == REFUSED;
        cr_expect_eq(tries, refusals[i].at_network ? 2 : 1);
        cr_expect_eq(sink_rig_close(&rig), 0);
    }
}

/* All four heaps that are in flight at the same time are refused. One of them is the heap of the last message: the sink
 * learns of that refusal after its input has ended. */
Test(send_sink_failures, retries_that_are_used_up_lead_to_the_next_policy)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 10, 4);
    rig.node_config.on_error = SPEAD_ON_ERROR_RETRY;
    rig.node_config.after_retries = SPEAD_ON_ERROR_SKIP;
    rig.node_config.retries = 1;
    for (unsigned i = 0; i < 8; i++) {
        rig.tx->refuse[i].packet = 6 + i;
        rig.tx->refuse[i].error = -EPERM;
    }
    sink_rig_start(&rig);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    cr_expect_eq(sink_rig_stats(&rig).sent + sink_rig_stats(&rig).failed, 10);
    cr_expect_eq(node_stats(&rig).retried + node_stats(&rig).skipped, 8);
    cr_expect_eq(rig.tx->packet_count, 10 + node_stats(&rig).retried);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* The test polls the stream. The sink submits the refused heap again, and the graph must not end before this heap has
 * completed. */
Test(send_sink_failures, a_retry_after_the_end_of_the_input_is_waited_for)
{
    struct sink_rig rig;
    int ret;

    sink_rig_init(&rig, 1, 4);
    rig.sink_config.own_thread = false;
    rig.node_config.on_error = SPEAD_ON_ERROR_RETRY;
    rig.node_config.retries = 1;
    rig.tx->refuse[0].error = -EPERM;
    sink_rig_start(&rig);
    while (rig.done == 0)
        spead_send_stream_poll(rig.stream);
    while ((ret = spead_graph_wait(rig.graph, speadi_clock_mono_ns() + 2000000, &rig.err)) ==
           -ETIMEDOUT)
        spead_send_stream_poll(rig.stream);
    cr_expect_eq(ret, 0, "%s", rig.err.text);
    cr_expect_eq(sink_rig_stats(&rig).pending, 0);
    cr_expect_eq(sink_rig_stats(&rig).sent, 1);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* The test pulls the graph. The results of the graph are the messages that the sink could not send. */
Test(send_sink_failures, a_message_that_fails_can_be_had_back)
{
    for (unsigned i = 0; i < REFUSALS; i++) {
        struct spead_graph_end errors;
        struct spead_message message;
        struct sink_rig rig;

        sink_rig_init(&rig, MESSAGES, 4);
        rig.node_config.on_error = SPEAD_ON_ERROR_DIVERT;
        set_refusal(&rig, refusals[i], REFUSED);
        sink_rig_open(&rig);
        sink_rig_build(&rig);
        errors = (struct spead_graph_end){rig.to, "error"};
        cr_assert_eq(spead_graph_next(rig.graph, errors, &message, &rig.err), 0, "%s",
                     rig.err.text);
        cr_expect_eq(message.sequence, REFUSED);
        cr_expect(message.flags & SPEAD_MESSAGE_FAILED);
        cr_expect_eq(rig.objects[REFUSED].references, 1, "it came with its reference");
        spead_message_unref(&message);
        cr_expect_eq(spead_graph_next(rig.graph, errors, &message, &rig.err), -ESHUTDOWN);
        cr_expect_eq(sink_rig_stats(&rig).sent, MESSAGES - 1);
        cr_expect_eq(sink_rig_close(&rig), 0);
    }
}

/* No more input arrives. So only the completion of the heap can wake the node. */
Test(send_sink_failures, a_refusal_is_told_at_once_also_while_the_input_is_idle)
{
    struct spead_channel_config channel_config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_sender *sender;
    struct sink_rig rig;

    sink_rig_init(&rig, 1, 4);
    rig.tx->refuse[0].error = -EPERM;
    sink_rig_open(&rig);
    cr_assert_eq(spead_channel_create(&channel, &channel_config, NULL), 0);
    cr_assert_eq(spead_sender_open(&sender, channel, "idle", sink_rig_type(), NULL), 0);
    sink_rig_build_on(&rig, channel);
    rig.executor = step_executor(1);
    cr_assert_eq(spead_graph_start(rig.graph, rig.executor, NULL), 0);
    cr_assert_eq(spead_sender_send(sender, rig.messages, 1, 0), 1);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -EPERM, "%s", rig.err.text);
    spead_sender_close(sender, 0);
    spead_channel_unref(channel);
    cr_expect_eq(rig.objects[0].references, 0);
    rig.count = 0;
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* A switch can drop packets too, and then no node fails. */
Test(send_sink_failures, what_a_full_queue_of_this_host_dropped_is_counted_and_fails_nothing)
{
    struct sink_rig rig;

    sink_rig_init(&rig, MESSAGES, 4);
    set_refusal(&rig, (struct refusal){true, -ENOBUFS}, REFUSED);
    sink_rig_start(&rig);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    cr_expect_eq(sink_rig_stats(&rig).sent, MESSAGES - 1);
    cr_expect_eq(sink_rig_stats(&rig).dropped_local, 1);
    cr_expect_eq(sink_rig_stats(&rig).failed + sink_rig_stats(&rig).pending, 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* ---- Heaps that were submitted before a failure ---------------------------------------------- */

/* Checks two things. As long as heaps are in flight, the graph must not end and the sink must not receive more
 * messages. When all heaps have completed, the graph must fail. */
static void expect_the_others_first(struct sink_rig *rig, int error, uint64_t sent)
{
    uint64_t in = sink_rig_stats(rig).in;

    cr_expect_eq(spead_graph_wait(rig->graph, speadi_clock_mono_ns() + 20000000, &rig->err),
                 -ETIMEDOUT, "it waits for what is in flight");
    cr_expect_eq(sink_rig_stats(rig).in, in, "nothing more is taken");
    rig->tx->hold = false;
    while (rig->done < 4)
        spead_send_stream_poll(rig->stream);
    cr_expect_eq(spead_graph_wait(rig->graph, 0, &rig->err), error, "%s", rig->err.text);
    cr_expect_eq(sink_rig_stats(rig).sent, sent);
    cr_expect_eq(sink_rig_stats(rig).failed, 1);
    cr_expect_eq(sink_rig_close(rig), 0);
}

/* The heaps in flight use all slots, so the node waits for free slots. Normally it wakes when enough heaps have
 * completed. Here fewer heaps complete, but the failure must still wake the node. */
Test(send_sink_failures, what_is_in_flight_leaves_before_a_refused_heap_fails_the_graph)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 100, 4);
    rig.sink_config.own_thread = false;
    rig.tx->hold = true;
    rig.tx->refuse[0].error = -EPERM;
    sink_rig_start(&rig);
    while (sink_rig_stats(&rig).waits == 0)
        sched_yield();
    rig.tx->let_go = 1;
    while (rig.done == 0)
        spead_send_stream_poll(rig.stream);
    expect_the_others_first(&rig, -EPERM, 3);
}

Test(send_sink_failures, what_is_in_flight_leaves_before_an_undescribed_message_fails_the_graph)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 100, 8);
    rig.sink_config.own_thread = false;
    rig.tx->hold = true;
    set_refusal(&rig, (struct refusal){false, -EILSEQ}, 4);
    sink_rig_start(&rig);
    while (sink_rig_stats(&rig).in < 5)
        sched_yield();
    expect_the_others_first(&rig, -EILSEQ, 4);
}

Test(send_sink_failures, a_thread_of_the_sinks_sends_all_that_came_before_a_failure)
{
    struct sink_rig rig;

    start_with_refusal(&rig, refusals[1], SPEAD_ON_ERROR_FAIL);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -EILSEQ);
    cr_expect_eq(sink_rig_stats(&rig).sent, REFUSED);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink_failures, a_cancel_does_not_wait_for_what_a_failure_waits_for)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 100, 8);
    rig.tx->hold = true;
    set_refusal(&rig, (struct refusal){false, -EILSEQ}, 4);
    sink_rig_start(&rig);
    while (sink_rig_stats(&rig).in < 5)
        sched_yield();
    cr_expect_eq(spead_graph_wait(rig.graph, speadi_clock_mono_ns() + 2000000, &rig.err),
                 -ETIMEDOUT);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ECANCELED);
    cr_expect_eq(sink_rig_stats(&rig).sent, 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* ---- The stream fails ----------------------------------------------------------------------- */

Test(send_sink_failures, a_broken_transport_fails_the_graph_whatever_the_policy)
{
    static const enum spead_on_error policies[] = {SPEAD_ON_ERROR_FAIL, SPEAD_ON_ERROR_SKIP,
                                                   SPEAD_ON_ERROR_RETRY};

    for (unsigned i = 0; i < 3; i++) {
        struct spead_send_sink_stats stats;
        struct sink_rig rig;

        sink_rig_init(&rig, 100, 4);
        rig.node_config.on_error = policies[i];
        rig.node_config.retries = 2;
        rig.tx->broken = -ENETDOWN;
        sink_rig_start(&rig);
        cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ENETDOWN, "%s", rig.err.text);
        cr_expect_not_null(strstr(rig.err.text, "the send stream has failed"), "%s", rig.err.text);
        stats = sink_rig_stats(&rig);
        cr_expect_eq(stats.sent, 0);
        cr_expect_eq(stats.pending, 0);
        cr_expect_gt(stats.failed, 0);
        cr_expect_eq(sink_rig_close(&rig), 0);
    }
}

/* Waits until `heaps` heaps are submitted. Without this function, the test could stop the stream too early: when the
 * sink has received messages but has not submitted them yet. */
static void wait_for_submitted(const struct sink_rig *rig, uint64_t heaps)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;

    for (; stats.counters.heaps_submitted < heaps; sched_yield())
        spead_send_stream_stats(rig->stream, &stats);
}

Test(send_sink_failures, a_stream_that_someone_else_stops_fails_the_graph)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 100, 4);
    rig.tx->hold = true;
    sink_rig_start(&rig);
    wait_for_submitted(&rig, 4);
    spead_send_stream_stop(rig.stream);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ECANCELED);
    cr_expect_not_null(strstr(rig.err.text, "stopped"), "%s", rig.err.text);
    cr_expect_gt(sink_rig_stats(&rig).abandoned, 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}
