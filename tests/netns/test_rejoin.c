/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream receives again after its interface was deleted and made anew, or after its link or its address was
 * away. It counts that, and the log says it. This holds with each engine that reads sockets.
 * Method: the far host sends to the endpoint, before and after the cable was made anew. The test polls and sleeps
 * without a deadline until the stream has counted its rejoins. So the test hangs if the news does not end the sleep. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/udp.h>
#include <speadline/recv.h>

#include "each_engine.h"
#include "netns.h"

#define FOR_EACH_ENGINE(test) TEST_FOR_EACH_ENGINE(rejoin, test, TEST_RECEIVES)

static struct test_netns_pair hosts;
static struct spead_recv_stream *stream;
static struct spead_err err;
static char lines[4000];

static void keep_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg, (void)level;
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s\n", line);
}

static void make_hosts(void)
{
    const char *reason;

    if (!test_netns_pair(&hosts, 1500, &reason))
        cr_skip_test("%s", reason);
}

static void ip(const char *arguments)
{
    char command[200];

    snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin ip %s", arguments);
    cr_assert_eq(system(command), 0, "%s", command);
}

static void make_new_cable(void)
{
    const char *reason;

    cr_assert(test_netns_new_cable(&hosts, 1500, &reason), "%s", reason);
}

static void open_stream(const char *engine, const char *interface, const char *source,
                        const char *const *endpoints, uint32_t count)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    config.endpoints = endpoints;
    config.endpoint_count = count;
    config.engine = engine;
    config.interface = interface;
    config.sender = source;
    config.socket_buffer_bytes = 256u << 10;
    config.heap_bytes_max = 64u << 10;
    config.log = (struct spead_log){.fn = keep_line};
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s: %s", engine, err.text);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
}

/* Ends the stream in order. An io_uring keeps its sockets, and so their ports, while a receive is in flight. */
static void close_stream(void)
{
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        ;
    spead_recv_stream_destroy(stream);
}

static struct spead_recv_stats stats(void)
{
    struct spead_recv_stats now = SPEAD_RECV_STATS_INIT;

    spead_recv_stream_stats(stream, &now);
    return now;
}

/* Runs the stream until it has tied its endpoints again this many times. */
static void await_rejoins(uint64_t count)
{
    while (stats().counters.rejoins < count) {
        cr_assert_geq(spead_recv_stream_poll(stream), 0);
        if (stats().counters.rejoins < count)
            spead_recv_stream_wait(stream, 0);
    }
}

static void expect_seen(uint64_t count)
{
    uint64_t deadline = speadi_clock_mono_ns() + 5000000000u;

    while (stats().total.seen.packets < count && speadi_clock_mono_ns() < deadline) {
        cr_assert_geq(spead_recv_stream_poll(stream), 0);
        spead_recv_stream_wait(stream, speadi_clock_mono_ns() + 10000000u);
    }
    cr_assert_eq(stats().total.seen.packets, count, "%llu packets, not %llu; %s",
                 (unsigned long long)stats().total.seen.packets, (unsigned long long)count, lines);
}

static void send_from_far(const char *to)
{
    struct speadi_udp_send_options options = {.ttl = 1};
    struct speadi_interface by;
    struct speadi_address address;
    struct speadi_udp_socket out;

    test_netns_move(hosts.far);
    cr_assert_eq(speadi_interface_find(&by, TEST_FAR_INTERFACE, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_address_parse(&address, to, SPEADI_ADDRESS_SEND, &err), 0, "%s", err.text);
    options.interface = &by;
    cr_assert_eq(speadi_udp_open_send(&out, &address, &options, &err), 0, "%s", err.text);
    cr_assert_eq(send(out.fd, "?", 1, 0), 1, "%s: %s", to, strerror(errno));
    speadi_udp_close(&out);
    test_netns_move(hosts.near);
}

/* One case: the interface and the source of the stream, its endpoint, and where the far host sends to. */
struct rejoin_case {
    const char *interface, *source, *endpoint, *to;
};

static const struct rejoin_case cases[] = {
    {TEST_NEAR_INTERFACE, NULL, "239.1.2.3:17148", "239.1.2.3:17148"},
    {TEST_NEAR_V4, NULL, "239.1.2.3:17148", "239.1.2.3:17148"},
    {NULL, NULL, "239.1.2.3:17148", "239.1.2.3:17148"},
    {NULL, NULL, "239.1.2.3:17148%" TEST_NEAR_INTERFACE, "239.1.2.3:17148"},
    {TEST_NEAR_INTERFACE, TEST_FAR_V4, "239.1.2.3:17148", "239.1.2.3:17148"},
    {TEST_NEAR_INTERFACE, NULL, "[ff15::7]:17148", "[ff15::7]:17148"},
    {TEST_NEAR_V6, NULL, "[ff15::7]:17148", "[ff15::7]:17148"},
    {TEST_NEAR_INTERFACE, "[" TEST_FAR_V6 "]", "[ff15::7]:17148", "[ff15::7]:17148"},
    {NULL, NULL, "[ff02::77%" TEST_NEAR_INTERFACE "]:17148", "[ff02::77]:17148"},
    {TEST_NEAR_INTERFACE, NULL, ":17148", TEST_NEAR_V4 ":17148"},
    {TEST_NEAR_INTERFACE, NULL, "[::]:17148", "[" TEST_NEAR_V6 "]:17148"},
    {TEST_NEAR_INTERFACE, NULL, TEST_NEAR_V4 ":17148", TEST_NEAR_V4 ":17148"},
    {TEST_NEAR_INTERFACE, TEST_FAR_V4, ":17148", TEST_NEAR_V4 ":17148"},
    {NULL, NULL, "[" TEST_NEAR_LINK "%" TEST_NEAR_INTERFACE "]:17148",
     "[" TEST_NEAR_LINK "%" TEST_FAR_INTERFACE "]:17148"},
};

static void expect_again(const char *engine, const struct rejoin_case *c)
{
    lines[0] = '\0';
    open_stream(engine, c->interface, c->source, &c->endpoint, 1);
    send_from_far(c->to);
    expect_seen(1);
    make_new_cable();
    await_rejoins(1);
    send_from_far(c->to);
    expect_seen(2);
    cr_expect_eq(stats().counters.link_downs, 1, "%s", lines);
    cr_expect(strstr(lines, "interface near0 ") && strstr(lines, "packets are lost until") &&
                  strstr(lines, "interface near0 is back: 1 endpoints use it again"),
              "%s", lines);
    close_stream();
}

FOR_EACH_ENGINE(an_interface_that_was_made_anew_is_heard_again)
{
    make_hosts();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_again(*engine, &cases[i]);
}

/* A switch can forget the groups of a port whose link was down. So the groups must be joined again. */
FOR_EACH_ENGINE(a_link_that_comes_back_joins_the_group_again)
{
    make_hosts();
    open_stream(*engine, TEST_NEAR_INTERFACE, NULL, &cases[0].endpoint, 1);
    test_netns_move(hosts.far);
    ip("link set " TEST_FAR_INTERFACE " down");
    ip("link set " TEST_FAR_INTERFACE " up");
    ip("route add 224.0.0.0/4 dev " TEST_FAR_INTERFACE);
    test_netns_move(hosts.near);
    await_rejoins(1);
    send_from_far(cases[0].to);
    expect_seen(1);
    cr_expect_eq(stats().counters.link_downs, 1, "%s", lines);
    close_stream();
}

/* The report that told the switch of the group had no source address, because the interface had none. */
FOR_EACH_ENGINE(an_address_that_comes_back_joins_the_group_again)
{
    make_hosts();
    open_stream(*engine, TEST_NEAR_INTERFACE, NULL, &cases[0].endpoint, 1);
    ip("addr del " TEST_NEAR_V4 "/24 dev " TEST_NEAR_INTERFACE);
    ip("addr add " TEST_NEAR_V4 "/24 dev " TEST_NEAR_INTERFACE);
    await_rejoins(1);
    send_from_far(cases[0].to);
    expect_seen(1);
    close_stream();
}

/* The address by which the user named the interface moves to another interface, as when a host takes over from another
 * one. */
FOR_EACH_ENGINE(an_address_that_moves_takes_the_group_with_it)
{
    make_hosts();
    open_stream(*engine, TEST_NEAR_V4, NULL, &cases[0].endpoint, 1);
    ip("link add other0 type veth peer name other1");
    ip("link set other0 up");
    ip("link set other1 up");
    ip("addr del " TEST_NEAR_V4 "/24 dev " TEST_NEAR_INTERFACE);
    ip("addr add " TEST_NEAR_V4 "/24 dev other0");
    await_rejoins(1);
    cr_expect_not_null(strstr(lines, "interface other0 is back"), "%s", lines);
    close_stream();
}

/* A program without privileges may bind a socket to an interface once only. */
FOR_EACH_ENGINE(a_program_without_privileges_hears_the_interface_again)
{
    static const unsigned chosen[] = {0, 5, 9};

    make_hosts();
    for (unsigned i = 0; i < 3; i++) {
        const struct rejoin_case *c = &cases[chosen[i]];

        cr_assert_eq(seteuid(65534), 0);
        open_stream(*engine, c->interface, c->source, &c->endpoint, 1);
        cr_assert_eq(seteuid(0), 0);
        make_new_cable();
        cr_assert_eq(seteuid(65534), 0);
        await_rejoins(1);
        cr_assert_eq(seteuid(0), 0);
        prctl(PR_SET_DUMPABLE, 1); /* for LeakSanitizer */
        send_from_far(c->to);
        expect_seen(1);
        close_stream();
    }
}

FOR_EACH_ENGINE(sixty_four_groups_are_joined_again_and_the_log_has_one_line)
{
    static char texts[64][24];
    const char *endpoints[64];

    make_hosts();
    for (unsigned i = 0; i < 64; i++) {
        snprintf(texts[i], sizeof texts[i], "239.1.3.%u:17148", i);
        endpoints[i] = texts[i];
    }
    open_stream(*engine, TEST_NEAR_INTERFACE, NULL, endpoints, 64);
    make_new_cable();
    await_rejoins(64);
    for (unsigned i = 0; i < 64; i++)
        send_from_far(texts[i]);
    expect_seen(64);
    cr_expect_not_null(strstr(lines, "interface near0 is back: 64 endpoints"), "%s", lines);
    close_stream();
}

FOR_EACH_ENGINE(a_group_that_the_kernel_refuses_names_the_setting)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    make_hosts();
    cr_assert_eq(system("echo 0 > /proc/sys/net/ipv4/igmp_max_memberships"), 0);
    config.endpoints = &cases[0].endpoint;
    config.endpoint_count = 1;
    config.engine = *engine;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), -ENOBUFS, "%s", err.text);
    cr_expect_not_null(strstr(err.text, "239.1.2.3:17148: cannot join the group"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "net.ipv4.igmp_max_memberships"), "%s", err.text);
}
