/* Goal: a node that waits for a ticket is woken when it comes, whatever else wakes it meanwhile; and a ticket that
 * comes for a node that has finished is not lost.
 * Method: nodes on three workers pass two tickets around among each other, each give a wake from another thread; in every
 * other round a thread outside wakes them for nothing, so that they have turns while they queue; some
 * finish there. A lost wake-up or ticket leaves the graph running at the deadline. */
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
static _Atomic bool too_many, quiet;

struct taker {
    struct spead_node *node;
    unsigned taken, steps;
    bool has_ticket;
    bool leaves; /* finishes in its 50th step, queued or not */
};

static int taker_step(void *state, struct spead_node *self)
{
    struct taker *taker = state;

    taker->steps++;
    if (taker->has_ticket) { /* kept for one turn, so that others queue */
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

/* Only those that end with the others: who leaves early must not be woken any more. */
static void *pester(void *arg)
{
    struct taker *takers = arg;

    while (!quiet) {
        for (unsigned i = 0; i < NODES && !quiet; i++)
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

static int run_round(struct spead_executor *executor, bool pestered)
{
    struct taker takers[NODES];
    struct spead_graph *graph = build(takers);
    struct spead_err err = {0};
    pthread_t thread;
    int ret;

    STEP_CHECK(spead_throttle_create(&throttle, TICKETS, NULL) == 0);
    quiet = false;
    STEP_CHECK(spead_graph_start(graph, executor, NULL) == 0);
    if (pestered)
        STEP_CHECK(pthread_create(&thread, NULL, pester, takers) == 0);
    ret = spead_graph_wait(graph, step_now_ns() + DEADLINE, &err);
    quiet = true;
    if (pestered)
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
