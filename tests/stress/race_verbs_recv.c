/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream with the verbs engine has no data race. Its owner thread, its consumer, threads that read its
 * counters, threads that stop it, and the threads of the device run at the same time. In the meantime queues fail and
 * are replaced. At whatever moment the stream is stopped, the buckets of the ledger add up and the stream ends.
 * Method: the verbs double and an ordinary sender are on a veth pair of the test. The rounds use queues with placed
 * payload, queues with bounced payload, and multi-packet queues, one after another. Scripts cause faults, a thread
 * reads the counters, and each round ends with one or two calls of stop. ThreadSanitizer finds the races. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadline/recv.h>
#include <speadline/send.h>
#include <speadline/verbs.h>

#include "control.h"
#include "netns.h"
#include "offloads.h"
#include "verbs_double.h"

enum { ROUNDS = 9, HEAP_BYTES = 400000 };

static const char *const endpoint = "239.1.2.3:7148";
static struct test_netns_pair hosts;
static uint8_t data[HEAP_BYTES];
static struct spead_recv_stream *stream;
static atomic_bool over, sent_enough;
static atomic_uint taken; /* number of heaps that the consumer has taken */

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "race_verbs_recv: %s\n", what);
    exit(1);
}

static void *own(void *arg)
{
    struct spead_err err = {0};

    (void)arg;
    must(spead_recv_stream_run(stream, &err) == 0, err.text);
    return NULL;
}

static void *consume(void *arg)
{
    struct spead_heap *heap;

    (void)arg;
    while (spead_recv_stream_take(stream, &heap, 0) == 0) {
        spead_heap_unref(heap);
        atomic_fetch_add(&taken, 1);
    }
    return NULL;
}

static void *watch(void *arg)
{
    (void)arg;
    for (unsigned i = 0; !atomic_load(&over); i++) {
        struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
        uint64_t packets = 0;

        spead_recv_stream_stats(stream, &stats);
        for (unsigned b = 0; b < stats.bucket_count; b++)
            packets += stats.total.bucket[b].packets;
        must(packets == stats.total.seen.packets, "the ledger does not add up");
        if (i % 64 == 0)
            vdouble_script(i % 128 ? "delay_us=0" : "delay_us=100");
    }
    return NULL;
}

/* Sends heaps from the far host until the round is over. */
static void *send_heaps(void *arg)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *sender;
    struct spead_send_heap *heap;
    struct spead_err err = {0};

    (void)arg;
    test_netns_move(hosts.far);
    config.engine = "socket";
    config.interface = TEST_FAR_INTERFACE;
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.packet_bytes_max = 8972;
    config.rate_bytes_per_s = 50e6;
    must(spead_send_stream_create(&sender, &config, &err) == 0, err.text);
    must(spead_send_stream_start(sender, &err) == 0, err.text);
    must(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "heap");
    must(spead_send_heap_add_item(heap, 0x1000, data, sizeof data, false) == 0, "item");
    while (!atomic_load(&sent_enough)) {
        /* This call fails when the heap queue is full. That does no harm. */
        (void)spead_send_stream_submit(sender, heap, NULL);
        if (spead_send_stream_poll(sender) == 0)
            spead_send_stream_wait(sender, 0);
    }
    spead_send_stream_destroy(sender);
    spead_send_heap_destroy(heap);
    return NULL;
}

static void open_stream(unsigned round)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;
    struct spead_err err = {0};

    config.engine = "verbs";
    config.interface = TEST_NEAR_INTERFACE;
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.receive_path = round % 3 == 0 ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
    config.placed_window = 16;
    verbs.mprq = round % 3 == 2 ? SPEAD_MPRQ_ON : SPEAD_MPRQ_OFF;
    config.allow_out_of_order = true;
    config.heap_bytes_max = 1u << 20;
    verbs.comp_vector = round % 2 ? 0 : SPEAD_VERBS_COMP_VECTOR_POLL;
    config.engine_options = &verbs.options;
    must(spead_recv_stream_create(&stream, &config, &err) == 0, err.text);
}

static void run_round(unsigned round)
{
    pthread_t owner, consumer, watcher, sender;

    atomic_store(&over, false);
    atomic_store(&sent_enough, false);
    atomic_store(&taken, 0);
    open_stream(round);
    must(vdouble_script("rx.status@%397=GENERAL_ERR cq.overrun@%611 rx.drop@%53 rx.swap@%29") == 0,
         vdouble_last_refusal());
    pthread_create(&owner, NULL, own, NULL);
    pthread_create(&consumer, NULL, consume, NULL);
    pthread_create(&watcher, NULL, watch, NULL);
    pthread_create(&sender, NULL, send_heaps, NULL);
    for (bool enough = false; !enough;) {
        struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

        spead_recv_stream_stats(stream, &stats);
        enough = stats.total.seen.packets > 1000;
    }
    spead_recv_stream_stop(stream);
    if (round % 3 == 1)
        spead_recv_stream_stop(stream);
    atomic_store(&sent_enough, true);
    pthread_join(sender, NULL);
    pthread_join(owner, NULL);
    pthread_join(consumer, NULL);
    atomic_store(&over, true);
    pthread_join(watcher, NULL);
    spead_recv_stream_destroy(stream);
    vdouble_reset();
}

int main(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&hosts, 9000, &reason)) {
        printf("skipped: %s\n", reason);
        return 77;
    }
    test_netns_move(hosts.far);
    must(test_offloads_off(TEST_FAR_INTERFACE), "offloads");
    test_netns_move(hosts.near);
    for (unsigned round = 0; round < ROUNDS; round++)
        run_round(round);
    return 0;
}
