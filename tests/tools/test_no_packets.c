/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receiver that hears nothing says where it listened and what the host has seen instead, and its
 * status is not 0 if the user asked for packets. Method: two hosts on one cable, which the test makes. The test sends what the
 * receiver cannot get, and waits until the kernel has counted it. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "host_counters.h"
#include "netns.h"
#include "tool_run.h"

static struct test_netns_pair hosts;
static struct program receiver;
static json_t *object; /* what the receiver printed at its end */

static void make_hosts(void)
{
    const char *reason;

    if (!test_netns_pair(&hosts, 1500, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(hosts.near);
}

static void release_receiver(void)
{
    if (receiver.out > 0)
        program_release(&receiver);
    json_decref(object);
    object = NULL;
    receiver = (struct program){0};
}

TestSuite(no_packets, .init = make_hosts, .fini = release_receiver, .timeout = 120);

static void run_command(const char *command)
{
    char line[200];

    snprintf(line, sizeof line, "export PATH=$PATH:/usr/sbin:/sbin; %s", command);
    cr_assert_eq(system(line), 0, "%s", command);
}

/* Sends a datagram from the far host. `from` is a local address there, or NULL. */
static void send_from_far(const char *from, const char *to, unsigned port)
{
    struct sockaddr_in local = {.sin_family = AF_INET}, remote = {.sin_family = AF_INET};
    struct ip_mreqn out = {0};
    int fd;

    remote.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, to, &remote.sin_addr);
    inet_pton(AF_INET, TEST_FAR_V4, &out.imr_address);
    test_netns_move(hosts.far);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (from) {
        inet_pton(AF_INET, from, &local.sin_addr);
        cr_assert_eq(bind(fd, (const struct sockaddr *)&local, sizeof local), 0, "%s",
                     strerror(errno));
    }
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out);
    cr_assert_eq(sendto(fd, "?", 1, 0, (const struct sockaddr *)&remote, sizeof remote), 1, "%s",
                 strerror(errno));
    close(fd);
    test_netns_move(hosts.near);
}

/* Waits until a counter of the near host is larger than `before`. */
static void await_counter(enum host_counter counter, uint64_t before)
{
    static struct host_counters now;
    uint64_t deadline = speadi_clock_mono_ns() + 20000000000u;

    do {
        cr_assert_lt(speadi_clock_mono_ns(), deadline, "the kernel counts nothing");
        host_counters_read(&now);
    } while (now.value[counter] <= before);
}

static uint64_t counter_now(enum host_counter counter)
{
    static struct host_counters now;

    host_counters_read(&now);
    return now.value[counter];
}

/* Waits until the kernel has noticed that the other end of near0 is down, which can take a second. */
static void await_no_link(void)
{
    struct ifreq request = {.ifr_name = TEST_NEAR_INTERFACE};
    uint64_t deadline = speadi_clock_mono_ns() + 20000000000u;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    do {
        cr_assert_lt(speadi_clock_mono_ns(), deadline, "near0 keeps its link");
        cr_assert_eq(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    } while (request.ifr_flags & IFF_RUNNING);
    close(fd);
}

/* Returns a finding, or NULL if there is none. */
static const json_t *finding_of(const char *word)
{
    size_t i;
    json_t *finding;

    json_array_foreach(json_object_get(object, "no_packets"), i, finding)
    {
        if (strcmp(json_string_value(json_object_get(finding, "finding")), word) == 0)
            return finding;
    }
    return NULL;
}

static const char *text_of(const char *word)
{
    return json_string_value(json_object_get(finding_of(word), "text"));
}

static void expect_finding(const char *word, const char *says)
{
    const char *text = text_of(word);

    cr_assert_not_null(text, "no finding %s", word);
    cr_expect_not_null(strstr(text, says), "no \"%s\" in: %s", says, text);
}

static const char *string_of(const char *word, const char *key)
{
    return json_string_value(json_object_get(finding_of(word), key));
}

/* Expects that the array `key` of the finding has a command that contains `part`, and that the summary for people
 * prints this command on a line of its own. */
static void expect_command(const char *word, const char *key, const char *part)
{
    const json_t *commands = json_object_get(finding_of(word), key);
    char *said = program_err(&receiver), line[600];
    json_t *command;
    size_t i, having = 0;

    json_array_foreach(commands, i, command)
    {
        if (!strstr(json_string_value(command), part))
            continue;
        having++;
        snprintf(line, sizeof line, "             %s\n", json_string_value(command));
        cr_expect_not_null(strstr(said, line), "%s", said);
    }
    cr_expect_eq(having, 1u, "%s of %s: no \"%s\"", key, word, part);
    free(said);
}

/* Expects that sh can parse each command of the findings, and that no command stands in a text. */
static void expect_pure(void)
{
    static const char *const keys[] = {"commands", "commands_to_keep", "commands_to_look"};
    static const char *const tools[] = {"ip link", "sysctl ", "sudo ",
                                        "tcpdump", "ethtool", "nft "};
    json_t *finding, *command;
    size_t i, k;

    json_array_foreach(json_object_get(object, "no_packets"), i, finding)
    {
        const char *text = json_string_value(json_object_get(finding, "text"));

        for (size_t n = 0; n < sizeof tools / sizeof *tools; n++)
            cr_expect_null(strstr(text, tools[n]), "%s", text);
        for (size_t n = 0; n < sizeof keys / sizeof *keys; n++) {
            cr_assert(json_is_array(json_object_get(finding, keys[n])));
            json_array_foreach(json_object_get(finding, keys[n]), k, command) cr_expect(
                is_shell_command(json_string_value(command)), "%s", json_string_value(command));
        }
    }
}

/* Ends the receiver. Then `object` is its JSON object. */
static void end(int status)
{
    kill(receiver.pid, SIGINT);
    expect_status(&receiver, status);
    object = object_of(&receiver);
    expect_pure();
}

static void start(const char *line)
{
    release_receiver();
    program_start(&receiver, SPEAD_RECV, line);
    cr_assert(program_says(&receiver, "listening on"), "spead-recv %s did not start", line);
}

Test(no_packets, nobody_sends)
{
    char *said;

    start(TEST_NEAR_V4 ":7148 --json");
    end(0);
    said = program_err(&receiver);
    expect_finding("endpoint", TEST_NEAR_V4 ":7148, which is bound on near0");
    expect_finding("no-neighbour", "asked for our address on near0 by ARP");
    expect_command("no-neighbour", "commands_to_look", "ip neigh show dev near0");
    cr_expect_null(text_of("no-link"));
    cr_expect_null(text_of("interface-down"));
    cr_expect_not_null(strstr(said, "  nothing  no packet has come to " TEST_NEAR_V4), "%s", said);
    free(said);
}

Test(no_packets, nothing_at_all_comes_by_the_interface)
{
    start("127.0.0.1:7148 --json");
    end(0);
    expect_finding("endpoint", "which is bound on lo");
    expect_finding("nothing-received", "lo has received nothing since the start");
}

Test(no_packets, it_is_no_success_where_packets_were_asked_for)
{
    const char *lines[] = {"127.0.0.1:7148 --json --strict", "127.0.0.1:7148 --json --verify",
                           "127.0.0.1:7148 --json --heaps 3"};

    for (size_t i = 0; i < 3; i++) {
        start(lines[i]);
        end(3);
    }
}

Test(no_packets, a_group_on_the_wrong_interface_is_named_with_the_right_one)
{
    uint64_t before = counter_now(HOST_V4_RECEIVED);

    start("239.1.2.3:7148 --bind lo --json");
    send_from_far(NULL, "239.1.2.3", 7148);
    await_counter(HOST_V4_RECEIVED, before + 1); /* lo may have counted our own request to join */
    end(0);
    expect_finding("endpoint", "239.1.2.3:7148, which is joined on lo");
    expect_finding("other-interface", "use --bind near0");
    expect_finding("not-delivered", "groups that nobody has joined");
    expect_command("not-delivered", "commands_to_look", "nft list ruleset");
}

Test(no_packets, the_reverse_path_filter_is_named)
{
    uint64_t before;

    run_command("echo 1 >/proc/sys/net/ipv4/conf/near0/rp_filter");
    test_netns_move(hosts.far);
    run_command("ip addr add 10.99.0.1/32 dev far0");
    test_netns_move(hosts.near);
    before = counter_now(HOST_REVERSE_PATH);
    start("239.1.2.3:7148 --bind near0 --json");
    send_from_far("10.99.0.1", "239.1.2.3", 7148);
    await_counter(HOST_REVERSE_PATH, before);
    end(0);
    expect_finding("reverse-path", "dropped 1 packets");
    expect_finding("reverse-path", "no route to their sender");
    expect_command("reverse-path", "commands", "sysctl -w net/ipv4/conf/near0/rp_filter=2");
    expect_command("reverse-path", "commands_to_keep", "/etc/sysctl.d/50-");
}

Test(no_packets, a_link_that_is_down_is_named)
{
    start("239.1.2.3:7148 --bind near0 --json");
    test_netns_move(hosts.far);
    run_command("ip link set far0 down");
    test_netns_move(hosts.near);
    await_no_link();
    end(0);
    expect_finding("no-link", "near0 has no link");
    expect_command("no-link", "commands_to_look", "ip link show near0");
    cr_expect_null(text_of("nothing-received"));
}

Test(no_packets, an_interface_that_is_switched_off_is_named)
{
    start("239.1.2.3:7148 --bind near0 --json");
    run_command("ip link set near0 down");
    end(0);
    expect_finding("interface-down", "near0 is switched off");
    expect_command("interface-down", "commands", "ip link set near0 up");
    cr_expect_str_eq(string_of("interface-down", "where"), "here");
    cr_expect_not_null(strstr(string_of("interface-down", "note"), "until a reboot"));
}

Test(no_packets, where_only_the_host_can_help_it_says_so)
{
    char *said;

    run_command("ip link set near0 down");
    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0), 0);
    start("239.1.2.3:7148 --bind near0 --json");
    end(0);
    said = program_err(&receiver);
    cr_expect_str_eq(string_of("interface-down", "where"), "host");
    cr_expect_not_null(strstr(said, "on the host of this container only"), "%s", said);
    free(said);
}

Test(no_packets, a_wrong_port_is_named)
{
    uint64_t before = counter_now(HOST_V4_NO_PORT);

    start(TEST_NEAR_V4 ":7148 --json");
    send_from_far(NULL, TEST_NEAR_V4, 7149);
    await_counter(HOST_V4_NO_PORT, before);
    end(0);
    expect_finding("no-port", "1 datagrams since the start");
    expect_finding("received", "near0 has received");
    expect_command("received", "commands_to_look", "tcpdump -c 20 -ni near0 udp");
    cr_expect_null(text_of("no-neighbour"));
}

Test(no_packets, packets_that_come_by_ipv6_to_a_receiver_of_ipv4_are_told)
{
    uint64_t before = counter_now(HOST_V6_NO_PORT);
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(7148), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    start(":7148 --json");
    cr_assert_eq(sendto(fd, "?", 1, 0, (const struct sockaddr *)&to, sizeof to), 1, "%s",
                 strerror(errno));
    close(fd);
    await_counter(HOST_V6_NO_PORT, before);
    end(0);
    expect_finding("no-port-by-ipv6", "[::]:PORT listens to both");
    cr_expect_null(text_of("no-port"));
}

Test(no_packets, a_sender_that_source_turns_away_is_told)
{
    uint64_t before = counter_now(HOST_V4_DELIVERED);

    start(TEST_NEAR_V4 ":7148 --source 10.77.0.9 --json");
    send_from_far(NULL, TEST_NEAR_V4, 7148);
    await_counter(HOST_V4_DELIVERED, before);
    end(0);
    expect_finding("filtered", "1 messages came from others than --source 10.77.0.9");
}
