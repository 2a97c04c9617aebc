/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: when several ends wait for the same change, the change wakes one of them. If the node of that end does not use
 * the change, the next end must be woken. So no end sleeps when there is a message or a free place for it.
 * Method: a node, and after it a waker of the test, wait at one side of a channel that the test has created. */
#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <time.h>

#include "step_nodes.h"

#define HOUR_NS 3600000000000u

struct test_waker {
    struct spead_waker waker;
    sem_t woken;
};

static void post(struct spead_waker *waker)
{
    sem_post(&((struct test_waker *)(void *)waker)->woken);
}

static bool was_woken(struct test_waker *test_waker)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    return sem_timedwait(&test_waker->woken, &until) == 0;
}

/* A node that tries to send or receive in its first step, and never again. */
struct indifferent {
    bool is_sender, fails;
    unsigned steps;
};

static int try_port(const struct indifferent *node, struct spead_node *self)
{
    struct spead_message message = {0};

    return node->is_sender ? spead_node_send(self, 0, &message, 1)
                           : spead_node_receive(self, 0, &message, 1);
}

static int indifferent_step(void *state, struct spead_node *self)
{
    struct indifferent *node = state;

    if (node->steps++ == 0) {
        cr_assert_eq(try_port(node, self), -EAGAIN);
        return node->fails ? -EIO : SPEAD_STEP_WAITING;
    }
    if (spead_node_is_stopping(self))
        return SPEAD_STEP_DONE;
    spead_node_wait_until(self, step_now_ns() + HOUR_NS);
    return SPEAD_STEP_WAITING;
}

static struct spead_channel *channel;
static struct spead_graph *graph;
static struct spead_executor *executor;
static struct test_waker test_waker;

static struct spead_node *add(struct indifferent *state)
{
    static const struct spead_node_ops ops = {.kind = "indifferent", .step = indifferent_step};
    static const struct spead_port port = {"port", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *node;

    config.name = "node";
    config.ops = &ops;
    config.state = state;
    if (state->is_sender) {
        config.outputs = &port;
        config.output_count = 1;
    } else {
        config.inputs = &port;
        config.input_count = 1;
    }
    config.on_error = SPEAD_ON_ERROR_RETRY;
    config.retries = 3;
    config.backoff_ns = HOUR_NS;
    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    return node;
}

static void wait_until_suspended(const struct spead_node *node)
{
    struct spead_node_stats stats = SPEAD_NODE_STATS_INIT;
    struct timespec ms = {.tv_nsec = 1000000};

    do {
        nanosleep(&ms, NULL);
        spead_node_stats(node, &stats);
    } while (stats.steps == 0 || stats.state != SPEAD_NODE_SUSPENDED);
}

static void build(enum spead_channel_form form)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.form = form;
    cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
    graph = step_graph("shared");
    executor = step_executor(1);
    test_waker = (struct test_waker){.waker.wake = post};
    sem_init(&test_waker.woken, 0, 0);
}

static void clear(void)
{
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_channel_unref(channel);
    sem_destroy(&test_waker.woken);
}

static void message_goes_to_the_other(bool fails)
{
    struct indifferent state = {.fails = fails};
    struct spead_message message = {0};
    struct spead_receiver *other;
    struct spead_sender *sender;
    struct spead_node *node;

    build(SPEAD_CHANNEL_SPMC);
    node = add(&state);
    cr_assert_eq(spead_graph_join_input(graph, channel, (struct spead_graph_end){node, NULL}, NULL),
                 0);
    cr_assert_eq(spead_sender_open(&sender, channel, "in", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_receiver_open(&other, channel, "other", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    wait_until_suspended(node);
    cr_assert_eq(spead_receiver_announce(other, &test_waker.waker, 0), 0);
    cr_assert_eq(spead_sender_try_send(sender, &message, 1), 1);
    cr_assert(was_woken(&test_waker), "the message is there and no end was woken");
    spead_receiver_retract(other, &test_waker.waker, 0);
    cr_assert_eq(spead_receiver_try_receive(other, &message, 1), 1);
    spead_receiver_close(other);
    spead_sender_close(sender, 0);
    clear();
}

Test(shared_wake, node_that_does_not_take_the_message_lets_the_next_be_woken)
{
    message_goes_to_the_other(false);
}

Test(shared_wake, node_in_its_back_off_lets_the_next_be_woken)
{
    message_goes_to_the_other(true);
}

Test(shared_wake, node_that_does_not_use_the_room_lets_the_next_be_woken)
{
    struct indifferent state = {.is_sender = true};
    struct spead_message message = {0};
    struct spead_receiver *receiver;
    struct spead_sender *other;
    struct spead_node *node;

    build(SPEAD_CHANNEL_MPSC);
    node = add(&state);
    cr_assert_eq(
        spead_graph_join_output(graph, (struct spead_graph_end){node, NULL}, channel, NULL), 0);
    cr_assert_eq(spead_sender_open(&other, channel, "other", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, channel, "out", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_sender_try_send(other, &message, 1), 1);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    wait_until_suspended(node);
    cr_assert_eq(spead_sender_try_send(other, &message, 1), -EAGAIN);
    cr_assert_eq(spead_sender_announce(other, &test_waker.waker, 0), 0);
    cr_assert_eq(spead_receiver_try_receive(receiver, &message, 1), 1);
    cr_assert(was_woken(&test_waker), "a place is free and no end was woken");
    spead_sender_retract(other, &test_waker.waker, 0);
    spead_sender_close(other, 0);
    spead_receiver_close(receiver);
    clear();
}
