/* SPDX-License-Identifier: Apache-2.0 */
/* Makes networks (network namespaces) for one test. In a new network all ports are free, and no packet leaves it. The
 * test need not remove a network, because the kernel removes it after the last thread or socket in it has ended.
 *
 * A thread that the calling thread starts later is in the same network. The functions need root (or CAP_SYS_ADMIN) and
 * the program `ip` from iproute2. If a function returns false, *reason says what is missing, and the test must be
 * skipped with that text. */
#ifndef TESTS_SUPPORT_NETNS_H
#define TESTS_SUPPORT_NETNS_H

#include <stdbool.h>

/* Puts the calling thread into a new network that has only a loopback interface. The interface is up, it has IPv4 and
 * IPv6, and multicast is routed to it. */
bool test_netns_enter(const char **reason);

/* Makes two hosts on one cable and puts the calling thread on the near host. test_netns_move() puts a thread on the
 * other host. The hosts have the addresses below. Each host has routes for IPv4 and IPv6 multicast, and a loopback
 * interface. */
#define TEST_NEAR_INTERFACE "near0"
#define TEST_NEAR_V4        "10.77.0.1"
#define TEST_NEAR_V6        "fd77::1"
/* A link-local address. A program on the near host must write the address with "%near0" at its end. */
#define TEST_NEAR_LINK     "fe80::1"
#define TEST_FAR_INTERFACE "far0"
#define TEST_FAR_V4        "10.77.0.2"
#define TEST_FAR_V6        "fd77::2"
#define TEST_FAR_LINK      "fe80::2"

struct test_netns_pair {
    int near, far; /* descriptors of the two network namespaces */
};

bool test_netns_pair(struct test_netns_pair *pair, unsigned mtu, const char **reason);

/* Deletes the cable and makes another one, with interfaces of the same names and addresses. The calling thread must be
 * on the near host, and stays there. */
bool test_netns_new_cable(const struct test_netns_pair *pair, unsigned mtu, const char **reason);

/* Puts the calling thread on one of the hosts; `host` is pair.near or pair.far. A socket stays on the host where it was
 * made. On failure this function calls abort(). */
void test_netns_move(int host);

#endif
