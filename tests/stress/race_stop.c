/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: other threads and a signal handler stop a stream at a time when packets come. The stream ends in time and
 * counts every packet.
 *
 * Method: the stream has the engine mem. One thread sends, one runs the stream, one takes the heaps, and one reads the
 * statistics. The test calls stop() at various moments, once or twice. Every snapshot of the statistics must add up. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include <speadline/recv.h>

#include <speadi/clock.h>

#include "packet_builder.h"

enum { ROUNDS = 150 };

static struct spead_recv_stream *stream;
static struct spead_mem_link *wire;
static atomic_bool over;
static atomic_int failures;
static uint64_t taken;

static void fail(const char *what, int round)
{
    fprintf(stderr, "race_stop: %s in round %d\n", what, round);
    atomic_fetch_add(&failures, 1);
}

static void on_signal(int number)
{
    (void)number;
    spead_recv_stream_stop(stream);
}

static void *send_packets(void *arg)
{
    static struct test_packet packet;

    (void)arg;
    for (uint64_t i = 0; !atomic_load(&over); i++) {
        test_packet_data(&packet, 40, i / 4, 1024, i % 4 * 256, NULL, 256);
        if (spead_mem_link_push(wire, packet.bytes, packet.length) == -EAGAIN)
            sched_yield();
    }
    return NULL;
}

static void *take_heaps(void *arg)
{
    struct spead_heap *heap;

    (void)arg;
    taken = 0;
    while (spead_recv_stream_take(stream, &heap, 0) == 0) {
        if (spead_heap_payload(heap)[100] != test_packet_byte(spead_heap_counter(heap), 100))
            fail("a byte is wrong", (int)spead_heap_counter(heap));
        taken++;
        spead_heap_unref(heap);
    }
    return NULL;
}

static bool adds_up(uint64_t *heaps)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    uint64_t sum = 0;

    spead_recv_stream_stats(stream, &stats);
    for (unsigned i = 0; i < stats.bucket_count; i++)
        sum += stats.total.bucket[i].packets;
    *heaps = stats.counters.heaps_complete;
    return sum == stats.total.seen.packets;
}

static void *read_stats(void *arg)
{
    uint64_t heaps;

    (void)arg;
    while (!atomic_load(&over))
        if (!adds_up(&heaps))
            fail("a snapshot does not add up", 0);
    return NULL;
}

static void run_round(int round)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_runner *runner;
    pthread_t sender, consumer, reader;
    uint64_t start, heaps;

    config.links = &wire;
    config.link_count = 1;
    config.heap_bytes_max = 4096;
    config.on_full = (enum spead_on_full)(round % 3);
    config.stop_drain_ns = 5000000;
    atomic_store(&over, false);
    if (spead_mem_link_create(&wire, 64, 2048, NULL) < 0 ||
        spead_recv_stream_create(&stream, &config, NULL) < 0 ||
        spead_recv_runner_start(&runner, stream, -1, NULL) < 0) {
        fail("set-up failed", round);
        return;
    }
    pthread_create(&sender, NULL, send_packets, NULL);
    pthread_create(&consumer, NULL, take_heaps, NULL);
    pthread_create(&reader, NULL, read_stats, NULL);
    for (volatile int i = 0; i < round * 2000; i++)
        ;
    start = speadi_clock_mono_ns();
    if (round % 2 == 0)
        raise(SIGUSR1);
    else
        spead_recv_stream_stop(stream);
    if (round % 5 == 0)
        spead_recv_stream_stop(stream);
    if (spead_recv_runner_join(runner, NULL) != 0)
        fail("the runner failed", round);
    if (speadi_clock_mono_ns() - start > 5000000000u)
        fail("stopping took too long", round);
    pthread_join(consumer, NULL);
    atomic_store(&over, true);
    pthread_join(sender, NULL);
    pthread_join(reader, NULL);
    if (!adds_up(&heaps) || heaps != taken)
        fail("heaps taken are not heaps handed over", round);
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(wire);
}

int main(void)
{
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
    for (int round = 0; round < ROUNDS; round++)
        run_round(round);
    return atomic_load(&failures) > 0;
}
