/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if the thread of the caller pulls a graph, the results are the same as on an executor. The nodes do only the
 * work that these results need.
 * Method: after each result, the tests count what the nodes have done. Then they end the graph in each way: at the end
 * of stream, by a failure, by a cancel, or by an early destroy. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "step_nodes.h"

static struct spead_graph *graph;
static struct step_source source;
static struct step_relay relay;
static struct spead_node *source_node, *relay_node;

static int only_thirds(struct step_relay *self, struct spead_message *message)
{
    (void)self;
    return message->sequence % 3 == 0;
}

static void add_chain(void)
{
    source = (struct step_source){.count = 30};
    relay = (struct step_relay){.work = only_thirds};
    source_node = step_source_add(graph, &source, "source");
    relay_node = step_relay_add(graph, &relay, "thirds");
    step_join(graph, source_node, relay_node, 1);
}

static void build(void)
{
    graph = step_graph("pulled");
    add_chain();
}

static void clear(void)
{
    spead_graph_destroy(graph);
}

static int next(struct spead_message *message, struct spead_err *err)
{
    return spead_graph_next(graph, (struct spead_graph_end){relay_node, NULL}, message, err);
}

Test(graph_pull, each_result_is_worked_for_when_it_is_asked_for, .init = build, .fini = clear)
{
    struct spead_message message;

    cr_assert_eq(relay.starts, 0);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(next(&message, NULL), 0);
        cr_assert_eq(message.sequence, 3 * i);
        cr_assert_leq(relay.works, 3 * i + 2, "the next one is at most begun");
        cr_assert_leq(source.sent, 3 * i + 3);
    }
    cr_assert_eq(next(&message, NULL), -ESHUTDOWN);
    cr_assert_eq(next(&message, NULL), -ESHUTDOWN);
    cr_assert_eq(relay.finishes, 1);
}

Test(graph_pull, branch_that_nothing_asks_for_is_not_run, .fini = clear)
{
    struct step_source other = {.count = 1000};
    struct step_sink sink = {0};
    struct spead_message message;
    unsigned count = 0;

    graph = step_graph("pulled");
    step_join(graph, step_source_add(graph, &other, "other"), step_sink_add(graph, &sink, "sink"),
              4);
    add_chain();
    while (next(&message, NULL) == 0)
        count++;
    cr_assert_eq(count, 10);
    cr_assert_eq(other.sent, 0);
    cr_assert_eq(sink.received, 0);
    step_sink_release(&sink);
}

Test(graph_pull, sources_that_share_an_input_are_asked_in_turn, .init = build, .fini = clear)
{
    struct step_source other = {.count = UINT64_MAX, .stream = 1};
    struct spead_message message;
    unsigned of_other = 0;

    source.count = UINT64_MAX;
    step_join(graph, step_source_add(graph, &other, "other"), relay_node, 1);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(next(&message, NULL), 0);
        of_other += message.stream;
    }
    cr_assert_gt(of_other, 10);
    cr_assert_lt(of_other, 90);
}

Test(graph_pull, failure_comes_after_the_results_before_it, .init = build, .fini = clear)
{
    struct spead_message message;
    struct spead_err err = {0};

    source.error = -EIO;
    source.error_at = 7;
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(next(&message, NULL), 0);
    cr_assert_eq(next(&message, &err), -EIO);
    cr_assert(strstr(err.text, "node source") && strstr(err.text, "sequence 7"), "%s", err.text);
}

Test(graph_pull, cancelled_pull_finishes_every_node, .init = build, .fini = clear)
{
    struct spead_message message;

    cr_assert_eq(next(&message, NULL), 0);
    spead_graph_cancel(graph);
    cr_assert_eq(next(&message, NULL), -ECANCELED);
    cr_assert_eq(relay.finishes, 1);
}

Test(graph_pull, graph_may_be_left_in_the_middle, .init = build)
{
    struct spead_message message;

    cr_assert_eq(next(&message, NULL), 0);
    clear();
    cr_assert_eq(relay.finishes, 1);
}

Test(graph_pull, joined_output_cannot_be_pulled, .init = build, .fini = clear)
{
    struct spead_message message;
    struct spead_err err = {0};

    cr_assert_eq(
        spead_graph_next(graph, (struct spead_graph_end){source_node, NULL}, &message, &err),
        -EINVAL);
    cr_assert(strstr(err.text, "source.out"), "%s", err.text);
}

static uint64_t clock_seen;

static int note_clock(void *state, struct spead_node *self)
{
    struct spead_message message = {0};

    (void)state;
    clock_seen = spead_node_now_ns(self);
    return spead_node_send(self, 0, &message, 1) == 1 ? SPEAD_STEP_AGAIN : SPEAD_STEP_WAITING;
}

Test(graph_pull, time_that_the_caller_took_is_not_the_nodes, .fini = clear)
{
    static const struct spead_node_ops ops = {.kind = "clock", .step = note_clock};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct timespec pause = {.tv_nsec = 300000000};
    struct spead_message message;
    uint64_t before;

    graph = step_graph("pulled");
    config.name = "clock";
    config.ops = &ops;
    config.outputs = &out;
    config.output_count = 1;
    cr_assert_eq(spead_graph_add(graph, &config, &relay_node, NULL), 0);
    cr_assert_eq(next(&message, NULL), 0);
    nanosleep(&pause, NULL);
    before = step_now_ns();
    cr_assert_eq(next(&message, NULL), 0);
    cr_assert_geq(clock_seen, before);
    spead_node_stats(relay_node, &stats);
    cr_assert_lt(stats.busy_ns, 300000000u);
}

static void *send_later(void *arg)
{
    struct spead_sender *sender = arg;

    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(spead_sender_send(sender, &(struct spead_message){.sequence = i}, 1, 0), 1);
    spead_sender_close(sender, 0);
    return NULL;
}

Test(graph_pull, pull_sleeps_until_a_thread_outside_sends)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_sender *sender;
    struct spead_message message;
    pthread_t thread;
    unsigned count = 0;

    graph = step_graph("pulled");
    relay = (struct step_relay){0};
    relay_node = step_relay_add(graph, &relay, "relay");
    cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
    cr_assert_eq(
        spead_graph_join_input(graph, channel, (struct spead_graph_end){relay_node, NULL}, NULL),
        0);
    cr_assert_eq(spead_sender_open(&sender, channel, "thread", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, send_later, sender), 0);
    while (next(&message, NULL) == 0)
        cr_assert_eq(message.sequence, count++);
    cr_assert_eq(count, 100);
    pthread_join(thread, NULL);
    clear();
    spead_channel_unref(channel);
}
