/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: heaps whose payload lies in the memory of a device, and in that of the host as well, arrive whole. The CPU never
 * reads the memory of the device, however small the items are.
 * Method: streams use the verbs double. The memory of the device is PROT_NONE, so a copy by the CPU kills the test. A
 * kernel socket on another host receives the packets. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <speadline/send.h>

#include <speadi/clock.h>
#include <speadi/packet.h>

#include "control.h"
#include "verbs_double.h"
#include "verbs_tx_rig.h"

enum { DEVICE_BYTES = 65536, HOST_BYTES = 4096 };

static struct verbs_tx_rig rig;
static struct spead_send_stream *stream;
static struct spead_send_heap *heap;
static uint8_t on_host[HOST_BYTES], on_device[DEVICE_BYTES]; /* what lies in both memories */
static struct spead_send_memory memory[2];                   /* both are memory of devices */
static uint8_t expected[2 * DEVICE_BYTES], got[2 * DEVICE_BYTES];
static size_t expected_bytes;
static int result_error;

static void note(void *arg, const struct spead_send_result *result)
{
    (void)arg;
    result_error = result->error;
}

/* Makes the two halves of the memory of the device, one behind the other. */
static void make_device_memory(void)
{
    const int fd = memfd_create("device", MFD_CLOEXEC);
    const uint8_t *at;

    for (unsigned i = 0; i < DEVICE_BYTES; i++)
        on_device[i] = (uint8_t)(i * 13 + i / 256);
    for (unsigned i = 0; i < HOST_BYTES; i++)
        on_host[i] = (uint8_t)(i * 7 + i / 256 + 3);
    cr_assert_eq(write(fd, on_device, DEVICE_BYTES), DEVICE_BYTES);
    at = mmap(NULL, DEVICE_BYTES, PROT_NONE, MAP_SHARED, fd, 0);
    for (unsigned i = 0; i < 2; i++)
        memory[i] = (struct spead_send_memory){.data = at + i * DEVICE_BYTES / 2,
                                               .bytes = DEVICE_BYTES / 2,
                                               .is_dma_buf = true,
                                               .fd = fd,
                                               .fd_offset = i * DEVICE_BYTES / 2};
}

static void open_stream(uint32_t packet_bytes_max)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    const char *endpoint = "239.1.2.3:7148", *reason;
    struct spead_err err = {0};

    test_use_verbs_double();
    if (!verbs_tx_network(&rig, (const char *const[]){"239.1.2.3", NULL}, &reason))
        cr_skip_test("%s", reason);
    verbs_tx_open_sinks(&rig);
    make_device_memory();
    config.engine = "verbs";
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.memory = memory;
    config.memory_count = 2;
    config.packet_bytes_max = packet_bytes_max;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0, "%s", err.text);
    spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40);
}

static void add_item(const void *item, const uint8_t *content, size_t bytes)
{
    cr_assert_geq(spead_send_heap_add_item(heap, 0x1000, item, bytes, false), 0);
    memcpy(expected + expected_bytes, content, bytes);
    expected_bytes += bytes;
}

static void add_host(size_t offset, size_t bytes)
{
    add_item(on_host + offset, on_host + offset, bytes);
}

static void add_device(size_t offset, size_t bytes)
{
    add_item((const uint8_t *)memory[0].data + offset, on_device + offset, bytes);
}

/* Sends the heap until it has completed, and receives its packets. Returns the statistics of the stream. */
static struct spead_send_stats send_heap(void)
{
    static uint8_t packet[9000];
    const uint64_t deadline_ns = speadi_clock_mono_ns() + 20000000000u;
    const struct spead_send_options options = {.done = note};
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    int bytes, ret = 0;

    cr_assert_eq(spead_send_stream_submit(stream, heap, &options), 0);
    spead_send_stream_stop(stream);
    while (ret >= 0) {
        cr_assert_lt(speadi_clock_mono_ns(), deadline_ns, "the stream hangs");
        ret = spead_send_stream_poll(stream);
        if (ret == 0)
            spead_send_stream_wait(stream, speadi_clock_mono_ns() + 100000000u);
    }
    while ((bytes = tx_harness_receive(&rig.h, 0, packet, sizeof packet)) > 0) {
        struct speadi_packet decoded;

        cr_assert_eq(speadi_packet_decode(&decoded, packet, (uint32_t)bytes, (uint32_t)bytes), 0);
        memcpy(got + decoded.payload_offset, packet + decoded.header_bytes, decoded.payload_bytes);
    }
    spead_send_stream_stats(stream, &stats);
    return stats;
}

static void finish(void)
{
    spead_send_stream_destroy(stream);
    spead_send_heap_destroy(heap);
    verbs_tx_close(&rig);
    close(memory[0].fd);
}

/* Sends the heap and asserts that it arrives whole, and how many bytes the engine has copied. */
static void send_whole(uint64_t copied_bytes)
{
    const struct spead_send_stats stats = send_heap();

    cr_expect_eq(result_error, 0);
    cr_expect_arr_eq(got, expected, expected_bytes);
    cr_expect_eq(stats.counters.copied_bytes, copied_bytes);
    finish();
}

Test(verbs_device_heaps, payload_of_a_device_and_of_the_host_travels_in_one_heap)
{
    open_stream(1472);
    add_host(0, 1001);
    add_device(0, DEVICE_BYTES / 2);
    add_host(1001, 1001);
    send_whole(2 * 1001);
}

/* A packet of more than 16 pieces has its header and the tiny items that follow it in one place. The engine counts as
 * copied only what comes behind the item of the device. */
Test(verbs_device_heaps, many_tiny_items_of_the_host_travel_with_an_item_of_a_device)
{
    open_stream(8968);
    for (unsigned i = 0; i < 40; i++)
        add_host(i * 7, 7);
    add_device(100, 5000);
    for (unsigned i = 40; i < 80; i++)
        add_host(i * 7, 7);
    send_whole(40 * 7);
}

Test(verbs_device_heaps, packets_that_begin_and_end_among_tiny_items_travel)
{
    open_stream(1472);
    for (unsigned i = 0; i < 60; i++)
        add_host(i * 9, 9);
    add_device(100, 20000);
    for (unsigned i = 60; i < 300; i++)
        add_host(i * 9, 9);
    send_heap();
    cr_expect_eq(result_error, 0);
    cr_expect_arr_eq(got, expected, expected_bytes);
    finish();
}

/* Eight items of a device, with tiny items around each of them, are as many as each packet can carry. */
Test(verbs_device_heaps, tiny_items_of_the_host_around_eight_items_of_a_device_travel_in_one_packet)
{
    open_stream(8968);
    for (unsigned i = 0; i < 8; i++) {
        add_host(i * 8, 5);
        add_host(i * 8 + 5, 3);
        add_device(i * 1000, 60);
    }
    add_host(64, 8);
    send_whole(8 * 8);
}

/* 256 items of 64 bytes: a packet has about 20 of them. They are one piece, because they lie one behind another. */
Test(verbs_device_heaps, many_tiny_items_in_a_row_on_a_device_travel)
{
    open_stream(1472);
    for (unsigned i = 0; i < 256; i++)
        add_device(i * 64, 64);
    send_whole(0);
}

Test(verbs_device_heaps, a_packet_of_sixteen_scattered_pieces_of_a_device_travels)
{
    open_stream(1472);
    for (unsigned i = 0; i < 16; i++)
        add_device(i * 100, 64);
    send_whole(0);
}

Test(verbs_device_heaps, a_heap_with_more_scattered_pieces_of_a_device_in_a_packet_is_refused)
{
    const struct spead_send_options options = {.done = note};
    struct spead_send_stats stats;

    open_stream(1472);
    for (unsigned i = 0; i < 17; i++)
        add_device(i * 100, 64);
    cr_expect_eq(spead_send_stream_submit(stream, heap, &options), -ENOTSUP);
    cr_expect_eq(spead_send_stream_submit_wait(stream, heap, &options, SPEAD_DEADLINE_NOW),
                 -ENOTSUP);
    cr_expect_eq(spead_send_stream_submit_group(stream,
                                                &(struct spead_send_group_heap){.heap = heap}, 1,
                                                SPEAD_SEND_GROUP_SERIAL),
                 -ENOTSUP);
    spead_send_heap_reset(heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40);
    expected_bytes = 0;
    add_host(0, 100);
    stats = send_heap();
    cr_expect_eq(stats.counters.heaps_sent, 1);
    cr_expect_eq(stats.submitted.packets, 1);
    finish();
}

/* The item belongs to no single piece of registered memory, so the engine would have to copy it. */
Test(verbs_device_heaps, an_item_that_spans_two_memories_of_a_device_fails_and_is_not_read)
{
    struct spead_send_stats stats;

    open_stream(1472);
    add_host(0, 10);
    add_device(DEVICE_BYTES / 2 - 100, 200);
    stats = send_heap();
    cr_expect_eq(result_error, -EMSGSIZE);
    cr_expect_eq(stats.counters.heaps_failed, 1);
    finish();
}

Test(verbs_device_heaps, an_only_item_that_spans_two_memories_of_a_device_fails_and_is_not_read)
{
    open_stream(1472);
    add_device(DEVICE_BYTES / 2 - 100, 200);
    send_heap();
    cr_expect_eq(result_error, -EMSGSIZE);
    finish();
}
