/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream works as a source node. It hands over the right heaps and sheds the right heaps. A graph that
 * cannot work is refused.
 * Method: the packets come from a memory link. The stream sleeps on the link as it sleeps on a network. The heaps go to
 * a probe sink. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

TestSuite(recv_node, .init = set_up, .fini = tear_down);

Test(recv_node, heaps_reach_the_sink_in_order)
{
    struct spead_probe_record seen;

    rig.config.message_stream = 3;
    recv_graph_build(&rig);
    recv_graph_push(&rig, 10, 100);
    spead_mem_link_close(rig.wire);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    seen = recv_graph_record(&rig);
    cr_assert_eq(seen.received, 100u);
    cr_expect_eq(seen.out_of_order + seen.skipped, 0u);
    cr_expect_eq(seen.end, -ESHUTDOWN);
    cr_expect_eq(seen.arrivals[99].message.sequence, 99u);
    cr_expect_eq(seen.arrivals[99].message.key, 109u);
    cr_expect_eq(seen.arrivals[99].message.stream, 3u);
    cr_expect_eq(seen.arrivals[99].message.length, 8u);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), 100u);
}

Test(recv_node, a_slow_sink_stops_a_source_that_can_wait)
{
    rig.config.hand_over_heaps = 1;
    rig.sink_config.pause_ns = 100000;
    rig.sink_config.batch = 1;
    recv_graph_build(&rig);
    recv_graph_push(&rig, 1, 100);
    spead_mem_link_close(rig.wire);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 100u);
    cr_expect_eq(recv_graph_record(&rig).skipped, 0u);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), 100u);
}

static void shed_at_a_slow_sink(enum spead_on_full on_full, enum spead_shed_cause cause,
                                uint64_t heaps)
{
    struct spead_channel_stats edge;

    rig.config.on_full = on_full;
    rig.config.hand_over_heaps = 2;
    rig.sink_config.pause_ns = 100000;
    rig.sink_config.batch = 1;
    recv_graph_build(&rig);
    recv_graph_push(&rig, 1, heaps);
    spead_mem_link_close(rig.wire);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_gt(recv_graph_record(&rig).received, 0u);
    cr_expect_gt(recv_graph_packets(&rig, SPEAD_RECV_SHED), 0u);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), recv_graph_record(&rig).received);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED) +
                     recv_graph_packets(&rig, SPEAD_RECV_SHED),
                 heaps);
    edge = recv_graph_edge_stats(&rig);
    cr_expect_gt(edge.shed[cause], 0u);
    /* While the sink is taking the oldest heap, drop-oldest sometimes has to shed a newer one. */
    cr_expect_eq(recv_graph_stats(&rig).counters.heaps_shed,
                 edge.shed[SPEAD_SHED_NEWEST] + edge.shed[SPEAD_SHED_OLDEST]);
    cr_expect_eq(recv_graph_stats(&rig).counters.heaps_complete, recv_graph_record(&rig).received);
    cr_expect_eq(recv_graph_stats(&rig).counters.payload_bytes,
                 8 * recv_graph_record(&rig).received);
    cr_expect_eq(recv_graph_stats(&rig).hand_over_high_water, 2u);
}

Test(recv_node, the_newest_is_shed_and_stays_in_the_ledger)
{
    /* the link is full: the stream sheds until less than half of the link is full, and then pauses */
    shed_at_a_slow_sink(SPEAD_ON_FULL_DROP_NEWEST, SPEAD_SHED_NEWEST, 4096);
    cr_expect_gt(recv_graph_stats(&rig).counters.paused_ns, 0u);
    cr_expect_eq(recv_graph_record(&rig).arrivals[0].message.sequence, 0u);
}

Test(recv_node, the_oldest_is_shed_and_stays_in_the_ledger)
{
    shed_at_a_slow_sink(SPEAD_ON_FULL_DROP_OLDEST, SPEAD_SHED_OLDEST, 1000);
    cr_expect_eq(recv_graph_stats(&rig).counters.paused_ns, 0u);
    cr_expect_eq(
        recv_graph_record(&rig).arrivals[recv_graph_record(&rig).recorded - 1].message.sequence,
        999u);
    cr_expect_eq(recv_graph_record(&rig).received + recv_graph_record(&rig).skipped, 1000u,
                 "the gaps say what was shed");
}

/* ---- The bounds of the hand-over at the edge ------------------------------------------------- */

/* Builds a graph with the scripted stream, which has the default bounds. The edge gets `places` places; if `places` is
 * 0, it gets as many as the stream proposes. The sink takes one heap, and then takes no heap for an hour. */
static void build_with_defaults(uint32_t places, enum spead_on_full on_full)
{
    struct spead_channel_config edge;

    rig.sink_config.pause_ns = 3600000000000u;
    rig.sink_config.batch = 1;
    recv_rig_init(&rig.scripted);
    rig.scripted.config.packet_bytes_max = 65507;
    rig.scripted.config.on_full = on_full;
    recv_rig_open(&rig.scripted);
    rig.stream = rig.scripted.stream;
    edge = spead_recv_stream_edge_config(rig.stream);
    if (places > 0)
        edge.capacity = places;
    rig.capture = recv_graph_add_stream(&rig, rig.stream, "capture");
    recv_graph_add_sink(&rig);
    recv_graph_join(&rig, rig.capture, &edge);
}

/* Runs the graph on `count` heaps of `bytes` bytes until the stream has read at least `read` of them. Returns how many
 * were shed by then. */
static uint64_t shed_of(uint64_t count, size_t bytes, uint64_t read)
{
    uint64_t shed;

    for (uint64_t counter = 1; counter <= count; counter++)
        recv_rig_data(&rig.scripted, counter, bytes, 0, bytes);
    recv_graph_start(&rig);
    while (recv_graph_stats(&rig).total.seen.packets < read)
        usleep(1000);
    shed = recv_graph_packets(&rig, SPEAD_RECV_SHED);
    spead_graph_cancel(rig.graph);
    cr_assert_eq(recv_graph_wait(&rig, NULL), -ECANCELED);
    return shed;
}

Test(recv_node, small_heaps_of_one_burst_all_find_room_at_the_edge)
{
    build_with_defaults(0, SPEAD_ON_FULL_DROP_NEWEST);
    cr_expect_eq(shed_of(4000, 8, 4000), 0u);
}

Test(recv_node, at_most_16_mebibytes_wait_at_the_edge)
{
    uint64_t shed;

    build_with_defaults(0, SPEAD_ON_FULL_DROP_NEWEST);
    shed = shed_of(600, 32768, 600);
    cr_expect(shed >= 86 && shed <= 88, "%lu were shed", shed);
}

Test(recv_node, an_edge_with_more_places_has_the_same_bounds)
{
    uint64_t shed;

    build_with_defaults(10000, SPEAD_ON_FULL_DROP_NEWEST);
    shed = shed_of(600, 32768, 600);
    cr_expect(shed >= 86 && shed <= 88, "%lu were shed", shed);
}

Test(recv_node, an_edge_with_fewer_places_holds_fewer_heaps)
{
    uint64_t shed;

    build_with_defaults(100, SPEAD_ON_FULL_DROP_NEWEST);
    shed = shed_of(600, 32, 600);
    cr_expect(shed >= 498 && shed <= 500, "%lu were shed", shed);
}

Test(recv_node, an_edge_that_blocks_by_bytes_sheds_nothing_and_lets_the_graph_be_cancelled)
{
    build_with_defaults(0, SPEAD_ON_FULL_BLOCK);
    cr_expect_eq(shed_of(600, 32768, 512), 0u);
}

/* Here a thread of a runner polls the stream, and the graph only reads the channel of the stream. */
Test(recv_node, a_graph_can_read_the_channel_of_a_stream)
{
    struct spead_recv_runner *runner;

    rig.stream = recv_graph_open_on(&rig, &rig.wire);
    recv_graph_push(&rig, 1, 100);
    spead_mem_link_close(rig.wire);
    recv_graph_add_sink(&rig);
    cr_assert_eq(spead_graph_join_input(rig.graph, spead_recv_stream_channel(rig.stream),
                                        (struct spead_graph_end){rig.sink_node, NULL}, NULL),
                 0);
    cr_assert_eq(spead_recv_runner_start(&runner, rig.stream, -1, NULL), 0);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(spead_recv_runner_join(runner, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 100u);
    cr_expect_eq(recv_graph_record(&rig).skipped, 0u);
    cr_expect_eq(recv_graph_packets(&rig, SPEAD_RECV_DELIVERED), 100u);
}

Test(recv_node, two_streams_flow_into_one_node)
{
    static const struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;

    rig.stream = recv_graph_open_on(&rig, &rig.wire);
    recv_graph_open_other(&rig);
    recv_graph_push(&rig, 1, 200);
    recv_graph_push_on(rig.other_wire, 1, 300);
    spead_mem_link_close(rig.wire);
    spead_mem_link_close(rig.other_wire);
    recv_graph_add_sink(&rig);
    recv_graph_join(&rig, recv_graph_add_stream(&rig, rig.stream, "capture-a"), &edge);
    recv_graph_join(&rig, recv_graph_add_stream(&rig, rig.other, "capture-b"), &edge);
    recv_graph_start(&rig);
    cr_expect_eq(recv_graph_wait(&rig, NULL), 0);
    cr_expect_eq(recv_graph_record(&rig).received, 500u);
    cr_expect_eq(recv_graph_record(&rig).out_of_order + recv_graph_record(&rig).skipped, 0u,
                 "in order within each stream");
    recv_graph_close_other(&rig);
}

/* ---- Refusals ------------------------------------------------------------------------------ */

static void expect_no_start(int code, const char *word)
{
    struct spead_err err;

    cr_expect_eq(spead_graph_start(rig.graph, rig.executor, &err), code);
    cr_expect_not_null(strstr(err.text, word), "\"%s\" does not say %s", err.text, word);
}

Test(recv_node, an_edge_that_blocks_is_refused_where_the_sender_cannot_wait)
{
    static const char *endpoint = "127.0.0.1:17490";
    struct spead_heap *heap;

    rig.config.on_full = SPEAD_ON_FULL_DROP_NEWEST;
    rig.config.endpoints = &endpoint;
    rig.config.endpoint_count = 1;
    rig.config.engine = "socket";
    cr_assert_eq(spead_recv_stream_create(&rig.stream, &rig.config, NULL), 0);
    recv_graph_add_sink(&rig);
    recv_graph_join(&rig, recv_graph_add_stream(&rig, rig.stream, "capture"), NULL);
    expect_no_start(-EINVAL, "spead_recv_stream_edge_config()");
    cr_expect_eq(spead_recv_stream_try_take(rig.stream, &heap), -EAGAIN,
                 "the stream is as it was before");
}

Test(recv_node, a_stream_that_has_run_is_refused)
{
    recv_graph_build(&rig);
    spead_mem_link_close(rig.wire);
    cr_assert_eq(spead_recv_stream_run(rig.stream, NULL), 0);
    expect_no_start(-EBUSY, "it runs once");
}

Test(recv_node, a_graph_that_does_not_start_leaves_the_stream_at_its_end)
{
    struct spead_recv_stream *twice;

    recv_graph_build(&rig);
    twice = rig.stream;
    recv_graph_join(&rig, recv_graph_add_stream(&rig, twice, "again"), NULL);
    expect_no_start(-EBUSY, "it runs once");
    cr_expect_lt(spead_recv_stream_poll(rig.stream), 0);
}
