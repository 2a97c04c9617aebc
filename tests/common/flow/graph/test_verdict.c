/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the verdict names the node that limits the graph.
 * Method: the graph is a chain of nodes. One node sleeps at each message, on a thread of its own. The other nodes never
 * sleep. In the last test the source sleeps, as a source does to which the outside brings little.
 *
 * If the system does not run the thread of another node for a while, that node limits the run, and the verdict rightly
 * says so. Then the test runs the graph again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "step_nodes.h"

static int sleep_a_little(struct step_relay *relay, struct spead_message *message)
{
    struct timespec pause = {.tv_nsec = 500000};

    (void)relay;
    (void)message;
    nanosleep(&pause, NULL);
    return 1;
}

static void run_with_slow(unsigned slow, bool metrics, char *text, char *json, size_t max)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_graph *graph;
    struct spead_executor *executor = step_executor(1);
    struct step_source source = {.count = 200};
    struct step_relay relays[3] = {0};
    struct step_sink sink = {0};
    struct spead_node *last;

    config.metrics = metrics;
    cr_assert_eq(spead_graph_create(&graph, &config, NULL), 0);
    last = step_source_add(graph, &source, "source");
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        struct spead_node *node;

        snprintf(name, sizeof name, "n%u", i);
        relays[i].work = i == slow ? sleep_a_little : NULL;
        relays[i].config.blocking = i == slow;
        node = step_relay_add(graph, &relays[i], name);
        step_join(graph, last, node, 4);
        last = node;
    }
    step_join(graph, last, step_sink_add(graph, &sink, "sink"), 4);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    cr_assert_eq(spead_graph_wait(graph, 0, NULL), 0);
    cr_assert_lt(spead_graph_verdict(graph, SPEAD_REPORT_TEXT, text, max), (int)max);
    cr_assert_lt(spead_graph_verdict(graph, SPEAD_REPORT_JSON, json, max), (int)max);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    step_sink_release(&sink);
}

#define RUNS_MAX 50

/* Runs the graph until the verdict says this, at most RUNS_MAX times. */
static void run_with_slow_until(unsigned slow, bool metrics, const char *says, char *text,
                                char *json, size_t max)
{
    unsigned runs = 0;

    do
        run_with_slow(slow, metrics, text, json, max);
    while (!strstr(text, says) && ++runs < RUNS_MAX);
    cr_assert(strstr(text, says), "%s", text);
}

Test(verdict, names_the_slow_node_wherever_it_is)
{
    char text[2048], json[2048];

    run_with_slow_until(1, false, "node n1 limits: its input was full", text, json, sizeof text);
    cr_assert(strstr(text, "source.out > n0.in: 200 messages"), "%s", text);
    cr_assert(strstr(json, "\"limit\": {\"node\": \"n1\""), "%s", json);
    cr_assert(strstr(json, "\"capacity\": 4, \"high_water\": 4"), "the input of n1 was full: %s",
              json);
    cr_assert(strstr(json, "\"blocked_ns\": "), "%s", json);
    cr_assert_not(strstr(json, "p99_ns"), "no histograms without metrics: %s", json);
    run_with_slow_until(2, true, "node n2 limits", text, json, sizeof text);
    cr_assert(strstr(json, "p99_ns"), "%s", json);
}

/* A source that gets its messages from outside, which brings one every half millisecond. Every second step waits for the
 * outside, and the step after it sends. The sink's thread may not run for a while, and then the channel is full: the
 * source keeps its message until there is room. */
struct slow_outside {
    uint32_t left;
    bool has_come;
    bool says_so; /* the source tells the graph that it has waited */
};

static int take_from_outside(void *state, struct spead_node *self)
{
    struct slow_outside *source = state;
    struct timespec pause = {.tv_nsec = 500000};
    struct spead_message message = {0};
    int ret;

    if (source->left == 0)
        return SPEAD_STEP_DONE;
    if (!source->has_come) {
        nanosleep(&pause, NULL);
        source->has_come = true;
        if (source->says_so)
            spead_node_waited_for(self, "packets");
        return SPEAD_STEP_AGAIN;
    }
    ret = spead_node_send(self, 0, &message, 1);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret < 0)
        return ret;
    source->has_come = false;
    source->left--;
    return SPEAD_STEP_AGAIN;
}

static struct spead_node *add_slow_outside(struct spead_graph *graph, struct slow_outside *source)
{
    static const struct spead_node_ops ops = {.kind = "outside", .step = take_from_outside};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *node;

    config.name = "source";
    config.ops = &ops;
    config.state = source;
    config.outputs = &out;
    config.output_count = 1;
    config.blocking = true;
    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    return node;
}

static void run_with_slow_outside(bool says_so, char *text, char *json, size_t max)
{
    struct spead_graph *graph = step_graph("outside");
    struct spead_executor *executor = step_executor(1);
    struct slow_outside source = {.left = 100, .says_so = says_so};
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;
    struct step_sink sink = {0};
    struct spead_node *node = add_slow_outside(graph, &source);

    step_join(graph, node, step_sink_add(graph, &sink, "sink"), 4);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    cr_assert_eq(spead_graph_wait(graph, 0, NULL), 0);
    cr_assert_lt(spead_graph_verdict(graph, SPEAD_REPORT_TEXT, text, max), (int)max);
    cr_assert_lt(spead_graph_verdict(graph, SPEAD_REPORT_JSON, json, max), (int)max);
    spead_node_stats(node, &stats);
    cr_expect_eq(stats.waited_ns > 0, says_so);
    cr_expect_leq(stats.waited_ns, stats.busy_ns);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    step_sink_release(&sink);
}

static void run_with_slow_outside_until(bool says_so, const char *says, char *text, char *json,
                                        size_t max)
{
    unsigned runs = 0;

    do
        run_with_slow_outside(says_so, text, json, max);
    while (!strstr(text, says) && ++runs < RUNS_MAX);
    cr_assert(strstr(text, says), "%s", text);
}

Test(verdict, a_source_that_waits_for_the_outside_limits_nothing)
{
    char text[2048], json[2048];

    run_with_slow_outside_until(true, "nothing limited this run: node source waited for packets ",
                                text, json, sizeof text);
    cr_assert_not(strstr(json, "\"limit\""), "%s", json);
    cr_assert(strstr(json, "\"waited\": {\"node\": \"source\", \"for\": \"packets\""), "%s", json);
}

Test(verdict, a_source_that_does_not_say_that_it_waits_limits)
{
    char text[2048], json[2048];

    run_with_slow_outside_until(false, "node source limits: its output was empty", text, json,
                                sizeof text);
    cr_assert_not(strstr(json, "\"waited\""), "%s", json);
}
