/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: stop, drain, cancel and destroy do what the header says, and every message that is lost is counted.
 * Method: the graph is source > relay > sink, and the source is endless. The test can make the sink take nothing, so
 * that the channels stay full. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "step_nodes.h"

static struct spead_graph *graph;
static struct spead_executor *executor;
static struct step_source source;
static struct step_relay relay;
static struct step_sink sink;
static struct spead_node *source_node, *relay_node, *sink_node;
static _Atomic bool closed;

static void build(void)
{
    graph = step_graph("endless");
    executor = step_executor(2);
    source = (struct step_source){.count = UINT64_MAX};
    relay = (struct step_relay){0};
    sink = (struct step_sink){.closed = &closed, .record_max = 1};
    closed = false;
    source_node = step_source_add(graph, &source, "source");
    relay_node = step_relay_add(graph, &relay, "relay");
    sink_node = step_sink_add(graph, &sink, "sink");
    step_join(graph, source_node, relay_node, 8);
    step_join(graph, relay_node, sink_node, 8);
}

static void clear(void)
{
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    step_sink_release(&sink);
}

static void start(void)
{
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
}

static uint64_t in(uint64_t ns)
{
    return step_now_ns() + ns;
}

static struct spead_channel_stats edge_after(struct spead_node *node)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

    spead_channel_stats(spead_graph_channel(graph, (struct spead_graph_end){node, "out"}), &stats);
    return stats;
}

static void wait_until_full(void)
{
    struct timespec ms = {.tv_nsec = 1000000};

    while (edge_after(relay_node).depth < 8 || edge_after(source_node).depth < 8)
        nanosleep(&ms, NULL);
}

Test(graph_end, stop_delivers_all_that_sources_have_sent, .init = build, .fini = clear)
{
    start();
    while (sink.received < 1000)
        ;
    spead_graph_stop(graph);
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), 0);
    cr_assert_eq(sink.received, source.sent);
    cr_assert_eq(sink.end, -ESHUTDOWN);
}

Test(graph_end, wait_with_a_deadline_leaves_the_graph_running, .init = build, .fini = clear)
{
    struct spead_err err;
    uint64_t before;

    start();
    cr_assert_eq(spead_graph_wait(graph, in(1000000), &err), -ETIMEDOUT);
    cr_assert_not(spead_graph_has_ended(graph));
    before = sink.received;
    while (sink.received == before)
        ;
    cr_assert_eq(spead_graph_drain(graph, in(60000000000u), NULL), 0);
    cr_assert(spead_graph_has_ended(graph));
    cr_assert_eq(sink.received, source.sent);
}

Test(graph_end, drain_that_is_too_slow_cancels_and_says_what_was_left, .init = build, .fini = clear)
{
    struct spead_channel_stats stats;
    struct spead_err err = {0};

    closed = true;
    start();
    wait_until_full();
    cr_assert_eq(spead_graph_drain(graph, in(10000000), &err), -ETIMEDOUT);
    cr_assert(strstr(err.text, "relay.out > sink.in: 8 left"), "%s", err.text);
    stats = edge_after(relay_node);
    cr_assert_eq(stats.sent, stats.received + stats.shed[SPEAD_SHED_CANCELLED]);
    cr_assert_eq(stats.shed[SPEAD_SHED_CANCELLED], 8);
    cr_assert_eq(relay.finishes, 1);
}

Test(graph_end, cancel_ends_nodes_that_wait_and_counts_what_is_released, .init = build,
     .fini = clear)
{
    struct spead_channel_stats stats;

    closed = true;
    start();
    wait_until_full();
    spead_graph_cancel(graph);
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), -ECANCELED);
    cr_assert_eq(sink.received, 0);
    stats = edge_after(source_node);
    cr_assert_eq(source.sent, stats.sent);
    cr_assert_eq(stats.sent, stats.received + stats.shed[SPEAD_SHED_CANCELLED]);
    cr_assert_eq(relay.received, relay.passed + relay.left_out);
}

Test(graph_end, destroy_of_a_running_graph_ends_it_first, .init = build)
{
    start();
    clear();
    cr_assert_eq(relay.starts, 1);
    cr_assert_eq(relay.finishes, 1);
}

Test(graph_end, executor_may_go_before_a_graph_that_has_ended, .init = build)
{
    sink.stop_after = 10;
    start();
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), 0);
    spead_executor_destroy(executor);
    executor = NULL;
    spead_graph_stop(graph);
    spead_graph_cancel(graph);
    clear();
    cr_assert_eq(relay.finishes, 1);
}

Test(graph_end, reader_that_has_enough_stops_those_before_it, .init = build, .fini = clear)
{
    sink.stop_after = 100;
    start();
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), 0);
    cr_assert_eq(sink.received, 100);
}

/* ---- Channels of the program ---------------------------------------------------------------- */

static struct spead_channel *outside(void)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;

    config.capacity = 16;
    cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
    return channel;
}

static struct spead_sender *feed(struct spead_channel *channel, unsigned count)
{
    struct spead_sender *sender;

    cr_assert_eq(spead_sender_open(&sender, channel, "thread", SPEAD_TYPE_PLAIN, NULL), 0);
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(spead_sender_send(sender, &(struct spead_message){.sequence = i}, 1, 0), 1);
    return sender;
}

static void build_outside(struct spead_channel *channel)
{
    graph = step_graph("outside");
    executor = step_executor(1);
    sink = (struct step_sink){0};
    sink_node = step_sink_add(graph, &sink, "sink");
    cr_assert_eq(
        spead_graph_join_input(graph, channel, (struct spead_graph_end){sink_node, NULL}, NULL), 0);
}

Test(graph_end, stop_takes_what_a_thread_has_sent_and_waits_for_no_more)
{
    struct spead_channel *channel = outside();
    struct spead_sender *sender;

    build_outside(channel);
    sender = feed(channel, 10);
    start();
    cr_assert_eq(spead_graph_drain(graph, in(60000000000u), NULL), 0);
    cr_assert_eq(sink.received, 10);
    cr_assert_eq(spead_sender_try_send(sender, &(struct spead_message){0}, 1), -EPIPE);
    spead_sender_close(sender, 0);
    clear();
    spead_channel_unref(channel);
}

Test(graph_end, error_from_outside_is_the_graphs_failure)
{
    struct spead_channel *channel = outside();
    struct spead_err err = {0};

    build_outside(channel);
    spead_sender_close(feed(channel, 3), -ENETDOWN);
    start();
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), &err), -ENETDOWN);
    cr_assert(strstr(err.text, "sink") && strstr(err.text, strerror(ENETDOWN)), "%s", err.text);
    cr_assert_eq(sink.received, 3);
    clear();
    spead_channel_unref(channel);
}

/* ---- Blocking nodes that sleep -------------------------------------------------------------- */

/* A node that sleeps in read() on a pipe. Its interrupt() writes to the pipe, and this ends the sleep. */
struct reader {
    int ends[2];
    _Atomic bool asleep, finished;
    _Atomic unsigned interrupts;
};

static int reader_step(void *state, struct spead_node *self)
{
    struct reader *reader = state;
    char byte;

    if (spead_node_is_stopping(self))
        return SPEAD_STEP_DONE;
    reader->asleep = true;
    return read(reader->ends[0], &byte, 1) == 1 ? SPEAD_STEP_AGAIN : -errno;
}

static void reader_finish(void *state)
{
    ((struct reader *)state)->finished = true;
}

static void reader_interrupt(void *state)
{
    struct reader *reader = state;

    reader->interrupts++;
    cr_assert_eq(write(reader->ends[1], "", 1), 1);
}

static struct reader reader;

static void add_reader(void)
{
    static const struct spead_node_ops ops = {.kind = "reader",
                                              .step = reader_step,
                                              .finish = reader_finish,
                                              .interrupt = reader_interrupt};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    graph = step_graph("asleep");
    executor = step_executor(1);
    reader = (struct reader){0};
    cr_assert_eq(pipe(reader.ends), 0);
    config.name = "reader";
    config.ops = &ops;
    config.state = &reader;
    config.blocking = true;
    cr_assert_eq(spead_graph_add(graph, &config, NULL, NULL), 0);
}

static void run_to_sleep(void)
{
    add_reader();
    start();
    while (!reader.asleep)
        ;
}

static void clear_reader(void)
{
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    close(reader.ends[0]);
    close(reader.ends[1]);
}

Test(graph_end, stop_interrupts_a_blocking_node_that_sleeps, .init = run_to_sleep,
     .fini = clear_reader)
{
    spead_graph_stop(graph);
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), 0);
    cr_assert(reader.finished);
}

Test(graph_end, cancel_interrupts_a_blocking_node_that_sleeps, .init = run_to_sleep,
     .fini = clear_reader)
{
    unsigned interrupts;

    spead_graph_cancel(graph);
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), -ECANCELED);
    cr_assert(reader.finished);
    interrupts = reader.interrupts;
    cr_assert_geq(interrupts, 1);
    spead_graph_cancel(graph);
    spead_graph_stop(graph);
    cr_assert_eq(reader.interrupts, interrupts, "none after the end of the graph");
}

/* The blocking node does not fail. Another node of the same graph fails. */
Test(graph_end, failure_interrupts_a_blocking_node_that_sleeps, .fini = clear_reader)
{
    struct step_source failing = {.count = 100, .error = -EDOM, .error_at = 50};

    add_reader();
    step_source_add(graph, &failing, "failing");
    start();
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), -EDOM);
    cr_assert(reader.finished);
}

Test(graph_end, a_graph_that_is_stopped_before_its_start_interrupts_nobody, .fini = clear_reader)
{
    add_reader();
    spead_graph_stop(graph);
    cr_assert_eq(reader.interrupts, 0);
    start();
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), 0);
}

/* ---- Waiting inside a step ------------------------------------------------------------------- */

/* A source whose only step waits for the end of the graph `of`. */
struct waiter {
    struct spead_graph *of;
    int (*wait)(struct spead_graph *graph, uint64_t deadline_ns, struct spead_err *err);
    int result;
    struct spead_err err;
};

static int waiter_step(void *state, struct spead_node *self)
{
    struct waiter *waiter = state;

    (void)self;
    waiter->result = waiter->wait(waiter->of, 0, &waiter->err);
    return SPEAD_STEP_DONE;
}

static void run_waiter(struct waiter *waiter, bool blocking)
{
    static const struct spead_node_ops ops = {.kind = "waiter", .step = waiter_step};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    graph = step_graph("waits");
    executor = step_executor(1);
    config.name = "waiter";
    config.ops = &ops;
    config.state = waiter;
    config.blocking = blocking;
    cr_assert_eq(spead_graph_add(graph, &config, NULL, NULL), 0);
    waiter->of = waiter->of ? waiter->of : graph;
    start();
    cr_assert_eq(spead_graph_wait(graph, in(60000000000u), NULL), 0);
}

static void refuse_in_step(int (*wait)(struct spead_graph *, uint64_t, struct spead_err *),
                           bool blocking)
{
    struct waiter waiter = {.wait = wait};

    run_waiter(&waiter, blocking);
    cr_expect_eq(waiter.result, -EDEADLK);
    cr_expect(strstr(waiter.err.text, "\"waiter\"") && strstr(waiter.err.text, "graph_stop()"),
              "%s", waiter.err.text);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

Test(graph_end, drain_inside_a_step_of_the_graph_is_refused, .timeout = 120)
{
    refuse_in_step(spead_graph_drain, false);
    refuse_in_step(spead_graph_drain, true);
}

Test(graph_end, wait_inside_a_step_of_the_graph_is_refused, .timeout = 120)
{
    refuse_in_step(spead_graph_wait, false);
    refuse_in_step(spead_graph_wait, true);
}

/* A blocking node has a thread of its own, so the other graph can end meanwhile. */
Test(graph_end, a_blocking_node_may_wait_for_another_graph, .timeout = 120)
{
    struct spead_executor *other_executor = step_executor(1);
    struct step_source one = {.count = 10};
    struct waiter waiter = {.wait = spead_graph_drain, .of = step_graph("other")};

    step_source_add(waiter.of, &one, "one");
    cr_assert_eq(spead_graph_start(waiter.of, other_executor, NULL), 0);
    run_waiter(&waiter, true);
    cr_expect_eq(waiter.result, 0, "%s", waiter.err.text);
    spead_graph_destroy(waiter.of);
    spead_executor_destroy(other_executor);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}
