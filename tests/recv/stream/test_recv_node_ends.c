/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream and the graph in which it is a node end together: by stop, by cancel, or by a failure of the
 * stream or of the graph.
 * Method: the packets come from a memory link, on which the stream sleeps as it sleeps on a network. In tests of
 * failures the packets come from a scripted engine, which can fail. A probe sink gets the heaps. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <time.h>

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

TestSuite(recv_node_ends, .init = set_up, .fini = tear_down);

static void sleep_a_little(void)
{
    struct timespec little = {.tv_nsec = 2000000};

    nanosleep(&little, NULL);
}

Test(recv_node_ends, stop_delivers_what_has_come)
{
    recv_graph_build(&rig);
    recv_graph_start(&rig);
    recv_graph_push(&rig, 1, 500);
    spead_graph_stop(rig.graph);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 500u);
    cr_expect_eq(recv_graph_record(&rig).end, -ESHUTDOWN);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), 500u);
}

Test(recv_node_ends, a_stop_of_the_stream_ends_the_graph)
{
    recv_graph_build(&rig);
    recv_graph_start(&rig);
    recv_graph_push(&rig, 1, 500);
    spead_recv_stream_stop(rig.stream);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 500u);
}

/* The stop of the graph must wake the engine. Without this wake the stream would also end, but later. */
Test(recv_node_ends, a_stop_reaches_into_the_engine)
{
    recv_graph_build_scripted(&rig);
    recv_graph_start(&rig);
    cr_expect_eq(atomic_load(&rig.scripted.engine->wakes), 0u);
    spead_graph_stop(rig.graph);
    cr_expect_eq(atomic_load(&rig.scripted.engine->wakes), 1u);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
}

Test(recv_node_ends, stop_wakes_a_stream_that_sleeps)
{
    recv_graph_build(&rig);
    recv_graph_start(&rig);
    sleep_a_little();
    spead_graph_stop(rig.graph);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
}

Test(recv_node_ends, cancel_wakes_a_stream_that_sleeps)
{
    recv_graph_build(&rig);
    recv_graph_start(&rig);
    sleep_a_little();
    spead_graph_cancel(rig.graph);
    cr_expect_eq(recv_graph_wait(&rig, NULL), -ECANCELED);
    cr_expect_eq(spead_recv_stream_poll(rig.stream), -ESHUTDOWN, "the stream has ended too");
}

Test(recv_node_ends, what_a_cancel_finds_is_counted)
{
    rig.config.hand_over_heaps = 1;
    rig.sink_config.pause_ns = 3600000000000u;
    rig.sink_config.batch = 1;
    recv_graph_build(&rig);
    recv_graph_push(&rig, 1, 1000);
    recv_graph_start(&rig);
    while (recv_graph_stats(&rig).total.seen.packets < 3) /* one in the sink, one at the edge */
        sleep_a_little();
    spead_graph_cancel(rig.graph);
    cr_expect_eq(recv_graph_wait(&rig, NULL), -ECANCELED);
    cr_expect_eq(recv_graph_stats(&rig).counters.heaps_complete,
                 recv_graph_record(&rig).received + recv_graph_left_in_channel(&rig));
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED),
                 recv_graph_record(&rig).received + recv_graph_left_in_channel(&rig));
    cr_expect_gt(recv_graph_packets(&rig, SPEAD_RECV_SHED), 0, "nobody took the others");
    cr_expect_eq(recv_graph_stats(&rig).counters.heaps_live, 0u);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_LIVE), 0u);
}

/* The source sends no more packets, so no packet wakes the stream. The stream must still notice that nobody reads its
 * output. */
Test(recv_node_ends, a_sink_that_has_enough_ends_the_stream)
{
    rig.sink_config.stop_after = 3;
    recv_graph_build(&rig);
    recv_graph_push(&rig, 1, 3);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 3u);
    cr_expect_eq(spead_recv_stream_poll(rig.stream), -ESHUTDOWN);
}

Test(recv_node_ends, heaps_after_the_sink_has_gone_are_shed)
{
    rig.sink_config.stop_after = 3;
    rig.sink_config.batch = 1;
    recv_graph_build(&rig);
    recv_graph_push(&rig, 1, 1000);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 3u);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED),
                 3 + recv_graph_left_in_channel(&rig), "nobody took the others");
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_LIVE), 0u);
}

Test(recv_node_ends, a_failure_elsewhere_wakes_a_stream_that_sleeps)
{
    struct spead_err err;

    rig.sink_config.error = -EDOM;
    rig.sink_config.error_at = 1;
    recv_graph_build(&rig);
    recv_graph_push(&rig, 1, 2);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, &err), -EDOM);
    cr_expect_not_null(strstr(err.text, "capture > sink"), "%s", err.text);
}

Test(recv_node_ends, a_stop_item_ends_the_graph)
{
    recv_graph_build_scripted(&rig);
    recv_rig_data(&rig.scripted, 1, 8, 0, 8);
    recv_rig_control(&rig.scripted, 2, SPEAD_CONTROL_STOP);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 1u);
}

Test(recv_node_ends, a_source_that_fails_is_reported_after_its_heaps)
{
    struct spead_failure failure = SPEAD_FAILURE_INIT;

    recv_graph_build_scripted(&rig);
    rig.scripted.engine->end = -ENETDOWN;
    recv_rig_data(&rig.scripted, 1, 8, 0, 8);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), -ENETDOWN);
    cr_expect_eq(recv_graph_record(&rig).received, 1u);
    cr_expect_eq(recv_graph_record(&rig).end, -ENETDOWN);
    spead_graph_failure(rig.graph, &failure);
    cr_expect_str_eq(failure.path, "capture");
    cr_expect_str_eq(failure.cause, "node capture: receiving with engine \"script\" failed: "
                                    "Network is down");
}

Test(recv_node_ends, a_source_that_does_not_start_fails_the_graph)
{
    struct spead_failure failure = SPEAD_FAILURE_INIT;

    recv_graph_build_scripted(&rig);
    rig.scripted.engine->start_error = -EPERM;
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), -EPERM);
    spead_graph_failure(rig.graph, &failure);
    cr_expect_str_eq(failure.cause, "node capture: the script does not start");
}
