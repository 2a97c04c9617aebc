/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send sink ends correctly if its graph is drained or cancelled, and if the sink is destroyed. It also works if
 * another graph then uses the same stream. In each case every message is released once and counted once.
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

/* The caller polls the stream (own_thread is false). After a cancel, heaps are still in flight. When the caller polls
 * the stream again, these heaps are sent and their messages are released. If the network refuses a heap, its message is
 * released too, although the node has finished and cannot fail any more. */
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

/* When the last heap has completed, the sink and its heaps must be freed. Otherwise a sanitizer reports an error. */
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
    spead_probe_source_destroy(rig->source);
    for (uint32_t i = 0; i < rig->count; i++)
        rig->objects[i].references = 1;
    cr_assert_eq(spead_probe_source_create(&rig->source, &rig->source_config, NULL), 0);
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

/* When the first graph ends, some of its heaps are still in flight. They complete later. The second graph must not
 * count these heaps. */
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
