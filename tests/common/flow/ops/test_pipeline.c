/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a pipeline builds the graph that its calls describe, opens and runs nothing, and says in one line what is wrong
 * with a graph that cannot be. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadline/executor.h>
#include <speadline/operators.h>
#include <speadline/probe.h>

static unsigned made;

static int make(void *arg, struct spead_message *message)
{
    (void)arg;
    made++;
    message->key = message->sequence;
    return message->sequence < 20;
}

static int keep(void *arg, const struct spead_message *message)
{
    (void)arg;
    return message->key % 2 == 0;
}

static int use(void *arg, const struct spead_message *message)
{
    *(uint64_t *)arg += message->key;
    return 0;
}

static int convert(void *arg, const struct spead_message *message, struct spead_message *result)
{
    (void)arg;
    result->key = message->key;
    return 0;
}

/* Finishes a pipeline that must be refused. The sentence must be this line. */
static void refused(struct spead_pipeline *pipeline, int code, const char *line)
{
    struct spead_graph *graph = (void *)1;
    struct spead_err err = {0};

    cr_expect_eq(spead_pipeline_finish(pipeline, &graph, &err), code, "%d", err.code);
    cr_expect_str_eq(err.text, line);
    cr_expect_null(graph);
}

static struct spead_pipeline *begin(void)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("test");

    spead_pipeline_source(pipeline, SPEAD_STAGE("source"), make, NULL);
    return pipeline;
}

static void run(struct spead_graph *graph)
{
    struct spead_executor_config config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_executor *executor;
    struct spead_err err = {0};

    cr_assert_eq(spead_executor_create(&executor, &config, &err), 0);
    cr_assert_eq(spead_graph_start(graph, executor, &err), 0, "%s", err.text);
    cr_assert_eq(spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, &err), 0, "%s", err.text);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

/* ---- What is built --------------------------------------------------------------------------- */

Test(pipeline, building_and_planning_run_nothing)
{
    struct spead_pipeline *pipeline = begin();
    struct spead_graph *graph;
    uint64_t sum = 0;
    char plan[2048];

    made = 0;
    spead_pipeline_filter(pipeline, SPEAD_STAGE("even", .capacity = 8), keep, NULL);
    spead_pipeline_each(
        pipeline, SPEAD_STAGE("sum", .capacity = 3, .on_error = SPEAD_ON_ERROR_SKIP), use, &sum);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    cr_assert_gt(spead_graph_plan(graph, SPEAD_REPORT_TEXT, plan, sizeof plan, NULL), 0);
    cr_expect_not_null(strstr(plan, "graph test: 3 nodes, 2 edges"), "%s", plan);
    cr_expect_not_null(strstr(plan, "edge source.out > even.in: capacity 8, block"), "%s", plan);
    cr_expect_not_null(strstr(plan, "node sum (each): executor; on error skip"), "%s", plan);
    cr_expect_not_null(strstr(plan, "edge even.out > sum.in: capacity 3, block"), "%s", plan);
    cr_expect_eq(made, 0);
    run(graph);
    cr_expect_eq(sum, 90);
}

Test(pipeline, stages_without_a_capacity_have_that_of_the_pipeline)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("test");
    struct spead_graph *graph;
    uint64_t sum = 0;
    char plan[2048];

    spead_pipeline_set_capacity(pipeline, 32);
    spead_pipeline_source(pipeline, SPEAD_STAGE("source"), make, NULL);
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum"), use, &sum);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    spead_graph_plan(graph, SPEAD_REPORT_TEXT, plan, sizeof plan, NULL);
    cr_expect_not_null(strstr(plan, "capacity 32"), "%s", plan);
    spead_graph_destroy(graph);
}

/* Two branches of a node that diverts its failures meet in one sink. */
Test(pipeline, branches_part_and_meet)
{
    struct spead_pipeline *pipeline = begin();
    struct spead_graph *graph;
    uint64_t sum = 0;

    spead_pipeline_filter(pipeline, SPEAD_STAGE("even", .on_error = SPEAD_ON_ERROR_DIVERT), keep,
                          NULL);
    spead_pipeline_map(pipeline, SPEAD_STAGE("copy"), convert, NULL);
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum"), use, &sum);
    spead_pipeline_from(pipeline, "even", "error");
    spead_pipeline_into(pipeline, NULL, "sum", NULL);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    run(graph);
    cr_expect_eq(sum, 90);
}

Test(pipeline, the_output_at_which_it_stands_can_be_pulled)
{
    struct spead_pipeline *pipeline = begin();
    struct spead_message message;
    struct spead_graph *graph;
    unsigned came = 0;

    spead_pipeline_filter(pipeline, SPEAD_STAGE("even"), keep, NULL);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    while (spead_graph_next(graph, (struct spead_graph_end){spead_graph_find(graph, "even"), NULL},
                            &message, NULL) == 0)
        cr_expect_eq(message.key, 2 * came++);
    cr_expect_eq(came, 10);
    spead_graph_destroy(graph);
}

Test(pipeline, a_channel_of_the_program_can_stand_at_both_ends)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("test");
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *in, *out;
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    struct spead_message message = {.key = 4};
    struct spead_graph *graph;

    config.capacity = 4;
    cr_assert_eq(spead_channel_create(&in, &config, NULL), 0);
    cr_assert_eq(spead_channel_create(&out, &config, NULL), 0);
    cr_assert_eq(spead_sender_open(&sender, in, "test", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, out, "test", SPEAD_TYPE_PLAIN, NULL), 0);
    spead_pipeline_from_channel(pipeline, in);
    spead_pipeline_filter(pipeline, SPEAD_STAGE("even"), keep, NULL);
    spead_pipeline_to_channel(pipeline, out);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    cr_assert_eq(spead_sender_try_send(sender, &message, 1), 1);
    spead_sender_close(sender, 0);
    run(graph);
    cr_expect_eq(spead_receiver_try_receive(receiver, &message, 1), 1);
    cr_expect_eq(message.key, 4);
    spead_receiver_close(receiver);
    spead_channel_unref(in);
    spead_channel_unref(out);
}

Test(pipeline, a_graph_can_be_drawn_by_graphviz)
{
    static const char expected[] = "digraph \"test\" {\n"
                                   "  rankdir=LR;\n"
                                   "  node [shape=box];\n"
                                   "  \"source\" [xlabel=\"source\"];\n"
                                   "  \"by \\\"key\\\"\" [xlabel=\"route\"];\n"
                                   "  \"sum\" [xlabel=\"each\", style=bold];\n"
                                   "  \"shown\" [xlabel=\"each\"];\n"
                                   "  \"source\" -> \"by \\\"key\\\"\" [label=\"1\"];\n"
                                   "  \"by \\\"key\\\"\" -> \"sum\" [label=\"8\", "
                                   "taillabel=\"out0\"];\n"
                                   "  \"by \\\"key\\\"\" -> \"shown\" [label=\"2 "
                                   "drop-newest\", taillabel=\"out1\"];\n"
                                   "}\n";
    struct spead_pipeline *pipeline = begin();
    struct spead_graph *graph;
    char picture[1024];

    spead_pipeline_route(pipeline, SPEAD_STAGE("by \"key\""), NULL, 2, NULL, NULL);
    spead_pipeline_from(pipeline, "by \"key\"", "out0");
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum", .capacity = 8, .blocking = true), use, NULL);
    spead_pipeline_from(pipeline, "by \"key\"", "out1");
    spead_pipeline_each(pipeline,
                        SPEAD_STAGE("shown", .capacity = 2, .on_full = SPEAD_ON_FULL_DROP_NEWEST),
                        use, NULL);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    cr_expect_eq(spead_graph_plan(graph, SPEAD_REPORT_GRAPHVIZ, picture, sizeof picture, NULL),
                 (int)strlen(expected));
    cr_expect_str_eq(picture, expected);
    spead_graph_destroy(graph);
}

/* ---- What is refused ------------------------------------------------------------------------- */

Test(pipeline, types_that_do_not_fit_are_one_line)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_filter(pipeline, SPEAD_STAGE("heaps", .takes = "heap"), keep, NULL);
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum"), use, NULL);
    refused(pipeline, -EPROTOTYPE,
            "output \"source.out\" gives messages of type \"plain\", input \"heaps.in\" takes "
            "\"heap\"");
}

Test(pipeline, what_a_map_gives_is_what_the_next_stage_takes)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_map(pipeline, SPEAD_STAGE("to regions", .gives = "region"), convert, NULL);
    spead_pipeline_tap(pipeline, SPEAD_STAGE("tap"), use, NULL);
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum", .takes = "plain"), use, NULL);
    refused(pipeline, -EPROTOTYPE,
            "output \"tap.out\" gives messages of type \"region\", input \"sum.in\" takes "
            "\"plain\"");
}

Test(pipeline, a_name_that_is_used_twice_is_one_line)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_filter(pipeline, SPEAD_STAGE("a"), keep, NULL);
    spead_pipeline_filter(pipeline, SPEAD_STAGE("a"), keep, NULL);
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum"), use, NULL);
    refused(pipeline, -EEXIST, "graph \"test\" has a node \"a\" already");
}

Test(pipeline, a_stage_without_a_name_is_one_line)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_filter(pipeline, NULL, keep, NULL);
    refused(pipeline, -EINVAL, "name: a node needs a name");
}

Test(pipeline, an_operator_without_a_source_is_one_line)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("test");

    spead_pipeline_filter(pipeline, SPEAD_STAGE("a"), keep, NULL);
    refused(pipeline, -EINVAL,
            "node \"a\" has an input, but the pipeline stands at no output: begin with a source");
}

Test(pipeline, an_operator_behind_a_sink_is_one_line)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_each(pipeline, SPEAD_STAGE("sum"), use, NULL);
    spead_pipeline_filter(pipeline, SPEAD_STAGE("a"), keep, NULL);
    refused(pipeline, -EINVAL, "node \"sum\" has no output: nothing can stand behind it");
}

Test(pipeline, an_output_that_is_joined_to_nothing_is_one_line)
{
    struct spead_pipeline *pipeline = begin();
    uint64_t sum = 0;

    spead_pipeline_filter(pipeline, SPEAD_STAGE("a"), keep, NULL);
    spead_pipeline_source(pipeline, SPEAD_STAGE("other"), make, NULL);
    spead_pipeline_each(pipeline, SPEAD_STAGE("sum"), use, &sum);
    refused(pipeline, -EINVAL,
            "output \"a.out\" is joined to nothing: join it, or build its path last to pull it");
}

Test(pipeline, an_unknown_node_port_or_type_is_one_line)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_from(pipeline, "sauce", NULL);
    refused(pipeline, -ENOENT, "there is no node \"sauce\" yet");
    pipeline = begin();
    spead_pipeline_from(pipeline, "source", "mouth");
    refused(pipeline, -EINVAL, "node \"source\" has no output called \"mouth\"");
    pipeline = begin();
    spead_pipeline_map(pipeline, SPEAD_STAGE("a", .gives = "spectrum"), convert, NULL);
    refused(pipeline, -EINVAL, "gives of stage \"a\": there is no type \"spectrum\"");
}

Test(pipeline, an_operator_that_passes_messages_on_cannot_give_another_type)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_filter(pipeline, SPEAD_STAGE("a", .gives = "heap"), keep, NULL);
    refused(pipeline, -EINVAL, "gives of stage \"a\": \"filter\" passes messages on as they are");
}

Test(pipeline, only_the_first_error_is_kept)
{
    struct spead_pipeline *pipeline = begin();

    spead_pipeline_filter(pipeline, SPEAD_STAGE("a", .batch = 5000), keep, NULL);
    spead_pipeline_from(pipeline, "nowhere", NULL);
    refused(pipeline, -EINVAL, "batch 5000: must be 0 to 4096");
}

Test(pipeline, without_memory_every_call_does_nothing)
{
    struct spead_graph *graph;
    struct spead_err err = {0};

    spead_pipeline_filter(NULL, SPEAD_STAGE("a"), keep, NULL);
    spead_pipeline_from(NULL, "a", NULL);
    cr_expect_eq(spead_pipeline_finish(NULL, &graph, &err), -ENOMEM);
}

/* An older program knows only the first fields of a stage. */
Test(pipeline, the_stage_of_an_older_program_has_defaults)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("test");
    struct spead_stage stage = SPEAD_STAGE_INIT;
    struct spead_graph *graph;

    stage.struct_size = offsetof(struct spead_stage, capacity);
    stage.name = "source";
    stage.capacity = UINT32_MAX; /* lies beyond the struct */
    spead_pipeline_source(pipeline, &stage, make, NULL);
    cr_expect_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    spead_graph_destroy(graph);
}

/* ---- What a stage costs ---------------------------------------------------------------------- */

static int add_key(void *arg, void *state, const struct spead_message *message)
{
    (void)arg;
    *(uint64_t *)state += message->key;
    return 0;
}

static int sum_of(void *arg, const void *state, struct spead_message *result)
{
    (void)arg;
    result->key = *(const uint64_t *)state;
    return 0;
}

static int none(void *arg, const struct spead_message *message, uint64_t at,
                struct spead_message *result)
{
    (void)arg;
    (void)message;
    (void)at;
    (void)result;
    return 0;
}

static int change(void *arg, struct spead_message *message)
{
    (void)arg;
    (void)message;
    return 0;
}

static void add_every_operator(struct spead_pipeline *p)
{
    static const struct spead_fold fold = {.bytes = 8, .add = add_key, .result = sum_of};
    struct spead_limits limits = {.messages = 1};

    spead_pipeline_map(p, SPEAD_STAGE("map", .batch = 1), convert, NULL);
    spead_pipeline_map_in_place(p, SPEAD_STAGE("map_in_place", .batch = 1), change, NULL);
    spead_pipeline_filter(p, SPEAD_STAGE("filter", .batch = 1), keep, NULL);
    spead_pipeline_filter_map(p, SPEAD_STAGE("filter_map", .batch = 1), convert, NULL);
    spead_pipeline_tap(p, SPEAD_STAGE("tap", .batch = 1), keep, NULL);
    spead_pipeline_flat_map(p, SPEAD_STAGE("flat_map", .batch = 1), none, NULL);
    spead_pipeline_buffer(p, SPEAD_STAGE("buffer", .batch = 1), limits, SPEAD_ON_FULL_BLOCK);
    spead_pipeline_scan(p, SPEAD_STAGE("scan", .batch = 1), &fold, NULL);
    spead_pipeline_deduplicate(p, SPEAD_STAGE("deduplicate", .batch = 1), 1);
    spead_pipeline_rate(p, SPEAD_STAGE("rate", .batch = 1), &(struct spead_rate){.per_second = 1});
    spead_pipeline_debounce(p, SPEAD_STAGE("debounce", .batch = 1), 1);
    spead_pipeline_timeout(p, SPEAD_STAGE("timeout", .batch = 1), 1, NULL, NULL);
    spead_pipeline_merge(p, SPEAD_STAGE("merge", .batch = 1), 2, SPEAD_MERGE_FAIR);
    spead_pipeline_source(p, SPEAD_STAGE("other", .batch = 1), make, NULL);
    spead_pipeline_into(p, NULL, "merge", "in1");
    spead_pipeline_from(p, "merge", NULL);
    spead_pipeline_route(p, SPEAD_STAGE("route", .batch = 1), NULL, 2, NULL, NULL);
    spead_pipeline_from(p, "route", "out0");
    spead_pipeline_reduce(p, SPEAD_STAGE("reduce", .batch = 1), &fold, NULL);
    spead_pipeline_each(p, SPEAD_STAGE("each", .batch = 1), use, NULL);
    spead_pipeline_from(p, "route", "out1");
    spead_pipeline_fan_out(p, SPEAD_STAGE("fan_out", .batch = 1), NULL, 1, NULL, NULL);
    spead_pipeline_batch(p, SPEAD_STAGE("batch", .batch = 1), limits, 1);
}

/* The plan says what a node takes. With a batch of one message, 128 bytes of it are buffers; a buffer and a batch have
 * one message more. */
Test(pipeline, a_stage_takes_less_than_a_kibibyte_besides_its_buffers)
{
    struct spead_pipeline *pipeline = begin();
    struct spead_graph *graph;
    char plan[8192], *line;
    unsigned long bytes, nodes = 0;

    add_every_operator(pipeline);
    cr_assert_eq(spead_pipeline_finish(pipeline, &graph, NULL), 0);
    spead_graph_plan(graph, SPEAD_REPORT_TEXT, plan, sizeof plan, NULL);
    for (line = strstr(plan, "  node "); line; line = strstr(line + 1, "  node ")) {
        cr_assert_eq(sscanf(strstr(line, "fail; "), "fail; %lu bytes", &bytes), 1);
        cr_expect_leq(bytes, 1024 + 4 * sizeof(struct spead_message), "%.60s", line);
        nodes++;
    }
    cr_expect_eq(nodes, 20);
    spead_graph_destroy(graph);
}
