/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the library finds the same next hops as the kernel, and notices when a neighbour changes.
 * Method: the test makes two hosts on a cable. It changes routes and neighbours with ip(8) on both hosts. */
#include <criterion/criterion.h>

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/neighbour.h>

#include "netns.h"

enum { TIMEOUT_MS = 5000 };

static struct test_netns_pair network;

static void two_hosts(void)
{
    const char *reason;

    if (!test_netns_pair(&network, 1500, &reason))
        cr_skip_test("%s", reason);
}

static void command(int host, const char *line)
{
    test_netns_move(host);
    cr_assert_eq(system(line), 0, "%s", line);
    test_netns_move(network.near);
}

static struct speadi_address address(const char *text)
{
    struct speadi_address parsed;

    cr_assert_eq(speadi_address_parse(&parsed, text, SPEADI_ADDRESS_SEND, NULL), 0, "%s", text);
    return parsed;
}

static struct speadi_route route_to(const char *text)
{
    const struct speadi_address to = address(text);
    struct speadi_route route;
    struct spead_err err = {0};

    cr_assert_eq(speadi_route_find(&route, &to, NULL, &err), 0, "%s", err.text);
    return route;
}

static void assert_host(const struct speadi_address *found, const char *text)
{
    char words[SPEADI_ADDRESS_TEXT_MAX];

    cr_assert_str_eq(speadi_address_format(found, words), text);
}

static void far_mac(uint8_t mac[6])
{
    unsigned byte[6];
    FILE *file;

    test_netns_move(network.far);
    file = popen("ip -o link show " TEST_FAR_INTERFACE " | sed 's/.*ether //; s/ .*//'", "r");
    cr_assert_eq(fscanf(file, "%x:%x:%x:%x:%x:%x", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4],
                        &byte[5]),
                 6);
    pclose(file);
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)byte[i];
    test_netns_move(network.near);
}

static struct speadi_neighbour neighbour_of(const struct speadi_route *route)
{
    return (struct speadi_neighbour){.interface = route->interface, .address = route->next_hop};
}

/* ---- Routes -------------------------------------------------------------------------------- */

Test(route, a_destination_on_the_cable_is_its_own_next_hop)
{
    struct speadi_route route;

    two_hosts();
    route = route_to(TEST_FAR_V4 ":7148");
    cr_assert_eq(route.interface, if_nametoindex(TEST_NEAR_INTERFACE));
    cr_assert_not(route.is_resolved);
    assert_host(&route.source, TEST_NEAR_V4 ":0");
    assert_host(&route.next_hop, TEST_FAR_V4 ":0");
    route = route_to("[" TEST_FAR_V6 "]:7148");
    assert_host(&route.source, "[" TEST_NEAR_V6 "]:0");
    assert_host(&route.next_hop, "[" TEST_FAR_V6 "]:0");
}

Test(route, behind_a_gateway_the_gateway_is_the_next_hop)
{
    struct speadi_route route;

    two_hosts();
    command(network.near, "ip route add 198.51.100.0/24 via " TEST_FAR_V4);
    command(network.near,
            "ip -6 route add 2001:db8::/32 via " TEST_FAR_LINK " dev " TEST_NEAR_INTERFACE);
    route = route_to("198.51.100.9:7148");
    assert_host(&route.next_hop, TEST_FAR_V4 ":0");
    route = route_to("[2001:db8::9]:7148");
    assert_host(&route.next_hop, "[" TEST_FAR_LINK "%" TEST_NEAR_INTERFACE "]:0");
}

Test(route, groups_and_broadcast_need_no_neighbour)
{
    struct speadi_route route;

    two_hosts();
    route = route_to("239.1.2.3:7148");
    cr_assert(route.is_resolved);
    assert_host(&route.source, TEST_NEAR_V4 ":0");
    cr_assert_arr_eq(route.mac, ((uint8_t[]){1, 0, 0x5e, 1, 2, 3}), 6);
    route = route_to("10.77.0.255:7148");
    cr_assert(route.is_resolved);
    cr_assert_arr_eq(route.mac, ((uint8_t[]){255, 255, 255, 255, 255, 255}), 6);
}

Test(route, the_interface_given_decides_and_its_address_is_the_source)
{
    const struct speadi_address v6 = address("[ff15::77]:7148");
    const struct speadi_address v4 = address("239.1.2.3:7148");
    struct speadi_interface interface;
    struct speadi_route route;
    struct spead_err err = {0};

    two_hosts();
    command(network.near, "ip address add 10.77.0.9/24 dev " TEST_NEAR_INTERFACE);
    cr_assert_eq(speadi_interface_find(&interface, TEST_NEAR_INTERFACE, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_route_find(&route, &v6, &interface, &err), 0, "%s", err.text);
    cr_assert_eq(route.interface, interface.index);
    cr_assert_eq(speadi_interface_find(&interface, "10.77.0.9", &err), 0, "%s", err.text);
    cr_assert_eq(speadi_route_find(&route, &v4, &interface, &err), 0, "%s", err.text);
    assert_host(&route.source, "10.77.0.9:0");
}

Test(route, what_leads_nowhere_or_back_home_is_refused_in_words)
{
    const struct speadi_address own = address(TEST_NEAR_V4 ":7148");
    const struct speadi_address nowhere = address("203.0.113.1:7148");
    struct speadi_route route;
    struct spead_err err = {0};

    two_hosts();
    cr_assert_eq(speadi_route_find(&route, &own, NULL, &err), -EADDRNOTAVAIL);
    cr_assert(strstr(err.text, TEST_NEAR_V4), "%s", err.text);
    cr_assert_eq(speadi_route_find(&route, &nowhere, NULL, &err), -ENETUNREACH);
    cr_assert(strstr(err.text, "203.0.113.1"), "%s", err.text);
}

/* ---- Neighbours ---------------------------------------------------------------------------- */

Test(neighbour, the_mac_of_a_host_that_was_never_spoken_to_is_found)
{
    struct speadi_neighbours neighbours;
    struct speadi_neighbour asked[2];
    struct speadi_route route;
    struct spead_err err = {0};
    uint8_t mac[6];

    two_hosts();
    far_mac(mac);
    route = route_to(TEST_FAR_V4 ":7148");
    asked[0] = neighbour_of(&route);
    route = route_to("[" TEST_FAR_LINK "%" TEST_NEAR_INTERFACE "]:7148");
    asked[1] = neighbour_of(&route);
    cr_assert_eq(speadi_neighbours_open(&neighbours, asked, 2, TIMEOUT_MS, &err), 0, "%s",
                 err.text);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(asked[i].state, SPEADI_NEIGHBOUR_KNOWN);
        cr_assert_arr_eq(asked[i].mac, mac, 6);
    }
    speadi_neighbours_close(&neighbours);
    speadi_neighbours_close(&neighbours);
}

Test(neighbour, a_silent_one_is_an_error_that_names_it)
{
    struct speadi_neighbours neighbours;
    struct speadi_neighbour asked;
    struct speadi_route route;
    struct spead_err err = {0};

    two_hosts();
    command(network.near,
            "cd /proc/sys/net/ipv4/neigh/" TEST_NEAR_INTERFACE " && echo 10 > retrans_time_ms");
    route = route_to("10.77.0.200:7148");
    asked = neighbour_of(&route);
    cr_assert_eq(speadi_neighbours_open(&neighbours, &asked, 1, TIMEOUT_MS, &err), -EHOSTUNREACH);
    cr_assert(strstr(err.text, "10.77.0.200") && strstr(err.text, TEST_NEAR_INTERFACE), "%s",
              err.text);
}

static bool changes_within_bound(struct speadi_neighbours *neighbours)
{
    struct pollfd polled = {.fd = neighbours->netlink, .events = POLLIN};

    while (poll(&polled, 1, TIMEOUT_MS) > 0)
        if (speadi_neighbours_refresh(neighbours))
            return true;
    return false;
}

Test(neighbour, a_change_is_seen_and_a_lost_one_keeps_its_mac)
{
    static const uint8_t moved[6] = {2, 0, 0, 0, 0, 0x99};
    struct speadi_neighbours neighbours;
    struct speadi_neighbour asked;
    struct speadi_route route;
    struct spead_err err = {0};

    two_hosts();
    route = route_to(TEST_FAR_V4 ":7148");
    asked = neighbour_of(&route);
    cr_assert_eq(speadi_neighbours_open(&neighbours, &asked, 1, TIMEOUT_MS, &err), 0, "%s",
                 err.text);
    speadi_neighbours_refresh(&neighbours);
    command(network.near, "ip neighbour replace " TEST_FAR_V4 " lladdr 02:00:00:00:00:99 nud stale "
                          "dev " TEST_NEAR_INTERFACE);
    cr_assert(changes_within_bound(&neighbours));
    cr_assert_arr_eq(asked.mac, moved, 6);
    /* No host has this MAC address. The kernel notices this only when it must use the address. */
    command(network.near, "cd /proc/sys/net/ipv4/neigh/" TEST_NEAR_INTERFACE
                          " && echo 10 > retrans_time_ms && echo 0 > delay_first_probe_time");
    command(network.far, "ip link set " TEST_FAR_INTERFACE " arp off");
    speadi_neighbours_prod(&neighbours);
    cr_assert(changes_within_bound(&neighbours));
    cr_assert_eq(asked.state, SPEADI_NEIGHBOUR_SILENT);
    cr_assert_arr_eq(asked.mac, moved, 6);
    speadi_neighbours_close(&neighbours);
}

/* The new cable has interfaces of the same names, but with other indices and other MAC addresses. */
Test(neighbour, an_interface_that_was_made_anew_is_watched_again)
{
    struct speadi_neighbours neighbours;
    struct speadi_neighbour asked[2];
    struct speadi_route route;
    struct spead_err err = {0};
    const char *reason;
    uint8_t mac[6];

    two_hosts();
    route = route_to(TEST_FAR_V4 ":7148");
    asked[0] = neighbour_of(&route);
    route = route_to("[" TEST_FAR_LINK "%" TEST_NEAR_INTERFACE "]:7148");
    asked[1] = neighbour_of(&route);
    cr_assert_eq(speadi_neighbours_open(&neighbours, asked, 2, TIMEOUT_MS, &err), 0, "%s",
                 err.text);
    cr_assert(test_netns_new_cable(&network, 1500, &reason), "%s", reason);
    far_mac(mac);
    speadi_neighbours_refresh(&neighbours);
    cr_assert(speadi_neighbours_lack(&neighbours), "the new interface was not noticed");
    for (unsigned i = 0; i < 50 && speadi_neighbours_lack(&neighbours); i++) {
        speadi_neighbours_prod(&neighbours);
        poll(&(struct pollfd){.fd = neighbours.netlink, .events = POLLIN}, 1, 100);
        speadi_neighbours_refresh(&neighbours);
    }
    for (unsigned i = 0; i < 2; i++) {
        cr_expect_eq(asked[i].interface, if_nametoindex(TEST_NEAR_INTERFACE));
        cr_expect_eq(asked[i].state, SPEADI_NEIGHBOUR_KNOWN);
        cr_expect_arr_eq(asked[i].mac, mac, 6);
    }
    speadi_neighbours_close(&neighbours);
}
