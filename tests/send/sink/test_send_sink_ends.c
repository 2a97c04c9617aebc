/* How a send sink fails and ends: one message's failure is its policy's, the stream's is the graph's; whatever
 * happens, every message is released once and counted once.
 *
 * Method: support/sink_rig.h: messages that count their references, and an engine that refuses, holds or breaks
 * as the test says. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

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

struct misfortune {
    bool at_network; /* its heap is refused there, else it cannot be described */
    int error;
};

static void strike(struct sink_rig *rig, struct misfortune misfortune, uint64_t number)
{
    if (misfortune.at_network) {
        rig->tx->refuse[0].packet = number;
        rig->tx->refuse[0].error = misfortune.error;
    } else {
        rig->describe_error = misfortune.error;
        rig->describe_error_at = number;
    }
}

static const struct misfortune misfortunes[] = {{true, -EMSGSIZE}, {false, -EILSEQ}};
enum { MISFORTUNES = 2, MESSAGES = 50, UNLUCKY = 17 };

static void start_unlucky(struct sink_rig *rig, struct misfortune misfortune,
                          enum spead_on_error on_error)
{
    sink_rig_init(rig, MESSAGES, 4);
    rig->node_config.on_error = on_error;
    rig->node_config.retries = 3;
    strike(rig, misfortune, UNLUCKY);
    sink_rig_start(rig);
}

Test(send_sink_ends, a_message_that_fails_fails_the_graph_and_is_named)
{
    for (unsigned i = 0; i < MISFORTUNES; i++) {
        struct spead_send_sink_stats stats;
        struct spead_failure failure;
        struct sink_rig rig;

        start_unlucky(&rig, misfortunes[i], SPEAD_ON_ERROR_FAIL);
        cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), misfortunes[i].error);
        spead_graph_failure(rig.graph, &failure);
        cr_expect_eq(failure.stream, 7);
        cr_expect_eq(failure.sequence, UNLUCKY);
        cr_expect_not_null(strstr(failure.cause, misfortunes[i].at_network ? "refused" : "sent"),
                           "%s", failure.cause);
        stats = sink_rig_stats(&rig);
        cr_expect_eq(stats.failed, 1);
        cr_expect_eq(stats.pending, 0);
        cr_expect_geq(stats.sent + stats.abandoned, UNLUCKY);
        cr_expect(!misfortunes[i].at_network || stats.sent >= UNLUCKY, "they end in order");
        cr_expect_eq(sink_rig_close(&rig), 0);
    }
}

Test(send_sink_ends, a_message_that_fails_is_left_out_and_the_others_are_sent)
{
    for (unsigned i = 0; i < MISFORTUNES; i++) {
        for (unsigned log = 0; log < 2; log++) {
            struct sink_rig rig;

            start_unlucky(&rig, misfortunes[i], log ? SPEAD_ON_ERROR_LOG : SPEAD_ON_ERROR_SKIP);
            cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
            cr_expect_eq(log ? node_stats(&rig).logged : node_stats(&rig).skipped, 1);
            cr_expect_eq(sink_rig_stats(&rig).sent, MESSAGES - 1);
            cr_expect_eq(sink_rig_stats(&rig).failed, 1);
            cr_expect_eq(sink_rig_close(&rig), 0);
        }
    }
}

Test(send_sink_ends, a_message_that_fails_is_tried_again)
{
    for (unsigned i = 0; i < MISFORTUNES; i++) {
        struct sink_rig rig;
        unsigned tries = 0;

        start_unlucky(&rig, misfortunes[i], SPEAD_ON_ERROR_RETRY);
        cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
        cr_expect_eq(node_stats(&rig).retried, 1);
        cr_expect_eq(sink_rig_stats(&rig).sent, MESSAGES);
        cr_expect_eq(sink_rig_stats(&rig).failed, 0);
        for (size_t k = 0; k < rig.tx->packet_count; k++)
            tries += sink_rig_sent_number(&rig, k) == UNLUCKY;
        cr_expect_eq(tries, misfortunes[i].at_network ? 2 : 1);
        cr_expect_eq(sink_rig_close(&rig), 0);
    }
}

/* Also the last one, of which the sink hears after its input has ended; and all four in flight. */
Test(send_sink_ends, retries_that_are_used_up_lead_to_the_next_policy)
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

/* The stream is polled by the test: the graph ends no earlier than the heap that was tried again. */
Test(send_sink_ends, a_retry_after_the_end_of_the_input_is_waited_for)
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

/* The result of a pulled graph: what the sink could not send. */
Test(send_sink_ends, a_message_that_fails_can_be_had_back)
{
    for (unsigned i = 0; i < MISFORTUNES; i++) {
        struct spead_graph_end errors;
        struct spead_message message;
        struct sink_rig rig;

        sink_rig_init(&rig, MESSAGES, 4);
        rig.node_config.on_error = SPEAD_ON_ERROR_DIVERT;
        strike(&rig, misfortunes[i], UNLUCKY);
        sink_rig_open(&rig);
        sink_rig_build(&rig);
        errors = (struct spead_graph_end){rig.to, "error"};
        cr_assert_eq(spead_graph_next(rig.graph, errors, &message, &rig.err), 0, "%s",
                     rig.err.text);
        cr_expect_eq(message.sequence, UNLUCKY);
        cr_expect(message.flags & SPEAD_MESSAGE_FAILED);
        cr_expect_eq(rig.objects[UNLUCKY].references, 1, "it came with its reference");
        spead_message_unref(&message);
        cr_expect_eq(spead_graph_next(rig.graph, errors, &message, &rig.err), -ESHUTDOWN);
        cr_expect_eq(sink_rig_stats(&rig).sent, MESSAGES - 1);
        cr_expect_eq(sink_rig_close(&rig), 0);
    }
}

/* No more input comes that could step the node: the completion does. */
Test(send_sink_ends, a_refusal_is_told_at_once_also_while_the_input_is_idle)
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

/* ---- What went before a failure -------------------------------------------------------------- */

/* While heaps are in flight the graph does not end, and takes nothing more; then all of them have left. */
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

/* All places are taken, and too few of them free themselves to wake the node for that. */
Test(send_sink_ends, what_is_in_flight_leaves_before_a_refused_heap_fails_the_graph)
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

Test(send_sink_ends, what_is_in_flight_leaves_before_an_undescribed_message_fails_the_graph)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 100, 8);
    rig.sink_config.own_thread = false;
    rig.tx->hold = true;
    strike(&rig, (struct misfortune){false, -EILSEQ}, 4);
    sink_rig_start(&rig);
    while (sink_rig_stats(&rig).in < 5)
        sched_yield();
    expect_the_others_first(&rig, -EILSEQ, 4);
}

Test(send_sink_ends, a_thread_of_the_sinks_sends_all_that_came_before_a_failure)
{
    struct sink_rig rig;

    start_unlucky(&rig, misfortunes[1], SPEAD_ON_ERROR_FAIL);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -EILSEQ);
    cr_expect_eq(sink_rig_stats(&rig).sent, UNLUCKY);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink_ends, a_cancel_does_not_wait_for_what_a_failure_waits_for)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 100, 8);
    rig.tx->hold = true;
    strike(&rig, (struct misfortune){false, -EILSEQ}, 4);
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

Test(send_sink_ends, a_broken_transport_fails_the_graph_whatever_the_policy)
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

/* Until the stream has them: a message that the sink has only taken in would meet a stopped stream. */
static void wait_for_submitted(const struct sink_rig *rig, uint64_t heaps)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;

    for (; stats.heaps_submitted < heaps; sched_yield())
        spead_send_stream_stats(rig->stream, &stats);
}

Test(send_sink_ends, a_stream_that_someone_else_stops_fails_the_graph)
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

/* ---- Stop and cancel ------------------------------------------------------------------------ */

static void start_held(struct sink_rig *rig, bool own_thread)
{
    sink_rig_init(rig, 100, 4);
    rig->sink_config.own_thread = own_thread;
    rig->tx->hold = true;
    sink_rig_start(rig);
    while (sink_rig_stats(rig).waits == 0)
        sched_yield();
}

Test(send_sink_ends, a_cancel_abandons_what_is_in_flight)
{
    struct spead_send_sink_stats stats;
    struct sink_rig rig;

    start_held(&rig, true);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ECANCELED);
    stats = sink_rig_stats(&rig);
    cr_expect_eq(stats.in, stats.abandoned);
    cr_expect_eq(stats.pending, 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink_ends, a_drain_past_its_deadline_abandons_what_is_in_flight)
{
    struct sink_rig rig;

    start_held(&rig, true);
    cr_expect_eq(spead_graph_drain(rig.graph, speadi_clock_mono_ns() + 1000000, &rig.err),
                 -ETIMEDOUT);
    cr_expect_eq(sink_rig_stats(&rig).abandoned, sink_rig_stats(&rig).in);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* After a cancel the caller's stream still has the heaps: they leave, and their messages are released, when the
 * caller polls it; also those that the network refuses, of which no node hears any more. */
Test(send_sink_ends, a_stream_of_the_callers_keeps_its_heaps_after_a_cancel)
{
    struct sink_rig rig;

    start_held(&rig, false);
    spead_send_stream_poll(rig.stream);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ECANCELED);
    cr_expect_eq(sink_rig_stats(&rig).pending, 4);
    rig.tx->refuse[0].packet = 1;
    rig.tx->refuse[0].error = -EPERM;
    rig.tx->hold = false;
    while (rig.done < 4)
        spead_send_stream_poll(rig.stream);
    cr_expect_eq(sink_rig_stats(&rig).sent, 3);
    cr_expect_eq(sink_rig_stats(&rig).failed, 1);
    cr_expect_eq(sink_rig_stats(&rig).pending, 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink_ends, a_stream_of_the_callers_may_be_destroyed_with_heaps_in_flight)
{
    struct sink_rig rig;

    start_held(&rig, false);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ECANCELED);
    spead_send_stream_destroy(rig.stream);
    rig.stream = NULL;
    cr_expect_eq(sink_rig_stats(&rig).abandoned, sink_rig_stats(&rig).in);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* The heaps of the sink, and itself, go when they have left: the sanitizers watch. */
Test(send_sink_ends, a_sink_destroyed_with_heaps_in_flight_goes_with_the_last_of_them)
{
    struct sink_rig rig;

    start_held(&rig, false);
    spead_send_stream_poll(rig.stream);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ECANCELED);
    spead_send_sink_destroy(rig.sink);
    rig.sink = NULL;
    rig.tx->hold = false;
    while (rig.done < 4)
        spead_send_stream_poll(rig.stream);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink_ends, a_sink_destroyed_while_its_graph_runs_serves_it_to_the_end)
{
    struct sink_rig rig;
    int ret;

    start_held(&rig, false);
    spead_send_sink_destroy(rig.sink);
    rig.sink = NULL;
    rig.tx->hold = false;
    while ((ret = spead_graph_wait(rig.graph, speadi_clock_mono_ns() + 2000000, &rig.err)) ==
           -ETIMEDOUT)
        spead_send_stream_poll(rig.stream);
    cr_expect_eq(ret, 0, "%s", rig.err.text);
    cr_expect_eq(rig.done, rig.count);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* ---- One sink, one stream ------------------------------------------------------------------- */

static int start_second(struct sink_rig *first, struct sink_rig *second)
{
    struct spead_node_config config = spead_send_sink_node(second->sink, "second");
    struct spead_channel_config channel_config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_graph *graph = step_graph("second");
    struct spead_channel *channel;
    struct spead_node *node;
    int ret;

    cr_assert_eq(spead_channel_create(&channel, &channel_config, NULL), 0);
    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    cr_assert_eq(spead_graph_join_input(graph, channel, (struct spead_graph_end){node, NULL}, NULL),
                 0);
    ret = spead_graph_start(graph, first->executor, &second->err);
    spead_graph_destroy(graph);
    spead_channel_unref(channel);
    return ret;
}

Test(send_sink_ends, a_stream_is_fed_by_one_sink_at_a_time)
{
    struct spead_send_sink *own;
    struct sink_rig rig, other;

    start_held(&rig, true);
    other = rig;
    cr_expect_eq(start_second(&rig, &other), -EBUSY, "the same sink in two graphs");
    cr_assert_eq(spead_send_sink_create(&own, &rig.sink_config, NULL), 0);
    other.sink = own;
    cr_expect_eq(start_second(&rig, &other), -EBUSY, "two sinks on one stream");
    cr_expect_not_null(strstr(other.err.text, "another sink"), "%s", other.err.text);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, NULL), -ECANCELED);
    cr_expect_eq(start_second(&rig, &other), -ESHUTDOWN, "it was stopped");
    spead_send_sink_destroy(own);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink_ends, a_stream_that_has_a_thread_gets_no_second_one)
{
    struct spead_send_runner *runner;
    struct sink_rig rig, other;

    sink_rig_init(&rig, 100, 4);
    rig.sink_config.own_thread = true;
    sink_rig_open(&rig);
    rig.executor = step_executor(1);
    cr_assert_eq(spead_send_runner_start(&runner, rig.stream, -1, NULL), 0);
    other = rig;
    cr_expect_eq(start_second(&rig, &other), -EBUSY);
    cr_expect_not_null(strstr(other.err.text, "own_thread"), "%s", other.err.text);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(spead_send_runner_join(runner, NULL), 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

static void start_another_graph(struct sink_rig *rig)
{
    spead_graph_destroy(rig->graph);
    spead_executor_destroy(rig->executor);
    spead_test_source_destroy(rig->source);
    for (uint32_t i = 0; i < rig->count; i++)
        rig->objects[i].references = 1;
    cr_assert_eq(spead_test_source_create(&rig->source, &rig->source_config, NULL), 0);
    sink_rig_start(rig);
}

static void poll_until_done(struct sink_rig *rig, uint64_t done)
{
    while (rig->done < done)
        spead_send_stream_poll(rig->stream);
}

Test(send_sink_ends, a_stream_of_the_callers_serves_one_graph_after_the_other)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 20, 4);
    rig.sink_config.own_thread = false;
    sink_rig_start(&rig);
    for (unsigned run = 1; run <= 2; run++) {
        poll_until_done(&rig, run * rig.count);
        cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
        cr_expect_eq(sink_rig_stats(&rig).sent, run * rig.count);
        if (run == 1)
            start_another_graph(&rig);
    }
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* What the first graph left in flight has gone, and is not taken for the second one's. */
Test(send_sink_ends, a_graph_after_a_cancelled_one_sends_its_own_messages_once)
{
    struct sink_rig rig;
    uint64_t before;

    start_held(&rig, false);
    spead_graph_cancel(rig.graph);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), -ECANCELED);
    rig.tx->hold = false;
    poll_until_done(&rig, 4);
    before = rig.tx->packet_count;
    cr_assert_eq(before, 4);
    start_another_graph(&rig);
    poll_until_done(&rig, before + rig.count);
    cr_expect_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    cr_assert_eq(rig.tx->packet_count, before + rig.count);
    for (uint32_t i = 0; i < rig.count; i++)
        cr_expect_eq(sink_rig_sent_number(&rig, before + i), i);
    cr_expect_eq(sink_rig_close(&rig), 0);
}
