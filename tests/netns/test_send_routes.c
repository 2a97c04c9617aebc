/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a sender does the right thing in cases that need a real route: a socket becomes full, packets are longer than
 * the MTU, a route refuses packets, packets go to a multicast group. No packet is lost. No packet overtakes another
 * packet. The result that is reported for a packet is right. Method: the test makes two hosts on one cable. If a
 * neighbour does not answer, packets for it fill the socket. */
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

#include "each_engine.h"
#include "netns.h"
#include "tx_harness.h"

#define FOR_EACH_SENDER(test) TEST_FOR_EACH_SENDER(send_routes, test)

static struct test_netns_pair hosts;
static struct tx_harness h;
static struct tx_packets *packets;

static void make_hosts(unsigned mtu)
{
    const char *reason;

    if (!test_netns_pair(&hosts, mtu, &reason))
        cr_skip_test("%s", reason);
}

static void ip(const char *arguments)
{
    char command[160];

    snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin ip %s", arguments);
    cr_assert_eq(system(command), 0, "%s", command);
}

static struct speadi_address address_of(const char *host, uint16_t port)
{
    struct speadi_address address = {.length = sizeof(struct sockaddr_in)};

    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    cr_assert_eq(inet_pton(AF_INET, host, &address.v4.sin_addr), 1);
    return address;
}

/* Opens a socket on the far host and binds it to `host`, which is an address or a group. */
static int far_sink(const char *host)
{
    struct speadi_address address = address_of(host, 17150);
    struct ip_mreqn group = {.imr_multiaddr = address.v4.sin_addr};
    int fd, room = 16 << 20;

    test_netns_move(hosts.far);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, &address.any, address.length) == 0, "%s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    inet_pton(AF_INET, TEST_FAR_V4, &group.imr_address);
    if (IN_MULTICAST(ntohl(group.imr_multiaddr.s_addr)))
        cr_assert_eq(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), 0, "%s",
                     strerror(errno));
    test_netns_move(hosts.near);
    return fd;
}

/* Opens an engine that sends to `host`. The packets of this engine arrive at the socket sink_fd. */
static void start(const struct test_sender *sender, const char *host, uint32_t buffer_bytes,
                  int sink_fd)
{
    struct speadi_address address = address_of(host, 17150);

    if (!tx_harness_open(&h, &(struct tx_harness_config){.engine = sender->engine,
                                                         .send_path = sender->path,
                                                         .address = &address,
                                                         .buffer_bytes = buffer_bytes}))
        cr_skip_test("engine %s cannot run here", sender->engine);
    h.sinks = 1;
    h.sink[0].fd = sink_fd;
    packets = tx_packets_make(4096);
}

static void tear_down(void)
{
    tx_harness_close(&h);
    tx_packets_free(packets);
}

FOR_EACH_SENDER(a_socket_that_fills_is_no_room_and_keeps_the_order)
{
    unsigned taken = 0;
    int ret;

    make_hosts(1500);
    test_netns_move(hosts.far);
    ip("link set " TEST_FAR_INTERFACE " arp off address 02:00:00:00:00:77");
    test_netns_move(hosts.near);
    start(sender, TEST_FAR_V4, 16384, far_sink(TEST_FAR_V4));
    for (unsigned i = 0; i < 200; i++)
        tx_packets_add(packets, 600 + i % 7 * 100, 0);
    do {
        ret = h.ops->send(h.state, packets->packet + taken, packets->count - taken);
        cr_assert_geq(ret, 0, "%s: %d", sender->engine, ret);
        taken += (unsigned)ret;
    } while (ret > 0 && taken < packets->count);
    cr_assert_lt(taken, packets->count, "%s: the socket never filled", sender->engine);
    cr_expect_eq(tx_harness_reap(&h), taken, "%s: %u of %u", sender->engine, h.reaped, taken);

    /* Now the kernel knows the neighbour. First it sends the packets that have waited for the neighbour, then the other
     * packets. */
    ip("neigh replace " TEST_FAR_V4
       " lladdr 02:00:00:00:00:77 nud permanent dev " TEST_NEAR_INTERFACE);
    h.ops->wait(h.state, speadi_clock_mono_ns() + 10000000000u, true);
    while (taken < packets->count) {
        ret = h.ops->send(h.state, packets->packet + taken, packets->count - taken);
        cr_assert_gt(ret, 0, "%s: no room after the wait", sender->engine);
        taken += (unsigned)ret;
    }
    tx_harness_reap(&h);
    for (unsigned i = 0; i < packets->count; i++)
        cr_expect_eq(h.error[i], 0, "%s: packet %u: %d", sender->engine, i, h.error[i]);
    tx_harness_expect(&h, packets);
    tear_down();
}

FOR_EACH_SENDER(packets_beyond_the_mtu_arrive_in_fragments)
{
    make_hosts(1500);
    start(sender, TEST_FAR_V4, 1 << 20, far_sink(TEST_FAR_V4));
    for (unsigned i = 0; i < 100; i++)
        tx_packets_add(packets, i < 60 ? 4000 : 1000, 0);
    tx_harness_send(&h, packets);
    for (unsigned i = 0; i < packets->count; i++)
        cr_expect_eq(h.error[i], 0, "%s: packet %u: %d", sender->engine, i, h.error[i]);
    tx_harness_expect(&h, packets);
    tear_down();
}

FOR_EACH_SENDER(a_route_that_refuses_fails_its_packets_and_no_others)
{
    struct speadi_tx_counters counters;

    make_hosts(1500);
    start(sender, TEST_FAR_V4, 65536, far_sink(TEST_FAR_V4));
    for (unsigned i = 0; i < 3; i++)
        tx_packets_add(packets, 1000 + i, 0);
    ip("route add unreachable " TEST_FAR_V4 "/32");
    tx_harness_send(&h, packets);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(h.error[i], -EHOSTUNREACH, "%s: packet %u: %d", sender->engine, i, h.error[i]);
    ip("route del unreachable " TEST_FAR_V4 "/32");
    tx_harness_send(&h, packets);
    for (unsigned i = 3; i < 6; i++)
        cr_expect_eq(h.error[i], 0, "%s: packet %u: %d", sender->engine, i, h.error[i]);
    h.ops->counters(h.state, &counters);
    cr_expect_eq(counters.icmp_unreachable, 0, "%s: the route is no ICMP message", sender->engine);
    tear_down();
}

FOR_EACH_SENDER(multicast_reaches_who_joined)
{
    make_hosts(1500);
    start(sender, "239.77.1.1", 1 << 20, far_sink("239.77.1.1"));
    for (unsigned i = 0; i < 500; i++)
        tx_packets_add(packets, 1472, 0);
    tx_harness_send(&h, packets);
    tx_harness_expect(&h, packets);
    tear_down();
}
