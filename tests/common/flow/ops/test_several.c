/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: reduce, scan, batch, buffer and deduplicate do what a plain loop does, whatever the channels are and however the
 * graph ends, and count each message once.
 * Method: op_rig.h runs each operator in all circumstances. */
#include <criterion/criterion.h>
#include <errno.h>

#include <speadline/probe.h>

#include "op_rig.h"

/* ---- The operators and their loops ----------------------------------------------------------- */

struct sum {
    uint64_t keys;
    uint64_t count;
};

static int open_sums;

static void begin_sum(void *arg, void *state)
{
    (void)arg;
    ((struct sum *)state)->keys = 1000;
    open_sums++;
}

static int add_key(void *arg, void *state, const struct spead_message *message)
{
    struct sum *sum = state;

    (void)arg;
    if (op_fate(message) < 0)
        return -EIO;
    sum->keys += message->key;
    sum->count++;
    return 0;
}

static int total(void *arg, const void *state, struct spead_message *made)
{
    (void)arg;
    made->key = ((const struct sum *)state)->keys;
    return 0;
}

static void end_sum(void *arg, void *state)
{
    (void)arg;
    (void)state;
    open_sums--;
}

static const struct spead_fold sum = {.bytes = sizeof(struct sum),
                                      .begin = begin_sum,
                                      .add = add_key,
                                      .result = total,
                                      .end = end_sum};

static void add_reduce(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    struct spead_stage own = *stage;

    own.gives = "plain";
    spead_pipeline_reduce(pipeline, &own, &sum, NULL);
}

static uint32_t loop_reduce(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    out[0] = 1000;
    for (uint32_t i = 0; i < count; i++)
        out[0] += in[i];
    return whole && count > 0;
}

static void add_scan(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    struct spead_stage own = *stage;

    own.gives = "plain";
    spead_pipeline_scan(pipeline, &own, &sum, NULL);
}

static uint32_t loop_scan(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    uint64_t running = 1000;

    (void)whole;
    for (uint32_t i = 0; i < count; i++)
        out[i] = running += in[i];
    return count;
}

static void add_batch(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_batch(pipeline, stage, (struct spead_limits){.messages = 5}, 2);
}

static uint32_t loop_batch(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    uint32_t batches = 0;

    (void)whole;
    for (uint32_t i = 0; i < count; i += 5)
        out[batches++] = in[i];
    return batches;
}

/* Each message has a length of one byte. */
static void add_batch_of_bytes(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_batch(pipeline, stage, (struct spead_limits){.messages = 100, .bytes = 5}, 1);
}

static void add_buffer(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_buffer(pipeline, stage, (struct spead_limits){.messages = 10, .bytes = 7},
                          SPEAD_ON_FULL_BLOCK);
}

static uint32_t loop_all(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    (void)whole;
    for (uint32_t i = 0; i < count; i++)
        out[i] = in[i];
    return count;
}

static void add_deduplicate(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_deduplicate(pipeline, stage, 8);
}

/* Each sequence comes twice: 0 0 1 1 2 2 ... */
static uint64_t twice(uint32_t number)
{
    return number / 2;
}

static uint32_t loop_deduplicate(const uint64_t *in, uint32_t count, bool whole, uint64_t *out)
{
    uint32_t kept = 0;

    (void)whole;
    for (uint32_t i = 0; i < count; i += 2)
        out[kept++] = in[i];
    return kept;
}

static const struct op_run operators[] = {
    {.add = add_reduce, .loop = loop_reduce},
    {.add = add_scan, .loop = loop_scan},
    {.add = add_batch, .loop = loop_batch},
    {.add = add_batch_of_bytes, .loop = loop_batch},
    {.add = add_buffer, .loop = loop_all},
    {.add = add_deduplicate, .loop = loop_deduplicate, .make_sequence = twice},
};
#define OPERATORS (sizeof operators / sizeof *operators)

Test(several, each_operator_does_what_a_loop_does_however_the_graph_ends, .timeout = 120)
{
    for (unsigned i = 0; i < OPERATORS; i++)
        op_run_all(operators[i]);
    cr_assert_eq(open_sums, 0);
}

static struct op_run one_of(void (*add)(struct spead_pipeline *, const struct spead_stage *),
                            uint32_t count)
{
    return (struct op_run){.add = add, .count = count, .capacity = 16, .lanes = 1};
}

/* ---- Failures in the middle ------------------------------------------------------------------ */

Test(several, a_message_on_which_a_fold_fails_is_skipped_and_not_added)
{
    struct op_run run = one_of(add_reduce, 100);

    op_fault = (struct op_fault){.key = 59, .times = UINT32_MAX};
    run.stage.on_error = SPEAD_ON_ERROR_SKIP;
    op_run(&run);
    cr_assert_eq(run.outcome, 0);
    cr_assert_eq(run.stats.failed, 1);
    cr_assert_eq(run.keys[0], 1000 + 99 * 100 / 2 - 59);
}

Test(several, a_fold_that_fails_for_good_gives_no_result)
{
    struct op_run run = one_of(add_reduce, 100);

    op_fault = (struct op_fault){.key = 59, .times = UINT32_MAX};
    op_run(&run);
    cr_assert_eq(run.outcome, -EIO);
    cr_assert_eq(run.received, 0);
    cr_assert_eq(open_sums, 0);
}

Test(several, a_scan_adds_a_message_once_although_its_result_is_tried_twice)
{
    struct op_run run = one_of(add_scan, 100);

    op_fault = (struct op_fault){.key = 59, .times = 1};
    run.stage.on_error = SPEAD_ON_ERROR_RETRY;
    run.stage.retries = 1;
    op_run(&run);
    cr_assert_eq(run.outcome, 0);
    cr_assert_eq(run.keys[99], 1000 + 99 * 100 / 2);
}

/* ---- Single facts ---------------------------------------------------------------------------- */

Test(several, a_result_has_the_identity_of_its_first_message)
{
    struct op_run run = one_of(add_batch, 23);

    op_run(&run);
    cr_assert_eq(run.received, 5);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_eq(run.sequences[i], 5 * i);
    cr_assert_eq(run.stats.folded, 23);
}

/* The sequences 0 to 8 come, and then again. Eight are remembered, so the first one has been forgotten. */
static uint64_t two_rounds(uint32_t number)
{
    return number % 9;
}

Test(several, deduplicate_forgets_the_oldest_and_counts_what_it_leaves_out)
{
    struct op_run run = one_of(add_deduplicate, 18);

    run.make_sequence = two_rounds;
    op_run(&run);
    cr_assert_eq(run.received, 18, "each comes again after eight others, when it is forgotten");
    run.make_sequence = twice;
    op_run(&run);
    cr_assert_eq(run.stats.duplicate, 9);
    cr_assert_eq(run.stats.passed, 9);
}

static void add_small_buffer(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_buffer(pipeline, stage, (struct spead_limits){.messages = 3},
                          SPEAD_ON_FULL_DROP_NEWEST);
}

static void add_newest_buffer(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_buffer(pipeline, stage, (struct spead_limits){.messages = 3},
                          SPEAD_ON_FULL_DROP_OLDEST);
}

/* The buffer takes the batch of 64 messages in one step, and has room for 3. */
Test(several, a_full_buffer_sheds_the_newest_or_the_oldest_and_counts_them)
{
    struct op_run run = one_of(add_small_buffer, 64);

    run.capacity = 64;
    op_run(&run);
    cr_assert_eq(run.stats.shed, 61);
    cr_assert_eq(run.received, 3);
    cr_assert_eq(run.keys[0], 0);
    run.add = add_newest_buffer;
    op_run(&run);
    cr_assert_eq(run.stats.shed, 61);
    cr_assert_eq(run.keys[0], 61);
    cr_assert_eq(run.keys[2], 63);
}

/* A batch can be kept longer than the graph that made it. */
Test(several, a_batch_outlives_its_graph)
{
    struct spead_probe_source_config config = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_pipeline *pipeline = spead_pipeline_create("test");
    struct spead_probe_source *source;
    struct spead_message message;
    struct spead_graph *graph;

    config.count = 3;
    cr_assert_eq(spead_probe_source_create(&source, &config, NULL), 0);
    spead_pipeline_node(pipeline, NULL, spead_probe_source_node(source, "source"));
    spead_pipeline_batch(pipeline, SPEAD_STAGE("batch"), (struct spead_limits){.messages = 3}, 1);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    cr_assert_eq(spead_graph_next(graph,
                                  (struct spead_graph_end){spead_graph_find(graph, "batch"), NULL},
                                  &message, NULL),
                 0);
    spead_graph_destroy(graph);
    cr_assert_eq(spead_message_batch(&message)->count, 3);
    cr_assert_eq(spead_message_batch(&message)->messages[2].key, 2);
    spead_message_unref(&message);
    spead_probe_source_destroy(source);
}

static void refused(void (*add)(struct spead_pipeline *, const struct spead_stage *),
                    const char *line)
{
    struct spead_probe_source_config config = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_pipeline *pipeline = spead_pipeline_create("test");
    struct spead_probe_source *source;
    struct spead_graph *graph;
    struct spead_err err = {0};

    cr_assert_eq(spead_probe_source_create(&source, &config, NULL), 0);
    spead_pipeline_node(pipeline, NULL, spead_probe_source_node(source, "source"));
    add(pipeline, SPEAD_STAGE("op"));
    cr_expect_eq(spead_pipeline_finish(pipeline, &graph, &err), -EINVAL);
    cr_expect_str_eq(err.text, line);
    spead_probe_source_destroy(source);
}

static void add_empty_batch(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_batch(pipeline, stage, (struct spead_limits){.bytes = 10}, 2);
}

static void add_no_batches(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_batch(pipeline, stage, (struct spead_limits){.messages = 10}, 0);
}

static void add_endless_buffer(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_buffer(pipeline, stage, (struct spead_limits){0}, SPEAD_ON_FULL_BLOCK);
}

static void add_deduplicate_none(struct spead_pipeline *pipeline, const struct spead_stage *stage)
{
    spead_pipeline_deduplicate(pipeline, stage, 0);
}

Test(several, an_argument_out_of_its_range_is_one_line)
{
    refused(add_empty_batch, "messages 0: must be 1 to 65536");
    refused(add_no_batches, "batches 0: must be 1 to 4096");
    refused(add_endless_buffer, "messages 0: must be 1 to 16777216");
    refused(add_deduplicate_none, "messages 0: must be 1 to 268435456");
}
