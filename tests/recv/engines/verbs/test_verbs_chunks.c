/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: payload that a device places straight into chunks is right, with loss too, and all chunks are handed over when the
 * stream ends, although the device still has receives posted into them.
 * Method: an ordinary send stream on the far host sends heaps; the verbs double loses packets. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <speadline/recv_chunk.h>
#include <speadline/send.h>
#include <speadline/verbs.h>

#include <speadi/clock.h>

#include "control.h"
#include "netns.h"
#include "offloads.h"
#include "verbs_double.h"

enum { HEAP = 1 << 20, HEAPS = 10, PER_CHUNK = 4, ID = 0x1234 };

static const struct spead_flavour flavour = SPEAD_FLAVOUR_64_40;
static const char *const group[] = {"239.1.2.3:7148"};

static struct test_netns_pair hosts;
static struct spead_err err;
static struct spead_recv_stream *receiver;
static struct spead_recv_runner *receiving;
static struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

static uint8_t byte_of(uint64_t counter, uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + counter * 101);
}

static void set_up(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&hosts, 9000, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(hosts.far);
    cr_assert(test_offloads_off(TEST_FAR_INTERFACE));
    test_netns_move(hosts.near);
}

static void tear_down(void)
{
    struct vdouble_counters c;

    spead_recv_stream_destroy(receiver);
    vdouble_counters(&c);
    cr_assert_eq(c.contexts + c.pds + c.mrs + c.channels + c.cqs + c.qps + c.flows + c.wqs, 0);
}

TestSuite(verbs_chunks, .init = set_up, .fini = tear_down, .timeout = 120);

/* Heap counter 1 is the first heap of chunk 0. */
static void place(void *state, const struct spead_chunk_packet *packet,
                  struct spead_chunk_place *answer)
{
    (void)state;
    answer->chunk_id = (int64_t)((packet->heap_counter - 1) / PER_CHUNK);
    answer->heap_index = (packet->heap_counter - 1) % PER_CHUNK;
    answer->heap_offset = answer->heap_index * HEAP;
}

static void start_receiver(void)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;

    config.endpoints = group;
    config.endpoint_count = 1;
    config.engine = "verbs";
    config.interface = TEST_NEAR_INTERFACE;
    config.receive_path = SPEAD_PATH_PLACED;
    config.allow_out_of_order = true;
    config.placed_window = 64;
    config.placed_loss_max = 1;
    config.chunks = &chunks;
    chunks.chunk_bytes = (uint64_t)HEAP * PER_CHUNK;
    chunks.present_count = PER_CHUNK;
    chunks.place = place;
    cr_assert_eq(spead_recv_stream_create(&receiver, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_runner_start(&receiving, receiver, -1, &err), 0, "%s", err.text);
}

static void send_heaps(void)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    uint8_t *content = malloc(HEAP);
    struct spead_send_stream *stream;
    struct spead_send_heap *heap;

    test_netns_move(hosts.far);
    config.endpoints = group;
    config.endpoint_count = 1;
    config.engine = "socket";
    config.interface = TEST_FAR_INTERFACE;
    config.packet_bytes_max = 8972;
    config.rate_bytes_per_s = 30e6;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0);
    cr_assert_eq(spead_send_heap_create(&heap, flavour), 0);
    for (uint64_t counter = 1; counter <= HEAPS; counter++) {
        struct spead_send_stats sent = SPEAD_SEND_STATS_INIT;

        for (uint64_t i = 0; i < HEAP; i++)
            content[i] = byte_of(counter, i);
        spead_send_heap_reset(heap, flavour);
        cr_assert_geq(spead_send_heap_add_item(heap, ID, content, HEAP, false), 0);
        cr_assert_eq(spead_send_stream_submit(stream, heap, NULL), 0);
        do {
            if (spead_send_stream_poll(stream) == 0)
                spead_send_stream_wait(stream, 0);
            spead_send_stream_stats(stream, &sent);
        } while (sent.heaps_pending > 0);
    }
    spead_send_heap_destroy(heap);
    spead_send_stream_destroy(stream);
    free(content);
    test_netns_move(hosts.near);
}

static void check_chunk(const struct spead_chunk *chunk)
{
    uint8_t *expected = calloc(PER_CHUNK, HEAP);
    static struct spead_chunk_gap gaps[4096];
    size_t count = spead_chunk_gaps(chunk, gaps, 4096);

    cr_assert_leq(count, 4096);
    for (uint32_t h = 0; h < PER_CHUNK; h++) {
        struct spead_chunk_heap heap = SPEAD_CHUNK_HEAP_INIT;

        cr_assert_eq(spead_chunk_heap(chunk, h, &heap), 0);
        for (uint64_t i = 0; i < heap.bytes; i++)
            expected[heap.offset + i] = byte_of(heap.heap_counter, i);
    }
    for (size_t i = 0; i < count; i++)
        memset(expected + gaps[i].offset, 0, gaps[i].bytes);
    cr_expect(memcmp(expected, spead_chunk_data(chunk), (size_t)HEAP * PER_CHUNK) == 0, "chunk %ld",
              spead_chunk_id(chunk));
    free(expected);
}

/* Sends all heaps and takes all chunks. Returns how many entries are present. */
static unsigned run(void)
{
    struct spead_chunk *chunk;
    unsigned present = 0;
    int64_t next = 0;

    start_receiver();
    send_heaps();
    spead_recv_stream_stop(receiver);
    while (spead_recv_stream_take_chunk(receiver, &chunk, speadi_clock_mono_ns() + 20000000000u) ==
           0) {
        cr_expect_eq(spead_chunk_id(chunk), next++);
        present += spead_chunk_present_count(chunk);
        check_chunk(chunk);
        spead_chunk_unref(chunk);
    }
    cr_assert_eq(spead_recv_runner_join(receiving, NULL), 0);
    spead_recv_stream_stats(receiver, &stats);
    cr_expect_eq(next, 3);
    cr_expect_eq(stats.total.bucket[SPEAD_RECV_LIVE].packets, 0);
    return present;
}

Test(verbs_chunks, payload_is_placed_straight_into_chunks)
{
    unsigned present = run();

    /* if the thread of the double was not scheduled, frames are lost */
    cr_expect(present == HEAPS || stats.counters.missing_packets > 0);
    cr_expect_gt(stats.counters.placed, 0);
}

Test(verbs_chunks, with_loss_every_chunk_is_right_and_all_leave_at_the_stop)
{
    vdouble_script("rx.drop@%100");
    run();
    cr_expect_gt(stats.counters.placed, 0);
    cr_expect_gt(stats.counters.missing_packets, 0);
}
