/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: map, map_in_place, filter, filter_map, tap, flat_map and each do what a plain loop does, whatever the channels
 * are and however the graph ends; and a failure of their function has the effect that the policy says.
 * Method: op_rig.h runs each operator in all circumstances. */
#include <criterion/criterion.h>
#include <errno.h>

#include "op_rig.h"

/* ---- The operators and their loops ----------------------------------------------------------- */

static int triple(void *arg, const struct spead_message *message, struct spead_message *made)
{
    (void)arg;
    made->key = message->key * 3;
    return op_fate(message);
}

static void add_map(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    struct spead_stage own = *stage;

    own.gives = "plain";
    spead_pipeline_map(pipeline, &own, triple, NULL);
}

static uint32_t loop_map(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    (void)whole;
    for (uint32_t i = 0; i < count; i++)
        out[i] = in[i] * 3;
    return count;
}

static int add_one(void *arg, struct spead_message *message)
{
    int ret = op_fate(message);

    (void)arg;
    if (ret == 0)
        message->key++;
    return ret;
}

static void add_map_in_place(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_map_in_place(pipeline, stage, add_one, NULL);
}

static uint32_t loop_map_in_place(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    (void)whole;
    for (uint32_t i = 0; i < count; i++)
        out[i] = in[i] + 1;
    return count;
}

static int keep(void *arg, const struct spead_message *message)
{
    int ret = op_fate(message);

    (void)arg;
    return ret < 0 ? ret : message->key % 3 != 1;
}

static void add_filter(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_filter(pipeline, stage, keep, NULL);
}

static uint32_t loop_filter(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    uint32_t kept = 0;

    (void)whole;
    for (uint32_t i = 0; i < count; i++)
        if (in[i] % 3 != 1)
            out[kept++] = in[i];
    return kept;
}

static int keep_and_triple(void *arg, const struct spead_message *message,
                           struct spead_message *made)
{
    int ret = keep(arg, message);

    made->key = message->key * 3;
    return ret;
}

static void add_filter_map(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    struct spead_stage own = *stage;

    own.gives = "plain";
    spead_pipeline_filter_map(pipeline, &own, keep_and_triple, NULL);
}

static uint32_t loop_filter_map(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    uint32_t kept = loop_filter(in, count, whole, out);

    for (uint32_t i = 0; i < kept; i++)
        out[i] *= 3;
    return kept;
}

static uint64_t seen;

static int look(void *arg, const struct spead_message *message)
{
    (void)arg;
    seen += message->key;
    return op_fate(message);
}

static void add_tap(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_tap(pipeline, stage, look, NULL);
}

static uint32_t loop_tap(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    (void)whole;
    for (uint32_t i = 0; i < count; i++)
        out[i] = in[i];
    return count;
}

/* Key k becomes k % 5 messages, which share its object. */
static int split(void *arg, const struct spead_message *message, uint64_t at,
                 struct spead_message *made)
{
    (void)arg;
    if (op_fate(message) < 0)
        return -EIO;
    if (at == message->key % 5)
        return 0;
    spead_message_ref(message);
    made->reference = message->reference;
    made->key = message->key * 10 + at;
    return 1;
}

static void add_flat_map(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_flat_map(pipeline, stage, split, NULL);
}

static uint32_t loop_flat_map(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    uint32_t made = 0;

    (void)whole;
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t at = 0; at < in[i] % 5; at++)
            out[made++] = in[i] * 10 + at;
    return made;
}

static const struct op_run operators[] = {
    {.add = add_map, .loop = loop_map},       {.add = add_map_in_place, .loop = loop_map_in_place},
    {.add = add_filter, .loop = loop_filter}, {.add = add_filter_map, .loop = loop_filter_map},
    {.add = add_tap, .loop = loop_tap},       {.add = add_flat_map, .loop = loop_flat_map},
};
#define OPERATORS (sizeof operators / sizeof *operators)

Test(one_to_one, each_operator_does_what_a_loop_does_however_the_graph_ends, .timeout = 120)
{
    for (unsigned i = 0; i < OPERATORS; i++)
        op_run_all(operators[i]);
}

/* ---- Failures in the middle ------------------------------------------------------------------ */

static struct op_run failing(unsigned operator, enum spead_on_error policy, uint32_t times)
{
    struct op_run run = operators[operator];

    run.count = 100;
    run.capacity = 16;
    run.lanes = 1;
    run.stage.on_error = policy;
    run.stage.retries = 1;
    op_fault = (struct op_fault){.key = 59, .times = times};
    return run;
}

/* What comes out must be what the loop makes of the keys from which one was taken out. */
static void check_without(const struct op_run *run, uint64_t key)
{
    uint64_t in[100], out[OP_RIG_MAX];
    uint32_t count = 0, expected;

    for (uint64_t i = 0; i < 100; i++)
        if (i != key)
            in[count++] = i;
    expected = run->loop(in, count, true, out);
    cr_assert_eq(run->received, expected);
    for (uint32_t i = 0; i < expected; i++)
        cr_assert_eq(run->keys[i], out[i]);
}

Test(one_to_one, a_failure_ends_the_graph_after_the_results_before_it)
{
    for (unsigned i = 0; i < OPERATORS; i++)
        for (uint32_t lanes = 1; lanes <= 2; lanes++) {
            struct op_run run = failing(i, SPEAD_ON_ERROR_FAIL, UINT32_MAX);
            uint64_t in[59], out[OP_RIG_MAX];

            for (uint64_t k = 0; k < 59; k++)
                in[k] = k;
            run.lanes = lanes;
            op_run(&run);
            cr_assert_eq(run.outcome, -EIO);
            cr_assert_eq(run.received, run.loop(in, 59, true, out));
        }
}

Test(one_to_one, a_message_that_is_skipped_is_counted_and_the_others_pass)
{
    for (unsigned i = 0; i < OPERATORS; i++) {
        struct op_run run = failing(i, SPEAD_ON_ERROR_SKIP, UINT32_MAX);

        op_run(&run);
        cr_assert_eq(run.outcome, 0);
        cr_assert_eq(run.stats.failed, 1);
        check_without(&run, 59);
    }
}

Test(one_to_one, a_retry_that_succeeds_leaves_no_trace_in_the_results)
{
    for (unsigned i = 0; i < OPERATORS; i++) {
        struct op_run run = failing(i, SPEAD_ON_ERROR_RETRY, 1);

        op_run(&run);
        cr_assert_eq(run.outcome, 0);
        cr_assert_eq(run.stats.failed, 0);
        check_without(&run, UINT64_MAX);
    }
}

Test(one_to_one, a_message_that_is_diverted_goes_to_the_error_port)
{
    for (unsigned i = 0; i < OPERATORS; i++) {
        struct op_run run = failing(i, SPEAD_ON_ERROR_DIVERT, UINT32_MAX);

        op_run(&run);
        cr_assert_eq(run.outcome, 0);
        cr_assert_eq(run.diverted, 1);
        check_without(&run, 59);
    }
}

/* ---- Single facts ---------------------------------------------------------------------------- */

Test(one_to_one, tap_shows_every_message_once)
{
    struct op_run run = {.add = add_tap, .loop = loop_tap, .count = 100, .capacity = 8, .lanes = 1};

    seen = 0;
    op_run(&run);
    cr_assert_eq(seen, 99 * 100 / 2);
}

Test(one_to_one, what_map_makes_has_the_identity_of_what_came)
{
    struct op_run run = {.add = add_map, .loop = loop_map, .count = 100, .capacity = 8, .lanes = 1};

    op_run(&run);
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(run.sequences[i], i);
}

Test(one_to_one, filter_counts_what_it_leaves_out)
{
    struct op_run run = {
        .add = add_filter, .loop = loop_filter, .count = 99, .capacity = 8, .lanes = 1};

    op_run(&run);
    cr_assert_eq(run.stats.left_out, 33);
    cr_assert_eq(run.stats.passed, 66);
}

/* At most two messages may be under way behind the throttle; each gives its ticket back where it ends. */
Test(one_to_one, a_throttle_limits_what_is_under_way_and_has_its_tickets_in_the_end)
{
    struct spead_throttle_stats stats = SPEAD_THROTTLE_STATS_INIT;
    struct spead_throttle *throttle;

    cr_assert_eq(spead_throttle_create(&throttle, 2, NULL), 0);
    for (unsigned i = 0; i < OPERATORS; i++) {
        struct op_run run = operators[i];

        run.stage.throttle = throttle;
        op_run_all(run);
    }
    spead_throttle_stats(throttle, &stats);
    cr_assert_eq(stats.out, 0);
    cr_assert_leq(stats.high_water, 2);
    spead_throttle_unref(throttle);
}

static int use(void *arg, const struct spead_message *message)
{
    *(uint64_t *)arg += message->key;
    return 0;
}

static int count_to_ten(void *arg, struct spead_message *message)
{
    (void)arg;
    message->key = message->sequence;
    return message->sequence < 10;
}

Test(one_to_one, each_uses_every_message_of_the_source)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("sum");
    struct spead_operator_stats stats = SPEAD_OPERATOR_STATS_INIT;
    struct spead_executor_config config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_executor *executor;
    struct spead_graph *graph;
    struct spead_err err = {0};
    uint64_t sum = 0;

    spead_pipeline_source(pipeline, SPEAD_STAGE("numbers"), count_to_ten, NULL);
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum"), use, &sum);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, &err), 0, "%s", err.text);
    cr_assert_eq(spead_executor_create(&executor, &config, &err), 0);
    cr_assert_eq(spead_graph_start(graph, executor, &err), 0, "%s", err.text);
    cr_assert_eq(spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, &err), 0, "%s", err.text);
    cr_assert_eq(sum, 45);
    cr_assert_eq(spead_operator_stats(spead_graph_find(graph, "sum"), &stats), 0);
    cr_assert_eq(stats.passed, 10);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}
