/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: workers and owner threads with a real-time priority (SCHED_FIFO) go on together with ordinary threads, even if
 * all of them have only one CPU.
 * Method: the test binds itself to one CPU. The threads of the library get the scheduling of the thread that makes
 * them, so a real-time thread makes them. The producer, the consumer and a thread that reads statistics are ordinary
 * threads. If a real-time thread waits for an ordinary thread without sleeping, the ordinary thread never runs, and the
 * test passes its time limit. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <speadline/recv.h>
#include <speadline/send.h>
#include <speadline/throttle.h>

#include "step_nodes.h"

enum { MESSAGES = 20000, HEAPS = 500, HEAP_BYTES = 20000 };

static void use_one_cpu(void)
{
    cpu_set_t allowed, one;
    int cpu = 0;

    CPU_ZERO(&one);
    cr_assert_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    while (!CPU_ISSET((size_t)cpu, &allowed))
        cpu++;
    CPU_SET((size_t)cpu, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
}

/* Makes the calling thread a real-time thread, or an ordinary thread again. */
static void set_priority(int policy, int priority)
{
    const struct sched_param param = {.sched_priority = priority};
    int error = pthread_setschedparam(pthread_self(), policy, &param);

    if (error == EPERM)
        cr_skip_test("this process may not use SCHED_FIFO: it lacks CAP_SYS_NICE, and its limit of "
                     "real-time priorities (ulimit -r) is 0");
    cr_assert_eq(error, 0, "%s", strerror(error));
}

static _Atomic bool over; /* if true, read_stats() must return */

/* ---- A graph -------------------------------------------------------------------------------- */

static void *produce(void *arg)
{
    struct spead_sender *sender = arg;
    struct spead_message message = {.type = SPEAD_TYPE_PLAIN};

    for (; message.sequence < MESSAGES; message.sequence++)
        cr_assert_eq(spead_sender_send(sender, &message, 1, 0), 1);
    spead_sender_close(sender, 0);
    return NULL;
}

static void *consume(void *arg)
{
    struct spead_receiver *receiver = arg;
    struct spead_message message;
    uint64_t next = 0;

    while (spead_receiver_receive(receiver, &message, 1, 0) == 1) {
        cr_assert_eq(message.sequence, next++);
        spead_message_unref(&message);
    }
    cr_assert_eq(next, MESSAGES);
    spead_receiver_close(receiver);
    return NULL;
}

static struct spead_channel *channel(uint32_t capacity, enum spead_channel_form form)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *made;

    config.capacity = capacity;
    config.form = form;
    cr_assert_eq(spead_channel_create(&made, &config, NULL), 0);
    return made;
}

Test(realtime, a_graph_and_ordinary_threads_share_a_cpu, .timeout = 120)
{
    struct spead_channel *in, *out;
    struct step_relay relays[2] = {{0}, {0}};
    struct spead_executor *executor;
    struct spead_graph *graph;
    struct spead_node *node[2];
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    struct spead_throttle *throttle;
    pthread_t producer, consumer;

    use_one_cpu();
    set_priority(SCHED_FIFO, 1);
    executor = step_executor(2);
    graph = step_graph("realtime");
    cr_assert_eq(spead_throttle_create(&throttle, 3, NULL), 0);
    relays[0].throttle = throttle;
    in = channel(1, SPEAD_CHANNEL_MPMC);
    out = channel(2, SPEAD_CHANNEL_SPSC);
    cr_assert_eq(spead_sender_open(&sender, in, "producer", SPEAD_TYPE_PLAIN, NULL), 0);
    cr_assert_eq(spead_receiver_open(&receiver, out, "consumer", SPEAD_TYPE_PLAIN, NULL), 0);
    node[0] = step_relay_add(graph, &relays[0], "first");
    relays[1].config = (struct spead_node_config)SPEAD_NODE_CONFIG_INIT;
    relays[1].config.blocking = true;
    node[1] = step_relay_add(graph, &relays[1], "second");
    step_join(graph, node[0], node[1], 1);
    cr_assert_eq(spead_graph_join_input(graph, in, (struct spead_graph_end){node[0], NULL}, NULL),
                 0);
    cr_assert_eq(
        spead_graph_join_output(graph, (struct spead_graph_end){node[1], "out"}, out, NULL), 0);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    set_priority(SCHED_OTHER, 0);

    pthread_create(&producer, NULL, produce, sender);
    pthread_create(&consumer, NULL, consume, receiver);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    cr_expect_eq(spead_graph_wait(graph, 0, NULL), 0);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_channel_unref(in);
    spead_channel_unref(out);
    spead_throttle_unref(throttle);
}

/* ---- Streams -------------------------------------------------------------------------------- */

struct streams {
    struct spead_mem_link *link;
    struct spead_send_stream *send;
    struct spead_recv_stream *recv;
    struct spead_send_runner *sending;
    struct spead_recv_runner *receiving;
};

static void open_streams(struct streams *streams)
{
    struct spead_send_stream_config send = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_recv_stream_config recv = SPEAD_RECV_STREAM_CONFIG_INIT;

    cr_assert_eq(spead_mem_link_create(&streams->link, 16, 1500, NULL), 0);
    send.links = recv.links = &streams->link;
    send.link_count = recv.link_count = 1;
    send.heaps_max = 4;
    recv.heap_bytes_max = 2 * HEAP_BYTES;
    recv.hand_over_heaps = 2;
    recv.on_full = SPEAD_ON_FULL_BLOCK;
    cr_assert_eq(spead_send_stream_create(&streams->send, &send, NULL), 0);
    cr_assert_eq(spead_recv_stream_create(&streams->recv, &recv, NULL), 0);
    cr_assert_eq(spead_recv_runner_start(&streams->receiving, streams->recv, -1, NULL), 0);
    cr_assert_eq(spead_send_runner_start(&streams->sending, streams->send, -1, NULL), 0);
}

static void *submit(void *arg)
{
    static uint8_t payload[HEAP_BYTES];
    struct spead_send_stream *stream = arg;
    struct spead_send_heap *heap;

    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_48), 0);
    cr_assert_eq(spead_send_heap_add_item(heap, 0x1000, payload, sizeof payload, false), 0);
    for (int i = 0; i < HEAPS; i++)
        cr_assert_eq(spead_send_stream_submit_wait(stream, heap, NULL, 0), 0);
    cr_assert_eq(spead_send_stream_flush(stream, 0), 0);
    spead_send_stream_stop(stream);
    spead_send_heap_destroy(heap);
    return NULL;
}

static void *read_stats(void *arg)
{
    struct streams *streams = arg;
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_send_stats sent = SPEAD_SEND_STATS_INIT;

    while (!over) {
        spead_recv_stream_stats(streams->recv, &stats);
        spead_send_stream_stats(streams->send, &sent);
        sched_yield();
    }
    return NULL;
}

Test(realtime, streams_and_ordinary_threads_share_a_cpu, .timeout = 120)
{
    struct streams streams;
    pthread_t producer, reader;
    struct spead_heap *heap;
    unsigned taken = 0;

    use_one_cpu();
    set_priority(SCHED_FIFO, 1);
    open_streams(&streams);
    set_priority(SCHED_OTHER, 0);

    pthread_create(&producer, NULL, submit, streams.send);
    pthread_create(&reader, NULL, read_stats, &streams);
    for (; taken < HEAPS && spead_recv_stream_take(streams.recv, &heap, 0) == 0; taken++)
        spead_heap_unref(heap);
    cr_expect_eq(taken, HEAPS);
    pthread_join(producer, NULL);
    over = true;
    pthread_join(reader, NULL);
    cr_expect_eq(spead_send_runner_join(streams.sending, NULL), 0);
    spead_recv_stream_stop(streams.recv);
    cr_expect_eq(spead_recv_runner_join(streams.receiving, NULL), 0);
    spead_send_stream_destroy(streams.send);
    spead_recv_stream_destroy(streams.recv);
    spead_mem_link_unref(streams.link);
}

/* The threads of the streams are ordinary threads. The thread that reads the counters of the streams has a real-time
 * priority. */
Test(realtime, counters_of_ordinary_threads_are_read_with_priority, .timeout = 120)
{
    struct streams streams;
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_send_stats sent = SPEAD_SEND_STATS_INIT;
    pthread_t producer;
    struct spead_heap *heap;

    use_one_cpu();
    open_streams(&streams);
    pthread_create(&producer, NULL, submit, streams.send);
    set_priority(SCHED_FIFO, 1);
    for (int i = 0; i < HEAPS; i++) {
        cr_assert_eq(spead_recv_stream_take(streams.recv, &heap, 0), 0);
        spead_heap_unref(heap);
        spead_recv_stream_stats(streams.recv, &stats);
        spead_send_stream_stats(streams.send, &sent);
    }
    pthread_join(producer, NULL);
    cr_expect_eq(spead_send_runner_join(streams.sending, NULL), 0);
    spead_recv_stream_stop(streams.recv);
    cr_expect_eq(spead_recv_runner_join(streams.receiving, NULL), 0);
    spead_send_stream_destroy(streams.send);
    spead_recv_stream_destroy(streams.recv);
    spead_mem_link_unref(streams.link);
}
