/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an endpoint receives what arrives at its own interface and for its own group, and nothing else. This holds with
 * each engine that reads sockets. Two endpoints that cannot both receive are refused by one sentence.
 * Method: the near host has the interfaces lo and near0. Datagrams that must not be received are sent before one that
 * must be received. So the test need not wait to see that none comes. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/udp.h>
#include <speadline/recv.h>

#include "each_engine.h"
#include "netns.h"

#define FOR_EACH_ENGINE(test) TEST_FOR_EACH_ENGINE(interfaces, test, TEST_RECEIVES)

static struct test_netns_pair hosts;
static struct spead_recv_stream *stream;
static struct spead_err err;

static void make_hosts(void)
{
    const char *reason;

    if (!test_netns_pair(&hosts, 1500, &reason))
        cr_skip_test("%s", reason);
    cr_assert_eq(system("PATH=$PATH:/usr/sbin:/sbin ip route add local ff00::/8 dev lo metric 4096 "
                        "table local"),
                 0);
}

static int create(const char *engine, const char *interface, const char *const *endpoints)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    while (endpoints[config.endpoint_count])
        config.endpoint_count++;
    config.endpoints = endpoints;
    config.engine = engine;
    config.interface = interface;
    config.socket_buffer_bytes = 256u << 10;
    config.heap_bytes_max = 64u << 10;
    return spead_recv_stream_create(&stream, &config, &err);
}

/* Opens a stream that reads two endpoints; `second` may be NULL. */
static void open_stream(const char *engine, const char *interface, const char *first,
                        const char *second)
{
    const char *endpoints[] = {first, second, NULL};

    cr_assert_eq(create(engine, interface, endpoints), 0, "%s: %s", engine, err.text);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
}

static uint64_t seen(uint32_t source)
{
    struct spead_recv_ledger ledger;

    cr_assert_eq(spead_recv_stream_source_stats(stream, source, &ledger, NULL), 0);
    return ledger.seen.packets;
}

/* Polls until the source has received this number of packets, and expects that it has received no more. */
static void expect_seen(uint32_t source, uint64_t count)
{
    uint64_t deadline = speadi_clock_mono_ns() + 5000000000u;

    while (seen(source) < count && speadi_clock_mono_ns() < deadline) {
        cr_assert_geq(spead_recv_stream_poll(stream), 0);
        spead_recv_stream_wait(stream, speadi_clock_mono_ns() + 10000000u);
    }
    cr_assert_eq(seen(source), count, "endpoint %u received %llu packets, not %llu", source,
                 (unsigned long long)seen(source), (unsigned long long)count);
}

/* Sends a datagram on one of the hosts, by the interface of this name. */
static void send_by(int host, const char *interface, const char *to)
{
    struct speadi_udp_send_options options = {.ttl = 1};
    struct speadi_interface by;
    struct speadi_address address;
    struct speadi_udp_socket out;

    test_netns_move(host);
    cr_assert_eq(speadi_interface_find(&by, interface, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_address_parse(&address, to, SPEADI_ADDRESS_SEND, &err), 0, "%s", err.text);
    options.interface = &by;
    cr_assert_eq(speadi_udp_open_send(&out, &address, &options, &err), 0, "%s", err.text);
    cr_assert_eq(send(out.fd, "?", 1, 0), 1, "%s: %s", to, strerror(errno));
    speadi_udp_close(&out);
    test_netns_move(hosts.near);
}

/* Joins a group on an interface of the near host, as another program would. */
static int another_program(const char *group, const char *interface)
{
    struct speadi_udp_receive_options options = {.buffer_bytes = 100000};
    struct speadi_interface on;
    struct speadi_address address;
    struct speadi_udp_socket in;

    cr_assert_eq(speadi_interface_find(&on, interface, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_address_parse(&address, group, SPEADI_ADDRESS_RECEIVE, &err), 0);
    options.interface = &on;
    cr_assert_eq(speadi_udp_open_receive(&in, &address, &options, &err), 0, "%s", err.text);
    return in.fd;
}

/* The group arrives at lo, too, because another program has joined it there. */
static void expect_one_interface(const char *engine, const char *endpoint, const char *interface,
                                 const char *group)
{
    int other;

    make_hosts();
    other = another_program(group, "lo");
    open_stream(engine, interface, endpoint, NULL);
    send_by(hosts.near, "lo", group);
    send_by(hosts.far, TEST_FAR_INTERFACE, group);
    expect_seen(0, 1);
    spead_recv_stream_destroy(stream);
    close(other);
}

FOR_EACH_ENGINE(a_group_of_ipv4_is_heard_from_the_named_interface_only)
{
    expect_one_interface(*engine, "239.1.2.3:17148", TEST_NEAR_INTERFACE, "239.1.2.3:17148");
}

FOR_EACH_ENGINE(a_group_of_ipv6_is_heard_from_the_named_interface_only)
{
    expect_one_interface(*engine, "[ff15::7]:17148", TEST_NEAR_INTERFACE, "[ff15::7]:17148");
}

FOR_EACH_ENGINE(a_group_of_ipv6_is_heard_from_the_interface_of_the_named_address_only)
{
    expect_one_interface(*engine, "[ff15::7]:17148", TEST_NEAR_V6, "[ff15::7]:17148");
}

FOR_EACH_ENGINE(a_group_of_ipv6_is_heard_from_the_interface_of_the_endpoint_only)
{
    expect_one_interface(*engine, "[ff15::7]:17148%" TEST_NEAR_INTERFACE, NULL, "[ff15::7]:17148");
}

/* No interface is named. The kernel joins the group on one interface, and the stream hears only that one. */
FOR_EACH_ENGINE(a_group_of_ipv6_is_heard_from_the_interface_of_its_route_only)
{
    expect_one_interface(*engine, "[ff15::7]:17148", NULL, "[ff15::7]:17148");
}

FOR_EACH_ENGINE(one_group_on_two_interfaces_is_two_endpoints)
{
    static const char *const groups[] = {"239.1.2.3:17148", "[ff15::7]:17148"};

    make_hosts();
    for (int i = 0; i < 2; i++) {
        char on_lo[40], on_near[40];

        snprintf(on_lo, sizeof on_lo, "%s%%lo", groups[i]);
        snprintf(on_near, sizeof on_near, "%s%%" TEST_NEAR_INTERFACE, groups[i]);
        open_stream(*engine, NULL, on_lo, on_near);
        send_by(hosts.near, "lo", groups[i]);
        send_by(hosts.far, TEST_FAR_INTERFACE, groups[i]);
        send_by(hosts.far, TEST_FAR_INTERFACE, groups[i]);
        expect_seen(1, 2);
        expect_seen(0, 1);
        spead_recv_stream_destroy(stream);
    }
}

/* Another program has joined a group. A stream that listens on all addresses of the same port must not receive it. */
static void expect_no_group(const char *engine, const char *endpoint, const char *group,
                            const char *to)
{
    int other;

    make_hosts();
    open_stream(engine, NULL, endpoint, NULL);
    other = socket(group[0] == '[' ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (group[0] == '[') {
        struct ipv6_mreq join = {.ipv6mr_interface = if_nametoindex(TEST_NEAR_INTERFACE)};

        inet_pton(AF_INET6, "ff15::7", &join.ipv6mr_multiaddr);
        cr_assert_eq(setsockopt(other, IPPROTO_IPV6, IPV6_JOIN_GROUP, &join, sizeof join), 0);
    } else {
        struct ip_mreqn join = {.imr_ifindex = (int)if_nametoindex(TEST_NEAR_INTERFACE)};

        inet_pton(AF_INET, "239.1.2.3", &join.imr_multiaddr);
        cr_assert_eq(setsockopt(other, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join), 0);
    }
    send_by(hosts.far, TEST_FAR_INTERFACE, group);
    send_by(hosts.far, TEST_FAR_INTERFACE, to);
    expect_seen(0, 1);
    spead_recv_stream_destroy(stream);
    close(other);
}

FOR_EACH_ENGINE(a_wildcard_hears_no_group_that_another_program_has_joined)
{
    expect_no_group(*engine, ":17148", "239.1.2.3:17148", TEST_NEAR_V4 ":17148");
}

FOR_EACH_ENGINE(a_wildcard_on_an_interface_hears_no_group_of_another_program)
{
    expect_no_group(*engine, ":17148%" TEST_NEAR_INTERFACE, "239.1.2.3:17148",
                    TEST_NEAR_V4 ":17148");
}

FOR_EACH_ENGINE(a_wildcard_of_both_ip_versions_hears_no_group_of_ipv4)
{
    expect_no_group(*engine, "[::]:17148", "239.1.2.3:17148", TEST_NEAR_V4 ":17148");
}

FOR_EACH_ENGINE(a_wildcard_of_both_ip_versions_hears_no_group_of_ipv6)
{
    expect_no_group(*engine, "[::]:17148", "[ff15::7]:17148", "[" TEST_NEAR_V6 "]:17148");
}

/* An IPv4 address in the notation of IPv6 is that IPv4 address. */
FOR_EACH_ENGINE(a_mapped_address_is_an_address_of_ipv4)
{
    make_hosts();
    open_stream(*engine, NULL, "[::ffff:" TEST_NEAR_V4 "]:17148", "[::ffff:239.1.2.3]:17148");
    send_by(hosts.far, TEST_FAR_INTERFACE, "[::ffff:" TEST_NEAR_V4 "]:17148");
    send_by(hosts.far, TEST_FAR_INTERFACE, "[::ffff:239.1.2.3]:17148");
    expect_seen(0, 1);
    expect_seen(1, 1);
    spead_recv_stream_destroy(stream);
}

/* ---- Two endpoints that cannot both receive --------------------------------------------------- */

struct two {
    const char *first, *second;
    const char *says; /* what the refusal says; NULL if the two are accepted */
};

Test(interfaces, two_endpoints_are_refused_if_and_only_if_they_cannot_both_receive)
{
    static const struct two cases[] = {
        {"127.0.0.1:17148", "127.0.0.1:17148", "the same endpoint"},
        {"127.0.0.1:17148", "localhost:17148", "the same endpoint"},
        {"127.0.0.1:17148", "[::ffff:127.0.0.1]:17148", "the same endpoint"},
        {":17148", "0.0.0.0:17148", "the same endpoint"},
        {":17148%" TEST_NEAR_V4, TEST_NEAR_V4 ":17148", "the same endpoint"},
        {"239.1.2.3:17148", "239.1.2.3:17148%" TEST_NEAR_INTERFACE, "the same endpoint"},
        {"239.1.2.3:17148%" TEST_NEAR_V4, "239.1.2.3:17148%" TEST_NEAR_INTERFACE,
         "the same endpoint"},
        {"[ff15::7]:17148%lo", "[ff15::7]:17148%lo", "the same endpoint"},
        {"[ff02::7%lo]:17148", "[ff02::7]:17148%lo", "the same endpoint"},
        {":17148", "127.0.0.1:17148", "takes the port on every address"},
        {":17148", "239.1.2.3:17148", "takes the port on every address"},
        {"[::]:17148", "127.0.0.1:17148", "takes the port on every address"},
        {"[::]:17148", ":17148", "takes the port on every address"},
        {"[::1]:17148", "[::]:17148", "takes the port on every address"},
        {":17148", ":17148%lo", "takes the port on every address or interface"},
        {"127.0.0.1:17148", "127.0.0.1:17148%lo", "takes the port on every address or interface"},
        {":17148%lo", "127.0.0.1:17148", "takes the port on every address"},
        {":17148%lo", ":17148%" TEST_NEAR_INTERFACE, NULL},
        {":17148%" TEST_NEAR_V4, "127.0.0.1:17148", NULL},
        {":17148", "[::1]:17148", NULL},
        {":17148", "127.0.0.1:17149", NULL},
        {TEST_NEAR_V4 ":17148", "239.1.2.3:17148", NULL},
        {"239.1.2.3:17148%lo", "239.1.2.3:17148%" TEST_NEAR_INTERFACE, NULL},
        {"[ff15::7]:17148%lo", "[ff15::7]:17148%" TEST_NEAR_INTERFACE, NULL},
        {"[::]:17148%lo", "[ff15::7]:17148%" TEST_NEAR_INTERFACE, NULL},
    };

    make_hosts();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct two *two = &cases[i];

        for (int turned = 0; turned < 2; turned++) {
            const char *endpoints[] = {turned ? two->second : two->first,
                                       turned ? two->first : two->second, NULL};
            int ret = create("socket", NULL, endpoints);

            if (ret == 0)
                spead_recv_stream_destroy(stream);
            cr_expect_eq(ret, two->says ? -EINVAL : 0, "%s %s: %d %s", endpoints[0], endpoints[1],
                         ret, err.text);
            if (two->says && ret < 0)
                cr_expect(strstr(err.text, two->says) && strstr(err.text, endpoints[0]) &&
                              strstr(err.text, endpoints[1]),
                          "%s", err.text);
        }
    }
}
