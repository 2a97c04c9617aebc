/* SPDX-License-Identifier: Apache-2.0 */
/* Receives heaps and reads every byte of them, as a program of a user does, and measures both together. The thread that
 * receives is not the thread that reads. The program can hold some heaps before it reads them, so that the heaps in use
 * have a certain size. It ends with the stop heap of the sender, and prints one line of JSON.
 *
 * With the endpoint "mem" the program sends the heaps to itself over a memory link, on a third thread whose CPU time does
 * not count.
 *
 * usage: bench-heap-reader ENDPOINT auto|cached|streaming HOLD HEAP_BYTES SOCKET_BYTES
 *        bench-heap-reader mem auto|cached|streaming HOLD HEAP_BYTES HEAPS PACKET_BYTES */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <speadline/recv.h>
#include <speadline/send.h>

#define HOLD_MAX     1024u
#define LINK_PACKETS 64u /* as many packets as a train has; they stay in the L2 cache */

static struct spead_recv_stream *stream;
static struct spead_mem_link *mem;
static struct spead_err error;
static uint64_t heaps, bytes, sum, send_heaps, heap_bytes, packet_bytes;
static double stream_cpu_s;

static void must(int ret)
{
    if (ret >= 0)
        return;
    fprintf(stderr, "bench-heap-reader: %s\n", error.text[0] ? error.text : strerror(-ret));
    exit(1);
}

static double thread_cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *receive(void *arg)
{
    must(spead_recv_stream_run(stream, &error));
    stream_cpu_s = thread_cpu_s();
    return arg;
}

static void *send_all(void *arg)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *sender;
    struct spead_send_runner *runner;
    struct spead_send_heap *heap;
    uint8_t *payload = calloc(1, heap_bytes);

    config.links = &mem;
    config.link_count = 1;
    config.packet_bytes_max = (uint32_t)packet_bytes;
    must(spead_send_stream_create(&sender, &config, &error));
    must(spead_send_runner_start(&runner, sender, -1, &error));
    must(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40));
    must(payload ? spead_send_heap_add_item(heap, 0x1000, payload, heap_bytes, false) : -1);
    for (uint64_t i = 0; i < send_heaps; i++)
        must(spead_send_stream_submit_wait(sender, heap, NULL, 0));
    must(spead_send_stream_flush(sender, 0));
    spead_send_stream_stop(sender);
    must(spead_send_runner_join(runner, NULL));
    spead_send_stream_destroy(sender);
    spead_send_heap_destroy(heap);
    spead_mem_link_close(mem);
    free(payload);
    return arg;
}

/* Adds up all whole words. */
static void read_heap(struct spead_heap *heap)
{
    uint64_t length = spead_heap_length(heap), word, all = 0;
    const uint8_t *payload = spead_heap_payload(heap);

    for (uint64_t at = 0; at + sizeof word <= length; at += sizeof word) {
        memcpy(&word, payload + at, sizeof word);
        all += word;
    }
    sum += all;
    bytes += length;
    heaps++;
    spead_heap_unref(heap);
}

static void take_all(uint32_t hold)
{
    static struct spead_heap *held[HOLD_MAX + 1];
    struct spead_heap *heap;
    uint64_t taken = 0;

    while (spead_recv_stream_take(stream, &heap, 0) == 0) {
        held[taken++ % (hold + 1)] = heap;
        if (taken > hold)
            read_heap(held[taken % (hold + 1)]);
    }
    for (uint64_t i = taken > hold ? taken - hold : 0; i < taken; i++)
        read_heap(held[i % (hold + 1)]);
}

static enum spead_copy copy_of(const char *word)
{
    return strcmp(word, "cached") == 0      ? SPEAD_COPY_CACHED
           : strcmp(word, "streaming") == 0 ? SPEAD_COPY_STREAMING
                                            : SPEAD_COPY_AUTO;
}

static void report(double consumer_cpu_s)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    spead_recv_stream_stats(stream, &stats);
    spead_recv_stream_plan(stream, &plan);
    printf("{\"heaps\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"sum\": %" PRIu64
           ", \"shed\": %" PRIu64 ", \"kernel_drops\": %" PRIu64 ", \"stream_cpu_s\": %.6f"
           ", \"consumer_cpu_s\": %.6f, \"gb_per_cpu_s\": %.4f, \"copy\": \"%s\"}\n",
           heaps, bytes, sum, stats.counters.heaps_shed, stats.counters.kernel_drops, stream_cpu_s,
           consumer_cpu_s, (double)bytes * 1e-9 / (stream_cpu_s + consumer_cpu_s),
           plan.copy_reason);
}

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    bool is_mem = argc == 7 && strcmp(argv[1], "mem") == 0;
    pthread_t receiver, sender;
    uint32_t hold;

    if ((argc != 6 && !is_mem) || strtoul(argv[3], NULL, 10) > HOLD_MAX) {
        fputs("usage: bench-heap-reader ENDPOINT|mem auto|cached|streaming HOLD HEAP_BYTES "
              "SOCKET_BYTES|HEAPS [PACKET_BYTES]\n",
              stderr);
        return 2;
    }
    hold = (uint32_t)strtoul(argv[3], NULL, 10);
    heap_bytes = config.heap_bytes_max = strtoull(argv[4], NULL, 10);
    config.copy = copy_of(argv[2]);
    config.held_heaps = hold + 2;
    if (is_mem) {
        config.receive_path = SPEAD_PATH_BOUNCE;
        send_heaps = strtoull(argv[5], NULL, 10);
        packet_bytes = strtoull(argv[6], NULL, 10);
        must(spead_mem_link_create(&mem, LINK_PACKETS, packet_bytes, &error));
        config.links = &mem;
        config.link_count = 1;
        config.on_full = SPEAD_ON_FULL_BLOCK;
    } else {
        config.endpoints = (const char *const *)&argv[1];
        config.endpoint_count = 1;
        config.socket_buffer_bytes = (uint32_t)strtoul(argv[5], NULL, 10);
    }
    must(spead_recv_stream_create(&stream, &config, &error));
    must(-pthread_create(&receiver, NULL, receive, NULL));
    if (is_mem)
        must(-pthread_create(&sender, NULL, send_all, NULL));
    take_all(hold);
    pthread_join(receiver, NULL);
    if (is_mem)
        pthread_join(sender, NULL);
    report(thread_cpu_s());
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(mem);
    return 0;
}
