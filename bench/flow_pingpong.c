/* SPDX-License-Identifier: Apache-2.0 */
/* Measures round trips of a message between two nodes on two workers. */
#include <err.h>
#include <errno.h>
#include <time.h>

#include "bench_graph.h"
#include "flow_bench.h"

struct pinger {
    const struct pingpong_run *run;
    uint64_t *trips_ns;
    uint64_t began_ns, next_ns;
    uint32_t round;
    bool flying; /* true: the ping was sent, and the pong has not come back */
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int take_pong(struct pinger *pinger, struct spead_node *self)
{
    struct spead_message message;
    int ret = spead_node_receive(self, 0, &message, 1);

    if (ret < 0)
        return ret;
    pinger->trips_ns[pinger->round++] = now_ns() - pinger->began_ns;
    pinger->flying = false;
    pinger->next_ns = now_ns() + pinger->run->pause_ns;
    return 1;
}

static int ping_step(void *state, struct spead_node *self)
{
    struct pinger *pinger = state;
    struct spead_message message = {.sequence = pinger->round};

    if (pinger->flying) {
        int ret = take_pong(pinger, self);

        if (ret < 0)
            return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret;
    }
    if (pinger->round == pinger->run->rounds)
        return SPEAD_STEP_DONE;
    if (now_ns() < pinger->next_ns) {
        spead_node_wait_until(self, pinger->next_ns);
        return SPEAD_STEP_WAITING;
    }
    pinger->began_ns = now_ns();
    pinger->flying = true;
    if (spead_node_send(self, 0, &message, 1) != 1)
        errx(1, "the ping found its channel full");
    return take_pong(pinger, self) == 1 ? SPEAD_STEP_AGAIN : SPEAD_STEP_WAITING;
}

static int pong_step(void *state, struct spead_node *self)
{
    struct spead_message message;
    int ret = spead_node_receive(self, 0, &message, 1);

    (void)state;
    if (ret < 0)
        return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret;
    if (spead_node_send(self, 0, &message, 1) != 1)
        errx(1, "the pong found its channel full");
    /* The node tries to receive and finds its input empty. So the worker suspends the node after this step. Without
     * this call the worker would step the node once more for nothing. */
    ret = spead_node_receive(self, 0, &message, 1);
    return ret == -EAGAIN ? SPEAD_STEP_WAITING : SPEAD_STEP_DONE;
}

/* Adds the node "ping". A graph needs a source or a channel of the program that leads to every node, so this node has a
 * second input, at which no message ever comes. */
static struct spead_node *add_ping(struct spead_graph *graph, struct pinger *pinger,
                                   struct spead_channel *nothing)
{
    static const struct spead_node_ops ops = {.kind = "ping", .step = ping_step};
    static const struct spead_port ins[] = {{"in", SPEAD_TYPE_PLAIN},
                                            {"nothing", SPEAD_TYPE_PLAIN}};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *ping;
    struct spead_err error;

    config.name = "ping";
    config.ops = &ops;
    config.state = pinger;
    config.inputs = ins;
    config.input_count = 2;
    config.outputs = &out;
    config.output_count = 1;
    if (spead_graph_add(graph, &config, &ping, &error) < 0 ||
        spead_graph_join_input(graph, nothing, (struct spead_graph_end){ping, "nothing"}, &error) <
            0)
        errx(1, "%s", error.text);
    return ping;
}

static void join(struct spead_graph *graph, struct spead_graph_end from, struct spead_graph_end to)
{
    struct spead_err error;

    if (spead_graph_join(graph, from, to, NULL, &error) < 0)
        errx(1, "%s", error.text);
}

void flow_pingpong_run(const struct pingpong_run *run, uint64_t *trips_ns)
{
    const struct spead_channel_config nothing_config = SPEAD_CHANNEL_CONFIG_INIT;
    static const struct spead_node_ops pong_ops = {.kind = "pong", .step = pong_step};
    struct pinger pinger = {.run = run, .trips_ns = trips_ns};
    struct spead_graph *graph = bench_graph("pingpong");
    struct spead_executor *executor = bench_executor(2, run->cpus);
    struct spead_channel *nothing;
    struct spead_node *ping, *pong;

    if (spead_channel_create(&nothing, &nothing_config, NULL) < 0)
        errx(1, "no memory for a channel");
    ping = add_ping(graph, &pinger, nothing);
    pong = bench_add(graph, "pong", &pong_ops, NULL, true, true);
    join(graph, (struct spead_graph_end){ping, NULL}, (struct spead_graph_end){pong, NULL});
    join(graph, (struct spead_graph_end){pong, NULL}, (struct spead_graph_end){ping, "in"});
    bench_run(graph, executor);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_channel_unref(nothing);
}
