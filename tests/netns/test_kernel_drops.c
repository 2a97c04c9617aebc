/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream says why the kernel dropped datagrams of the stream: each reason has its own counter. It also says how
 * many datagrams were still unread when the stream ended.
 * Method: the test makes a network. A raw socket sends wrong checksums, and some buffers are too small. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadline/recv.h>

#include <speadi/clock.h>

#include "each_engine.h"
#include "netns.h"
#include "packet_builder.h"

enum { PORT = 7148, PAYLOAD = 1000, PACKETS = 8 };

#define FOR_EACH_ENGINE(test) TEST_FOR_EACH_ENGINE(kernel_drops, test, TEST_RECEIVES)

/* The two addresses of the loopback interface. */
static const char *const endpoints[] = {"127.0.0.1:7148", "[::1]:7148"};

static struct spead_err err;
static struct spead_recv_stats stats;

static struct spead_recv_stream_config config_of(const char *engine, const char *const *endpoint)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    config.endpoints = endpoint;
    config.endpoint_count = 1;
    config.engine = engine;
    config.heap_bytes_max = 64u << 10;
    config.allow_out_of_order = true;
    config.deliver_incomplete = true;
    config.stop_drain_ns = 30000000000u; /* what has come is read, however slowly */
    return config;
}

static struct spead_recv_stream *open_stream(const struct spead_recv_stream_config *config)
{
    struct spead_recv_stream *stream;

    cr_assert_eq(spead_recv_stream_create(&stream, config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
    return stream;
}

static void enter(void)
{
    const char *reason;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
}

static const struct spead_recv_counters *counters(const struct spead_recv_stream *stream)
{
    stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(stream, &stats);
    return &stats.counters;
}

/* Sends a packet of heap 1 to the endpoint. The heap has PACKETS packets. */
static void send_packet(const char *endpoint, unsigned index)
{
    static struct test_packet packet;
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_v6 = endpoint[0] == '[';
    const struct sockaddr *to = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    test_packet_data(&packet, 40, 1, PACKETS * PAYLOAD, index * PAYLOAD, NULL, PAYLOAD);
    cr_assert_eq(sendto(fd, packet.bytes, packet.length, 0, to, is_v6 ? sizeof v6 : sizeof v4),
                 (ssize_t)packet.length, "%s", strerror(errno));
    close(fd);
}

/* Sends a datagram with a wrong checksum to the endpoint. */
static void send_damaged(const char *endpoint)
{
    struct {
        struct udphdr udp;
        char payload[100];
    } datagram = {.udp = {.source = htons(5000),
                          .dest = htons(PORT),
                          .len = htons(sizeof datagram),
                          .check = htons(0x1234)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_v6 = endpoint[0] == '[';
    const struct sockaddr *to = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    int fd = socket(to->sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);

    if (is_v6) /* otherwise the kernel would write the right checksum */
        cr_assert_eq(setsockopt(fd, SOL_RAW, IPV6_CHECKSUM, &(int){-1}, sizeof(int)), 0, "%s",
                     strerror(errno));
    cr_assert_eq(sendto(fd, &datagram, sizeof datagram, 0, to, is_v6 ? sizeof v6 : sizeof v4),
                 (ssize_t)sizeof datagram, "%s", strerror(errno));
    close(fd);
}

/* Polls until the kernel has dropped `drops` datagrams of the stream. */
static void poll_until_dropped(struct spead_recv_stream *stream, uint64_t drops)
{
    uint64_t deadline = speadi_clock_mono_ns() + 10000000000u;

    while (counters(stream)->kernel_drops < drops) {
        cr_assert_lt(speadi_clock_mono_ns(), deadline, "no drop was counted");
        cr_assert_geq(spead_recv_stream_poll(stream), 0);
        spead_recv_stream_wait(stream, speadi_clock_mono_ns() + 2000000u);
    }
}

static void end(struct spead_recv_stream *stream)
{
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        ;
    counters(stream);
}

FOR_EACH_ENGINE(a_wrong_checksum_is_told_from_a_full_buffer)
{
    enter();
    for (size_t i = 0; i < 2; i++) {
        struct spead_recv_stream_config config = config_of(*engine, &endpoints[i]);
        struct spead_recv_stream *stream = open_stream(&config);
        struct spead_heap *heap;
        struct spead_gap gap;

        send_packet(endpoints[i], 0);
        cr_assert_geq(spead_recv_stream_poll(stream), 0);
        send_damaged(endpoints[i]);
        poll_until_dropped(stream, 1);
        end(stream);
        cr_expect_eq(stats.counters.checksum_drops, 1, "%s", endpoints[i]);
        cr_expect_eq(stats.counters.buffer_drops, 0);
        cr_expect_eq(stats.counters.filtered_drops, 0);
        cr_expect_eq(stats.counters.kernel_drops, 1);
        cr_expect_eq(stats.counters.gaps_with_checksum_drops, 1);
        cr_expect_eq(stats.counters.gaps_with_local_drops, 0);
        cr_assert_eq(spead_recv_stream_try_take(stream, &heap), 0);
        cr_expect_eq(spead_heap_gaps(heap, &gap, 1), 1);
        cr_expect_eq(gap.cause, SPEAD_GAP_CHECKSUM);
        spead_heap_unref(heap);
        spead_recv_stream_destroy(stream);
    }
}

FOR_EACH_ENGINE(a_full_buffer_is_told_from_a_wrong_checksum)
{
    enter();
    for (size_t i = 0; i < 2; i++) {
        struct spead_recv_stream_config config = config_of(*engine, &endpoints[i]);
        struct spead_recv_stream *stream;

        config.socket_buffer_bytes = 8192;
        stream = open_stream(&config);
        for (unsigned sent = 0; sent < 200; sent++)
            send_packet(endpoints[i], sent % PACKETS);
        end(stream);
        cr_expect_gt(stats.counters.kernel_drops, 0, "%s", endpoints[i]);
        cr_expect_eq(stats.counters.buffer_drops, stats.counters.kernel_drops);
        cr_expect_eq(stats.counters.checksum_drops, 0);
        cr_expect_eq(stats.total.seen.packets + stats.counters.kernel_drops, 200);
        spead_recv_stream_destroy(stream);
    }
}

/* If a socket has a filter, the kernel checks the checksum of a datagram before it runs the filter. */
FOR_EACH_ENGINE(what_a_filter_refuses_is_no_loss)
{
    enter();
    for (size_t i = 0; i < 2; i++) {
        struct spead_recv_stream_config config = config_of(*engine, &endpoints[i]);
        struct spead_recv_stream *stream;
        struct spead_heap *heap;

        config.sender = i == 0 ? "127.0.0.1:5000" : "[::1]:5000";
        stream = open_stream(&config);
        send_packet(endpoints[i], 0); /* from another port */
        send_damaged(endpoints[i]);
        end(stream);
        cr_expect_eq(stats.counters.filtered_drops, 1, "%s", endpoints[i]);
        cr_expect_eq(stats.counters.checksum_drops, 1);
        cr_expect_eq(stats.counters.kernel_drops, 2);
        cr_expect_eq(spead_recv_stream_try_take(stream, &heap), -ESHUTDOWN);
        spead_recv_stream_destroy(stream);
    }
}

/* ---- What is left at the end ---------------------------------------------------------------- */

static size_t packet_bytes(void)
{
    static struct test_packet packet;

    test_packet_data(&packet, 40, 1, PACKETS * PAYLOAD, 0, NULL, PAYLOAD);
    return packet.length;
}

FOR_EACH_ENGINE(what_is_left_in_the_socket_is_counted)
{
    struct spead_recv_stream_config config = config_of(*engine, endpoints);
    struct spead_recv_stream *stream;

    enter();
    stream = open_stream(&config);
    for (unsigned sent = 0; sent < 500; sent++)
        send_packet(endpoints[0], sent % PACKETS);
    spead_recv_stream_stop(stream);
    end(stream); /* this is the second stop, so the stream ends immediately */
    cr_expect_eq(stats.total.seen.packets + stats.counters.undrained_packets, 500);
    cr_expect_gt(stats.counters.undrained_packets, 0);
    cr_expect_eq(stats.counters.undrained_bytes, stats.counters.undrained_packets * packet_bytes());
    cr_expect_eq(stats.counters.undrained_memory_bytes, 0);
    spead_recv_stream_destroy(stream);
}

/* After a second stop, the stream counts only about a thousand of the unread packets. For all others together it says
 * how much memory they take. */
FOR_EACH_ENGINE(what_is_not_counted_is_told_by_its_memory)
{
    struct spead_recv_stream_config config = config_of(*engine, endpoints);
    struct spead_recv_stream *stream;

    enter();
    config.socket_buffer_bytes = 32u << 20;
    stream = open_stream(&config);
    for (unsigned sent = 0; sent < 3000; sent++)
        send_packet(endpoints[0], sent % PACKETS);
    spead_recv_stream_stop(stream);
    end(stream);
    cr_expect_gt(stats.counters.undrained_packets, 0);
    cr_expect_lt(stats.counters.undrained_packets, 3000);
    cr_expect_gt(stats.counters.undrained_memory_bytes,
                 (3000 - stats.counters.undrained_packets) * packet_bytes());
    spead_recv_stream_destroy(stream);
}

FOR_EACH_ENGINE(a_stream_that_was_read_to_its_end_has_left_nothing)
{
    struct spead_recv_stream_config config = config_of(*engine, endpoints);
    struct spead_recv_stream *stream;

    enter();
    stream = open_stream(&config);
    for (unsigned sent = 0; sent < PACKETS; sent++)
        send_packet(endpoints[0], sent);
    end(stream);
    cr_expect_eq(stats.total.seen.packets, PACKETS);
    cr_expect_eq(stats.counters.undrained_packets, 0);
    cr_expect_eq(stats.counters.undrained_memory_bytes, 0);
    spead_recv_stream_destroy(stream);
}
