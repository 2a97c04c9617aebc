/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream runs on one thread, and another thread takes its heaps. It takes them by take() and similar functions,
 * or in a graph. The graph is stopped, is cancelled, or its sink ends early. No heap is lost, comes twice or comes out
 * of order. Every snapshot of the statistics adds up. No thread sleeps when there is something to do.
 *
 * Method: the stream has the engine mem; the rounds use one policy after another. In the first six rounds the channel
 * has places for two heaps. In the next six rounds it has many places, and a bound of bytes lets eight heaps wait. Then
 * this repeats. ThreadSanitizer reports data races. If a wake-up is lost, a wait lasts ten seconds and the program
 * fails. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <speadline/graph.h>
#include <speadline/probe.h>
#include <speadline/recv.h>

#include <speadi/clock.h>

#include "packet_builder.h"

enum { TAKE_ROUNDS = 30, GRAPH_ROUNDS = 120, HEAPS = 2000, BATCH = 3 };

static const uint64_t patience_ns = 10000000000u;
static struct spead_recv_stream *stream;
static struct spead_mem_link *wire;
static atomic_bool over;
static atomic_int failures;

static void fail(const char *what, uint64_t at)
{
    fprintf(stderr, "race_recv_channel: %s (%llu)\n", what, (unsigned long long)at);
    atomic_fetch_add(&failures, 1);
}

static uint64_t patience(void)
{
    return speadi_clock_mono_ns() + patience_ns;
}

static void *send_packets(void *arg)
{
    static struct test_packet packet;
    uint64_t sent = 0;

    (void)arg;
    while (sent < HEAPS && !atomic_load(&over)) {
        test_packet_data(&packet, 40, sent + 1, 64, 0, NULL, 64);
        if (spead_mem_link_push(wire, packet.bytes, packet.length) == 0)
            sent++;
        else
            sched_yield();
    }
    if (sent == HEAPS)
        spead_mem_link_close(wire);
    return NULL;
}

static struct spead_recv_stats stats(void)
{
    struct spead_recv_stats now = SPEAD_RECV_STATS_INIT;
    uint64_t sum = 0;

    spead_recv_stream_stats(stream, &now);
    for (unsigned i = 0; i < now.bucket_count; i++)
        sum += now.total.bucket[i].packets;
    if (sum != now.total.seen.packets)
        fail("a snapshot does not add up", sum);
    return now;
}

static void open_stream(unsigned round)
{
    enum spead_on_full on_full = (enum spead_on_full)(round % 3);
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    config.links = &wire;
    config.link_count = 1;
    config.heap_bytes_max = 4096;
    config.hand_over_heaps = round / 6 % 2 ? 0 : 2;
    config.memory_bytes_max = 64u << 10;
    config.held_heaps = BATCH;
    config.on_full = on_full;
    atomic_store(&over, false);
    if (spead_mem_link_create(&wire, 64, 256, NULL) < 0 ||
        spead_recv_stream_create(&stream, &config, NULL) < 0)
        fail("set-up failed", on_full);
}

static void close_stream(void)
{
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(wire);
}

/* ---- take() and functions like it -------------------------------------------------------- */

static int take_some(unsigned turn, int fd, struct spead_heap **heaps)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    int ret;

    switch (turn % 4) {
    case 0:
        ret = spead_recv_stream_take(stream, heaps, patience());
        return ret < 0 ? ret : 1;
    case 1:
        return spead_recv_stream_take_many(stream, heaps, BATCH, patience());
    case 2:
        if (poll(&polled, 1, (int)(patience_ns / 1000000)) != 1)
            return -ETIMEDOUT;
        break;
    default:
        break;
    }
    ret = spead_recv_stream_try_take(stream, heaps);
    return ret < 0 ? ret : 1;
}

/* Takes heaps until the stream has ended. Returns how many heaps it took. If with_fd is true, the thread sometimes
 * waits at the descriptor. Otherwise it always sleeps in take() or take_many(). */
static uint64_t take_all(bool with_fd)
{
    int fd = with_fd ? spead_recv_stream_fd(stream) : -1, got;
    struct spead_heap *heaps[BATCH];
    uint64_t last = 0, taken = 0;

    for (unsigned turn = 0;; turn += with_fd ? 1 : 4) {
        got = take_some(with_fd ? turn : turn / 4 % 2, fd, heaps);
        if (got == -ESHUTDOWN)
            return taken;
        if (got == -ETIMEDOUT)
            fail("a wake-up was missed after heap", last);
        for (int i = 0; i < got; i++) {
            uint64_t counter = spead_heap_counter(heaps[i]);

            if (counter <= last)
                fail("order was lost at heap", counter);
            if (spead_heap_payload(heaps[i])[50] != test_packet_byte(counter, 50))
                fail("a byte is wrong in heap", counter);
            last = counter;
            taken++;
            spead_heap_unref(heaps[i]);
        }
    }
}

static void take_round(unsigned round)
{
    struct spead_recv_runner *runner;
    pthread_t sender;
    uint64_t taken;

    open_stream(round);
    if (spead_recv_runner_start(&runner, stream, -1, NULL) < 0) {
        fail("the runner did not start", round);
        return;
    }
    pthread_create(&sender, NULL, send_packets, NULL);
    taken = take_all(round / 3 % 2 == 0);
    pthread_join(sender, NULL);
    if (spead_recv_runner_join(runner, NULL) != 0)
        fail("the runner failed", round);
    if (stats().counters.heaps_complete != taken || taken + stats().counters.heaps_shed != HEAPS)
        fail("heaps do not add up: taken", taken);
    close_stream();
}

/* ---- In a graph ---------------------------------------------------------------------------- */

struct flow {
    struct spead_graph *graph;
    struct spead_executor *executor;
    struct spead_probe_sink *sink;
    struct spead_node *capture;
};

static bool build(struct flow *flow, unsigned round)
{
    struct spead_executor_config executor = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_channel_config edge = spead_recv_stream_edge_config(stream);
    struct spead_graph_config graph = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_node_config node = spead_recv_stream_node(stream, "capture");
    struct spead_graph_end from = {NULL, NULL}, to = {NULL, NULL};

    sink.batch = BATCH;
    sink.stop_after = round % 4 == 3 ? 1 + round : 0;
    if (spead_executor_create(&flow->executor, &executor, NULL) < 0 ||
        spead_graph_create(&flow->graph, &graph, NULL) < 0 ||
        spead_probe_sink_create(&flow->sink, &sink, NULL) < 0 ||
        spead_graph_add(flow->graph, &node, &from.node, NULL) < 0)
        return false;
    node = spead_probe_sink_node(flow->sink, "sink");
    flow->capture = from.node;
    return spead_graph_add(flow->graph, &node, &to.node, NULL) == 0 &&
           spead_graph_join(flow->graph, from, to, &edge, NULL) == 0 &&
           spead_graph_start(flow->graph, flow->executor, NULL) == 0;
}

static void *read_stats(void *arg)
{
    (void)arg;
    while (!atomic_load(&over))
        stats();
    return NULL;
}

static void end(struct flow *flow, unsigned round)
{
    for (volatile unsigned i = 0; i < round * 3000; i++)
        ;
    if (round % 4 == 0)
        spead_graph_stop(flow->graph);
    if (round % 4 == 1)
        spead_graph_cancel(flow->graph);
    if (round % 4 == 2)
        spead_recv_stream_stop(stream);
    /* In every eighth round the cancel comes before the stop has finished. */
    if (round % 8 == 0)
        spead_graph_cancel(flow->graph);
    if (spead_graph_wait(flow->graph, patience(), NULL) == -ETIMEDOUT)
        fail("the graph did not end in round", round);
}

static void check(const struct flow *flow, unsigned round)
{
    struct spead_channel_stats edge = SPEAD_CHANNEL_STATS_INIT;
    struct spead_graph_end out = {flow->capture, NULL};
    struct spead_recv_stats heaps = stats();
    struct spead_probe_record seen = SPEAD_PROBE_RECORD_INIT;
    bool orderly = round % 8 != 0 && round % 4 != 1;

    out.port = "heaps";
    spead_probe_sink_record(flow->sink, &seen);
    spead_channel_stats(spead_graph_channel(flow->graph, out), &edge);
    /* edge.depth counts heaps that were sent at the same moment at which the sink closed. */
    if (heaps.counters.heaps_complete != seen.received + edge.depth)
        fail("heaps do not add up in round", round);
    if (seen.out_of_order != 0 || heaps.counters.heaps_live != 0)
        fail("order was lost, or heaps live on, in round", round);
    if (orderly && seen.end != -ESHUTDOWN && round % 4 != 3)
        fail("the sink was not told of the end in round", round);
}

static void graph_round(unsigned round)
{
    struct flow flow = {0};
    pthread_t sender, reader;

    open_stream(round);
    pthread_create(&sender, NULL, send_packets, NULL);
    if (build(&flow, round)) {
        pthread_create(&reader, NULL, read_stats, NULL);
        end(&flow, round);
        check(&flow, round);
        atomic_store(&over, true);
        pthread_join(reader, NULL);
    } else {
        fail("set-up failed in round", round);
    }
    atomic_store(&over, true);
    pthread_join(sender, NULL);
    spead_graph_destroy(flow.graph);
    spead_executor_destroy(flow.executor);
    spead_probe_sink_destroy(flow.sink);
    close_stream();
}

int main(void)
{
    for (unsigned round = 0; round < TAKE_ROUNDS; round++)
        take_round(round);
    for (unsigned round = 0; round < GRAPH_ROUNDS; round++)
        graph_round(round);
    return atomic_load(&failures) > 0;
}
