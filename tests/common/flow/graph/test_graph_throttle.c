/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a graph with a throttle always comes to its end, and no ticket is lost.
 * Method: a source or a worker node takes a ticket for each message; the tickets are scarce. Then the consumer fails,
 * ends early or sheds, or the graph is stopped or cancelled. If a ticket or a wake-up is lost, the wait for the end of
 * the graph passes its deadline. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>

#include <speadline/throttle.h>

#include "step_nodes.h"

#define TICKETS     2u
#define DEADLINE_NS 60000000000u

static struct spead_throttle *throttle;
static struct spead_graph *graph;
static struct spead_executor *executor;

static void set_up(void)
{
    cr_assert_eq(spead_throttle_create(&throttle, TICKETS, NULL), 0);
    graph = step_graph("throttled");
    executor = step_executor(2);
}

static uint32_t tickets_out(void)
{
    struct spead_throttle_stats stats = SPEAD_THROTTLE_STATS_INIT;

    spead_throttle_stats(throttle, &stats);
    return stats.out;
}

static void tear_down(void)
{
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_throttle_unref(throttle);
}

static int wait_for_end(struct spead_err *err)
{
    return spead_graph_wait(graph, step_now_ns() + DEADLINE_NS, err);
}

static void run(void)
{
    struct spead_err err = {0};

    cr_assert_eq(spead_graph_start(graph, executor, &err), 0, "%s", err.text);
}

TestSuite(graph_throttle, .init = set_up, .fini = tear_down, .timeout = 120);

/* ---- Nodes ---------------------------------------------------------------------------------- */

/* Receives a message, takes a ticket for it and sends it. If `loose` is true, the ticket belongs to no message, and the
 * node takes the ticket before it receives the message. */
struct worker {
    bool loose, has_ticket, holds;
    struct spead_message held;
    uint64_t passed;
};

static int worker_step(void *state, struct spead_node *self)
{
    struct worker *worker = state;
    int ret = 0;

    if (worker->loose && !worker->has_ticket) {
        ret = spead_node_take_ticket(self, throttle);
        worker->has_ticket = ret == 0;
    }
    if (ret == 0 && !worker->holds) {
        ret = spead_node_receive(self, 0, &worker->held, 1);
        worker->holds = ret == 1;
    }
    if (ret >= 0 && !worker->loose)
        ret = spead_node_take_ticket_for(self, throttle, &worker->held);
    if (ret >= 0)
        ret = spead_node_send(self, 0, &worker->held, 1);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret < 0)
        return ret;
    worker->holds = worker->has_ticket = false;
    worker->passed++;
    return SPEAD_STEP_AGAIN;
}

static void worker_finish(void *state)
{
    struct worker *worker = state;

    if (worker->holds)
        spead_message_unref(&worker->held);
    if (worker->has_ticket)
        spead_throttle_give(throttle);
    worker->holds = worker->has_ticket = false;
}

static struct spead_node *add_worker(struct worker *worker, const char *name)
{
    static const struct spead_node_ops ops = {
        .kind = "worker", .step = worker_step, .finish = worker_finish};
    static const struct spead_port in = {"in", SPEAD_TYPE_PLAIN}, out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *node;

    config.name = name;
    config.ops = &ops;
    config.state = worker;
    config.inputs = &in;
    config.outputs = &out;
    config.input_count = config.output_count = 1;
    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    return node;
}

/* Takes messages. After `count` of them the step fails with `error`, or the node is done if `error` is 0. */
struct consumer {
    uint64_t count, received;
    int error;
    bool gives_loose; /* the tickets belong to no message, so the step gives them back */
};

static int consumer_step(void *state, struct spead_node *self)
{
    struct consumer *consumer = state;
    struct spead_message message;
    int ret = spead_node_receive(self, 0, &message, 1);

    if (ret < 0)
        return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret;
    spead_message_unref(&message);
    if (consumer->gives_loose)
        spead_throttle_give(throttle);
    if (++consumer->received < consumer->count)
        return SPEAD_STEP_AGAIN;
    return consumer->error ? consumer->error : SPEAD_STEP_DONE;
}

static struct spead_node *add_consumer(struct consumer *consumer, const char *name)
{
    static const struct spead_node_ops ops = {.kind = "consumer", .step = consumer_step};
    static const struct spead_port in = {"in", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *node;

    config.name = name;
    config.ops = &ops;
    config.state = consumer;
    config.inputs = &in;
    config.input_count = 1;
    config.blocking = true;
    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    return node;
}

static struct spead_node *add_pipe(struct step_source *source, struct worker *worker, unsigned i)
{
    static const char *const sources[] = {"source-a", "source-b"}, *const workers[] = {"a", "b"};
    struct spead_node *from = step_source_add(graph, source, sources[i]);
    struct spead_node *node = add_worker(worker, workers[i]);

    step_join(graph, from, node, 8);
    return node;
}

/* ---- Failure -------------------------------------------------------------------------------- */

static void fail_consumer(bool loose)
{
    struct step_source source = {.count = UINT64_MAX};
    struct worker worker = {.loose = loose};
    struct consumer consumer = {.count = 1, .error = -EIO, .gives_loose = loose};
    struct spead_err err = {0};

    step_join(graph, add_pipe(&source, &worker, 0), add_consumer(&consumer, "disk"), 8);
    run();
    cr_expect_eq(wait_for_end(&err), -EIO, "%s", err.text);
}

Test(graph_throttle, ends_when_its_consumer_fails)
{
    fail_consumer(false);
    cr_expect_eq(tickets_out(), 0);
}

/* The messages in the last edge are released. Their tickets are loose, so nobody gives these tickets back. */
Test(graph_throttle, ends_when_its_consumer_fails_and_tickets_are_lost)
{
    fail_consumer(true);
}

static struct spead_node *waiting_source;

static int waiting_step(void *state, struct spead_node *self)
{
    int ret = spead_node_take_ticket(self, throttle);

    *(_Atomic bool *)state = true;
    return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret < 0 ? ret : SPEAD_STEP_AGAIN;
}

static void add_waiting_source(_Atomic bool *waits)
{
    static const struct spead_node_ops ops = {.kind = "waiting", .step = waiting_step};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    for (unsigned i = 0; i < TICKETS; i++)
        cr_assert_eq(spead_throttle_try_take(throttle), 0);
    config.name = "waiting";
    config.ops = &ops;
    config.state = (void *)waits;
    cr_assert_eq(spead_graph_add(graph, &config, &waiting_source, NULL), 0);
}

Test(graph_throttle, stop_wakes_a_source_that_waits_for_a_ticket)
{
    _Atomic bool waits = false;

    add_waiting_source(&waits);
    run();
    while (!waits)
        ;
    spead_graph_stop(graph);
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(tickets_out(), TICKETS, "those of the test");
}

/* A node in the middle has messages to process after the stop, so it goes on waiting. The failure of another node ends
 * that wait. */
Test(graph_throttle, failure_after_a_stop_wakes_a_node_that_waits_for_a_ticket)
{
    struct step_source source = {.count = 4}, failing = {.count = 2, .ignores_stop = true};
    struct worker worker = {0};
    struct consumer consumer = {.count = UINT64_MAX};
    _Atomic bool closed = true;
    struct step_sink late = {.closed = &closed};
    struct step_relay relay = {0};
    struct spead_node *from, *middle, *last;

    for (unsigned i = 0; i < TICKETS; i++)
        cr_assert_eq(spead_throttle_try_take(throttle), 0);
    step_join(graph, add_pipe(&source, &worker, 0), add_consumer(&consumer, "disk"), 8);
    failing.error = -EDOM;
    failing.error_at = 1;
    from = step_source_add(graph, &failing, "failing");
    middle = step_relay_add(graph, &relay, "relay");
    last = step_sink_add(graph, &late, "late");
    step_join(graph, from, middle, 1);
    step_join(graph, middle, last, 1);
    closed = false;
    run();
    spead_graph_stop(graph);
    cr_expect_eq(wait_for_end(NULL), -EDOM);
    cr_expect_eq(worker.passed, 0);
    step_sink_release(&late);
}

/* ---- A consumer that ends early --------------------------------------------------------------- */

static void end_early(bool loose)
{
    struct step_source source = {.count = UINT64_MAX};
    struct worker worker = {.loose = loose};
    struct consumer consumer = {.count = 1, .gives_loose = loose};

    step_join(graph, add_pipe(&source, &worker, 0), add_consumer(&consumer, "first"), 8);
    run();
    cr_expect_eq(wait_for_end(NULL), 0);
}

Test(graph_throttle, ends_when_its_consumer_ends_early)
{
    end_early(false);
    cr_expect_eq(tickets_out(), 0);
}

Test(graph_throttle, ends_when_its_consumer_ends_early_and_tickets_are_lost)
{
    end_early(true);
}

Test(graph_throttle, gives_the_tickets_of_an_early_consumer_to_the_producers_of_another)
{
    struct step_source sources[2] = {{.count = UINT64_MAX}, {.count = 1000}};
    struct worker workers[2] = {{0}, {0}};
    struct consumer early = {.count = 1}, other = {.count = UINT64_MAX};

    step_join(graph, add_pipe(&sources[0], &workers[0], 0), add_consumer(&early, "early"), 8);
    step_join(graph, add_pipe(&sources[1], &workers[1], 1), add_consumer(&other, "other"), 8);
    run();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(other.received, 1000);
    cr_expect_eq(tickets_out(), 0);
}

static void *close_end(void *arg)
{
    struct spead_receiver *receiver = arg;
    struct spead_message message;

    cr_assert_eq(spead_receiver_receive(receiver, &message, 1, 0), 1);
    spead_receiver_close(receiver); /* the ticket of this message is never given back */
    return NULL;
}

/* The consumer is a thread of the program. */
Test(graph_throttle, ends_when_the_program_stops_taking_its_results)
{
    struct step_source source = {.count = UINT64_MAX};
    struct worker worker = {.loose = true};
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_receiver *receiver;
    pthread_t thread;

    config.capacity = 8;
    cr_assert_eq(spead_channel_create(&channel, &config, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, channel, "r", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(
        spead_graph_join_output(
            graph, (struct spead_graph_end){add_pipe(&source, &worker, 0), "out"}, channel, NULL),
        0);
    run();
    pthread_create(&thread, NULL, close_end, receiver);
    pthread_join(thread, NULL);
    cr_expect_eq(wait_for_end(NULL), 0);
    spead_channel_unref(channel);
}

/* ---- Messages that the library releases ------------------------------------------------------- */

static void shed(enum spead_on_full policy)
{
    struct step_source source = {.count = 5000};
    struct worker worker = {0};
    struct consumer consumer = {.count = UINT64_MAX};
    struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_node *from, *to;

    edge.on_full = policy;
    edge.sample_n = policy == SPEAD_ON_FULL_SAMPLE ? 3 : 0;
    from = add_pipe(&source, &worker, 0);
    to = add_consumer(&consumer, "slow");
    cr_assert_eq(spead_graph_join(graph, (struct spead_graph_end){from, NULL},
                                  (struct spead_graph_end){to, NULL}, &edge, NULL),
                 0);
    run();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(worker.passed, 5000);
    cr_expect_eq(tickets_out(), 0);
}

Test(graph_throttle, loses_no_ticket_in_an_edge_that_drops_the_newest)
{
    shed(SPEAD_ON_FULL_DROP_NEWEST);
}

Test(graph_throttle, loses_no_ticket_in_an_edge_that_drops_the_oldest)
{
    shed(SPEAD_ON_FULL_DROP_OLDEST);
}

Test(graph_throttle, loses_no_ticket_in_an_edge_that_samples)
{
    shed(SPEAD_ON_FULL_SAMPLE);
}

static int fail_always(struct step_relay *relay, struct spead_message *message)
{
    (void)relay;
    (void)message;
    return -EIO;
}

Test(graph_throttle, loses_no_ticket_with_messages_that_a_node_skips)
{
    struct step_source source = {.count = 100};
    struct worker worker = {0};
    struct step_relay relay = {.work = fail_always};
    struct consumer consumer = {.count = UINT64_MAX};
    struct spead_node *failing;

    relay.config = (struct spead_node_config)SPEAD_NODE_CONFIG_INIT;
    relay.config.on_error = SPEAD_ON_ERROR_SKIP;
    failing = step_relay_add(graph, &relay, "failing");
    step_join(graph, add_pipe(&source, &worker, 0), failing, 8);
    step_join(graph, failing, add_consumer(&consumer, "disk"), 8);
    run();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(worker.passed, 100);
    cr_expect_eq(tickets_out(), 0);
}

Test(graph_throttle, loses_no_ticket_at_an_output_that_is_joined_to_nothing)
{
    struct step_source source = {.count = 100};
    struct worker worker = {0};

    add_pipe(&source, &worker, 0);
    run();
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(worker.passed, 100);
    cr_expect_eq(tickets_out(), 0);
}

Test(graph_throttle, cancelled_gives_all_tickets_back)
{
    struct step_source source = {.count = UINT64_MAX};
    struct worker worker = {0};
    _Atomic bool closed = true;
    struct step_sink sink = {.closed = &closed};

    step_join(graph, add_pipe(&source, &worker, 0), step_sink_add(graph, &sink, "sink"), 8);
    run();
    while (tickets_out() < TICKETS)
        ;
    spead_graph_cancel(graph);
    cr_expect_eq(wait_for_end(NULL), -ECANCELED);
    cr_expect_eq(tickets_out(), 0);
    step_sink_release(&sink);
}

/* After the stop the messages that are inside still need tickets, and get them. */
Test(graph_throttle, stopped_processes_all_that_is_inside)
{
    struct step_source source = {.count = UINT64_MAX};
    struct worker worker = {0};
    struct step_sink sink = {0};

    step_join(graph, add_pipe(&source, &worker, 0), step_sink_add(graph, &sink, "sink"), 8);
    run();
    while (sink.received < 1000)
        ;
    spead_graph_stop(graph);
    cr_expect_eq(wait_for_end(NULL), 0);
    cr_expect_eq(sink.received, source.sent);
    cr_expect_eq(tickets_out(), 0);
    step_sink_release(&sink);
}

Test(graph_throttle, pulled_gets_every_message_with_one_ticket_at_a_time)
{
    struct step_source source = {.count = 50};
    struct worker worker = {0};
    struct spead_graph_end out = {add_pipe(&source, &worker, 0), "out"};
    struct spead_message message;
    uint64_t received = 0;

    for (; spead_graph_next(graph, out, &message, NULL) == 0; received++) {
        cr_assert(spead_throttle_is_attached(throttle, &message));
        spead_message_unref(&message);
    }
    cr_expect_eq(received, 50);
    cr_expect_eq(tickets_out(), 0);
}
