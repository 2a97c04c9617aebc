/* SPDX-License-Identifier: Apache-2.0 */
/* See udp_error_queue.h. */
#include <speadi/udp_error_queue.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h> /* linux/errqueue.h needs it */

#include <linux/errqueue.h>

#include <speadi/frame_layout.h>

/* The kernel reports this MTU for a route whose interface is down or gone. */
#define NO_MTU 68

static void count(const struct sock_extended_err *entry, struct speadi_udp_mishaps *found)
{
    /* An entry of another origin repeats an error that a call has already returned. */
    if (entry->ee_origin != SO_EE_ORIGIN_ICMP && entry->ee_origin != SO_EE_ORIGIN_ICMP6)
        return;
    if (entry->ee_errno == EMSGSIZE)
        found->path_mtu++;
    else
        found->icmp++;
}

/* Takes one entry. Returns 1, or 0 when the queue is empty. */
static unsigned take(int fd, struct speadi_udp_mishaps *found)
{
    union {
        struct cmsghdr align;
        char bytes[512];
    } control;
    struct msghdr header = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};

    if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at; at = CMSG_NXTHDR(&header, at)) {
        struct sock_extended_err entry;

        if ((at->cmsg_level != IPPROTO_IP || at->cmsg_type != IP_RECVERR) &&
            (at->cmsg_level != IPPROTO_IPV6 || at->cmsg_type != IPV6_RECVERR))
            continue;
        memcpy(&entry, CMSG_DATA(at), sizeof entry);
        count(&entry, found);
    }
    return 1;
}

unsigned speadi_udp_drain_errors(int fd, unsigned max, struct speadi_udp_mishaps *found)
{
    unsigned taken = 0;

    while (taken < max && take(fd, found))
        taken++;
    return taken;
}

uint32_t speadi_udp_whole_bytes(int fd, uint32_t *mtu)
{
    int domain = 0, value = 0;
    socklen_t length = sizeof domain;
    uint32_t head;

    *mtu = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0)
        return UINT32_MAX;
    length = sizeof value;
    if (domain == AF_INET6 ? getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &value, &length) < 0
                           : getsockopt(fd, IPPROTO_IP, IP_MTU, &value, &length) < 0)
        return UINT32_MAX;
    if (value <= NO_MTU)
        return UINT32_MAX;
    head = domain == AF_INET6 ? SPEADI_IPV6_UDP_BYTES : SPEADI_IPV4_UDP_BYTES;
    *mtu = (uint32_t)value;
    return *mtu > head ? *mtu - head : 0;
}
