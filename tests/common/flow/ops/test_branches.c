/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: route, merge and fan_out bring each message where it belongs, in order and counted, also when some of their
 * branches are slow, end early or come while the graph runs.
 * Method: where an order is tested, the inputs are channels that the test has filled before the graph starts. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <speadline/executor.h>
#include <speadline/operators.h>
#include <speadline/probe.h>

#include "step_nodes.h"

#define COUNT 300u

static struct spead_probe_sink *make_sink(uint64_t stop_after)
{
    struct spead_probe_sink_config config = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_probe_sink *sink;

    config.stop_after = stop_after;
    STEP_CHECK(spead_probe_sink_create(&sink, &config, NULL) == 0);
    return sink;
}

static struct spead_probe_record record_of(const struct spead_probe_sink *sink)
{
    struct spead_probe_record record = SPEAD_PROBE_RECORD_INIT;

    spead_probe_sink_record(sink, &record);
    return record;
}

static uint64_t key(const struct spead_probe_sink *sink, unsigned i)
{
    return record_of(sink).arrivals[i].message.key;
}

static int number(void *arg, struct spead_message *message)
{
    (void)arg;
    message->key = message->sequence;
    return message->sequence < COUNT;
}

/* ---- A graph with branches ------------------------------------------------------------------- */

struct branches {
    struct spead_probe_sink *sinks[3];
    struct spead_graph *graph;
    struct spead_operator_stats stats;
    int outcome;
};

/* Joins a sink to each output of the operator "op". stop_after is for the first sink. */
static void add_sinks(struct branches *branches, struct spead_pipeline *pipeline,
                      const char *const *ports, unsigned count, uint64_t stop_after)
{
    char name[16];

    for (unsigned i = 0; i < count; i++) {
        branches->sinks[i] = make_sink(i == 0 ? stop_after : 0);
        snprintf(name, sizeof name, "sink%u", i);
        spead_pipeline_from(pipeline, "op", ports[i]);
        spead_pipeline_node(pipeline, SPEAD_STAGE(NULL, .capacity = 1 + 7 * i),
                            spead_probe_sink_node(branches->sinks[i], name));
    }
}

static void build(struct branches *branches, struct spead_pipeline *pipeline)
{
    struct spead_err err = {0};

    if (spead_pipeline_finish(pipeline, &branches->graph, &err) < 0)
        step_give_up(__FILE__, __LINE__, err.text);
}

static void run(struct branches *branches, uint32_t workers)
{
    struct spead_executor *executor = step_executor(workers);

    STEP_CHECK(spead_graph_start(branches->graph, executor, NULL) == 0);
    branches->outcome = spead_graph_wait(branches->graph, SPEAD_DEADLINE_NEVER, NULL);
    spead_operator_stats_init(&branches->stats, sizeof branches->stats);
    STEP_CHECK(spead_operator_stats(spead_graph_find(branches->graph, "op"), &branches->stats) ==
               0);
    STEP_CHECK(branches->stats.held == 0);
    spead_executor_destroy(executor);
}

static void release(struct branches *branches)
{
    spead_graph_destroy(branches->graph);
    for (unsigned i = 0; i < 3; i++)
        spead_probe_sink_destroy(branches->sinks[i]);
}

/* ---- route ----------------------------------------------------------------------------------- */

static const char *const three[] = {"out0", "out1", "out2"};

static struct spead_pipeline *begin_route(int (*choose)(void *, const struct spead_message *),
                                          enum spead_on_error on_error)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("branches");

    spead_pipeline_set_capacity(pipeline, 8);
    spead_pipeline_source(pipeline, SPEAD_STAGE("source"), number, NULL);
    spead_pipeline_route(pipeline, SPEAD_STAGE("op", .on_error = on_error), NULL, 3, choose, NULL);
    return pipeline;
}

Test(branches, route_sends_each_message_where_its_key_says)
{
    for (uint32_t workers = 1; workers <= 3; workers++) {
        struct spead_pipeline *pipeline = begin_route(NULL, SPEAD_ON_ERROR_FAIL);
        struct branches branches = {0};

        add_sinks(&branches, pipeline, three, 3, 0);
        build(&branches, pipeline);
        run(&branches, workers);
        cr_expect_eq(branches.outcome, 0);
        for (unsigned i = 0; i < 3; i++) {
            cr_expect_eq(record_of(branches.sinks[i]).received, COUNT / 3);
            for (unsigned j = 0; j < COUNT / 3; j++)
                cr_expect_eq(key(branches.sinks[i], j), 3 * j + i);
        }
        cr_expect_eq(branches.stats.passed, COUNT);
        release(&branches);
    }
}

static unsigned calls;

/* Keys 0 and 1 modulo 4 have an output, 2 has none, and 3 is a failure. */
static int choose(void *arg, const struct spead_message *message)
{
    static const int choices[] = {0, 2, SPEAD_ROUTE_NONE, -EIO};

    (void)arg;
    calls++;
    return choices[message->key % 4];
}

Test(branches, route_leaves_out_what_has_no_way_and_skips_failures)
{
    struct spead_pipeline *pipeline = begin_route(choose, SPEAD_ON_ERROR_SKIP);
    struct branches branches = {0};

    calls = 0;
    add_sinks(&branches, pipeline, three, 3, 0);
    build(&branches, pipeline);
    run(&branches, 1);
    cr_expect_eq(branches.outcome, 0);
    cr_expect_eq(record_of(branches.sinks[0]).received, COUNT / 4);
    cr_expect_eq(record_of(branches.sinks[1]).received, 0);
    cr_expect_eq(record_of(branches.sinks[2]).received, COUNT / 4);
    cr_expect_eq(branches.stats.left_out, COUNT / 4);
    cr_expect_eq(branches.stats.failed, COUNT / 4);
    cr_expect_eq(calls, COUNT, "the function is called once for each message");
    release(&branches);
}

static int choose_beyond(void *arg, const struct spead_message *message)
{
    (void)arg;
    return message->key == 20 ? 3 : 0;
}

Test(branches, an_output_that_route_does_not_have_is_a_failure)
{
    struct spead_pipeline *pipeline = begin_route(choose_beyond, SPEAD_ON_ERROR_FAIL);
    struct branches branches = {0};

    add_sinks(&branches, pipeline, three, 3, 0);
    build(&branches, pipeline);
    run(&branches, 1);
    cr_expect_eq(branches.outcome, -ERANGE);
    cr_expect_eq(record_of(branches.sinks[0]).received, 20);
    release(&branches);
}

Test(branches, route_sheds_for_an_output_that_nobody_reads_and_serves_the_others)
{
    struct spead_pipeline *pipeline = begin_route(NULL, SPEAD_ON_ERROR_FAIL);
    struct branches branches = {0};

    add_sinks(&branches, pipeline, three, 3, 5);
    build(&branches, pipeline);
    run(&branches, 1);
    cr_expect_eq(branches.outcome, 0);
    cr_expect_eq(record_of(branches.sinks[1]).received, COUNT / 3);
    cr_expect_eq(record_of(branches.sinks[2]).received, COUNT / 3);
    cr_expect_gt(branches.stats.shed, 0);
    cr_expect_eq(branches.stats.passed + branches.stats.shed, COUNT);
    release(&branches);
}

/* ---- merge ----------------------------------------------------------------------------------- */

/* Makes a channel with messages of these sequences, whose sending end has closed. */
static struct spead_channel *filled(const uint64_t *sequences, unsigned count, uint64_t first_key)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_sender *sender;

    config.capacity = 64;
    STEP_CHECK(spead_channel_create(&channel, &config, NULL) == 0);
    STEP_CHECK(spead_sender_open(&sender, channel, "test", SPEAD_TYPE_PLAIN, NULL) == 0);
    for (unsigned i = 0; i < count; i++) {
        struct spead_message message = {.sequence = sequences[i], .key = first_key + i};

        STEP_CHECK(spead_sender_try_send(sender, &message, 1) == 1);
    }
    spead_sender_close(sender, 0);
    return channel;
}

/* Merges two channels: the keys of the first are 0, 1 ..., those of the second 100, 101 ... */
static void merge(struct branches *branches, enum spead_merge_order order, uint32_t batch,
                  const uint64_t *a, unsigned a_count, const uint64_t *b, unsigned b_count)
{
    struct spead_channel *one = filled(a, a_count, 0), *two = filled(b, b_count, 100);
    struct spead_pipeline *pipeline = spead_pipeline_create("branches");

    *branches = (struct branches){.sinks = {make_sink(0)}};
    spead_pipeline_from_channel(pipeline, one);
    spead_pipeline_merge(pipeline, SPEAD_STAGE("op", .batch = batch), 2, order);
    spead_pipeline_node(pipeline, SPEAD_STAGE(NULL, .capacity = 64),
                        spead_probe_sink_node(branches->sinks[0], "sink"));
    spead_pipeline_from_channel(pipeline, two);
    spead_pipeline_into(pipeline, NULL, "op", "in1");
    build(branches, pipeline);
    run(branches, 1);
    cr_expect_eq(branches->outcome, 0);
    cr_expect_eq(branches->stats.passed, a_count + b_count);
    spead_channel_unref(one);
    spead_channel_unref(two);
}

static void came(const struct branches *branches, const uint64_t *keys, unsigned count)
{
    cr_expect_eq(record_of(branches->sinks[0]).received, count);
    for (unsigned i = 0; i < count; i++)
        cr_expect_eq(key(branches->sinks[0], i), keys[i], "place %u: %lu", i,
                     (unsigned long)key(branches->sinks[0], i));
}

static const uint64_t some[] = {0, 1, 2, 3, 4, 5};

Test(branches, a_fair_merge_takes_as_much_from_each_input)
{
    static const uint64_t expected[] = {0, 100, 101, 1, 2, 102, 3, 4};
    struct branches branches;

    merge(&branches, SPEAD_MERGE_FAIR, 2, some, 5, some, 3);
    came(&branches, expected, 8);
    release(&branches);
}

Test(branches, a_merge_by_priority_takes_from_the_first_input_first)
{
    static const uint64_t expected[] = {0, 1, 2, 3, 4, 5, 100, 101, 102};
    struct branches branches;

    merge(&branches, SPEAD_MERGE_PRIORITY, 4, some, 6, some, 3);
    came(&branches, expected, 9);
    release(&branches);
}

Test(branches, a_merge_by_sequence_is_in_order_and_prefers_the_first_of_equals)
{
    static const uint64_t a[] = {1, 2, 7, 9}, b[] = {0, 2, 3, 8};
    static const uint64_t expected[] = {100, 0, 1, 101, 102, 2, 103, 3};
    struct branches branches;

    merge(&branches, SPEAD_MERGE_SEQUENCE, 3, a, 4, b, 4);
    came(&branches, expected, 8);
    release(&branches);
}

Test(branches, a_merge_with_an_empty_input_gives_the_other_one)
{
    for (int order = SPEAD_MERGE_FAIR; order <= SPEAD_MERGE_SEQUENCE; order++) {
        struct branches branches;

        merge(&branches, (enum spead_merge_order)order, 0, NULL, 0, some, 6);
        cr_expect_eq(record_of(branches.sinks[0]).received, 6);
        release(&branches);
        merge(&branches, (enum spead_merge_order)order, 0, NULL, 0, NULL, 0);
        cr_expect_eq(record_of(branches.sinks[0]).received, 0);
        release(&branches);
    }
}

static int fail_late(void *arg, struct spead_message *message)
{
    (void)arg;
    return message->sequence < 10 ? 1 : -EXDEV;
}

/* The other input goes on to its end, because sources stop after a failure, and what they have sent is delivered. */
Test(branches, a_merge_passes_on_the_error_of_an_input)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("branches");
    struct branches branches = {.sinks = {make_sink(0)}};

    spead_pipeline_source(pipeline, SPEAD_STAGE("a"), fail_late, NULL);
    spead_pipeline_merge(pipeline, SPEAD_STAGE("op"), 2, SPEAD_MERGE_FAIR);
    spead_pipeline_node(pipeline, NULL, spead_probe_sink_node(branches.sinks[0], "sink"));
    spead_pipeline_source(pipeline, SPEAD_STAGE("b"), number, NULL);
    spead_pipeline_into(pipeline, NULL, "op", "in1");
    build(&branches, pipeline);
    run(&branches, 1);
    cr_expect_eq(branches.outcome, -EXDEV);
    cr_expect_eq(record_of(branches.sinks[0]).end, -EXDEV);
    cr_expect_geq(record_of(branches.sinks[0]).received, 10);
    release(&branches);
}

Test(branches, a_merge_ends_its_inputs_when_nobody_takes_its_messages)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("branches");
    struct branches branches = {.sinks = {make_sink(7)}};

    spead_pipeline_source(pipeline, SPEAD_STAGE("a"), number, NULL);
    spead_pipeline_merge(pipeline, SPEAD_STAGE("op"), 2, SPEAD_MERGE_SEQUENCE);
    spead_pipeline_node(pipeline, NULL, spead_probe_sink_node(branches.sinks[0], "sink"));
    spead_pipeline_source(pipeline, SPEAD_STAGE("b"), number, NULL);
    spead_pipeline_into(pipeline, NULL, "op", NULL);
    build(&branches, pipeline);
    run(&branches, 2);
    cr_expect_eq(branches.outcome, 0);
    cr_expect_eq(record_of(branches.sinks[0]).received, 7);
    release(&branches);
}

Test(branches, an_input_of_a_merge_that_is_joined_to_nothing_is_one_line)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("branches");
    struct spead_graph *graph;
    struct spead_err err = {0};

    spead_pipeline_source(pipeline, SPEAD_STAGE("a"), number, NULL);
    spead_pipeline_merge(pipeline, SPEAD_STAGE("op"), 2, SPEAD_MERGE_FAIR);
    cr_expect_eq(spead_pipeline_finish(pipeline, &graph, &err), -EINVAL);
    cr_expect_str_eq(err.text, "input \"op.in1\" is joined to nothing");
}

/* ---- fan_out --------------------------------------------------------------------------------- */

/* Output 2 wants every third message. */
static int wants(void *arg, uint32_t output, const struct spead_message *message)
{
    (void)arg;
    return output != 2 || message->key % 3 == 0;
}

static struct spead_pipeline *begin_fan_out(unsigned outputs)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("branches");

    spead_pipeline_set_capacity(pipeline, 8);
    spead_pipeline_source(pipeline, SPEAD_STAGE("source"), number, NULL);
    spead_pipeline_fan_out(pipeline, SPEAD_STAGE("op"), NULL, outputs, wants, NULL);
    return pipeline;
}

Test(branches, a_fan_out_in_lock_step_gives_each_output_what_it_wants)
{
    for (uint32_t workers = 1; workers <= 3; workers++) {
        struct spead_pipeline *pipeline = begin_fan_out(3);
        struct branches branches = {0};

        add_sinks(&branches, pipeline, three, 3, 0);
        build(&branches, pipeline);
        run(&branches, workers);
        cr_expect_eq(branches.outcome, 0);
        for (unsigned i = 0; i < 3; i++) {
            unsigned every = i == 2 ? 3 : 1;

            cr_expect_eq(record_of(branches.sinks[i]).received, COUNT / every);
            for (unsigned j = 0; j < COUNT / every; j++)
                cr_expect_eq(key(branches.sinks[i], j), every * j);
        }
        cr_expect_eq(branches.stats.passed, COUNT);
        cr_expect_eq(branches.stats.sent, 2 * COUNT + COUNT / 3);
        release(&branches);
    }
}

Test(branches, an_output_that_ends_does_not_end_a_fan_out)
{
    struct spead_pipeline *pipeline = begin_fan_out(3);
    struct branches branches = {0};

    add_sinks(&branches, pipeline, three, 3, 5);
    build(&branches, pipeline);
    run(&branches, 1);
    cr_expect_eq(branches.outcome, 0);
    cr_expect_eq(record_of(branches.sinks[0]).received, 5);
    cr_expect_eq(record_of(branches.sinks[1]).received, COUNT);
    cr_expect_eq(record_of(branches.sinks[2]).received, COUNT / 3);
    release(&branches);
}

Test(branches, a_fan_out_ends_when_all_its_outputs_have_ended)
{
    struct spead_pipeline *pipeline = begin_fan_out(1);
    struct branches branches = {0};

    add_sinks(&branches, pipeline, (const char *const[]){"out"}, 1, 5);
    build(&branches, pipeline);
    run(&branches, 1);
    cr_expect_eq(branches.outcome, 0);
    cr_expect_eq(record_of(branches.sinks[0]).received, 5);
    cr_expect_lt(branches.stats.received, COUNT);
    release(&branches);
}

/* The lossy output has room for 8 messages and is read by nobody until the other one has got everything. */
Test(branches, a_lossy_output_of_a_fan_out_does_not_hold_the_others_up)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_pipeline *pipeline = begin_fan_out(2);
    struct branches branches = {.sinks = {make_sink(0)}};
    struct spead_receiver *receiver;
    struct spead_message messages[16];
    struct spead_channel *lossy;

    config.capacity = 8;
    config.form = SPEAD_CHANNEL_SPMC;
    config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    cr_assert_eq(spead_channel_create(&lossy, &config, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, lossy, "test", SPEAD_TYPE_PLAIN, NULL), 0);
    spead_pipeline_from(pipeline, "op", "out0");
    spead_pipeline_node(pipeline, NULL, spead_probe_sink_node(branches.sinks[0], "sink"));
    spead_pipeline_from(pipeline, "op", "out1");
    spead_pipeline_to_channel(pipeline, lossy);
    build(&branches, pipeline);
    run(&branches, 1);
    cr_expect_eq(record_of(branches.sinks[0]).received, COUNT);
    cr_assert_eq(spead_receiver_try_receive(receiver, messages, 16), 8);
    cr_expect_eq(messages[7].key, COUNT - 1);
    spead_receiver_close(receiver);
    spead_channel_unref(lossy);
    release(&branches);
}

/* ---- Subscribers ----------------------------------------------------------------------------- */

static _Atomic unsigned gate; /* how many messages the source may make */

static int make_gated(void *arg, struct spead_message *message)
{
    (void)arg;
    while (message->sequence >= atomic_load(&gate))
        sched_yield(); /* the node is blocking: it may wait here */
    message->key = message->sequence;
    return message->sequence < COUNT;
}

static int is_even(void *arg, const struct spead_message *message)
{
    (void)arg;
    return message->key % 2 == 0;
}

static struct spead_receiver *subscribe(const struct branches *branches,
                                        int (*filter)(void *, const struct spead_message *))
{
    struct spead_subscription subscription = SPEAD_SUBSCRIPTION_INIT;
    struct spead_receiver *receiver;
    struct spead_err err = {0};

    subscription.capacity = COUNT;
    subscription.wants = filter;
    if (spead_fan_out_subscribe(spead_graph_find(branches->graph, "op"), &subscription, &receiver,
                                &err) < 0)
        step_give_up(__FILE__, __LINE__, err.text);
    return receiver;
}

static struct spead_message next(struct spead_receiver *receiver)
{
    struct spead_message message = {0};

    cr_assert_eq(spead_receiver_receive(receiver, &message, 1, SPEAD_DEADLINE_NEVER), 1);
    return message;
}

Test(branches, subscribers_come_and_go_while_a_fan_out_runs)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("branches");
    struct spead_executor *executor = step_executor(1);
    struct branches branches = {0};
    struct spead_receiver *early, *late;
    struct spead_message message;

    atomic_store(&gate, 0);
    spead_pipeline_source(pipeline, SPEAD_STAGE("source", .blocking = true), make_gated, NULL);
    spead_pipeline_fan_out(pipeline, SPEAD_STAGE("op"), NULL, 0, NULL, NULL);
    build(&branches, pipeline);
    early = subscribe(&branches, NULL);
    cr_assert_eq(spead_graph_start(branches.graph, executor, NULL), 0);
    atomic_store(&gate, 10);
    for (unsigned i = 0; i < 10; i++)
        cr_expect_eq(next(early).key, i);
    late = subscribe(&branches, is_even);
    atomic_store(&gate, 20);
    for (unsigned i = 10; i < 20; i += 2)
        cr_expect_eq(next(late).key, i);
    spead_receiver_close(early);
    atomic_store(&gate, COUNT + 1);
    for (unsigned i = 20; i < COUNT; i += 2)
        cr_expect_eq(next(late).key, i);
    cr_expect_eq(spead_receiver_receive(late, &message, 1, SPEAD_DEADLINE_NEVER), -ESHUTDOWN);
    spead_receiver_close(late);
    cr_expect_eq(spead_graph_wait(branches.graph, SPEAD_DEADLINE_NEVER, NULL), 0);
    spead_graph_destroy(branches.graph);
    spead_executor_destroy(executor);
}

Test(branches, a_subscription_that_cannot_be_is_one_line)
{
    struct spead_subscription subscription = SPEAD_SUBSCRIPTION_INIT;
    struct spead_pipeline *pipeline = begin_fan_out(0);
    struct branches branches = {0};
    struct spead_receiver *receiver;
    struct spead_err err = {0};

    build(&branches, pipeline);
    cr_expect_eq(spead_fan_out_subscribe(spead_graph_find(branches.graph, "source"), &subscription,
                                         &receiver, &err),
                 -EINVAL);
    cr_expect_str_eq(err.text, "node \"source\" is no fan-out");
    subscription.on_full = SPEAD_ON_FULL_BLOCK;
    cr_expect_eq(spead_fan_out_subscribe(spead_graph_find(branches.graph, "op"), &subscription,
                                         &receiver, &err),
                 -EINVAL);
    cr_expect_str_eq(err.text, "on_full block: a subscriber must not stop the others; join an "
                               "output of the fan-out to get every message");
    subscription.on_full = SPEAD_ON_FULL_DROP_NEWEST;
    run(&branches, 1);
    cr_expect_eq(spead_fan_out_subscribe(spead_graph_find(branches.graph, "op"), &subscription,
                                         &receiver, &err),
                 -ESHUTDOWN);
    cr_expect_str_eq(err.text, "node \"op\" has ended");
    spead_graph_destroy(branches.graph);
}
