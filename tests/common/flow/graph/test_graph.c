/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a graph that cannot work is refused when it is built, with a text that says why. A graph that can work gets a
 * plan without running.
 * Method: the tests join small nodes in right and in wrong ways. They never start a node. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "step_nodes.h"

static struct spead_graph_end end(struct spead_node *node, const char *port)
{
    return (struct spead_graph_end){node, port};
}

static int nothing_step(void *state, struct spead_node *self)
{
    (void)state;
    (void)self;
    return SPEAD_STEP_DONE;
}

static const struct spead_node_ops nothing = {.kind = "nothing", .step = nothing_step};

Test(graph, two_nodes_cannot_have_one_name)
{
    struct spead_graph *graph = step_graph("g");
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_err err;

    config.name = "a";
    config.ops = &nothing;
    cr_assert_eq(spead_graph_add(graph, &config, NULL, NULL), 0);
    cr_assert_eq(spead_graph_add(graph, &config, NULL, &err), -EEXIST);
    cr_assert(strstr(err.text, "\"a\""), "%s", err.text);
    spead_graph_destroy(graph);
}

Test(graph, config_that_was_not_begun_with_its_init_is_refused)
{
    struct spead_graph *graph = step_graph("g"), *other;
    struct spead_graph_config graph_config = {.name = "h"};
    struct spead_executor_config executor_config = {.workers = 1};
    struct spead_node_config config = {.name = "a", .ops = &nothing, .cpu = -1};
    struct spead_executor *executor;
    struct spead_err err;

    cr_assert_eq(spead_graph_add(graph, &config, NULL, &err), -EINVAL);
    cr_assert(strstr(err.text, "SPEAD_NODE_CONFIG_INIT"), "%s", err.text);
    cr_assert_eq(spead_graph_create(&other, &graph_config, &err), -EINVAL);
    cr_assert(strstr(err.text, "SPEAD_GRAPH_CONFIG_INIT"), "%s", err.text);
    cr_assert_eq(spead_executor_create(&executor, &executor_config, &err), -EINVAL);
    cr_assert(strstr(err.text, "SPEAD_EXECUTOR_CONFIG_INIT"), "%s", err.text);
    spead_graph_destroy(graph);
}

/* Such a join would leave an edge of one graph in the other one, after the first was freed. */
Test(graph, node_of_another_graph_is_refused)
{
    static const struct spead_port port = {"p", SPEAD_TYPE_PLAIN};
    struct spead_graph *graph = step_graph("g"), *other = step_graph("h");
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_graph_end from = {NULL, NULL}, to = {NULL, NULL};
    struct spead_err err;

    config.name = "a";
    config.ops = &nothing;
    config.outputs = &port;
    config.output_count = 1;
    cr_assert_eq(spead_graph_add(graph, &config, &from.node, NULL), 0);
    config.name = "b";
    config.inputs = &port;
    config.input_count = 1;
    cr_assert_eq(spead_graph_add(other, &config, &to.node, NULL), 0);
    cr_expect_eq(spead_graph_join(graph, from, to, NULL, &err), -EINVAL);
    cr_expect_str_eq(err.text, "node \"b\" belongs to graph \"h\", not to graph \"g\"");
    cr_expect_null(spead_graph_channel(graph, to));
    spead_graph_destroy(graph);
    spead_graph_destroy(other);
}

Test(graph, ports_and_executor_that_are_null_are_refused)
{
    struct spead_graph *graph = step_graph("g");
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_err err;

    config.name = "a";
    config.ops = &nothing;
    config.output_count = 1;
    cr_expect_eq(spead_graph_add(graph, &config, NULL, &err), -EINVAL);
    cr_expect_str_eq(err.text, "outputs: the array is NULL, but its count is 1");
    config.output_count = 0;
    cr_expect_eq(spead_graph_add(graph, &config, NULL, &err), 0);
    cr_expect_eq(spead_graph_start(graph, NULL, &err), -EINVAL);
    cr_expect(strstr(err.text, "executor"), "%s", err.text);
    spead_graph_destroy(graph);
}

Test(graph, node_that_cannot_tell_its_failed_message_may_not_skip_it)
{
    struct spead_graph *graph = step_graph("g");
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_err err;

    config.name = "a";
    config.ops = &nothing;
    config.on_error = SPEAD_ON_ERROR_SKIP;
    cr_assert_eq(spead_graph_add(graph, &config, NULL, &err), -EINVAL);
    cr_assert(strstr(err.text, "surrender"), "%s", err.text);
    spead_graph_destroy(graph);
}

Test(graph, types_that_differ_name_both_ends)
{
    struct spead_graph *graph = step_graph("g");
    struct step_source source = {0};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_port in = {"heaps", SPEAD_TYPE_HEAP};
    struct spead_node *from = step_source_add(graph, &source, "numbers"), *to;
    struct spead_err err;

    config.name = "writer";
    config.ops = &nothing;
    config.inputs = &in;
    config.input_count = 1;
    cr_assert_eq(spead_graph_add(graph, &config, &to, NULL), 0);
    cr_assert_eq(spead_graph_join(graph, end(from, NULL), end(to, NULL), NULL, &err), -EPROTOTYPE);
    cr_assert(strstr(err.text, "numbers.out") && strstr(err.text, "writer.heaps") &&
                  strstr(err.text, "\"plain\"") && strstr(err.text, "\"heap\""),
              "%s", err.text);
    spead_graph_destroy(graph);
}

Test(graph, who_shares_a_channel_must_agree_on_it)
{
    struct spead_graph *graph = step_graph("g");
    struct step_source sources[2] = {0};
    struct step_sink sink = {0};
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_node *a = step_source_add(graph, &sources[0], "a");
    struct spead_node *b = step_source_add(graph, &sources[1], "b");
    struct spead_node *c = step_sink_add(graph, &sink, "c");
    struct spead_err err;

    step_join(graph, a, c, 8);
    config.capacity = 9;
    cr_assert_eq(spead_graph_join(graph, end(b, NULL), end(c, NULL), &config, &err), -EINVAL);
    cr_assert(strstr(err.text, "capacity 8"), "%s", err.text);
    cr_assert_eq(spead_graph_join(graph, end(b, NULL), end(c, NULL), NULL, &err), 0,
                 "no config means: as it is; got %s", err.text);
    spead_graph_destroy(graph);
    step_sink_release(&sink);
}

Test(graph, input_joined_to_nothing_cannot_run)
{
    struct spead_graph *graph = step_graph("g");
    struct spead_executor *executor = step_executor(1);
    struct step_sink sink = {0};
    struct spead_err err;
    char text[16];

    step_sink_add(graph, &sink, "lonely");
    cr_assert_eq(spead_graph_plan(graph, SPEAD_REPORT_TEXT, text, sizeof text, &err), -EINVAL);
    cr_assert(strstr(err.text, "lonely.in"), "%s", err.text);
    cr_assert_eq(spead_graph_start(graph, executor, &err), -EINVAL);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    step_sink_release(&sink);
}

Test(graph, plan_tells_nodes_edges_policies_and_memory_and_runs_nothing)
{
    struct spead_graph *graph = step_graph("beam");
    struct step_source source = {.count = 10};
    struct step_relay relay = {.config.blocking = true};
    struct step_sink sink = {0};
    struct spead_node *a = step_source_add(graph, &source, "capture");
    struct spead_node *b = step_relay_add(graph, &relay, "disk");
    struct spead_node *c = step_sink_add(graph, &sink, "count");
    char text[2048], json[2048], cut[20];
    int length;

    step_join(graph, a, b, 64);
    step_join(graph, b, c, 1);
    length = spead_graph_plan(graph, SPEAD_REPORT_TEXT, text, sizeof text, NULL);
    cr_assert_eq(length, (int)strlen(text));
    cr_assert(strstr(text, "graph beam: 3 nodes, 2 edges"), "%s", text);
    cr_assert(strstr(text, "capture.out > disk.in: capacity 64, block"), "%s", text);
    cr_assert(strstr(text, "node disk (step-relay): own thread; on error fail"), "%s", text);
    cr_assert_eq(spead_graph_plan(graph, SPEAD_REPORT_TEXT, cut, sizeof cut, NULL), length);
    cr_assert_eq(strlen(cut), sizeof cut - 1);
    cr_assert_gt(spead_graph_plan(graph, SPEAD_REPORT_JSON, json, sizeof json, NULL), 0);
    cr_assert(strstr(json, "{\"name\": \"disk\", \"kind\": \"step-relay\", \"blocking\": true"),
              "%s", json);
    cr_assert_eq(relay.starts + source.sent, 0);
    spead_graph_destroy(graph);
    cr_assert_eq(relay.finishes, 0);
    step_sink_release(&sink);
}

/* ---- Loops ---------------------------------------------------------------------------------- */

static void refuse_loop(struct spead_graph *graph, const char *name)
{
    struct spead_executor *executor = step_executor(1);
    char plan[4096];
    struct spead_err err = {0};

    cr_expect_eq(spead_graph_plan(graph, SPEAD_REPORT_TEXT, plan, sizeof plan, &err), -EINVAL);
    cr_expect_eq(spead_graph_start(graph, executor, &err), -EINVAL);
    cr_expect(strstr(err.text, "no source leads to") && strstr(err.text, name), "%s", err.text);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

/* Each node would wait for a message of the other one for ever. */
Test(graph, that_is_a_loop_without_a_source_is_refused)
{
    struct spead_graph *graph = step_graph("loop");
    struct step_relay relays[2] = {{0}, {0}};
    struct spead_node *a = step_relay_add(graph, &relays[0], "a");
    struct spead_node *b = step_relay_add(graph, &relays[1], "b");

    step_join(graph, a, b, 1);
    step_join(graph, b, a, 1);
    refuse_loop(graph, "\"a\"");
}

Test(graph, with_a_loop_beside_its_source_is_refused)
{
    struct spead_graph *graph = step_graph("loop");
    struct step_source source = {.count = 1};
    struct step_sink sink = {0};
    struct step_relay relay = {0};
    struct spead_node *self = step_relay_add(graph, &relay, "self");

    step_join(graph, step_source_add(graph, &source, "source"), step_sink_add(graph, &sink, "sink"),
              1);
    step_join(graph, self, self, 1);
    refuse_loop(graph, "\"self\"");
    step_sink_release(&sink);
}

Test(graph, with_a_loop_that_a_source_leads_to_gets_a_plan)
{
    struct spead_graph *graph = step_graph("loop");
    struct step_source source = {.count = 1};
    struct step_relay relay = {0};
    struct spead_node *self = step_relay_add(graph, &relay, "self");
    struct spead_err err = {0};
    char plan[4096];

    step_join(graph, step_source_add(graph, &source, "source"), self, 1);
    step_join(graph, self, self, 1);
    cr_expect_gt(spead_graph_plan(graph, SPEAD_REPORT_TEXT, plan, sizeof plan, &err), 0, "%s",
                 err.text);
    spead_graph_destroy(graph);
}
