/* SPDX-License-Identifier: Apache-2.0 */
#include "netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char reason_text[160];

static bool missing(const char **reason, const char *what)
{
    snprintf(reason_text, sizeof reason_text, "no network namespace: %s: %s", what,
             strerror(errno));
    *reason = reason_text;
    return false;
}

/* Runs commands of ip(8), one per line, in the network of the calling thread. */
__attribute__((format(printf, 2, 3))) static bool ip(const char **reason, const char *format, ...)
{
    FILE *batch = popen("PATH=$PATH:/usr/sbin:/sbin exec ip -batch -", "we");
    va_list args;
    int status;

    if (!batch)
        return missing(reason, "cannot run ip");
    va_start(args, format);
    vfprintf(batch, format, args);
    va_end(args);
    status = pclose(batch);
    if (status == 0)
        return true;
    snprintf(reason_text, sizeof reason_text,
             "no network namespace: ip (iproute2) is missing or failed, status %d; see above",
             WIFEXITED(status) ? WEXITSTATUS(status) : status);
    *reason = reason_text;
    return false;
}

/* Puts the calling thread into a new network namespace. If `descriptor` is not NULL, *descriptor gets a descriptor of
 * that namespace. */
static bool enter_new(int *descriptor, const char **reason)
{
    if (unshare(CLONE_NEWNET) < 0)
        return missing(reason, "unshare(CLONE_NEWNET)");
    if (!descriptor)
        return true;
    *descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    return *descriptor >= 0 || missing(reason, "/proc/thread-self/ns/net");
}

bool test_netns_enter(const char **reason)
{
    return enter_new(NULL, reason) && ip(reason, "link set lo multicast on up\n"
                                                 "route add 224.0.0.0/4 dev lo\n"
                                                 "route add local ff00::/8 dev lo table local\n");
}

/* Sets up one host. The option `nodad` of ip(8) prevents the kernel from searching for a duplicate of the address. Such
 * a search takes about a second, and during it no socket can be bound to the address. */
static bool set_up_host(const char *interface, const char *v4, const char *v6, const char *link,
                        const char **reason)
{
    return ip(reason,
              "link set lo multicast on up\n"
              "link set %s addrgenmode none\n"
              "link set %s up\n"
              "addr add %s/24 dev %s\n"
              "addr add %s/64 dev %s nodad\n"
              "addr add %s/64 dev %s nodad\n"
              "route add 224.0.0.0/4 dev %s\n",
              interface, interface, v4, interface, v6, interface, link, interface, interface);
}

void test_netns_move(int host)
{
    if (setns(host, CLONE_NEWNET) == 0)
        return;
    /* A test in the wrong network would show nothing, so the program ends here. */
    perror("test_netns_move");
    abort();
}

/* Opens a socket on the discard port (9), on the host of the calling thread. The socket joins `group` through the
 * interface that has the address v4. */
static int probe_socket(const struct sockaddr_in *group, const char *v4)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ip_mreqn join = {.imr_multiaddr = group->sin_addr};

    inet_pton(AF_INET, v4, &join.imr_address);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)group, sizeof *group) == 0 &&
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) == 0)
        return fd;
    perror("probe_socket");
    abort();
}

/* Waits until the cable carries packets. A new cable drops packets until the kernel has noticed that both ends are up,
 * which can take a second. The function sends multicast packets, because multicast packets do not make a host learn the
 * link address of the other host. So the test begins with an empty neighbour table. */
static bool wait_for_cable(int from, int to, const char *to_v4, const char **reason)
{
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct pollfd polled = {.events = POLLIN};
    bool carried = false;
    int sender;

    inet_pton(AF_INET, "239.77.0.9", &group.sin_addr);
    test_netns_move(to);
    polled.fd = probe_socket(&group, to_v4);
    test_netns_move(from);
    sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 300 && !carried; i++) {
        (void)sendto(sender, "?", 1, 0, (const struct sockaddr *)&group, sizeof group);
        carried = poll(&polled, 1, 10) > 0;
    }
    close(sender);
    close(polled.fd);
    errno = ETIMEDOUT;
    return carried || missing(reason, "the cable carries nothing");
}

/* Makes the cable between the hosts, and sets both ends up. The calling thread must be on the near host. */
static bool make_cable(const struct test_netns_pair *pair, unsigned mtu, const char **reason)
{
    bool ready;

    if (!ip(reason,
            "link add " TEST_NEAR_INTERFACE " mtu %u type veth peer name " TEST_FAR_INTERFACE
            " mtu %u netns /proc/%d/fd/%d\n",
            mtu, mtu, getpid(), pair->far) ||
        !set_up_host(TEST_NEAR_INTERFACE, TEST_NEAR_V4, TEST_NEAR_V6, TEST_NEAR_LINK, reason))
        return false;
    test_netns_move(pair->far);
    ready = set_up_host(TEST_FAR_INTERFACE, TEST_FAR_V4, TEST_FAR_V6, TEST_FAR_LINK, reason);
    test_netns_move(pair->near);
    return ready && wait_for_cable(pair->far, pair->near, TEST_NEAR_V4, reason) &&
           wait_for_cable(pair->near, pair->far, TEST_FAR_V4, reason);
}

bool test_netns_pair(struct test_netns_pair *pair, unsigned mtu, const char **reason)
{
    return enter_new(&pair->far, reason) && enter_new(&pair->near, reason) &&
           make_cable(pair, mtu, reason);
}

bool test_netns_new_cable(const struct test_netns_pair *pair, unsigned mtu, const char **reason)
{
    return ip(reason, "link del " TEST_NEAR_INTERFACE "\n") && make_cable(pair, mtu, reason);
}
