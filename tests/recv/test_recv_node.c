/* The receive stream as a source node: what comes out, what is shed, and how it ends with its graph.
 * Method: packets on a memory link (where the stream sleeps as over a network) or from a scripted engine
 * (which can fail), and the library's own test sink. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include <speadline/graph.h>
#include <speadline/probe.h>

#include <speadi/clock.h>

#include "recv_rig.h"

static struct recv_rig rig; /* its engine is used by some */
static struct spead_mem_link *wire;
static struct spead_recv_stream *stream;
static struct spead_graph *graph;
static struct spead_executor *executor;
static struct spead_test_sink *sink;
static struct spead_test_sink_config sink_config;
static struct spead_recv_stream_config config;
static struct spead_node *capture, *sink_node;

static void set_up(void)
{
    struct spead_executor_config one = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_graph_config named = SPEAD_GRAPH_CONFIG_INIT;

    config = (struct spead_recv_stream_config)SPEAD_RECV_STREAM_CONFIG_INIT;
    config.heap_bytes_max = 4096;
    config.on_full = SPEAD_BLOCK;
    sink_config = (struct spead_test_sink_config)SPEAD_TEST_SINK_CONFIG_INIT;
    cr_assert_eq(spead_mem_link_create(&wire, 4096, 256, NULL), 0);
    cr_assert_eq(spead_executor_create(&executor, &one, NULL), 0);
    cr_assert_eq(spead_graph_create(&graph, &named, NULL), 0);
}

static void tear_down(void)
{
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_recv_stream_destroy(stream);
    spead_test_sink_destroy(sink);
    spead_mem_link_unref(wire);
}

TestSuite(recv_node, .init = set_up, .fini = tear_down);

static void push_on(struct spead_mem_link *link, uint64_t first, uint64_t count)
{
    struct test_packet packet;

    for (uint64_t counter = first; counter < first + count; counter++) {
        test_packet_data(&packet, 40, counter, 8, 0, NULL, 8);
        cr_assert_eq(spead_mem_link_push(link, packet.bytes, packet.length), 0);
    }
}

static void push_heaps(uint64_t first, uint64_t count)
{
    push_on(wire, first, count);
}

static struct spead_recv_stream *open_on(struct spead_mem_link **link)
{
    struct spead_recv_stream *opened;

    config.links = link;
    config.link_count = 1;
    cr_assert_eq(spead_recv_stream_create(&opened, &config, NULL), 0);
    return opened;
}

static struct spead_node *add_stream(struct spead_recv_stream *added, const char *name)
{
    struct spead_node_config node = spead_recv_stream_node(added, name);
    struct spead_node *out;

    cr_assert_eq(spead_graph_add(graph, &node, &out, NULL), 0);
    return out;
}

static void add_sink(void)
{
    struct spead_node_config node;

    cr_assert_eq(spead_test_sink_create(&sink, &sink_config, NULL), 0);
    node = spead_test_sink_node(sink, "sink");
    cr_assert_eq(spead_graph_add(graph, &node, &sink_node, NULL), 0);
}

static void join_with(struct spead_node *from, const struct spead_channel_config *edge)
{
    cr_assert_eq(spead_graph_join(graph, (struct spead_graph_end){from, "heaps"},
                                  (struct spead_graph_end){sink_node, NULL}, edge, NULL),
                 0);
}

/* capture > sink, by the channel that the stream wants. */
static void build_on(struct spead_recv_stream *built)
{
    struct spead_channel_config edge = spead_recv_stream_edge_config(built);

    stream = built;
    capture = add_stream(stream, "capture");
    add_sink();
    join_with(capture, &edge);
}

static void build(void)
{
    build_on(open_on(&wire));
}

static void build_scripted(void)
{
    recv_rig_init(&rig);
    recv_rig_open(&rig);
    build_on(rig.stream);
}

static void start(void)
{
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
}

/* Long enough on any machine. */
static int wait_for_end(struct spead_err *err)
{
    return spead_graph_wait(graph, speadi_clock_mono_ns() + 30000000000u, err);
}

static struct spead_test_record record(void)
{
    struct spead_test_record seen;

    spead_test_sink_record(sink, &seen);
    return seen;
}

static struct spead_recv_stats stats(void)
{
    struct spead_recv_stats now = SPEAD_RECV_STATS_INIT;
    uint64_t sum = 0;

    spead_recv_stream_stats(stream, &now);
    for (unsigned i = 0; i < now.bucket_count; i++)
        sum += now.total.bucket[i].packets;
    cr_expect_eq(sum, now.total.seen.packets);
    return now;
}

static uint64_t packets(enum spead_recv_bucket bucket)
{
    return stats().total.bucket[bucket].packets;
}

static struct spead_channel_stats edge_stats(void)
{
    struct spead_channel_stats now = SPEAD_CHANNEL_STATS_INIT;
    struct spead_graph_end end = {capture, "heaps"};

    spead_channel_stats(spead_graph_channel(graph, end), &now);
    return now;
}

/* Released by the channel: left in it when the sink closed, or sent at that very moment. */
static uint64_t left_in_channel(void)
{
    struct spead_channel_stats edge = edge_stats();

    return edge.shed[SPEAD_SHED_CANCELLED] + edge.depth;
}

static void sleep_a_little(void)
{
    struct timespec little = {.tv_nsec = 2000000};

    nanosleep(&little, NULL);
}

/* ---- What comes out ------------------------------------------------------------------------ */

Test(recv_node, heaps_reach_the_sink_in_order)
{
    struct spead_test_record seen;

    config.message_stream = 3;
    build();
    push_heaps(10, 100);
    spead_mem_link_close(wire);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    seen = record();
    cr_assert_eq(seen.received, 100u);
    cr_expect_eq(seen.out_of_order + seen.skipped, 0u);
    cr_expect_eq(seen.end, -ESHUTDOWN);
    cr_expect_eq(seen.arrivals[99].message.sequence, 99u);
    cr_expect_eq(seen.arrivals[99].message.key, 109u);
    cr_expect_eq(seen.arrivals[99].message.stream, 3u);
    cr_expect_eq(seen.arrivals[99].message.length, 8u);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED), 100u);
}

Test(recv_node, a_slow_sink_stops_a_source_that_can_wait)
{
    config.ring_heaps = 1;
    sink_config.pause_ns = 100000;
    sink_config.batch = 1;
    build();
    push_heaps(1, 100);
    spead_mem_link_close(wire);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(record().received, 100u);
    cr_expect_eq(record().skipped, 0u);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED), 100u);
}

static void shed_at_a_slow_sink(enum spead_on_full on_full, enum spead_shed_cause cause)
{
    config.on_full = on_full;
    config.ring_heaps = 2;
    sink_config.pause_ns = 1000000;
    sink_config.batch = 1;
    build();
    push_heaps(1, 1000);
    spead_mem_link_close(wire);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_gt(record().received, 0u);
    cr_expect_gt(packets(SPEAD_RECV_SHED), 0u);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED), record().received);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED) + packets(SPEAD_RECV_SHED), 1000u);
    cr_expect_eq(stats().heaps_shed, edge_stats().shed[cause]);
    cr_expect_eq(stats().heaps_complete, record().received);
    cr_expect_eq(stats().payload_bytes, 8 * record().received);
    cr_expect_eq(stats().ring_high_water, 2u);
}

Test(recv_node, the_newest_is_shed_and_stays_in_the_ledger)
{
    shed_at_a_slow_sink(SPEAD_DROP_NEWEST, SPEAD_SHED_NEWEST);
    cr_expect_eq(record().arrivals[0].message.sequence, 0u);
}

Test(recv_node, the_oldest_is_shed_and_stays_in_the_ledger)
{
    shed_at_a_slow_sink(SPEAD_DROP_OLDEST, SPEAD_SHED_OLDEST);
    cr_expect_eq(record().arrivals[record().recorded - 1].message.sequence, 999u);
    cr_expect_eq(record().received + record().skipped, 1000u, "the gaps say what was shed");
}

/* The stream on a runner, a graph that reads its channel. */
Test(recv_node, a_graph_can_read_the_channel_of_a_stream)
{
    struct spead_recv_runner *runner;

    stream = open_on(&wire);
    push_heaps(1, 100);
    spead_mem_link_close(wire);
    add_sink();
    cr_assert_eq(spead_graph_join_input(graph, spead_recv_stream_channel(stream),
                                        (struct spead_graph_end){sink_node, NULL}, NULL),
                 0);
    cr_assert_eq(spead_recv_runner_start(&runner, stream, -1, NULL), 0);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(spead_recv_runner_join(runner, NULL), 0);
    cr_expect_eq(record().received, 100u);
    cr_expect_eq(record().skipped, 0u);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED), 100u);
}

/* A second stream, on a link of its own. */
static struct spead_recv_stream *other;
static struct spead_mem_link *other_wire;

static void open_other(void)
{
    cr_assert_eq(spead_mem_link_create(&other_wire, 4096, 256, NULL), 0);
    config.message_stream = 1;
    other = open_on(&other_wire);
}

static void close_other(void)
{
    spead_graph_destroy(graph);
    graph = NULL;
    spead_recv_stream_destroy(other);
    spead_mem_link_unref(other_wire);
}

Test(recv_node, two_streams_flow_into_one_node)
{
    static const struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;

    stream = open_on(&wire);
    open_other();
    push_heaps(1, 200);
    push_on(other_wire, 1, 300);
    spead_mem_link_close(wire);
    spead_mem_link_close(other_wire);
    add_sink();
    join_with(add_stream(stream, "capture-a"), &edge);
    join_with(add_stream(other, "capture-b"), &edge);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(record().received, 500u);
    cr_expect_eq(record().out_of_order + record().skipped, 0u, "in order within each stream");
    close_other();
}

/* ---- How it ends --------------------------------------------------------------------------- */

Test(recv_node, stop_delivers_what_has_come)
{
    build();
    start();
    push_heaps(1, 500);
    spead_graph_stop(graph);
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(record().received, 500u);
    cr_expect_eq(record().end, -ESHUTDOWN);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED), 500u);
}

Test(recv_node, a_stop_of_the_stream_ends_the_graph)
{
    build();
    start();
    push_heaps(1, 500);
    spead_recv_stream_stop(stream);
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(record().received, 500u);
}

/* It would wake by itself, but later. */
Test(recv_node, a_stop_reaches_into_the_engine)
{
    build_scripted();
    start();
    cr_expect_eq(atomic_load(&rig.engine->wakes), 0u);
    spead_graph_stop(graph);
    cr_expect_eq(atomic_load(&rig.engine->wakes), 1u);
    cr_expect_eq(wait_for_end(NULL), 0);
}

Test(recv_node, stop_wakes_a_stream_that_sleeps)
{
    build();
    start();
    sleep_a_little();
    spead_graph_stop(graph);
    cr_expect_eq(wait_for_end(NULL), 0);
}

Test(recv_node, cancel_wakes_a_stream_that_sleeps)
{
    build();
    start();
    sleep_a_little();
    spead_graph_cancel(graph);
    cr_expect_eq(wait_for_end(NULL), -ECANCELED);
    cr_expect_eq(spead_recv_stream_poll(stream), -ESHUTDOWN, "the stream has ended too");
}

Test(recv_node, what_a_cancel_finds_is_counted)
{
    config.ring_heaps = 1;
    sink_config.pause_ns = 1000000;
    sink_config.batch = 1;
    build();
    push_heaps(1, 1000);
    start();
    sleep_a_little();
    spead_graph_cancel(graph);
    cr_expect_eq(wait_for_end(NULL), -ECANCELED);
    cr_expect_eq(stats().heaps_complete, record().received + left_in_channel());
    cr_expect_eq(stats().heaps_live, 0u);
    cr_expect_eq(packets(SPEAD_RECV_LIVE), 0u);
}

/* The source has gone silent: the stream must see by itself that nobody reads. */
Test(recv_node, a_sink_that_has_enough_ends_the_stream)
{
    sink_config.stop_after = 3;
    build();
    push_heaps(1, 3);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(record().received, 3u);
    cr_expect_eq(spead_recv_stream_poll(stream), -ESHUTDOWN);
}

Test(recv_node, heaps_after_the_sink_has_gone_are_shed)
{
    sink_config.stop_after = 3;
    sink_config.batch = 1;
    build();
    push_heaps(1, 1000);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(record().received, 3u);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED), 3 + left_in_channel());
    cr_expect_eq(packets(SPEAD_RECV_LIVE), 0u);
}

Test(recv_node, a_failure_elsewhere_wakes_a_stream_that_sleeps)
{
    struct spead_err err;

    sink_config.error = -EDOM;
    sink_config.error_at = 1;
    build();
    push_heaps(1, 2);
    start();
    cr_expect_eq(wait_for_end(&err), -EDOM);
    cr_expect_not_null(strstr(err.text, "capture > sink"), "%s", err.text);
}

Test(recv_node, a_stop_item_ends_the_graph)
{
    build_scripted();
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP);
    start();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(record().received, 1u);
}

Test(recv_node, a_source_that_fails_is_reported_after_its_heaps)
{
    struct spead_failure failure;

    build_scripted();
    rig.engine->end = -ENETDOWN;
    recv_rig_data(&rig, 1, 8, 0, 8);
    start();
    cr_expect_eq(wait_for_end(NULL), -ENETDOWN);
    cr_expect_eq(record().received, 1u);
    cr_expect_eq(record().end, -ENETDOWN);
    spead_graph_failure(graph, &failure);
    cr_expect_str_eq(failure.path, "capture");
    cr_expect_str_eq(failure.cause, "node capture: receiving with engine \"script\" failed: "
                                    "Network is down");
}

Test(recv_node, a_source_that_does_not_start_fails_the_graph)
{
    struct spead_failure failure;

    build_scripted();
    rig.engine->start_error = -EPERM;
    start();
    cr_expect_eq(wait_for_end(NULL), -EPERM);
    spead_graph_failure(graph, &failure);
    cr_expect_str_eq(failure.cause, "node capture: the script does not start");
}

/* ---- Refusals ------------------------------------------------------------------------------ */

static void expect_no_start(int code, const char *word)
{
    struct spead_err err;

    cr_expect_eq(spead_graph_start(graph, executor, &err), code);
    cr_expect_not_null(strstr(err.text, word), "\"%s\" does not say %s", err.text, word);
}

Test(recv_node, an_edge_that_blocks_is_refused_where_the_sender_cannot_wait)
{
    static const char *endpoint = "127.0.0.1:17490";

    config.on_full = SPEAD_DROP_NEWEST;
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.engine = "socket";
    cr_assert_eq(spead_recv_stream_create(&stream, &config, NULL), 0);
    add_sink();
    join_with(add_stream(stream, "capture"), NULL);
    expect_no_start(-EINVAL, "spead_recv_stream_edge_config()");
}

Test(recv_node, a_stream_that_has_run_is_refused)
{
    build();
    spead_mem_link_close(wire);
    cr_assert_eq(spead_recv_stream_run(stream, NULL), 0);
    expect_no_start(-EBUSY, "it runs once");
}

Test(recv_node, a_graph_that_does_not_start_leaves_the_stream_at_its_end)
{
    struct spead_recv_stream *twice;

    build();
    twice = stream;
    join_with(add_stream(twice, "again"), NULL);
    expect_no_start(-EBUSY, "it runs once");
    cr_expect_lt(spead_recv_stream_poll(stream), 0);
}

/* ---- Pulled -------------------------------------------------------------------------------- */

/* Fifty heaps come in one burst; what the caller has not asked for waits, whatever on_full says. */
Test(recv_node, pulled_one_heap_at_a_time_nothing_is_shed)
{
    struct spead_message message;

    recv_rig_init(&rig);
    rig.config.on_full = SPEAD_DROP_NEWEST;
    rig.engine->end = -ESHUTDOWN;
    recv_rig_open(&rig);
    stream = rig.stream;
    capture = add_stream(stream, "capture");
    for (uint64_t counter = 1; counter <= 50; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
    for (uint64_t counter = 1; counter <= 50; counter++) {
        cr_assert_eq(
            spead_graph_next(graph, (struct spead_graph_end){capture, NULL}, &message, NULL), 0);
        cr_expect_eq(message.key, counter);
        cr_expect_eq(message.sequence, counter - 1);
        spead_message_unref(&message);
    }
    cr_expect_eq(spead_graph_next(graph, (struct spead_graph_end){capture, NULL}, &message, NULL),
                 -ESHUTDOWN);
    cr_expect_eq(packets(SPEAD_RECV_DELIVERED), 50u);
}

/* Passes heaps on, one at a time. */
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
    struct spead_node *from[] = {add_stream(other, "silent"), add_stream(stream, "capture")};
    struct spead_graph_end relay = {NULL, NULL};

    node_config.name = "relay";
    node_config.ops = &ops;
    node_config.state = held;
    node_config.inputs = node_config.outputs = &port;
    node_config.input_count = node_config.output_count = 1;
    cr_assert_eq(spead_graph_add(graph, &node_config, &relay.node, NULL), 0);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(
            spead_graph_join(graph, (struct spead_graph_end){from[i], NULL}, relay, NULL, NULL), 0);
    return relay;
}

/* One source that is silent must not keep the other's heap from the caller, whose thread steps both. */
Test(recv_node, pulled_streams_share_the_callers_thread)
{
    struct spead_message held = {0}, message;
    struct spead_graph_end out;

    stream = open_on(&wire);
    open_other();
    out = join_to_relay(&held);
    for (uint64_t counter = 1; counter <= 3; counter++) {
        push_heaps(counter, 1);
        cr_assert_eq(spead_graph_next(graph, out, &message, NULL), 0);
        cr_expect_eq(message.key, counter);
        spead_message_unref(&message);
    }
    close_other();
}
