/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: when a node waits for a ticket and gets it, the node is woken, even if something else wakes it at the same
 * time. A ticket that goes to a node that has just finished is not lost.
 * Method: twelve nodes on three workers share two tickets. So a node that gives a ticket back often wakes a node of
 * another worker. In every second round a thread outside the graph also wakes the nodes without a reason, so they have
 * turns when they wait for a ticket. Some nodes finish at a time when they wait for a ticket. If a wake-up or a ticket
 * is lost, the graph still runs at the deadline. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "step_nodes.h"

#define ROUNDS   8u
#define NODES    12u
#define EACH     4000u
#define TICKETS  2u
#define DEADLINE 20000000000u

static struct spead_throttle *throttle;
static _Atomic int in_work;
static _Atomic bool too_many; /* true if more than TICKETS tickets were out */
static _Atomic bool quit;     /* if true, wake_without_reason() must return */

struct taker {
    struct spead_node *node;
    unsigned taken, steps;
    bool has_ticket;
    /* If true, the node finishes in its 50th step, even if it waits for a ticket. */
    bool leaves;
};

static int taker_step(void *state, struct spead_node *self)
{
    struct taker *taker = state;

    taker->steps++;
    /* The node keeps its ticket until its next turn, so that other nodes must wait. */
    if (taker->has_ticket) {
        taker->has_ticket = false;
        in_work--;
        spead_throttle_give(throttle);
    }
    if (taker->taken == EACH || (taker->leaves && taker->steps >= 50))
        return SPEAD_STEP_DONE;
    if (spead_node_take_ticket(self, throttle) == -EAGAIN)
        return SPEAD_STEP_WAITING;
    taker->taken++;
    taker->has_ticket = true;
    if (++in_work > (int)TICKETS)
        too_many = true;
    return SPEAD_STEP_AGAIN;
}

/* Wakes nodes again and again without a reason. It leaves out the nodes that finish early, because nobody may wake a
 * node after it has finished. */
static void *wake_without_reason(void *arg)
{
    struct taker *takers = arg;

    while (!quit) {
        for (unsigned i = 0; i < NODES && !quit; i++)
            if (!takers[i].leaves)
                spead_node_wake(takers[i].node);
        sched_yield();
    }
    return NULL;
}

static struct spead_graph *build(struct taker *takers)
{
    static const struct spead_node_ops ops = {.kind = "taker", .step = taker_step};
    struct spead_graph *graph = step_graph("tickets");

    for (unsigned i = 0; i < NODES; i++) {
        struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
        char name[2] = {(char)('a' + i), '\0'};

        takers[i] = (struct taker){.leaves = i % 4 == 3};
        config.name = name;
        config.ops = &ops;
        config.state = &takers[i];
        STEP_CHECK(spead_graph_add(graph, &config, &takers[i].node, NULL) == 0);
    }
    return graph;
}

static bool has_right_counts(const struct taker *takers)
{
    struct spead_throttle_stats stats = SPEAD_THROTTLE_STATS_INIT;

    for (unsigned i = 0; i < NODES; i++)
        if (!takers[i].leaves && takers[i].taken != EACH)
            return false;
    spead_throttle_stats(throttle, &stats);
    return stats.out == 0 && stats.waiting == 0 && stats.high_water <= TICKETS && !too_many;
}

static int run_round(struct spead_executor *executor, bool with_wakes)
{
    struct taker takers[NODES];
    struct spead_graph *graph = build(takers);
    struct spead_err err = {0};
    pthread_t thread;
    int ret;

    STEP_CHECK(spead_throttle_create(&throttle, TICKETS, NULL) == 0);
    quit = false;
    STEP_CHECK(spead_graph_start(graph, executor, NULL) == 0);
    if (with_wakes)
        STEP_CHECK(pthread_create(&thread, NULL, wake_without_reason, takers) == 0);
    ret = spead_graph_wait(graph, step_now_ns() + DEADLINE, &err);
    quit = true;
    if (with_wakes)
        pthread_join(thread, NULL);
    if (ret < 0 || !has_right_counts(takers)) {
        printf("a ticket or a wake-up was lost: %s\n", err.text);
        return 1;
    }
    spead_graph_destroy(graph);
    spead_throttle_unref(throttle);
    return 0;
}

int main(void)
{
    struct spead_executor *executor = step_executor(3);

    for (unsigned i = 0; i < ROUNDS; i++)
        if (run_round(executor, i % 2 == 1) != 0)
            return 1;
    spead_executor_destroy(executor);
    return 0;
}
