/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a sender says of each packet what has become of it: dropped by a queue of this host, refused by the route, or
 * answered by an ICMP message. It says which packets the route cuts into fragments. It goes on when its link was down.
 * Method: the test makes two hosts on one cable, and a queue of `tc` at the near end. The far end counts what
 * arrives. */
#include <arpa/inet.h>
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
#include "must.h"
#include "netns.h"

enum { HEAP_BYTES = 60000, HEAPS_MAX = 16 };

#define FOR_EACH_ENGINE(test) TEST_FOR_EACH_ENGINE(send_trouble_routes, test, TEST_SENDS)

static struct test_netns_pair hosts;
static struct spead_send_stream *stream;
static struct spead_send_heap *heap;
static uint8_t payload[HEAP_BYTES];
static char lines[4000];

static void keep_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg, (void)level;
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s\n", line);
}

static void make_hosts(unsigned mtu)
{
    const char *reason;

    if (!test_netns_pair(&hosts, mtu, &reason))
        cr_skip_test("%s", reason);
}

static int run(const char *command)
{
    char line[200];

    snprintf(line, sizeof line, "PATH=$PATH:/usr/sbin:/sbin %s", command);
    return system(line);
}

static void must_run(const char *command)
{
    cr_assert_eq(run(command), 0, "%s", command);
}

/* Puts a queue in front of the cable. Skips the test if this kernel or iproute2 cannot make it. */
static void make_queue(const char *queue)
{
    char command[160];

    snprintf(command, sizeof command, "tc qdisc replace dev " TEST_NEAR_INTERFACE " root %s",
             queue);
    if (run(command) != 0)
        cr_skip_test("no queue \"%s\": tc (iproute2) or sch_%.3s is missing", queue, queue);
}

static int far_sink(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int room = 64 << 20, fd;

    test_netns_move(hosts.far);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    inet_pton(AF_INET, TEST_FAR_V4, &address.sin_addr);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    test_netns_move(hosts.near);
    return fd;
}

/* Counts the datagrams that arrive until none has come for 200 ms. */
static uint64_t count_arrived(int fd)
{
    uint8_t byte;
    uint64_t arrived = 0;
    unsigned silent = 0;

    while (silent < 20) {
        if (recv(fd, &byte, 1, 0) >= 0) {
            arrived++;
            silent = 0;
        } else {
            silent++;
            usleep(10000);
        }
    }
    close(fd);
    return arrived;
}

static void open_stream(struct spead_send_stream_config *config, const char *engine)
{
    struct spead_err err = {0};
    int ret;

    lines[0] = '\0';
    config->engine = engine;
    config->heaps_max = HEAPS_MAX;
    config->log.fn = keep_line;
    ret = spead_send_stream_create(&stream, config, &err);
    if (ret == -ENOTSUP || ret == -ENOSYS)
        cr_skip_test("engine %s cannot run here: %s", engine, err.text);
    cr_assert_eq(ret, 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0, "%s", err.text);
    MUST(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "no heap");
    MUST(spead_send_heap_add_item(heap, 0x1000, payload, sizeof payload, false) >= 0, "no item");
}

static void close_stream(void)
{
    spead_send_stream_destroy(stream);
    spead_send_heap_destroy(heap);
}

static struct spead_send_stats stats_now(void)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;

    spead_send_stream_stats(stream, &stats);
    return stats;
}

static void count_done(void *arg, const struct spead_send_result *result)
{
    (void)result;
    (*(unsigned *)arg)++;
}

/* Sends `heaps` heaps, to the destinations in turn, and waits until all of them have completed. */
static void send_heaps(unsigned heaps, uint32_t destinations)
{
    struct spead_send_options options = SPEAD_SEND_OPTIONS_INIT;
    unsigned submitted = 0, done = 0;

    options.done = count_done;
    options.done_arg = &done;
    while (done < heaps) {
        options.destination = submitted % destinations;
        if (submitted < heaps && spead_send_stream_submit(stream, heap, &options) == 0) {
            submitted++;
            continue;
        }
        cr_assert_geq(spead_send_stream_poll(stream), 0);
        spead_send_stream_wait(stream, speadi_clock_mono_ns() + 1000000);
    }
}

static uint64_t packets_in(enum spead_send_bucket bucket)
{
    return stats_now().bucket[bucket].packets;
}

static void end_stream(void)
{
    int ret;

    spead_send_stream_stop(stream);
    do
        ret = spead_send_stream_poll(stream);
    while (ret >= 0);
    cr_expect_eq(ret, -ESHUTDOWN);
}

/* ---- Drops of this host ----------------------------------------------------------------------- */

/* With the small value of `burst`, tbf cuts trains and drops a part of each. */
static const char *const queues[] = {"tbf rate 100mbit burst 32kb limit 50kb",
                                     "tbf rate 100mbit burst 2kb limit 50kb"};

FOR_EACH_ENGINE(what_a_full_queue_of_this_host_drops_is_not_counted_as_sent)
{
    for (unsigned i = 0; i < 2; i++) {
        struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
        const char *endpoint = TEST_FAR_V4 ":17150";
        int sink;

        make_hosts(1500);
        make_queue(queues[i]);
        sink = far_sink(17150);
        config.endpoints = &endpoint;
        config.endpoint_count = 1;
        open_stream(&config, *engine);
        send_heaps(200, 1);
        end_stream();
        cr_expect_gt(packets_in(SPEAD_SEND_DROPPED_LOCAL), 0, "%s, %s", *engine, queues[i]);
        cr_expect_eq(count_arrived(sink), packets_in(SPEAD_SEND_SENT), "%s, %s", *engine,
                     queues[i]);
        cr_expect_lt(packets_in(SPEAD_SEND_DROPPED_LOCAL), packets_in(SPEAD_SEND_SENT) / 5,
                     "%s, %s: the stream did not slow down", *engine, queues[i]);
        cr_expect_gt(stats_now().counters.slow_downs, 0);
        cr_expect_eq(packets_in(SPEAD_SEND_FAILED) + packets_in(SPEAD_SEND_UNREACHABLE), 0);
        close_stream();
    }
}

/* Nobody listens at the second destination, so that ICMP messages come back while the queue drops. */
FOR_EACH_ENGINE(drops_of_this_host_and_icmp_messages_at_once_are_told_apart)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    const char *endpoints[] = {TEST_FAR_V4 ":17150", TEST_FAR_V4 ":17151"};
    struct spead_send_stats stats;
    uint64_t arrived;
    int sink;

    make_hosts(1500);
    make_queue(queues[0]);
    sink = far_sink(17150);
    config.endpoints = endpoints;
    config.endpoint_count = 2;
    open_stream(&config, *engine);
    send_heaps(200, 2);
    end_stream();
    stats = stats_now();
    arrived = count_arrived(sink);
    cr_expect_gt(stats.bucket[SPEAD_SEND_DROPPED_LOCAL].packets, 0, "%s", *engine);
    cr_expect_gt(stats.counters.icmp_unreachable, 0, "%s", *engine);
    cr_expect_eq(stats.bucket[SPEAD_SEND_FAILED].packets, 0, "%s: %s", *engine, lines);
    cr_expect_eq(stats.bucket[SPEAD_SEND_UNREACHABLE].packets, 0, "%s: %s", *engine, lines);
    cr_expect_eq(stats.submitted.packets, stats.bucket[SPEAD_SEND_SENT].packets +
                                              stats.bucket[SPEAD_SEND_DROPPED_LOCAL].packets);
    cr_expect_gt(arrived, 0);
    cr_expect_lt(arrived, stats.bucket[SPEAD_SEND_SENT].packets);
    close_stream();
}

/* ---- Errors that pass ------------------------------------------------------------------------- */

static void link_is(bool up)
{
    must_run(up ? "ip link set " TEST_NEAR_INTERFACE " up"
                : "ip link set " TEST_NEAR_INTERFACE " down");
    if (!up)
        return;
    must_run("ip address replace " TEST_NEAR_V6 "/64 dev " TEST_NEAR_INTERFACE " nodad");
    must_run("ip route replace 224.0.0.0/4 dev " TEST_NEAR_INTERFACE);
}

FOR_EACH_ENGINE(a_sender_whose_link_was_down_goes_on)
{
    static const char *const endpoints[] = {TEST_FAR_V4 ":17150", "[" TEST_FAR_V6 "]:17150",
                                            "239.77.1.1:17150"};

    for (unsigned i = 0; i < 3; i++) {
        struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
        uint64_t refused;

        make_hosts(1500);
        config.endpoints = &endpoints[i];
        config.endpoint_count = 1;
        open_stream(&config, *engine);
        send_heaps(2, 1);
        cr_expect_eq(packets_in(SPEAD_SEND_UNREACHABLE), 0);
        link_is(false);
        send_heaps(2, 1);
        refused = packets_in(SPEAD_SEND_UNREACHABLE);
        cr_expect_gt(refused, 40, "%s, %s: %zu", *engine, endpoints[i], (size_t)refused);
        link_is(true);
        send_heaps(4, 1);
        cr_expect_eq(packets_in(SPEAD_SEND_UNREACHABLE), refused, "%s, %s", *engine, endpoints[i]);
        cr_expect_eq(packets_in(SPEAD_SEND_FAILED), 0);
        cr_expect_eq(stats_now().counters.heaps_unreachable, 2);
        cr_expect_not_null(strstr(lines, "unreachable"), "%s", lines);
        end_stream();
        close_stream();
    }
}

/* ---- Fragments -------------------------------------------------------------------------------- */

static const struct {
    const char *endpoint;
    uint32_t fits; /* the largest packet that an MTU of 1500 bytes takes */
} ways[] = {
    {TEST_FAR_V4 ":17150", 1472},
    {"[" TEST_FAR_V6 "]:17150", 1448},
    {"239.77.1.1:17150", 1472},
    {"[ff15::77]:17150", 1448},
};

enum { WAYS = sizeof ways / sizeof *ways };

static void open_towards(unsigned way, uint32_t packet_bytes, const char *engine)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    config.endpoints = &ways[way].endpoint;
    config.endpoint_count = 1;
    config.interface = TEST_NEAR_INTERFACE;
    config.packet_bytes_max = packet_bytes;
    open_stream(&config, engine);
}

static void expect_fits(unsigned way, unsigned mtu, uint32_t fits)
{
    char text[100];

    snprintf(text, sizeof text, "%s: packets of", ways[way].endpoint);
    cr_expect_not_null(strstr(lines, text), "%s: no warning in \"%s\"", text, lines);
    snprintf(text, sizeof text, "MTU of %u bytes", mtu);
    cr_expect_not_null(strstr(lines, text), "no %s in \"%s\"", text, lines);
    snprintf(text, sizeof text, "--packet %u)", fits);
    cr_expect_not_null(strstr(lines, text), "no %s in \"%s\"", text, lines);
}

FOR_EACH_ENGINE(packets_longer_than_the_mtu_are_named_before_the_start)
{
    make_hosts(1500);
    for (unsigned way = 0; way < WAYS; way++) {
        open_towards(way, ways[way].fits, *engine);
        cr_expect_str_eq(lines, "", "%s: %s", *engine, lines);
        close_stream();
        open_towards(way, ways[way].fits + 8, *engine);
        expect_fits(way, 1500, ways[way].fits);
        close_stream();
    }
}

/* The packets go in trains. The kernel refuses a train when the segments of the train are longer than the MTU. */
FOR_EACH_ENGINE(a_route_whose_mtu_shrinks_later_is_named_then)
{
    make_hosts(1500);
    open_towards(0, 1472, *engine);
    send_heaps(1, 1);
    cr_expect_str_eq(lines, "", "%s: %s", *engine, lines);
    must_run("ip link set " TEST_NEAR_INTERFACE " mtu 1400");
    send_heaps(2, 1);
    expect_fits(0, 1400, 1368);
    cr_expect_eq(packets_in(SPEAD_SEND_SENT), stats_now().submitted.packets,
                 "they go in fragments");
    end_stream();
    close_stream();
}
