/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: rate, debounce, timeout and batch do the right thing at the right time, also when the clock goes back.
 * Method: the clock belongs to the test. A source follows a script: it sends a message, or moves the clock and wakes the
 * operator. One worker steps all nodes, so each event is over before the next one begins. No test waits for a time. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <speadline/executor.h>
#include <speadline/operators.h>

#include "step_nodes.h"

#define MS UINT64_C(1000000)

enum what { SEND, CLOCK, END };
struct event {
    enum what what;
    uint64_t value; /* SEND: the length of the message. CLOCK: the new time in ms */
};

#define ARRIVALS_MAX 32u
static struct theatre {
    const struct event *script;
    struct spead_node *op;
    uint64_t now_ms;
    unsigned idle; /* steps in which the source lets the other nodes finish */
    uint64_t sent;
    struct arrival {
        uint64_t key, at_ms;
    } arrivals[ARRIVALS_MAX];
    unsigned arrived;
    int outcome;
    struct spead_err err;
    struct spead_operator_stats stats;
} theatre;

static uint64_t now_ns(void *arg)
{
    (void)arg;
    return theatre.now_ms * MS;
}

static const struct spead_stage_clock test_clock = {now_ns, NULL};

static int script_step(void *state, struct spead_node *self)
{
    const struct event *event = theatre.script;

    (void)state;
    if (theatre.idle > 0) {
        theatre.idle--;
        return SPEAD_STEP_AGAIN;
    }
    if (event->what == END)
        return SPEAD_STEP_DONE;
    theatre.script++;
    theatre.idle = 4;
    if (event->what == SEND) {
        struct spead_message message = {
            .key = theatre.sent, .sequence = theatre.sent, .length = event->value};

        theatre.sent++;
        STEP_CHECK(spead_node_send(self, 0, &message, 1) == 1);
        return SPEAD_STEP_AGAIN;
    }
    theatre.now_ms = event->value;
    spead_node_wake(theatre.op);
    return SPEAD_STEP_AGAIN;
}

static int record(void *arg, const struct spead_message *message)
{
    (void)arg;
    STEP_CHECK(theatre.arrived < ARRIVALS_MAX);
    theatre.arrivals[theatre.arrived++] = (struct arrival){
        message->type == SPEAD_TYPE_PLAIN ? message->key : spead_message_batch(message)->count,
        theatre.now_ms};
    return 0;
}

/* Plays the script. `add` adds the operator, which must be called "op". */
static void play(const struct event *script,
                 void (*add)(struct spead_pipeline *pipeline, const struct spead_stage *stage))
{
    static const struct spead_node_ops ops = {.kind = "script", .step = script_step};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_pipeline *pipeline = spead_pipeline_create("theatre");
    struct spead_executor *executor = step_executor(1);
    struct spead_graph *graph;

    memset(&theatre, 0, sizeof theatre);
    theatre.script = script;
    theatre.idle = 4;
    config.name = "script";
    config.ops = &ops;
    config.outputs = &out;
    config.output_count = 1;
    spead_pipeline_set_capacity(pipeline, 64);
    spead_pipeline_add(pipeline, NULL, &config);
    add(pipeline, SPEAD_STAGE("op", .clock = &test_clock));
    spead_pipeline_each(pipeline, SPEAD_STAGE("record"), record, NULL);
    if (spead_pipeline_finish(pipeline, &graph, &theatre.err) < 0)
        step_give_up(__FILE__, __LINE__, theatre.err.text);
    theatre.op = spead_graph_find(graph, "op");
    STEP_CHECK(spead_graph_start(graph, executor, NULL) == 0);
    theatre.outcome = spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, &theatre.err);
    spead_operator_stats_init(&theatre.stats, sizeof theatre.stats);
    STEP_CHECK(spead_operator_stats(theatre.op, &theatre.stats) == 0);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

static void arrived(const struct arrival *expected, unsigned count)
{
    cr_expect_eq(theatre.arrived, count, "%u", theatre.arrived);
    for (unsigned i = 0; i < count && i < theatre.arrived; i++) {
        cr_expect_eq(theatre.arrivals[i].key, expected[i].key, "arrival %u is %lu", i,
                     (unsigned long)theatre.arrivals[i].key);
        cr_expect_eq(theatre.arrivals[i].at_ms, expected[i].at_ms, "arrival %u at %lu ms", i,
                     (unsigned long)theatre.arrivals[i].at_ms);
    }
}
#define ARRIVED(...)                                              \
    do {                                                          \
        const struct arrival expected_[] = {__VA_ARGS__};         \
        arrived(expected_, sizeof expected_ / sizeof *expected_); \
    } while (0)

/* ---- rate ------------------------------------------------------------------------------------ */

static void add_ten_a_second(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_rate(pipeline, stage, &(struct spead_rate){.per_second = 10});
}

Test(time, rate_spaces_messages_evenly)
{
    static const struct event script[] = {{SEND, 1},    {SEND, 1},    {SEND, 1},    {CLOCK, 99},
                                          {CLOCK, 100}, {CLOCK, 150}, {CLOCK, 200}, {END, 0}};

    play(script, add_ten_a_second);
    ARRIVED({0, 0}, {1, 100}, {2, 200});
}

Test(time, rate_gives_no_credit_for_a_pause)
{
    static const struct event script[] = {{SEND, 1}, {CLOCK, 1000}, {SEND, 1},
                                          {SEND, 1}, {CLOCK, 1100}, {END, 0}};

    play(script, add_ten_a_second);
    ARRIVED({0, 0}, {1, 1000}, {2, 1100});
}

Test(time, rate_goes_on_after_the_clock_went_back)
{
    static const struct event script[] = {{CLOCK, 5000}, {SEND, 1},    {SEND, 1}, {CLOCK, 0},
                                          {CLOCK, 99},   {CLOCK, 100}, {END, 0}};

    play(script, add_ten_a_second);
    ARRIVED({0, 5000}, {1, 100});
}

static void add_burst(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_rate(pipeline, stage, &(struct spead_rate){.per_second = 10, .burst = 2});
}

Test(time, rate_lets_a_burst_through_after_a_pause)
{
    static const struct event script[] = {{SEND, 1}, {SEND, 1},    {SEND, 1},
                                          {SEND, 1}, {CLOCK, 100}, {END, 0}};

    play(script, add_burst);
    ARRIVED({0, 0}, {1, 0}, {2, 0}, {3, 100});
}

static void add_bytes(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_rate(pipeline, stage,
                        &(struct spead_rate){.per_second = 1000, .unit = SPEAD_RATE_LENGTHS});
}

Test(time, rate_counts_bytes_and_lets_a_large_message_through)
{
    static const struct event script[] = {{SEND, 500},     {SEND, 100000}, {SEND, 1},
                                          {CLOCK, 499},    {CLOCK, 500},   {CLOCK, 100499},
                                          {CLOCK, 100500}, {END, 0}};

    play(script, add_bytes);
    ARRIVED({0, 0}, {1, 500}, {2, 100500});
}

/* ---- debounce -------------------------------------------------------------------------------- */

static void add_debounce(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_debounce(pipeline, stage, 100 * MS);
}

Test(time, debounce_sends_the_newest_after_the_quiet_time)
{
    static const struct event script[] = {{SEND, 1},    {CLOCK, 50}, {SEND, 1}, {CLOCK, 149},
                                          {CLOCK, 150}, {SEND, 1},   {END, 0}};

    play(script, add_debounce);
    ARRIVED({1, 150}, {2, 150}); /* the last one because of the end */
    cr_expect_eq(theatre.stats.left_out, 1);
    cr_expect_eq(theatre.stats.passed, 2);
}

Test(time, debounce_waits_the_whole_time_after_the_clock_went_back)
{
    static const struct event script[] = {{CLOCK, 5000}, {SEND, 1},    {CLOCK, 0},
                                          {CLOCK, 99},   {CLOCK, 100}, {END, 0}};

    play(script, add_debounce);
    ARRIVED({0, 100});
}

/* ---- timeout --------------------------------------------------------------------------------- */

static int make_alarm(void *arg, struct spead_message *made)
{
    (void)arg;
    made->key = 1000 + made->sequence;
    return 0;
}

static void add_alarm(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_timeout(pipeline, stage, 100 * MS, make_alarm, NULL);
}

Test(time, timeout_speaks_after_each_silence)
{
    static const struct event script[] = {{SEND, 1},    {CLOCK, 99},  {SEND, 1},    {CLOCK, 198},
                                          {CLOCK, 199}, {CLOCK, 298}, {CLOCK, 299}, {END, 0}};

    play(script, add_alarm);
    ARRIVED({0, 0}, {1, 99}, {1001, 199}, {1001, 299});
    cr_expect_eq(theatre.stats.passed, 2);
    cr_expect_eq(theatre.stats.sent, 4);
}

Test(time, timeout_speaks_although_no_message_has_ever_come)
{
    static const struct event script[] = {{CLOCK, 100}, {END, 0}};

    play(script, add_alarm);
    ARRIVED({1000, 100});
}

static void add_timeout(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_timeout(pipeline, stage, 100 * MS, NULL, NULL);
}

Test(time, timeout_without_a_function_fails_the_graph_with_its_reason)
{
    static const struct event script[] = {{SEND, 1}, {CLOCK, 100}, {END, 0}};

    play(script, add_timeout);
    cr_expect_eq(theatre.outcome, -ETIMEDOUT);
    cr_expect_not_null(strstr(theatre.err.text, "node op: no message has come for 100000000 ns"),
                       "%s", theatre.err.text);
    ARRIVED({0, 0});
}

/* ---- batch ----------------------------------------------------------------------------------- */

static void add_batch(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_batch(pipeline, stage,
                         (struct spead_limits){.messages = 3, .bytes = 100, .age_ns = 100 * MS}, 2);
}

/* What arrives is the number of messages in each batch. */
Test(time, a_batch_ends_with_its_age_its_messages_or_its_bytes)
{
    static const struct event script[] = {{SEND, 1},    {CLOCK, 50},  {SEND, 1},
                                          {CLOCK, 99},  {CLOCK, 100},            /* 2 by age */
                                          {SEND, 1},    {SEND, 1},    {SEND, 1}, /* 3 by number */
                                          {SEND, 60},   {SEND, 60}, /* 1: 120 bytes are too much */
                                          {CLOCK, 199}, {CLOCK, 200}, /* 1 by age */
                                          {SEND, 500},                /* 1 alone */
                                          {SEND, 1},    {END, 0}};    /* 1 at the end */

    play(script, add_batch);
    ARRIVED({2, 100}, {3, 100}, {1, 100}, {1, 200}, {1, 200}, {1, 200});
    cr_expect_eq(theatre.stats.folded, 9);
}
