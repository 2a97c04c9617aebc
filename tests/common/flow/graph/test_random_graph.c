/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every message that goes into a graph either comes out once, or is shed, or fails. It is counted in each case.
 * This holds for any shape, capacities, policies, stalls, failures and end of the graph. If nothing is lost, the
 * results are the same as those of a plain loop. A throttle changes no result, and in the end it has all its tickets.
 * Method: the graphs are random and have layers. All nodes of a layer do the same arithmetic. So the result of a
 * message does not depend on its path, and a loop can compute the same result. The test stops or cancels some graphs
 * before they have ended. Other graphs run without an executor, and the test pulls their results. The environment
 * variable SPEAD_SEEDS says how many seeds are tried, and SPEAD_SEED is the first seed. A failure prints its seed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step_nodes.h"

#define LAYERS_MAX 4u
#define WIDTH_MAX  4u
#define EACH       300u

struct plan {
    uint64_t seed;
    /* widths[i] is the number of nodes in layer i. The first layer has the sources, the last layer has the sinks. */
    unsigned layers, widths[LAYERS_MAX + 2];
    enum spead_on_error on_error[LAYERS_MAX + 2];
    bool lossy, fatal;
    /* True if the graph has no sinks, and its last layer of relays is one node, from which the test pulls. */
    bool pulled;
    unsigned throttled; /* the relays of this layer take tickets; 0 if no relay does */
    uint32_t tickets;
    enum { TO_ITS_END, STOPPED, CANCELLED } end;
    /* The number of messages of source 0 after which the test stops or cancels the graph. */
    uint64_t end_after;
};

struct run {
    struct plan plan;
    struct spead_graph *graph;
    struct step_source sources[WIDTH_MAX];
    struct step_relay relays[LAYERS_MAX + 1][WIDTH_MAX];
    struct step_sink sinks[WIDTH_MAX], bin;
    struct spead_node *nodes[LAYERS_MAX + 2][WIDTH_MAX], *bin_node;
    struct spead_throttle *throttle;
};

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = step_mix(*random, 1);
    return *random % below;
}

/* ---- The arithmetic of the nodes and of the loop -------------------------------------------- */

enum { LEFT_OUT, PASSED, FAILED };

static int arithmetic(const struct plan *plan, unsigned layer, uint64_t *key)
{
    uint64_t fate = step_mix(plan->seed + layer, *key);

    if (fate % 13 == 0)
        return LEFT_OUT;
    if (fate % 17 == 1 && plan->on_error[layer] != SPEAD_ON_ERROR_FAIL)
        return FAILED;
    if (plan->fatal && layer == plan->layers && fate % 101 == 2)
        return FAILED;
    *key = *key * 31 + layer;
    return PASSED;
}

static int work(struct step_relay *relay, struct spead_message *message)
{
    const struct plan *plan = relay->arg;
    unsigned layer = (unsigned)relay->config.memory_bytes; /* add_relay() stored the layer there */
    int fate = arithmetic(plan, layer, &message->key);

    if (fate == FAILED)
        return -EIO;
    return fate == PASSED;
}

/* The plain loop with which the graph is compared. It computes the key with which a message must arrive. Returns false
 * if the message must not arrive. */
static bool reference(const struct plan *plan, uint32_t stream, uint64_t sequence, uint64_t *key)
{
    *key = step_mix(stream, sequence);
    for (unsigned layer = 1; layer <= plan->layers; layer++)
        if (arithmetic(plan, layer, key) != PASSED)
            return false;
    return true;
}

/* ---- The graph that is made from a seed ------------------------------------------------------- */

static struct plan make_plan(uint64_t seed)
{
    static const enum spead_on_error policies[] = {SPEAD_ON_ERROR_FAIL, SPEAD_ON_ERROR_SKIP,
                                                   SPEAD_ON_ERROR_LOG, SPEAD_ON_ERROR_RETRY,
                                                   SPEAD_ON_ERROR_DIVERT};
    struct plan plan = {.seed = seed};
    uint64_t random = seed;

    plan.layers = 1 + (unsigned)draw(&random, LAYERS_MAX);
    plan.lossy = draw(&random, 3) == 0;
    plan.fatal = draw(&random, 5) == 0;
    plan.end = draw(&random, 4) == 0 ? (draw(&random, 2) ? STOPPED : CANCELLED) : TO_ITS_END;
    plan.end_after = draw(&random, EACH);
    for (unsigned i = 0; i < plan.layers + 2; i++) {
        plan.widths[i] = 1 + (unsigned)draw(&random, WIDTH_MAX);
        plan.on_error[i] = policies[draw(&random, 5)];
    }
    if (plan.fatal)
        plan.on_error[plan.layers] = SPEAD_ON_ERROR_FAIL;
    plan.throttled = draw(&random, 2) ? 1 + (unsigned)draw(&random, plan.layers) : 0;
    plan.tickets = 1 + (uint32_t)draw(&random, 5);
    plan.pulled = plan.end == TO_ITS_END && draw(&random, 4) == 0;
    if (plan.pulled)
        plan.widths[plan.layers] = plan.widths[plan.layers + 1] = 1;
    return plan;
}

static void random_channel(const struct plan *plan, uint64_t *random,
                           struct spead_channel_config *config)
{
    *config = (struct spead_channel_config)SPEAD_CHANNEL_CONFIG_INIT;
    config->capacity = 1 + (uint32_t)draw(random, draw(random, 2) ? 3 : 100);
    if (!plan->lossy)
        return;
    config->on_full = (enum spead_on_full)draw(random, 4);
    config->sample_n = config->on_full == SPEAD_ON_FULL_SAMPLE ? 1 + (uint32_t)draw(random, 4) : 0;
    config->lanes = 1 + (uint32_t)draw(random, 2);
}

/* Joins each node of a layer to one or more nodes of the next layer. Each output and each input belongs to one channel.
 * If a port is joined a second time, its channel gets one more end. So several nodes can send to one channel or receive
 * from it. */
static void join_layers(struct run *run, unsigned layer, uint64_t *random)
{
    unsigned from = run->plan.widths[layer], to = run->plan.widths[layer + 1];
    struct spead_channel_config config;

    random_channel(&run->plan, random, &config);
    for (unsigned i = 0; i < from || i < to; i++) {
        struct spead_err err = {0};
        int ret = spead_graph_join(
            run->graph, (struct spead_graph_end){run->nodes[layer][i % from], "out"},
            (struct spead_graph_end){run->nodes[layer + 1][i % to], "in"}, &config, &err);

        cr_assert_eq(ret, 0, "seed %llu: %s", (unsigned long long)run->plan.seed, err.text);
    }
}

static void add_relay(struct run *run, unsigned layer, unsigned i, uint64_t *random)
{
    struct step_relay *relay = &run->relays[layer][i];
    enum spead_on_error policy = run->plan.on_error[layer];
    char name[32];

    relay->work = work;
    relay->arg = &run->plan;
    relay->throttle = layer == run->plan.throttled ? run->throttle : NULL;
    relay->batch = 1 + (uint32_t)draw(random, 32);
    relay->stall_one_in = draw(random, 2) ? 3 : 0;
    relay->config = (struct spead_node_config)SPEAD_NODE_CONFIG_INIT;
    relay->config.memory_bytes = layer;
    relay->config.blocking = draw(random, 8) == 0;
    relay->config.on_error = policy;
    relay->config.retries = 1;
    relay->config.after_retries = SPEAD_ON_ERROR_SKIP;
    snprintf(name, sizeof name, "relay%u-%u", layer, i);
    run->nodes[layer][i] = step_relay_add(run->graph, relay, name);
    if (policy != SPEAD_ON_ERROR_DIVERT)
        return;
    if (!run->bin_node)
        run->bin_node = step_sink_add(run->graph, &run->bin, "bin");
    cr_assert_eq(spead_graph_join(run->graph,
                                  (struct spead_graph_end){run->nodes[layer][i], "error"},
                                  (struct spead_graph_end){run->bin_node, NULL}, NULL, NULL),
                 0);
}

static void add_nodes(struct run *run, uint64_t *random)
{
    const struct plan *plan = &run->plan;
    char name[32];

    for (unsigned i = 0; i < plan->widths[0]; i++) {
        run->sources[i] = (struct step_source){.count = EACH, .stream = i};
        snprintf(name, sizeof name, "source%u", i);
        run->nodes[0][i] = step_source_add(run->graph, &run->sources[i], name);
    }
    for (unsigned layer = 1; layer <= plan->layers; layer++)
        for (unsigned i = 0; i < plan->widths[layer]; i++)
            add_relay(run, layer, i, random);
    for (unsigned i = 0; i < plan->widths[plan->layers + 1] && !plan->pulled; i++) {
        snprintf(name, sizeof name, "sink%u", i);
        run->nodes[plan->layers + 1][i] = step_sink_add(run->graph, &run->sinks[i], name);
    }
}

/* ---- What must hold ------------------------------------------------------------------------- */

#define HOLDS(condition) \
    cr_assert(condition, "seed %llu (set SPEAD_SEED to it)", (unsigned long long)run->plan.seed)

static void check_relay(struct run *run, unsigned layer, unsigned i)
{
    const struct step_relay *relay = &run->relays[layer][i];
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;

    spead_node_stats(run->nodes[layer][i], &stats);
    HOLDS(stats.state == SPEAD_NODE_FINISHED);
    HOLDS(relay->starts == 1 && relay->finishes == 1);
    HOLDS(stats.in == relay->received);
    HOLDS(stats.out == relay->passed + stats.diverted);
    HOLDS(relay->received == relay->passed + relay->left_out + relay->surrendered);
    HOLDS(relay->surrendered == stats.skipped + stats.logged + stats.diverted);
    HOLDS(stats.failed ==
          stats.retried + stats.skipped + stats.logged + stats.diverted + stats.fatal);
}

static uint64_t check_channel(struct run *run, struct spead_node *node, const char *port)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;
    struct spead_channel *channel =
        spead_graph_channel(run->graph, (struct spead_graph_end){node, port});
    uint64_t shed = 0;

    spead_channel_stats(channel, &stats);
    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        shed += stats.shed[i];
    HOLDS(stats.depth == 0);
    HOLDS(stats.sent == stats.received + shed);
    return shed;
}

/* Checks that every message that arrived has the right key, and that no message came twice. Returns how many messages
 * came. */
static uint64_t check_arrivals(struct run *run)
{
    static bool seen[WIDTH_MAX][EACH];
    uint64_t arrived = 0;

    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < run->plan.widths[run->plan.layers + 1]; i++)
        for (uint64_t j = 0; j < run->sinks[i].received; j++) {
            const struct spead_message *message = &run->sinks[i].record[j];
            uint64_t key;

            HOLDS(message->stream < run->plan.widths[0] && message->sequence < EACH);
            HOLDS(reference(&run->plan, message->stream, message->sequence, &key));
            HOLDS(message->key == key);
            HOLDS(!seen[message->stream][message->sequence]);
            seen[message->stream][message->sequence] = true;
            arrived++;
        }
    return arrived;
}

/* Returns how many messages must arrive if nothing is lost. This counts only messages that were sent, because a stopped
 * source has not sent all of its messages. */
static uint64_t expected(const struct run *run)
{
    uint64_t count = 0, key;

    for (uint32_t stream = 0; stream < run->plan.widths[0]; stream++)
        for (uint64_t sequence = 0; sequence < run->sources[stream].sent; sequence++)
            count += reference(&run->plan, stream, sequence, &key);
    return count;
}

static void check_outcome(const struct run *run, int outcome)
{
    const struct plan *plan = &run->plan;

    HOLDS(outcome == 0 || (plan->fatal && outcome == -EIO) ||
          (plan->end == CANCELLED && outcome == -ECANCELED));
    for (unsigned i = 0; i < plan->widths[0] && plan->end == TO_ITS_END && outcome == 0; i++)
        HOLDS(run->sources[i].sent == EACH);
}

/* Returns how many messages all relays together have diverted. Each of these messages must have reached the sink
 * "bin". */
static uint64_t diverted(const struct run *run)
{
    uint64_t count = 0;

    for (unsigned layer = 1; layer <= run->plan.layers; layer++)
        for (unsigned i = 0; i < run->plan.widths[layer]; i++) {
            struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;

            spead_node_stats(run->nodes[layer][i], &stats);
            count += stats.diverted;
        }
    return count;
}

/* Checks only what arrived. Nothing else can be checked in a pulled graph, because a node that no result needed has not
 * finished. */
static void check(struct run *run, int outcome)
{
    const struct plan *plan = &run->plan;
    uint64_t arrived = check_arrivals(run);

    check_outcome(run, outcome);
    HOLDS(arrived <= expected(run));
    if (outcome == 0 && !plan->lossy)
        HOLDS(arrived == expected(run));
}

static void check_ended(struct run *run, int outcome)
{
    const struct plan *plan = &run->plan;

    for (unsigned layer = 0; layer <= plan->layers; layer++)
        for (unsigned i = 0; i < plan->widths[layer]; i++) {
            check_channel(run, run->nodes[layer][i], "out");
            if (layer > 0)
                check_relay(run, layer, i);
        }
    if (outcome == 0)
        HOLDS(run->bin.received == diverted(run));
}

static void check_throttle(struct run *run)
{
    struct spead_throttle_stats stats = SPEAD_THROTTLE_STATS_INIT;

    spead_throttle_stats(run->throttle, &stats);
    HOLDS(stats.out == 0 && stats.waiting == 0);
    HOLDS(stats.high_water <= run->plan.tickets);
}

static bool has_sent(struct run *run, uint64_t count)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

    spead_channel_stats(
        spead_graph_channel(run->graph, (struct spead_graph_end){run->nodes[0][0], "out"}), &stats);
    return stats.sent >= count || stats.end != 0 || stats.senders == 0;
}

static void end_on_the_way(struct run *run)
{
    while (run->plan.end != TO_ITS_END && !has_sent(run, run->plan.end_after))
        sched_yield();
    if (run->plan.end == STOPPED)
        spead_graph_stop(run->graph);
    if (run->plan.end == CANCELLED)
        spead_graph_cancel(run->graph);
}

static void run_pulled(struct run *run)
{
    struct spead_graph_end end = {run->nodes[run->plan.layers][0], "out"};
    struct step_sink *kept = &run->sinks[0];
    struct spead_message message;
    int ret;

    kept->record = calloc((size_t)WIDTH_MAX * EACH, sizeof *kept->record);
    cr_assert_not_null(kept->record);
    while ((ret = spead_graph_next(run->graph, end, &message, NULL)) == 0) {
        kept->record[kept->received++] = message;
        spead_message_unref(&message);
    }
    check(run, ret == -ESHUTDOWN ? 0 : ret);
    spead_graph_destroy(run->graph);
}

static void run_on_executor(struct run *run, uint64_t *random)
{
    struct spead_executor *executor = step_executor(1 + (uint32_t)draw(random, 3));
    struct spead_err err = {0};
    int ret;

    HOLDS(spead_graph_start(run->graph, executor, &err) == 0);
    end_on_the_way(run);
    ret = spead_graph_wait(run->graph, step_now_ns() + 60000000000u, &err);
    HOLDS(ret != -ETIMEDOUT);
    check(run, ret);
    check_ended(run, ret);
    spead_graph_destroy(run->graph);
    spead_executor_destroy(executor);
}

static void run_seed(uint64_t seed)
{
    static struct run run_state;
    struct run *run = &run_state;
    uint64_t random = step_mix(seed, 99);

    memset(run, 0, sizeof *run);
    run->plan = make_plan(seed);
    run->graph = step_graph("random");
    HOLDS(spead_throttle_create(&run->throttle, run->plan.tickets, NULL) == 0);
    add_nodes(run, &random);
    for (unsigned layer = 0; layer + run->plan.pulled <= run->plan.layers; layer++)
        join_layers(run, layer, &random);
    if (run->plan.pulled)
        run_pulled(run);
    else
        run_on_executor(run, &random);
    check_throttle(run);
    spead_throttle_unref(run->throttle);
    for (unsigned i = 0; i < WIDTH_MAX; i++)
        step_sink_release(&run->sinks[i]);
    step_sink_release(&run->bin);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 10) : otherwise;
}

Test(random_graph, results_are_those_of_a_loop_and_everything_is_counted, .timeout = 240)
{
    uint64_t first = setting("SPEAD_SEED", 1), count = setting("SPEAD_SEEDS", 150);

    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed);
}
