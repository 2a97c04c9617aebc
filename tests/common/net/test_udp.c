/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a UDP socket receives what was sent to it and nothing else. If the socket gets a smaller buffer than it asked
 * for, a warning says so.
 * Method: the tests use real sockets in a network namespace of their own. They first send the datagram that must not
 * arrive, and then a datagram that must arrive. When the second datagram has arrived, the test knows that the first
 * will not arrive. So no test has to wait for a fixed time. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/udp.h>

#include "netns.h"
#include "refused_calls.h"

static struct test_netns_pair hosts;

static void enter(void)
{
    const char *reason;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
}

static void enter_pair(void)
{
    const char *reason;

    if (!test_netns_pair(&hosts, 1500, &reason))
        cr_skip_test("%s", reason);
}

static struct speadi_address address_of(const char *text)
{
    struct speadi_address address;
    struct spead_err err = {0};

    cr_assert_eq(speadi_address_parse(&address, text, SPEADI_ADDRESS_RECEIVE, &err), 0, "%s",
                 err.text);
    return address;
}

static struct speadi_interface interface_of(const char *text)
{
    struct speadi_interface interface;
    struct spead_err err = {0};

    cr_assert_eq(speadi_interface_find(&interface, text, &err), 0, "%s", err.text);
    return interface;
}

static struct speadi_udp_socket receiver(const char *endpoint, const char *interface)
{
    struct speadi_interface on = interface_of(interface);
    struct speadi_udp_receive_options options = {.interface = &on, .buffer_bytes = 100000};
    struct speadi_address address = address_of(endpoint);
    struct speadi_udp_socket opened;
    struct spead_err err = {0};

    cr_assert_eq(speadi_udp_open_receive(&opened, &address, &options, &err), 0, "%s", err.text);
    return opened;
}

static struct speadi_udp_socket sender(const char *endpoint, const char *interface)
{
    struct speadi_interface on = interface_of(interface);
    struct speadi_udp_send_options options = {.interface = &on, .buffer_bytes = 100000, .ttl = 1};
    struct speadi_address address = address_of(endpoint);
    struct speadi_udp_socket opened;
    struct spead_err err = {0};

    cr_assert_eq(speadi_udp_open_send(&opened, &address, &options, &err), 0, "%s", err.text);
    return opened;
}

static void send_text(const struct speadi_udp_socket *from, const char *text)
{
    cr_assert_eq(send(from->fd, text, strlen(text), 0), (ssize_t)strlen(text), "%s",
                 strerror(errno));
}

/* Returns the next datagram as a text. Fails the test if no datagram comes. If `peer` is not NULL, *peer gets the
 * address of the sender. */
static const char *next_text(const struct speadi_udp_socket *at, struct speadi_address *peer)
{
    static char text[100];
    struct pollfd readable = {.fd = at->fd, .events = POLLIN};
    struct speadi_address from = {.length = sizeof from.v6};
    ssize_t bytes;

    cr_assert_eq(poll(&readable, 1, 5000), 1, "nothing arrived");
    bytes = recvfrom(at->fd, text, sizeof text - 1, 0, &from.any, &from.length);
    cr_assert_geq(bytes, 0, "%s", strerror(errno));
    text[bytes] = '\0';
    if (peer)
        *peer = from;
    return text;
}

static void carries(const char *listen, const char *send_to)
{
    struct speadi_udp_socket in = receiver(listen, NULL), out = sender(send_to, NULL);

    send_text(&out, send_to);
    cr_assert_str_eq(next_text(&in, NULL), send_to, "listening on %s", listen);
    speadi_udp_close(&in);
    speadi_udp_close(&out);
}

Test(udp, unicast_arrives_over_both_ip_versions)
{
    enter();
    carries(":17000", "127.0.0.1:17000");
    carries("127.0.0.1:17000", "localhost:17000");
    carries("[::1]:17000", "[::1]:17000");
    carries("[::]:17000", "[::1]:17000");
    carries("[::]:17000", "127.0.0.1:17000"); /* "[::]" receives IPv4 too */
}

Test(udp, multicast_arrives_over_both_ip_versions)
{
    enter();
    carries("239.1.2.3:17000", "239.1.2.3:17000");
    carries("[ff15::7]:17000", "[ff15::7]:17000");
}

Test(udp, a_group_is_joined_and_sent_to_on_the_interface_that_was_named)
{
    static const char *const named[][2] = {{TEST_NEAR_INTERFACE, TEST_FAR_INTERFACE},
                                           {TEST_NEAR_V4, TEST_FAR_V4}};
    static const char *const groups[] = {"239.1.2.3:17000", "[ff15::7]:17000", "[ff02::77]:17000"};

    enter_pair();
    for (int g = 0; g < 3; g++) {
        for (int n = 0; n < 2; n++) {
            struct speadi_udp_socket in, out;

            if (g > 0 && n > 0)
                /* this combination is left out: an IPv4 address cannot be the source of IPv6 packets */
                continue;
            in = receiver(groups[g], named[n][0]);
            test_netns_move(hosts.far);
            out = sender(groups[g], named[n][1]);
            test_netns_move(hosts.near);
            send_text(&out, "over the cable");
            cr_assert_str_eq(next_text(&in, NULL), "over the cable", "%s on %s", groups[g],
                             named[n][0]);
            speadi_udp_close(&in);
            speadi_udp_close(&out);
        }
    }
}

/* One socket has joined a group. It must not receive packets of a group that another socket has joined. */
Test(udp, a_socket_hears_its_own_group_only)
{
    struct speadi_udp_socket in, other, wrong, right;

    enter();
    in = receiver("239.1.2.3:17000", "lo");
    other = receiver("239.1.2.4:17000", "lo");
    wrong = sender("239.1.2.4:17000", "lo");
    right = sender("239.1.2.3:17000", "lo");
    send_text(&wrong, "wrong");
    send_text(&right, "right");
    cr_assert_str_eq(next_text(&in, NULL), "right");
    cr_assert_str_eq(next_text(&other, NULL), "wrong");
}

Test(udp, two_receivers_can_share_a_group)
{
    struct speadi_udp_socket a, b, out;

    enter();
    a = receiver("239.1.2.3:17000", "lo");
    b = receiver("239.1.2.3:17000", "lo");
    out = sender("239.1.2.3:17000", "lo");
    send_text(&out, "both");
    cr_assert_str_eq(next_text(&a, NULL), "both");
    cr_assert_str_eq(next_text(&b, NULL), "both");
}

Test(udp, an_interface_given_by_name_narrows_what_is_received)
{
    struct speadi_udp_socket in, local, far;

    enter_pair();
    in = receiver(":17000", TEST_NEAR_INTERFACE);
    local = sender("127.0.0.1:17000", NULL);
    test_netns_move(hosts.far);
    far = sender(TEST_NEAR_V4 ":17000", NULL);
    send(local.fd, "local", 5, 0);
    send_text(&far, "from far");
    cr_assert_str_eq(next_text(&in, NULL), "from far");
}

Test(udp, an_interface_given_by_address_is_where_packets_go_to_and_come_from)
{
    struct speadi_address peer;
    struct speadi_udp_socket in, out;
    char text[SPEADI_ADDRESS_TEXT_MAX];

    enter_pair();
    in = receiver(":17000", TEST_NEAR_V4);
    test_netns_move(hosts.far);
    out = sender(TEST_NEAR_V4 ":17000", TEST_FAR_V4);
    send_text(&out, "hello");
    next_text(&in, &peer);
    speadi_address_format(&peer, text);
    cr_assert_eq(strncmp(text, TEST_FAR_V4 ":", strlen(TEST_FAR_V4 ":")), 0, "%s", text);
}

/* From now on the kernel refuses this option of every socket, as a kernel before 5.7 or 4.20 does. */
static void refuse_option(uint32_t option, int error)
{
    const struct test_refused_call call = {
        .number = SYS_setsockopt, .error = error, .argument = 3, .value = option};
    int ret = test_refuse_calls(&call, 1);

    if (ret < 0)
        cr_skip_test("no filter of system calls can be set here: %s", strerror(-ret));
}

Test(udp, where_an_interface_cannot_be_bound_by_name_the_sentence_says_what_works,
     .init = enter_pair)
{
    struct speadi_interface on = interface_of(TEST_NEAR_INTERFACE);
    const struct speadi_udp_receive_options options = {.interface = &on};
    struct speadi_address address = address_of(":7148");
    struct speadi_udp_socket socket;
    struct spead_err err = {0};

    refuse_option(SO_BINDTOIFINDEX, EPERM);
    cr_assert_eq(speadi_udp_open_receive(&socket, &address, &options, &err), -EPERM);
    cr_expect_not_null(strstr(err.text, "give the interface by its address"), "%s", err.text);
}

Test(udp, a_link_local_address_takes_its_scope_from_the_interface)
{
    struct speadi_udp_socket in, out;

    enter_pair();
    in = receiver("[" TEST_NEAR_LINK "]:17000", TEST_NEAR_INTERFACE);
    test_netns_move(hosts.far);
    out = sender("[" TEST_NEAR_LINK "%" TEST_FAR_INTERFACE "]:17000", NULL);
    send_text(&out, "scoped");
    cr_assert_str_eq(next_text(&in, NULL), "scoped");
}

Test(udp, a_broadcast_address_can_be_sent_to)
{
    struct speadi_udp_socket in, out;

    enter_pair();
    in = receiver(":17000", NULL);
    test_netns_move(hosts.far);
    out = sender("10.77.0.255:17000", NULL);
    send_text(&out, "all");
    cr_assert_str_eq(next_text(&in, NULL), "all");
}

static int refused_send(const char *endpoint, const char *interface, struct spead_err *err)
{
    struct speadi_interface on = interface_of(interface);
    struct speadi_udp_send_options options = {.interface = &on, .ttl = 1};
    struct speadi_address address = address_of(endpoint);
    struct speadi_udp_socket closed;
    int ret = speadi_udp_open_send(&closed, &address, &options, err);

    cr_assert_eq(closed.fd, -1, "closed on failure");
    return ret;
}

static int refused_receive(const char *endpoint, const char *interface, struct spead_err *err)
{
    struct speadi_interface on = interface_of(interface);
    struct speadi_udp_receive_options options = {.interface = &on};
    struct speadi_address address = address_of(endpoint);
    struct speadi_udp_socket closed;
    int ret = speadi_udp_open_receive(&closed, &address, &options, err);

    cr_assert_eq(closed.fd, -1, "closed on failure");
    return ret;
}

Test(udp, what_cannot_be_opened_names_the_endpoint)
{
    struct spead_err err = {0};
    struct speadi_udp_socket taken;

    enter_pair();
    cr_assert_eq(refused_send("192.0.2.1:17000", NULL, &err), -ENETUNREACH);
    cr_assert_not_null(strstr(err.text, "192.0.2.1:17000: cannot be reached"), "%s", err.text);
    cr_assert_eq(refused_send("[" TEST_FAR_V6 "]:17000", TEST_NEAR_V4, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "other IP version"), "%s", err.text);
    cr_assert_eq(refused_receive("192.0.2.1:17000", NULL, &err), -EADDRNOTAVAIL);
    cr_assert_not_null(strstr(err.text, "192.0.2.1:17000: cannot bind (no interface has"), "%s",
                       err.text);
    cr_assert_eq(refused_receive("[::]:17000", TEST_NEAR_V4, &err), -EINVAL);
    taken = receiver(":17000", NULL);
    cr_assert_eq(refused_receive(":17000", NULL, &err), -EADDRINUSE, "unicast is not shared");
    cr_assert_not_null(strstr(err.text, "`ss -ulnp sport = :17000` names"), "%s", err.text);
    speadi_udp_close(&taken);
    /* A second close does no harm. */
    speadi_udp_close(&taken);
}

static char warning[2][256];
static int warnings;

static void keep_warning(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    cr_assert_eq(level, SPEAD_LOG_WARNING);
    cr_assert_lt(warnings, 2);
    snprintf(warning[warnings++], sizeof warning[0], "%s", line);
}

static void drop_privileges(bool drop)
{
    cr_assert_eq(seteuid(drop ? 65534 : 0), 0, "%s", strerror(errno));
    /* LeakSanitizer must be able to inspect this process when it ends. */
    prctl(PR_SET_DUMPABLE, 1);
}

Test(udp, a_port_that_the_user_may_not_bind_is_explained)
{
    struct spead_err err = {0};
    int ret;

    enter_pair();
    drop_privileges(true);
    ret = refused_receive(":148", NULL, &err);
    drop_privileges(false);
    cr_assert_eq(ret, -EACCES);
    cr_assert_not_null(strstr(err.text, "a port below 1024 needs"), "%s", err.text);
}

Test(udp, a_buffer_is_as_large_as_asked_or_the_remedy_is_named)
{
    struct spead_log log = {.fn = keep_warning};
    struct speadi_udp_receive_options receive = {.buffer_bytes = 100000, .log = &log};
    struct speadi_udp_send_options send_options = {.buffer_bytes = 1u << 30, .log = &log};
    struct speadi_address address;
    struct speadi_udp_socket opened, out;

    enter();
    address = address_of("127.0.0.1:17000");
    cr_assert_eq(speadi_udp_open_receive(&opened, &address, &receive, NULL), 0);
    cr_assert_eq(opened.buffer_bytes, 100000u);
    cr_assert_eq(warnings, 0);
    speadi_udp_close(&opened);

    receive.buffer_bytes = 1u << 30;
    drop_privileges(true); /* Without privileges, the limit of the sysctl applies. */
    cr_assert_eq(speadi_udp_open_receive(&opened, &address, &receive, NULL), 0);
    cr_assert_eq(speadi_udp_open_send(&out, &address, &send_options, NULL), 0);
    drop_privileges(false);
    if (opened.buffer_bytes >= (1u << 30) - 1)
        cr_skip_test("this host allows anyone socket buffers of 1 GiB");
    cr_assert_eq(warnings, 2);
    cr_assert_not_null(strstr(warning[0], "sysctl -w net.core.rmem_max=1073741823"), "%s",
                       warning[0]);
    cr_assert_not_null(strstr(warning[1], "sysctl -w net.core.wmem_max=1073741823"), "%s",
                       warning[1]);
}

Test(udp, a_kernel_without_multicast_all_joins_and_warns, .init = enter_pair)
{
    static const char *const groups[] = {"239.1.2.3:7148", "[ff15::7148]:7148"};
    struct speadi_interface on = interface_of(TEST_NEAR_INTERFACE);
    const struct spead_log log = {.fn = keep_warning};
    const struct speadi_udp_receive_options options = {.interface = &on, .log = &log};

    refuse_option(IP_MULTICAST_ALL, ENOPROTOOPT);
    refuse_option(29, ENOPROTOOPT); /* IPV6_MULTICAST_ALL */
    for (unsigned i = 0; i < 2; i++) {
        struct speadi_address address = address_of(groups[i]);
        struct speadi_udp_socket socket;
        struct spead_err err = {0};

        warnings = 0;
        cr_assert_eq(speadi_udp_open_receive(&socket, &address, &options, &err), 0, "%s", err.text);
        cr_assert_gt(warnings, 0);
        cr_expect_not_null(strstr(warning[0], "other programs have joined them"), "%s", warning[0]);
        speadi_udp_close(&socket);
    }
}

Test(udp, what_the_kernel_dropped_is_counted)
{
    static char packet[1000];
    struct speadi_udp_receive_options options = {.buffer_bytes = 4096};
    struct speadi_udp_socket in, out;
    struct speadi_address address;
    uint64_t arrived = 0;

    enter();
    address = address_of("127.0.0.1:17000");
    cr_assert_eq(speadi_udp_open_receive(&in, &address, &options, NULL), 0);
    out = sender("127.0.0.1:17000", NULL);
    cr_assert_eq(speadi_udp_drops(in.fd), 0u);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(send(out.fd, packet, sizeof packet, 0), (ssize_t)sizeof packet);
    while (recv(in.fd, packet, sizeof packet, 0) > 0)
        arrived++;
    cr_assert_lt(arrived, 100u, "the buffer cannot have held them all");
    cr_assert_eq(speadi_udp_drops(in.fd), 100 - arrived);
}
