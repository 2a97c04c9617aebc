/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever the order in which threads run, no wake-up is lost and no two threads step a node at the same time. A
 * graph may be freed as soon as it has ended, although threads outside the graph have just woken its nodes.
 * Method: each round runs a graph on two workers, with one blocking node. All channels have capacity 1. So for every
 * message the nodes at both ends of a channel are suspended. One thread outside the graph sends, a second thread
 * receives, and a third thread wakes a node that has nothing to do. Every third round is cancelled in the middle. Run
 * it under ThreadSanitizer. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "step_nodes.h"

#define ROUNDS   60u
#define MESSAGES 200u

struct ends {
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    struct spead_node *idle; /* wake_idle() wakes this node */
    struct spead_graph *graph;
    uint64_t sent, received;
    bool cancel;       /* if true, this round is cancelled in the middle */
    _Atomic bool quit; /* if true, wake_idle() must return */
};

static void *send_all(void *arg)
{
    struct ends *ends = arg;

    for (; ends->sent < MESSAGES; ends->sent++) {
        struct spead_message message = {.sequence = ends->sent};

        if (spead_sender_send(ends->sender, &message, 1, 0) != 1)
            break; /* the channel was cancelled */
    }
    spead_sender_close(ends->sender, 0);
    return NULL;
}

static void *receive_all(void *arg)
{
    struct ends *ends = arg;
    struct spead_message message;

    while (spead_receiver_receive(ends->receiver, &message, 1, 0) == 1) {
        if (message.sequence < ends->received)
            step_give_up(__FILE__, __LINE__, "in order");
        ends->received++;
        if (ends->cancel && ends->received == MESSAGES / 3)
            spead_graph_cancel(ends->graph);
    }
    spead_receiver_close(ends->receiver);
    return NULL;
}

static void *wake_idle(void *arg)
{
    struct ends *ends = arg;

    while (!ends->quit) {
        spead_node_wake(ends->idle);
        sched_yield();
    }
    return NULL;
}

static struct spead_channel *open_channel(void)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;

    STEP_CHECK(spead_channel_create(&channel, &config, NULL) == 0);
    return channel;
}

static void build(struct ends *ends, struct step_relay *relays, struct spead_channel *in,
                  struct spead_channel *out)
{
    struct spead_node *nodes[4];

    ends->graph = step_graph("race");
    for (unsigned i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), '\0'};

        relays[i].config = (struct spead_node_config)SPEAD_NODE_CONFIG_INIT;
        relays[i].config.blocking = i == 2;
        nodes[i] = step_relay_add(ends->graph, &relays[i], name);
        if (i > 0)
            step_join(ends->graph, nodes[i - 1], nodes[i], 1);
    }
    ends->idle = nodes[1];
    STEP_CHECK(spead_graph_join_input(ends->graph, in, (struct spead_graph_end){nodes[0], NULL},
                                      NULL) == 0);
    STEP_CHECK(spead_graph_join_output(ends->graph, (struct spead_graph_end){nodes[3], "out"}, out,
                                       NULL) == 0);
    STEP_CHECK(spead_sender_open(&ends->sender, in, "in", SPEAD_TYPE_PLAIN, NULL) == 0);
    STEP_CHECK(spead_receiver_open(&ends->receiver, out, "out", SPEAD_TYPE_PLAIN, NULL) == 0);
}

static int run_round(struct spead_executor *executor, bool cancel)
{
    struct ends ends = {.cancel = cancel};
    struct step_relay relays[4] = {0};
    struct spead_channel *in = open_channel(), *out = open_channel();
    pthread_t threads[3];
    void *(*const bodies[])(void *) = {send_all, receive_all, wake_idle};
    int ret;

    build(&ends, relays, in, out);
    STEP_CHECK(spead_graph_start(ends.graph, executor, NULL) == 0);
    for (unsigned i = 0; i < 3; i++)
        STEP_CHECK(pthread_create(&threads[i], NULL, bodies[i], &ends) == 0);
    ret = spead_graph_wait(ends.graph, step_now_ns() + 60000000000u, NULL);
    ends.quit = true;
    pthread_join(threads[2], NULL);
    if (cancel)
        /* This thread can still be inside spead_graph_cancel(). */
        pthread_join(threads[1], NULL);
    spead_graph_destroy(ends.graph);
    pthread_join(threads[0], NULL);
    if (!cancel)
        pthread_join(threads[1], NULL);
    spead_channel_unref(in);
    spead_channel_unref(out);
    if (ret == (cancel ? -ECANCELED : 0) && (cancel || ends.received == MESSAGES))
        return 0;
    printf("round ended with %d, %llu sent, %llu received\n", ret, (unsigned long long)ends.sent,
           (unsigned long long)ends.received);
    return 1;
}

int main(void)
{
    struct spead_executor *executor = step_executor(2);
    int failed = 0;

    for (unsigned i = 0; i < ROUNDS && !failed; i++)
        failed = run_round(executor, i % 3 == 2);
    spead_executor_destroy(executor);
    printf("%u rounds of %u messages: %s\n", ROUNDS, MESSAGES, failed ? "FAILED" : "ok");
    return failed;
}
