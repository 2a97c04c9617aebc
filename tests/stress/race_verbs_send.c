/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send stream with the verbs engine has no data race. Its owner thread, its producers, threads that read its
 * counters, and the threads of the device run at the same time. Sometimes the device fails. At whatever moment the
 * stream is stopped, every accepted heap completes exactly once and the buckets of the ledger add up.
 * Method: the verbs double is on a veth pair of the test. The double lets completions and queues fail, and delays
 * completions. Producers submit and wait, a thread reads the counters and changes the device, and each round ends with
 * one or two calls of stop. ThreadSanitizer finds the races. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadline/send.h>

#include "control.h"
#include "netns.h"
#include "verbs_double.h"

enum { PRODUCERS = 2, HEAPS_EACH = 60, ROUNDS = 12, HEAP_BYTES = 20000 };

static uint8_t data[HEAP_BYTES];
static const struct spead_send_memory half = {.data = data, .bytes = HEAP_BYTES / 2};
static struct spead_send_stream *stream;
static struct spead_send_heap *heap;
static atomic_uint accepted, completed;
static atomic_bool over;

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "race_verbs_send: %s\n", what);
    exit(1);
}

static void done(void *arg, const struct spead_send_result *result)
{
    (void)arg, (void)result;
    atomic_fetch_add(&completed, 1);
}

static void *produce(void *arg)
{
    const struct spead_send_options options = {.done = done};

    (void)arg;
    for (unsigned i = 0; i < HEAPS_EACH; i++) {
        int ret = spead_send_stream_submit_wait(stream, heap, &options, 0);

        must(ret == 0 || ret == -ESHUTDOWN, "submit_wait");
        if (ret < 0)
            break;
        atomic_fetch_add(&accepted, 1);
    }
    return NULL;
}

static void *own(void *arg)
{
    struct spead_err err = {0};

    (void)arg;
    must(spead_send_stream_run(stream, &err) == 0, err.text);
    return NULL;
}

static void *watch(void *arg)
{
    (void)arg;
    for (unsigned i = 0; !atomic_load(&over); i++) {
        struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
        uint64_t packets = 0;

        spead_send_stream_stats(stream, &stats);
        for (unsigned b = 0; b < stats.bucket_count; b++)
            packets += stats.bucket[b].packets;
        must(packets == stats.submitted.packets, "the ledger does not add up");
        if (i % 64 == 0)
            vdouble_script(i % 128 ? "delay_us=0" : "delay_us=100");
    }
    return NULL;
}

static void open_stream(void)
{
    static const char *const endpoint = "239.1.2.3:7148";
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_err err = {0};

    config.engine = "verbs";
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.memory = &half;
    config.memory_count = 1;
    config.heaps_max = 3;
    config.socket_buffer_bytes = 64 << 10;
    must(spead_send_stream_create(&stream, &config, &err) == 0, err.text);
}

static void run_round(unsigned round)
{
    pthread_t producer[PRODUCERS], owner, watcher;

    atomic_store(&accepted, 0);
    atomic_store(&completed, 0);
    atomic_store(&over, false);
    open_stream();
    must(vdouble_script("tx.status@%97=GENERAL_ERR cq.overrun@%61") == 0, vdouble_last_refusal());
    pthread_create(&owner, NULL, own, NULL);
    pthread_create(&watcher, NULL, watch, NULL);
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_create(&producer[i], NULL, produce, NULL);
    /* In most rounds the test stops the stream when some heaps have completed. In every third round it stops the stream
     * only after all producers have ended. */
    if (round % 3 != 0)
        while (atomic_load(&completed) < 10 + round)
            ;
    else
        for (unsigned i = 0; i < PRODUCERS; i++)
            pthread_join(producer[i], NULL);
    spead_send_stream_stop(stream);
    if (round % 3 == 2)
        spead_send_stream_stop(stream);
    if (round % 3 != 0)
        for (unsigned i = 0; i < PRODUCERS; i++)
            pthread_join(producer[i], NULL);
    pthread_join(owner, NULL);
    atomic_store(&over, true);
    pthread_join(watcher, NULL);
    must(atomic_load(&accepted) == atomic_load(&completed), "a heap did not complete once");
    spead_send_stream_destroy(stream);
    vdouble_reset();
}

int main(void)
{
    struct test_netns_pair network;
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 1500, &reason)) {
        printf("skipped: %s\n", reason);
        return 77;
    }
    must(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "heap");
    must(spead_send_heap_add_item(heap, 0x1000, data, sizeof data, false) == 0, "item");
    for (unsigned round = 0; round < ROUNDS; round++)
        run_round(round);
    spead_send_heap_destroy(heap);
    return 0;
}
