/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if a node receives fewer messages than it asked for, it can wait immediately, without a second receive, and it
 * misses no message.
 * Method: a node counts how often it tries to receive, and how often it gets nothing. It runs on the worker of its
 * source, or on the thread of the caller. If a wake-up were lost, the test would not end. */
#include <criterion/criterion.h>
#include <errno.h>

#include "step_nodes.h"

#define MESSAGES 1000u
#define ROOM     5u

struct taker {
    uint32_t max; /* the number of messages for which the node asks in one receive */
    uint64_t tries, empty, received, misordered; /* results */
    struct spead_message held[2 * ROOM];
};

static int take(void *state, struct spead_node *self)
{
    struct taker *taker = state;
    int count = spead_node_receive(self, 0, taker->held, taker->max);

    taker->tries++;
    taker->empty += count == -EAGAIN;
    if (count < 0)
        return count == -EAGAIN ? SPEAD_STEP_WAITING : SPEAD_STEP_DONE;
    for (int i = 0; i < count; i++)
        taker->misordered += taker->held[i].sequence != taker->received++;
    if (count == (int)taker->max)
        return SPEAD_STEP_AGAIN;
    spead_node_wait_input(self, 0);
    return SPEAD_STEP_WAITING;
}

static struct spead_node *build(struct spead_graph *graph, struct step_source *source,
                                struct taker *taker, uint32_t max)
{
    static const struct spead_node_ops ops = {.kind = "taker", .step = take};
    static const struct spead_port in = {"in", SPEAD_TYPE_PLAIN}, out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *node;

    *source = (struct step_source){.count = MESSAGES};
    *taker = (struct taker){.max = max};
    config.name = "taker";
    config.ops = &ops;
    config.state = taker;
    config.inputs = &in;
    config.input_count = 1;
    config.outputs = &out; /* A pulled graph needs an output. The node sends nothing through it. */
    config.output_count = 1;
    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    step_join(graph, step_source_add(graph, source, "source"), node, ROOM);
    return node;
}

static void run_on_a_worker(struct taker *taker, uint32_t max)
{
    struct spead_graph *graph = step_graph("g");
    struct spead_executor *executor = step_executor(1);
    struct step_source source;

    build(graph, &source, taker, max);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    cr_assert_eq(spead_graph_wait(graph, 0, NULL), 0);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

Test(node, waits_without_another_try_when_it_got_less_than_it_asked_for, .timeout = 60)
{
    struct taker taker;

    run_on_a_worker(&taker, 2 * ROOM);
    cr_expect_eq(taker.received, MESSAGES);
    cr_expect_eq(taker.misordered, 0u);
    cr_expect_leq(taker.empty, 1u, "only the first try, before the source has sent");
}

Test(node, tries_again_when_it_got_all_that_it_asked_for, .timeout = 60)
{
    struct taker taker;

    run_on_a_worker(&taker, 2);
    cr_expect_eq(taker.received, MESSAGES);
    cr_expect_geq(taker.tries, MESSAGES / 2);
}

Test(node, has_those_before_it_pulled_when_it_waits_for_an_input, .timeout = 60)
{
    struct spead_graph *graph = step_graph("g");
    struct spead_message message;
    struct step_source source;
    struct taker taker;
    struct spead_node *node = build(graph, &source, &taker, 2 * ROOM);

    cr_expect_eq(spead_graph_next(graph, (struct spead_graph_end){node, NULL}, &message, NULL),
                 -ESHUTDOWN);
    cr_expect_eq(taker.received, MESSAGES);
    cr_expect_eq(taker.misordered, 0u);
    spead_graph_destroy(graph);
}
