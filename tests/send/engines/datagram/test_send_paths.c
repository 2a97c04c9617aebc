/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the bytes on the wire do not depend on how packets reach the kernel, nor on the engine, and the counters say
 * which way each packet took.
 * Method: a stream sends the same heaps by each engine and each send path to a socket on loopback. The datagrams that
 * arrive are compared with those of the socket engine that sends by reference. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadline/send.h>

#include "each_engine.h"
#include "netns.h"

#define PORT      17150
#define WIRE_MAX  (8u << 20)
#define DATA_MAX  (2u << 20)
#define ITEMS_MAX 3000u

/* All datagrams of a run, each with its length before it. */
struct wire {
    uint8_t *bytes;
    size_t used;
    unsigned packets;
};

/* One way to send, with one size of packets. */
struct run {
    const char *engine;
    enum spead_send_path path;
    uint32_t packet_bytes;
    const char *fault;
};

static uint8_t data[DATA_MAX];
static struct spead_send_stream *stream;
static struct spead_send_stats stats;
static int sink;

/* ---- Sending ------------------------------------------------------------------------------- */

static void open_sink(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int room = 64 << 20;

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(sink, (const struct sockaddr *)&here, sizeof here), 0, "%s", strerror(errno));
    if (setsockopt(sink, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
        setsockopt(sink, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

static void open_stream(const struct run *run)
{
    static const char *const endpoint[] = {"127.0.0.1:17150"};
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_err err;

    config.endpoints = endpoint;
    config.endpoint_count = 1;
    config.engine = run->engine;
    config.send_path = run->path;
    config.packet_bytes_max = run->packet_bytes;
    config.fault = run->fault;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0, "%s", err.text);
}

static void receive_all(struct wire *wire)
{
    static uint8_t packet[65536];
    ssize_t got;

    while ((got = recv(sink, packet, sizeof packet, 0)) >= 0) {
        uint32_t length = (uint32_t)got;

        cr_assert_leq(wire->used + sizeof length + length, WIRE_MAX);
        memcpy(wire->bytes + wire->used, &length, sizeof length);
        memcpy(wire->bytes + wire->used + sizeof length, packet, length);
        wire->used += sizeof length + length;
        wire->packets++;
    }
}

/* Sends a heap and takes its datagrams. On loopback they have arrived when the send returns. */
static void send_heap(const struct spead_send_heap *heap, struct wire *wire)
{
    const uint64_t deadline = speadi_clock_mono_ns() + 20000000000u;

    cr_assert_eq(spead_send_stream_submit(stream, heap, NULL), 0);
    do {
        cr_assert_geq(spead_send_stream_poll(stream), 0);
        receive_all(wire);
        spead_send_stream_stats(stream, &stats);
        cr_assert_lt(speadi_clock_mono_ns(), deadline);
    } while (stats.heaps_pending > 0);
}

/* ---- Heaps --------------------------------------------------------------------------------- */

/* Makes a heap of `count` items, whose lengths are those of the list, in turn. Every third item is immediate if `mixed`
 * is true. */
static struct spead_send_heap *make_heap(uint8_t address_bits, unsigned count,
                                         const size_t *lengths, unsigned length_count, bool mixed)
{
    struct spead_flavour flavour = {address_bits};
    struct spead_send_heap *heap;
    size_t at = 0;

    cr_assert_eq(spead_send_heap_create(&heap, flavour), 0);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t id = 0x20 + i % (spead_flavour_id_max(flavour) - 0x20);
        const size_t length = lengths[i % length_count];
        int ret;

        if (mixed && i % 3 == 1)
            ret = spead_send_heap_add_immediate(heap, id, i % 256);
        else
            ret = spead_send_heap_add_item(heap, id, data + at, length, false);
        cr_assert_geq(ret, 0, "item %u: %d", i, ret);
        at += length + 1; /* the pieces of payload do not touch each other */
        cr_assert_leq(at, DATA_MAX);
    }
    return heap;
}

/* The heaps of a run: empty, of few and of many items, of odd pieces, of pieces that cross packets, and with so many
 * item pointers that they spill into later packets. */
static void send_heaps(struct wire *wire)
{
    static const struct {
        unsigned items;
        size_t lengths[6];
        unsigned length_count;
        bool mixed;
    } shapes[] = {
        {0, {0}, 1, false},
        {1, {0}, 1, false},
        {1, {1}, 1, false},
        {1, {200}, 1, false},
        {7, {0, 1, 3, 7, 8, 9}, 6, true},
        {40, {1, 0, 1471, 13, 333, 1024}, 6, false},
        {90, {5, 11, 64, 1}, 4, true},
        {3, {60, 17, 9000}, 3, true},
    };
    static const uint8_t bits[] = {8, 16, 24, 32, 40, 48, 56};

    for (unsigned b = 0; b < sizeof bits; b++)
        for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            struct spead_send_heap *heap;
            /* eight bits of address express heaps of up to 255 bytes */
            if (bits[b] < 24 && i > 4 && !(bits[b] == 16 && i == 6))
                continue;
            heap = make_heap(bits[b], shapes[i].items, shapes[i].lengths, shapes[i].length_count,
                             shapes[i].mixed);
            send_heap(heap, wire);
            spead_send_heap_destroy(heap);
        }
}

/* Sends the heaps of all shapes in the same order. */
static void run_all(const struct run *run, struct wire *wire)
{
    static const size_t tiny[] = {2, 1, 3}, large[] = {300001};
    struct spead_send_heap *heap;

    *wire = (struct wire){.bytes = malloc(WIRE_MAX)};
    stats = (struct spead_send_stats)SPEAD_SEND_STATS_INIT;
    open_stream(run);
    send_heaps(wire);
    heap = make_heap(48, ITEMS_MAX, tiny, 3, false);
    send_heap(heap, wire);
    spead_send_heap_destroy(heap);
    heap = make_heap(40, 2, large, 1, false);
    send_heap(heap, wire);
    spead_send_heap_destroy(heap);
    spead_send_stream_stop(stream);
    while (spead_send_stream_poll(stream) >= 0)
        ;
    receive_all(wire);
    spead_send_stream_stats(stream, &stats);
    spead_send_stream_destroy(stream);
}

static void expect_same(const struct wire *wire, const struct wire *expected, const struct run *run)
{
    cr_assert_eq(wire->packets, expected->packets, "%s, path %d, packets of %u: %u packets, not %u",
                 run->engine, run->path, run->packet_bytes, wire->packets, expected->packets);
    cr_assert(wire->used == expected->used && memcmp(wire->bytes, expected->bytes, wire->used) == 0,
              "%s, path %d, packets of %u: other bytes", run->engine, run->path, run->packet_bytes);
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void set_up(void)
{
    const char *reason;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 0x9e3779b97f4a7c15u >> 24);
    open_sink();
}

TestSuite(send_paths, .init = set_up);

static const uint32_t sizes[] = {64, 1472, 8972, 65507};

TEST_FOR_EACH_SENDER(send_paths, the_bytes_on_the_wire_are_the_same)
{
    if (spead_send_engine_usable(sender->engine, NULL) < 0)
        cr_skip_test("engine %s cannot run here", sender->engine);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct run by_reference = {"socket", SPEAD_SEND_PATH_REFERENCE, sizes[i], NULL};
        struct run run = {sender->engine, sender->path, sizes[i], NULL};
        struct wire expected, wire;

        run_all(&by_reference, &expected);
        cr_expect_eq(stats.counters.gathered_packets, 0);
        cr_expect_eq(stats.counters.referenced_packets, expected.packets);
        run_all(&run, &wire);
        expect_same(&wire, &expected, &run);
        cr_expect_eq(stats.counters.gathered_packets + stats.counters.referenced_packets,
                     wire.packets, "each packet took one of the ways");
        if (sender->path == SPEAD_SEND_PATH_GATHER)
            cr_expect_eq(stats.counters.gathered_packets, wire.packets, "packets of %u", sizes[i]);
        if (sender->path == SPEAD_SEND_PATH_AUTO) {
            cr_expect_gt(stats.counters.gathered_packets, 0, "the packets of short pieces");
            /* packets that the packetiser has made one piece of follow each other in memory */
            cr_expect((stats.counters.referenced_packets > 0) == (sizes[i] > 64), "packets of %u",
                      sizes[i]);
        }
        if (sender->path == SPEAD_SEND_PATH_REFERENCE)
            cr_expect_eq(stats.counters.gathered_packets, 0);
        free(expected.bytes);
        free(wire.bytes);
    }
}

/* The decorator copies packets, so their iovecs do not lie in one array. It loses the same packets in each run, because
 * its dice has a seed. */
TEST_FOR_EACH_SENDER(send_paths, the_bytes_behind_the_fault_decorator_are_the_same)
{
    static const char fault[] = "loss=0.1,dup=0.1,flip=0.05,seed=7";
    struct run by_reference = {"socket", SPEAD_SEND_PATH_REFERENCE, 1472, fault};
    struct run run = {sender->engine, sender->path, 1472, fault};
    struct wire expected, wire;

    if (spead_send_engine_usable(sender->engine, NULL) < 0)
        cr_skip_test("engine %s cannot run here", sender->engine);
    run_all(&by_reference, &expected);
    run_all(&run, &wire);
    expect_same(&wire, &expected, &run);
    free(expected.bytes);
    free(wire.bytes);
}
