/* Networks of a test's own: no port clashes, no traffic outside, nothing to clean up (a network ends
 * with the last thread or socket in it).
 *
 * A network belongs to the calling thread and to threads that it starts afterwards. Needs root (or
 * CAP_SYS_ADMIN) and `ip` from iproute2; where a call answers false, *reason says what is missing: skip
 * the test with it. */
#ifndef TESTS_SUPPORT_NETNS_H
#define TESTS_SUPPORT_NETNS_H

#include <stdbool.h>

/* A network with loopback only: up, v4 and v6, with multicast routed to it. */
bool test_netns_enter(const char **reason);

/* Two hosts on one cable. The calling thread becomes the near one; move with test_netns_move().
 * Both have the addresses below, routes for v4 and v6 multicast, and their own loopback. */
#define TEST_NEAR_INTERFACE "near0"
#define TEST_NEAR_V4        "10.77.0.1"
#define TEST_NEAR_V6        "fd77::1"
#define TEST_NEAR_LINK      "fe80::1" /* link-local: needs "%near0" on the near host */
#define TEST_FAR_INTERFACE  "far0"
#define TEST_FAR_V4         "10.77.0.2"
#define TEST_FAR_V6         "fd77::2"
#define TEST_FAR_LINK       "fe80::2"

struct test_netns_pair {
    int near, far; /* namespace descriptors */
};

bool test_netns_pair(struct test_netns_pair *pair, unsigned mtu, const char **reason);

/* Puts the calling thread on one of the hosts: pair.near or pair.far. Sockets stay where they were made. */
void test_netns_move(int host);

#endif
