/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an executor gives turns to many nodes on few threads. Every runnable node has its turns, every node that should
 * be woken is woken, and suspended nodes take no CPU time.
 * Method: graphs of small nodes run on executors with one and two workers. The test allows much more CPU time than the
 * nodes need. But a worker that polls without a pause would need far more. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <speadline/throttle.h>

#include "step_nodes.h"

#define SECOND 1000000000u

static uint64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * SECOND +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000u;
}

static void wait_for_end(struct spead_graph *graph)
{
    struct spead_err err = {0};
    int ret = spead_graph_wait(graph, step_now_ns() + 60u * SECOND, &err);

    cr_assert_eq(ret, 0, "%d: %s", ret, err.text);
}

static void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* Sends messages through a chain of nodes. With capacity 1, each message suspends the nodes at both ends of a
 * channel. */
static void pass_through_chain(uint32_t workers, uint32_t capacity, bool blocking)
{
    struct spead_graph *graph = step_graph("chain");
    struct spead_executor *executor = step_executor(workers);
    struct step_source source = {.count = 3000};
    struct step_relay relays[3] = {0};
    struct step_sink sink = {0};
    struct spead_node *last = step_source_add(graph, &source, "source"), *middle = NULL;
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;

    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        struct spead_node *node;

        snprintf(name, sizeof name, "relay%u", i);
        relays[i].config.blocking = blocking && i == 1;
        middle = i == 2 ? last : middle;
        node = step_relay_add(graph, &relays[i], name);
        step_join(graph, last, node, capacity);
        last = node;
    }
    step_join(graph, last, step_sink_add(graph, &sink, "sink"), capacity);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    wait_for_end(graph);
    cr_assert_eq(sink.received, 3000);
    cr_assert_eq(sink.end, -ESHUTDOWN);
    for (unsigned i = 0; i < 3000; i++)
        cr_assert_eq(sink.record[i].sequence, i);
    cr_assert_eq(relays[1].starts, 1);
    cr_assert_eq(relays[1].finishes, 1);
    spead_node_stats(middle, &stats);
    cr_assert_eq(stats.cpu_ns > 0, blocking,
                 "only a blocking node has a thread of its own, and so CPU time of its own");
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    step_sink_release(&sink);
}

Test(executor, one_worker_passes_everything_in_order)
{
    pass_through_chain(1, 1, false);
    pass_through_chain(1, 64, false);
}

Test(executor, two_workers_lose_no_wake_up)
{
    pass_through_chain(2, 1, false);
    pass_through_chain(2, 7, false);
}

Test(executor, blocking_node_has_its_own_thread_and_passes_everything)
{
    pass_through_chain(1, 1, true);
    pass_through_chain(2, 64, true);
}

static _Atomic bool gate;

static int wait_for_gate(struct step_relay *relay, struct spead_message *message)
{
    (void)relay;
    (void)message;
    while (gate)
        sleep_ms(1);
    return 1;
}

Test(executor, blocked_node_does_not_hold_up_the_others_of_the_only_worker)
{
    struct spead_graph *graph = step_graph("disk");
    struct spead_executor *executor = step_executor(1);
    struct step_source slow = {.count = 5}, quick = {.count = 2000};
    struct step_relay disk = {.work = wait_for_gate, .config.blocking = true};
    struct step_sink sinks[2] = {0};
    struct spead_node *node = step_relay_add(graph, &disk, "disk");

    gate = true;
    step_join(graph, step_source_add(graph, &slow, "slow"), node, 1);
    step_join(graph, node, step_sink_add(graph, &sinks[0], "written"), 1);
    step_join(graph, step_source_add(graph, &quick, "quick"),
              step_sink_add(graph, &sinks[1], "counted"), 1);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    for (unsigned i = 0; i < 20000 && sinks[1].received < 2000; i++)
        sleep_ms(1);
    cr_assert_eq(sinks[1].received, 2000);
    cr_assert_eq(sinks[0].received, 0);
    gate = false;
    wait_for_end(graph);
    cr_assert_eq(sinks[0].received, 5);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    step_sink_release(&sinks[0]);
    step_sink_release(&sinks[1]);
}

#define TURNS 2000u

static _Atomic bool all_are_there;

/* A node that is always runnable. It records how many steps each other node had between two steps of this node, or
 * before its first step. In its first step it waits until all nodes have been handed to the worker. */
struct turner {
    struct turner *all; /* the array of the three nodes */
    unsigned own;       /* index of this node in `all` */
    unsigned steps;     /* number of steps of this node */
    unsigned seen[3];   /* number of steps of each node, at the last step of this node */
    /* The largest number of steps that another node had between two steps of this node. */
    unsigned most;
};

static int turner_step(void *state, struct spead_node *self)
{
    struct turner *turner = state;

    (void)self;
    while (!all_are_there)
        sleep_ms(1);
    for (unsigned i = 0; i < 3; i++) {
        unsigned between = turner->all[i].steps - turner->seen[i];

        if (i != turner->own && between > turner->most)
            turner->most = between;
        turner->seen[i] = turner->all[i].steps;
    }
    return ++turner->steps == TURNS ? SPEAD_STEP_DONE : SPEAD_STEP_AGAIN;
}

Test(executor, runnable_node_has_its_turn_after_at_most_one_step_of_each_other)
{
    static const struct spead_node_ops ops = {.kind = "turner", .step = turner_step};
    struct spead_graph *graph = step_graph("fair");
    struct spead_executor *executor = step_executor(1);
    struct turner turners[3];

    for (unsigned i = 0; i < 3; i++) {
        struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
        char name[2] = {(char)('a' + i), '\0'};

        turners[i] = (struct turner){.all = turners, .own = i};
        config.name = name;
        config.ops = &ops;
        config.state = &turners[i];
        cr_assert_eq(spead_graph_add(graph, &config, NULL, NULL), 0);
    }
    all_are_there = false;
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    all_are_there = true;
    wait_for_end(graph);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(turners[i].steps, TURNS);
        cr_assert_leq(turners[i].most, 1);
    }
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}

#define MANY 10000u

Test(executor, ten_thousand_suspended_nodes_cost_no_cpu_time_and_end_together, .timeout = 120)
{
    struct spead_graph *graph = step_graph("many");
    struct spead_executor *executor = step_executor(2);
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *outside;
    struct spead_sender *sender;
    struct step_relay *relays = calloc(MANY, sizeof *relays);
    struct spead_executor_stats before = SPEAD_EXECUTOR_STATS_INIT, after = before;
    uint64_t cpu;

    config.form = SPEAD_CHANNEL_SPMC;
    cr_assert(relays);
    cr_assert_eq(spead_channel_create(&outside, &config, NULL), 0);
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        struct spead_node *node;

        snprintf(name, sizeof name, "n%u", i);
        node = step_relay_add(graph, &relays[i], name);
        cr_assert_eq(
            spead_graph_join_input(graph, outside, (struct spead_graph_end){node, NULL}, NULL), 0);
    }
    cr_assert_eq(spead_sender_open(&sender, outside, "test", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    do {
        sleep_ms(20);
        spead_executor_stats(executor, &before);
    } while (before.steps < MANY || before.runnable > 0);
    sleep_ms(20);
    spead_executor_stats(executor, &before);
    cr_assert_eq(before.nodes, MANY);

    cpu = cpu_ns();
    sleep_ms(1000);
    cpu = cpu_ns() - cpu;
    spead_executor_stats(executor, &after);
    cr_assert_eq(after.steps, before.steps);
    cr_assert_lt(cpu, SECOND / 4, "idle for a second took %llu ns of CPU time",
                 (unsigned long long)cpu);

    spead_sender_close(sender, 0);
    wait_for_end(graph);
    spead_executor_stats(executor, &after);
    cr_assert_eq(after.nodes, 0);
    spead_graph_destroy(graph);
    spead_channel_unref(outside);
    spead_executor_destroy(executor);
    free(relays);
}

/* ---- Throttle ------------------------------------------------------------------------------- */

#define PRODUCERS 100u
#define TICKETS   4u
#define EACH      20u

struct bounded {
    struct spead_throttle *throttle;
    _Atomic int *in_work;
    _Atomic int *most;
    uint64_t sent;
    bool has_ticket;
};

/* A producer calls this function when it has taken a ticket. The function stores the largest number of producers that
 * worked at the same time. */
static void note_most(struct bounded *bounded)
{
    int now = atomic_fetch_add(bounded->in_work, 1) + 1;
    int most = atomic_load(bounded->most);

    while (now > most && !atomic_compare_exchange_weak(bounded->most, &most, now))
        ;
}

static int bounded_step(void *state, struct spead_node *self)
{
    struct bounded *bounded = state;
    struct spead_message message = {.sequence = bounded->sent};
    int ret;

    if (bounded->sent == EACH)
        return SPEAD_STEP_DONE;
    if (!bounded->has_ticket) {
        if (spead_node_take_ticket(self, bounded->throttle) == -EAGAIN)
            return SPEAD_STEP_WAITING;
        bounded->has_ticket = true;
        note_most(bounded);
    }
    ret = spead_node_send(self, 0, &message, 1);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret < 0)
        return ret;
    bounded->sent++;
    bounded->has_ticket = false;
    return SPEAD_STEP_AGAIN;
}

/* The consumer calls this function when it has finished with the message. The function returns the ticket to the
 * throttle. */
static int give_back(struct step_relay *relay, struct spead_message *message)
{
    struct bounded *bounded = relay->arg;

    (void)message;
    atomic_fetch_sub(bounded->in_work, 1);
    spead_throttle_give(bounded->throttle);
    return 1;
}

static void run_throttled(uint32_t workers, bool pulled)
{
    static const struct spead_node_ops ops = {.kind = "bounded", .step = bounded_step};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_graph *graph = step_graph("throttled");
    struct spead_executor *executor = step_executor(workers);
    struct bounded producers[PRODUCERS];
    struct step_relay consumer = {.work = give_back, .arg = &producers[0]};
    struct spead_node *node = step_relay_add(graph, &consumer, "consumer");
    struct spead_throttle *throttle;
    _Atomic int in_work = 0, most = 0;

    cr_assert_eq(spead_throttle_create(&throttle, TICKETS, NULL), 0);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
        struct spead_node *producer;
        char name[16];

        producers[i] = (struct bounded){.throttle = throttle, .in_work = &in_work, .most = &most};
        snprintf(name, sizeof name, "p%u", i);
        config.name = name;
        config.ops = &ops;
        config.state = &producers[i];
        config.outputs = &out;
        config.output_count = 1;
        cr_assert_eq(spead_graph_add(graph, &config, &producer, NULL), 0);
        step_join(graph, producer, node, 2 * TICKETS);
    }
    if (pulled) {
        struct spead_message message;
        unsigned count = 0;

        while (spead_graph_next(graph, (struct spead_graph_end){node, NULL}, &message, NULL) == 0)
            count++;
        cr_assert_eq(count, PRODUCERS * EACH);
    } else {
        cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
        wait_for_end(graph);
    }
    cr_assert_eq(consumer.received, PRODUCERS * EACH);
    cr_assert_leq(most, (int)TICKETS);
    cr_assert_eq(in_work, 0);
    spead_graph_destroy(graph);
    spead_throttle_unref(throttle);
    spead_executor_destroy(executor);
}

Test(executor, hundred_producers_never_have_more_in_work_than_there_are_tickets)
{
    run_throttled(1, false);
    run_throttled(2, false);
}

Test(executor, tickets_come_back_where_a_graph_is_pulled)
{
    run_throttled(1, true);
}

/* ---- Time ----------------------------------------------------------------------------------- */

struct clocked {
    uint64_t wanted_ns, seen_ns;
};

static int clocked_step(void *state, struct spead_node *self)
{
    struct clocked *clocked = state;

    if (clocked->wanted_ns == 0)
        clocked->wanted_ns = step_now_ns() + 20000000u;
    clocked->seen_ns = spead_node_now_ns(self);
    if (clocked->seen_ns >= clocked->wanted_ns)
        return SPEAD_STEP_DONE;
    spead_node_wait_until(self, clocked->wanted_ns);
    return SPEAD_STEP_WAITING;
}

Test(executor, node_that_waits_for_a_time_is_stepped_then_and_not_before)
{
    static const struct spead_node_ops ops = {.kind = "clocked", .step = clocked_step};
    struct spead_graph *graph = step_graph("clock");
    struct spead_executor *executor = step_executor(1);
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct clocked clocked = {0};
    struct spead_node *node;
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;

    config.name = "clocked";
    config.ops = &ops;
    config.state = &clocked;
    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    wait_for_end(graph);
    cr_assert_geq(clocked.seen_ns, clocked.wanted_ns);
    spead_node_stats(node, &stats);
    cr_assert_eq(stats.steps, 2);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
}
