/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: when a step fails, the graph applies the policy of its node and counts the failure once. It reports a fatal
 * failure in full.
 * Method: the graph is source > work > sink. The node "work" fails on chosen messages, each a chosen number of
 * times. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <speadi/backoff.h>

#include "step_nodes.h"

#define COUNT 100u

static struct spead_graph *graph;
static struct spead_executor *executor;
static struct step_source source;
static struct step_relay relay;
static struct step_sink sink, errors;
static struct spead_node *source_node, *relay_node, *sink_node;

/* If the sequence number of a message is divisible by ten, the step fails failures_each times on this message. After
 * that the step succeeds. */
static unsigned failures_each, tried;

static int fail_tens(struct step_relay *self, struct spead_message *message)
{
    (void)self;
    if (message->sequence % 10 != 0)
        return 1;
    if (tried++ % (failures_each + 1u) == failures_each)
        return 1;
    return -EIO;
}

static int fail_at_42(struct step_relay *self, struct spead_message *message)
{
    (void)self;
    return message->sequence == 42 ? -EIO : 1;
}

static void build(uint32_t error_capacity)
{
    bool diverts = relay.config.on_error == SPEAD_ON_ERROR_DIVERT;

    graph = step_graph("work");
    executor = step_executor(2);
    source = (struct step_source){.count = COUNT, .stream = 7};
    tried = 0;
    relay.config.struct_size = sizeof relay.config;
    relay.config.cpu = -1;
    source_node = step_source_add(graph, &source, "capture");
    relay_node = step_relay_add(graph, &relay, "work");
    sink_node = step_sink_add(graph, &sink, "sink");
    step_join(graph, source_node, relay_node, 4);
    step_join(graph, relay_node, sink_node, 4);
    if (diverts) {
        struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

        config.capacity = error_capacity;
        cr_assert_eq(
            spead_graph_join(graph, (struct spead_graph_end){relay_node, "error"},
                             (struct spead_graph_end){step_sink_add(graph, &errors, "bin"), NULL},
                             &config, NULL),
            0);
    }
}

static int run(struct spead_err *err)
{
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    return spead_graph_wait(graph, step_now_ns() + 60000000000u, err);
}

static struct spead_node_stats relay_stats(void)
{
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;

    spead_node_stats(relay_node, &stats);
    cr_assert_eq(stats.failed,
                 stats.retried + stats.skipped + stats.logged + stats.diverted + stats.fatal);
    cr_assert_eq(relay.received, relay.passed + relay.left_out + relay.surrendered);
    return stats;
}

static void clear(void)
{
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    step_sink_release(&sink);
    step_sink_release(&errors);
}

Test(failing, skip_leaves_out_just_the_failed_messages, .fini = clear)
{
    failures_each = 1000000;
    relay = (struct step_relay){.work = fail_tens, .config.on_error = SPEAD_ON_ERROR_SKIP};
    build(0);
    cr_assert_eq(run(NULL), 0);
    cr_assert_eq(sink.received, COUNT - 10);
    cr_assert_eq(relay_stats().skipped, 10);
    for (unsigned i = 0; i < COUNT - 10; i++)
        cr_assert_neq(sink.record[i].sequence % 10, 0);
}

static char logged[256];
static unsigned lines;

static void keep_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    lines++;
    snprintf(logged, sizeof logged, "%s", line);
}

Test(failing, log_says_it_once_a_second_and_counts_all)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_node *from, *node, *to;

    failures_each = 1000000;
    relay = (struct step_relay){.work = fail_tens, .config.on_error = SPEAD_ON_ERROR_LOG};
    config.log.fn = keep_line;
    cr_assert_eq(spead_graph_create(&graph, &config, NULL), 0);
    executor = step_executor(1);
    source = (struct step_source){.count = COUNT, .stream = 7};
    from = step_source_add(graph, &source, "capture");
    node = relay_node = step_relay_add(graph, &relay, "work");
    to = step_sink_add(graph, &sink, "sink");
    step_join(graph, from, node, 4);
    step_join(graph, node, to, 4);
    cr_assert_eq(run(NULL), 0);
    cr_assert_eq(relay_stats().logged, 10);
    cr_assert_lt(lines, 10);
    cr_assert(strstr(logged, "work") && strstr(logged, "stream 7, sequence 0"), "%s", logged);
    clear();
}

Test(failing, divert_hands_failed_messages_flagged_to_the_error_channel, .fini = clear)
{
    failures_each = 1000000;
    relay = (struct step_relay){.work = fail_tens, .config.on_error = SPEAD_ON_ERROR_DIVERT};
    /* The error channel has the capacity 1, so it is often full, and the node must wait. */
    build(1);
    cr_assert_eq(run(NULL), 0);
    cr_assert_eq(sink.received, COUNT - 10);
    cr_assert_eq(errors.received, 10);
    cr_assert_eq(relay_stats().diverted, 10);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(errors.record[i].sequence, i * 10);
        cr_assert(errors.record[i].flags & SPEAD_MESSAGE_FAILED);
    }
}

Test(failing, retry_gets_through_what_fails_twice, .fini = clear)
{
    failures_each = 2;
    relay = (struct step_relay){.work = fail_tens,
                                .config.on_error = SPEAD_ON_ERROR_RETRY,
                                .config.retries = 2,
                                .config.backoff_ns = 1000};
    build(0);
    cr_assert_eq(run(NULL), 0);
    cr_assert_eq(sink.received, COUNT);
    cr_assert_eq(relay_stats().retried, 20);
    cr_assert_eq(relay_stats().failed, 20);
}

Test(failing, retries_that_run_out_do_what_comes_after, .fini = clear)
{
    failures_each = 1000000;
    relay = (struct step_relay){.work = fail_tens,
                                .config.on_error = SPEAD_ON_ERROR_RETRY,
                                .config.after_retries = SPEAD_ON_ERROR_SKIP,
                                .config.retries = 3};
    build(0);
    cr_assert_eq(run(NULL), 0);
    cr_assert_eq(sink.received, COUNT - 10);
    cr_assert_eq(relay_stats().retried, 30);
    cr_assert_eq(relay_stats().skipped, 10);
}

Test(failing, fatal_failure_says_path_message_and_cause_and_keeps_earlier_results, .fini = clear)
{
    struct spead_failure failure = SPEAD_FAILURE_INIT;
    struct spead_err err = {0};

    relay = (struct step_relay){.work = fail_at_42};
    build(0);
    cr_assert_eq(run(&err), -EIO);
    spead_graph_failure(graph, &failure);
    cr_assert_eq(failure.code, -EIO);
    cr_assert_str_eq(failure.path, "capture > work");
    cr_assert(failure.has_message);
    cr_assert_eq(failure.stream, 7);
    cr_assert_eq(failure.sequence, 42);
    cr_assert(strstr(failure.cause, strerror(EIO)), "%s", failure.cause);
    cr_assert(strstr(err.text, "capture > work, stream 7, sequence 42"), "%s", err.text);
    cr_assert_eq(sink.received, 42);
    cr_assert_eq(sink.record[41].sequence, 41);
    cr_assert_eq(sink.end, -EIO, "the error travels in order, in place of the end");
    cr_assert_eq(relay_stats().fatal, 1);
    cr_assert_eq(relay.finishes, 1);
}

static int explaining_step(void *state, struct spead_node *self)
{
    (void)state;
    spead_node_explain(self, "disk %d is gone", 3);
    return -ENXIO;
}

Test(failing, node_can_say_the_cause_in_its_own_words)
{
    static const struct spead_node_ops ops = {.kind = "explains", .step = explaining_step};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_err err = {0};

    graph = step_graph("g");
    executor = step_executor(1);
    config.name = "disk";
    config.ops = &ops;
    cr_assert_eq(spead_graph_add(graph, &config, NULL, NULL), 0);
    cr_assert_eq(run(&err), -ENXIO);
    cr_assert(strstr(err.text, "node disk: disk 3 is gone"), "%s", err.text);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

Test(failing, source_that_fails_ends_the_graph_with_its_error, .fini = clear)
{
    relay = (struct step_relay){0};
    build(0);
    source.error = -ENODATA;
    source.error_at = 30;
    cr_assert_eq(run(NULL), -ENODATA);
    cr_assert_eq(sink.received, 30);
    cr_assert_eq(sink.end, -ENODATA);
}

Test(failing, back_off_doubles_to_an_hour_and_stays_there)
{
    cr_expect_eq(speadi_backoff_ns(0, 9), 0);
    cr_expect_eq(speadi_backoff_ns(1000, 0), 1000);
    cr_expect_eq(speadi_backoff_ns(1000, 3), 8000);
    for (uint32_t tries = 1; tries < 100; tries++)
        cr_expect_geq(speadi_backoff_ns(3000000000u, tries),
                      speadi_backoff_ns(3000000000u, tries - 1));
    cr_expect_eq(speadi_backoff_ns(3000000000u, UINT32_MAX), SPEADI_BACKOFF_MAX_NS);
}

static int fail_from_42_on(struct step_relay *self, struct spead_message *message)
{
    (void)self;
    return message->sequence < 42 ? 1 : -EIO;
}

/* The sink of the error channel takes nothing, so the channel stays full. One message is in the channel, and a second
 * message waits. */
Test(failing, message_that_could_not_be_diverted_before_a_cancel_is_counted, .fini = clear)
{
    static _Atomic bool closed = true;
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;
    struct timespec ms = {.tv_nsec = 1000000};

    relay = (struct step_relay){.work = fail_from_42_on, .config.on_error = SPEAD_ON_ERROR_DIVERT};
    errors.closed = &closed;
    build(1);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    while (stats.diverted == 0 || stats.state != SPEAD_NODE_SUSPENDED) {
        nanosleep(&ms, NULL);
        spead_node_stats(relay_node, &stats);
    }
    cr_assert_eq(relay.surrendered, 2);
    spead_graph_cancel(graph);
    cr_assert_eq(spead_graph_wait(graph, 0, NULL), -ECANCELED);
    stats = relay_stats();
    cr_assert_eq(stats.diverted, 1);
    cr_assert_eq(stats.skipped, 1);
}

static int refuse(void *state, struct spead_node *self, struct spead_err *err)
{
    (void)state;
    (void)self;
    snprintf(err->text, sizeof err->text, "no such device");
    return -ENODEV;
}

static int never_step(void *state, struct spead_node *self)
{
    (void)self;
    *(bool *)state = true;
    return SPEAD_STEP_DONE;
}

Test(failing, node_that_cannot_start_starts_nothing_and_finishes_what_was_started)
{
    static const struct spead_node_ops ops = {
        .kind = "refuses", .start = refuse, .step = never_step};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *bad, *good;
    struct spead_err err = {0};
    bool stepped = false;

    graph = step_graph("g");
    executor = step_executor(1);
    config.name = "device";
    config.ops = &ops;
    config.state = &stepped;
    config.outputs = &out;
    config.output_count = 1;
    relay = (struct step_relay){0};
    cr_assert_eq(spead_graph_add(graph, &config, &bad, NULL), 0);
    good = step_relay_add(graph, &relay, "work");
    step_join(graph, bad, good, 1);
    cr_assert_eq(spead_graph_start(graph, executor, &err), -ENODEV);
    cr_assert(strstr(err.text, "device") && strstr(err.text, "no such device"), "%s", err.text);
    cr_assert_eq(relay.starts, 1, "receivers are ready first");
    cr_assert_eq(relay.finishes, 1);
    cr_assert_not(stepped);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}
