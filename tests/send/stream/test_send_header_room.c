/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what a receiver gets is the same whether heaps have header room or not, and heaps whose memory lies in order are
 * sent without a copy.
 * Method: a stream over the engine sends to a bound UDP socket on loopback, which the test reads. */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadline/send.h>

#include <speadi/bytes.h>

#include "each_engine.h"

enum { HEAPS = 32, PAYLOAD = 1024, HEADER = SPEAD_SEND_HEADER_BYTES(1), STRIDE = HEADER + PAYLOAD };

static uint8_t memory[HEAPS * STRIDE];
static struct spead_send_heap *heap[HEAPS];
static struct spead_send_stream *stream;
static int sink = -1;

static void open_sink(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    struct timeval patience = {.tv_sec = 10};

    sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(sink, 0);
    cr_assert_eq(bind(sink, (struct sockaddr *)&address, length), 0);
    cr_assert_eq(getsockname(sink, (struct sockaddr *)&address, &length), 0);
    cr_assert_eq(setsockopt(sink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    *port = ntohs(address.sin_port);
}

static void open_stream(const char *engine)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    char text[32];
    const char *endpoint = text;
    struct spead_err err = {0};
    uint16_t port;

    open_sink(&port);
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.engine = engine;
    config.heaps_max = 2 * HEAPS;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0, "%s", err.text);
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i * 13 + i / 256);
}

/* Makes heaps, with header room if `room` is true. */
static void make_heaps(bool room)
{
    for (unsigned i = 0; i < HEAPS; i++) {
        uint8_t *at = memory + i * STRIDE;

        cr_assert_eq(spead_send_heap_create(&heap[i], (struct spead_flavour)SPEAD_FLAVOUR_64_40),
                     0);
        cr_assert_geq(spead_send_heap_add_item(heap[i], 0x1000 + i, at + HEADER, PAYLOAD, false),
                      0);
        if (room)
            spead_send_heap_set_header_room(heap[i], at, HEADER);
    }
}

static void drop_heaps(void)
{
    for (unsigned i = 0; i < HEAPS; i++)
        spead_send_heap_destroy(heap[i]);
}

static void close_all(void)
{
    spead_send_stream_destroy(stream);
    drop_heaps();
    close(sink);
}

static void send_all(uint64_t heaps)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;

    do {
        if (spead_send_stream_poll(stream) == 0)
            spead_send_stream_wait(stream, 0);
        spead_send_stream_stats(stream, &stats);
    } while (stats.counters.heaps_sent < heaps);
}

/* Submits all heaps, and reads what arrives. */
static void send_round(uint64_t round, uint8_t got[HEAPS][STRIDE])
{
    for (unsigned i = 0; i < HEAPS; i++)
        cr_assert_eq(spead_send_stream_submit(stream, heap[i], NULL), 0);
    send_all((round + 1) * HEAPS);
    for (unsigned i = 0; i < HEAPS; i++)
        cr_assert_eq(recv(sink, got[i], STRIDE, 0), STRIDE, "heap %u", i);
}

static uint64_t counter_of(const uint8_t *packet)
{
    return speadi_load_be64(packet + 8) & 0xffffffffff;
}

TEST_FOR_EACH_ENGINE(send_header_room, heaps_arrive_as_without_it, TEST_SENDS)
{
    static uint8_t plain[HEAPS][STRIDE], in_place[HEAPS][STRIDE];
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;

    open_stream(*engine);
    make_heaps(false);
    send_round(0, plain);
    drop_heaps();
    make_heaps(true);
    for (uint64_t round = 1; round < 4; round++) {
        send_round(round, in_place);
        for (unsigned i = 0; i < HEAPS; i++) {
            cr_assert_eq(counter_of(in_place[i]), round * HEAPS + i + 1);
            memcpy(in_place[i] + 8, plain[i] + 8, 8);
            cr_assert_arr_eq(in_place[i], plain[i], STRIDE, "heap %u of round %d", i, (int)round);
        }
    }
    spead_send_stream_stats(stream, &stats);
    if (stats.counters.gathered_packets + stats.counters.referenced_packets != 0) {
        cr_expect_eq(stats.counters.gathered_packets, HEAPS);
        cr_expect_eq(stats.counters.referenced_packets, 3 * HEAPS);
    }
    close_all();
}

TEST_FOR_EACH_ENGINE(send_header_room, a_heap_in_flight_twice_arrives_twice, TEST_SENDS)
{
    uint8_t got[STRIDE];

    open_stream(*engine);
    make_heaps(true);
    for (unsigned i = 0; i < 6; i++)
        cr_assert_eq(spead_send_stream_submit(stream, heap[i / 2], NULL), 0);
    send_all(6);
    for (unsigned i = 0; i < 6; i++) {
        cr_assert_eq(recv(sink, got, STRIDE, 0), STRIDE);
        cr_expect_eq(counter_of(got), i + 1);
        cr_expect_arr_eq(got + HEADER, memory + (i / 2) * STRIDE + HEADER, PAYLOAD);
    }
    close_all();
}

/* The heaps end without being sent, and are then sent by another stream. */
Test(send_header_room, a_heap_of_a_stream_that_ended_can_be_sent_by_another)
{
    uint8_t got[STRIDE];

    open_stream("socket");
    make_heaps(true);
    cr_assert_eq(spead_send_stream_submit(stream, heap[0], NULL), 0);
    send_all(1);
    cr_assert_eq(spead_send_stream_submit(stream, heap[0], NULL), 0);
    spead_send_stream_destroy(stream);
    close(sink);
    open_stream("socket");
    cr_assert_eq(spead_send_stream_submit(stream, heap[0], NULL), 0);
    send_all(1);
    cr_assert_eq(recv(sink, got, STRIDE, 0), STRIDE);
    cr_expect_eq(counter_of(got), 1);
    close_all();
}
