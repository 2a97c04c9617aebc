/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what docs/troubleshooting.md says about interfaces is what the tools print. Method: two hosts on one cable. The
 * test makes each symptom with spead-recv, and compares what it prints with the page. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <speadi/udp.h>

#include "netns.h"
#include "symptom.h"

static struct test_netns_pair hosts;
static struct program receiver;

static void make_hosts(void)
{
    const char *reason;

    if (!test_netns_pair(&hosts, 1500, &reason))
        cr_skip_test("%s", reason);
}

static void release_receiver(void)
{
    if (receiver.out > 0)
        program_release(&receiver);
    receiver = (struct program){0};
}

TestSuite(trouble_interfaces, .init = make_hosts, .fini = release_receiver, .timeout = 120);

static void start(const char *line)
{
    release_receiver();
    program_start(&receiver, SPEAD_RECV, line);
    cr_assert(program_says(&receiver, "listening on"), "spead-recv %s did not start", line);
}

static void make_new_cable(void)
{
    const char *reason;

    cr_assert(test_netns_new_cable(&hosts, 1500, &reason), "%s", reason);
}

/* Sends a packet that is no SPEAD from the far host. */
static void send_from_far(const char *to)
{
    struct speadi_udp_send_options options = {.ttl = 1};
    struct speadi_address address;
    struct speadi_udp_socket out;
    struct spead_err err;

    test_netns_move(hosts.far);
    cr_assert_eq(speadi_address_parse(&address, to, SPEADI_ADDRESS_SEND, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_udp_open_send(&out, &address, &options, &err), 0, "%s", err.text);
    cr_assert_eq(send(out.fd, "?", 1, 0), 1);
    speadi_udp_close(&out);
    test_netns_move(hosts.near);
}

static void expect_said(const char *text)
{
    char *said = program_err(&receiver);

    cr_expect_not_null(strstr(said, text), "no \"%s\" in: %s", text, said);
    symptom_page_has(text);
    free(said);
}

Test(trouble_interfaces, an_interface_that_is_deleted_and_made_anew)
{
    json_t *object;

    start("239.1.2.3:7148%" TEST_NEAR_INTERFACE " --json");
    make_new_cable();
    cr_assert(program_says(&receiver, "interface near0 is back: 1 endpoints use it again"));
    send_from_far("239.1.2.3:7148");
    await_udp("InDatagrams");
    interrupt(&receiver);
    expect_status(&receiver, 0);
    object = object_of(&receiver);
    cr_expect_geq(number(object, "rejoins"), 1);
    cr_expect_eq(number(object, "link_downs"), 1);
    cr_expect_eq(number(object, "packets"), 1);
    json_decref(object);
    expect_said("packets are lost until it is back");
    expect_said("is back: ");
    expect_said("times an endpoint was joined or bound again, because its interface had been away");
}

Test(trouble_interfaces, the_plan_names_the_interface_of_each_group)
{
    char *said;

    start("239.1.2.3:7148 239.1.2.4:7148%lo :7149");
    said = program_err(&receiver);
    cr_expect_not_null(strstr(said, "\n  on near0  239.1.2.3:7148\n"), "%s", said);
    cr_expect_not_null(strstr(said, "\n  on lo     239.1.2.4:7148%lo\n"), "%s", said);
    cr_expect_null(strstr(said, "lo     :7149"), "%s", said);
    free(said);
    interrupt(&receiver);
    expect_status(&receiver, 0);
}

static void expect_refused(const char *line, int status, const char *text)
{
    release_receiver();
    program_start(&receiver, SPEAD_RECV, line);
    expect_status(&receiver, status);
    expect_said(text);
}

Test(trouble_interfaces, an_endpoint_that_was_given_twice)
{
    expect_refused("127.0.0.1:7148 localhost:7148", 2, "are the same endpoint");
    expect_refused(":7148 239.1.2.3:7148", 2, "one takes the port on every address or interface");
    expect_refused("239.1.2.3:7148%lo --bind " TEST_NEAR_INTERFACE, 2, "name only one of them");
}

Test(trouble_interfaces, a_group_that_the_kernel_refuses)
{
    cr_assert_eq(system("echo 0 > /proc/sys/net/ipv4/igmp_max_memberships"), 0);
    expect_refused("239.1.2.3:7148", 1, "raise net.ipv4.igmp_max_memberships");
}
