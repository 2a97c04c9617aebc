/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours: watches the kernel's neighbour table. */
#include <speadi/neighbour.h>

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/err.h>

#include "netlink.h"

#define DISCARD_PORT 9

/* ---- Reading a message --------------------------------------------------------------------- */

static bool has_host(const struct speadi_address *address, int family, const void *host)
{
    if (address->any.sa_family != family)
        return false;
    return family == AF_INET6 ? memcmp(&address->v6.sin6_addr, host, 16) == 0
                              : memcmp(&address->v4.sin_addr, host, 4) == 0;
}

static size_t host_bytes(int family)
{
    return family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

/* Reads an entry of the kernel's neighbour table into *neighbour. Returns true when *neighbour changed. A deleted or
 * incomplete entry changes nothing, because the neighbour probably still has the same MAC address. */
static bool update(struct speadi_neighbour *neighbour, const struct nlmsghdr *header,
                   const struct ndmsg *entry)
{
    const uint8_t *mac = speadi_netlink_find(header, sizeof *entry, NDA_LLADDR, 6);
    const struct speadi_neighbour before = *neighbour;

    if (entry->ndm_state & NUD_FAILED)
        neighbour->state = SPEADI_NEIGHBOUR_SILENT;
    else if (mac && !(entry->ndm_state & NUD_INCOMPLETE)) {
        neighbour->state = SPEADI_NEIGHBOUR_KNOWN;
        memcpy(neighbour->mac, mac, sizeof neighbour->mac);
    }
    return neighbour->state != before.state ||
           memcmp(neighbour->mac, before.mac, sizeof before.mac) != 0;
}

static bool read_entry(struct speadi_neighbours *neighbours, const struct nlmsghdr *header)
{
    const struct ndmsg *entry = NLMSG_DATA(header);
    const void *host;
    bool changed = false;

    if (header->nlmsg_type != RTM_NEWNEIGH || header->nlmsg_len < NLMSG_SPACE(sizeof *entry))
        return false;
    host = speadi_netlink_find(header, sizeof *entry, NDA_DST, host_bytes(entry->ndm_family));
    for (unsigned i = 0; host && i < neighbours->count; i++) {
        struct speadi_neighbour *neighbour = &neighbours->neighbour[i];

        if (neighbour->interface == (unsigned)entry->ndm_ifindex &&
            has_host(&neighbour->address, entry->ndm_family, host))
            changed |= update(neighbour, header, entry);
    }
    return changed;
}

/* An interface that is made anew has another index. The kernel announces it with the name of the old one. */
static bool read_link(struct speadi_neighbours *neighbours, const struct nlmsghdr *header)
{
    const struct ifinfomsg *link = NLMSG_DATA(header);
    const char *name;
    bool changed = false;

    if (header->nlmsg_len < NLMSG_SPACE(sizeof *link))
        return false;
    name = speadi_netlink_find(header, sizeof *link, IFLA_IFNAME, 1);
    for (unsigned i = 0; name && i < neighbours->count; i++) {
        struct speadi_neighbour *neighbour = &neighbours->neighbour[i];

        if (neighbour->interface == (unsigned)link->ifi_index ||
            strncmp(neighbour->name, name, sizeof neighbour->name) != 0)
            continue;
        if (neighbour->address.any.sa_family == AF_INET6 &&
            neighbour->address.v6.sin6_scope_id == neighbour->interface)
            neighbour->address.v6.sin6_scope_id = (uint32_t)link->ifi_index;
        neighbour->interface = (unsigned)link->ifi_index;
        neighbour->state = SPEADI_NEIGHBOUR_UNKNOWN;
        changed = true;
    }
    return changed;
}

static bool read_message(struct speadi_neighbours *neighbours, const struct nlmsghdr *header)
{
    return header->nlmsg_type == RTM_NEWLINK ? read_link(neighbours, header)
                                             : read_entry(neighbours, header);
}

/* ---- Asking -------------------------------------------------------------------------------- */

/* Reads the present entry of the neighbour from the kernel's table. It is no failure if the table has no such entry.
 * Returns true when the neighbour changed. */
static bool look_up(struct speadi_neighbours *neighbours, const struct speadi_neighbour *neighbour)
{
    const int family = neighbour->address.any.sa_family;
    struct speadi_netlink_message message;
    struct ndmsg *request = speadi_netlink_begin(&message, RTM_GETNEIGH, sizeof *request);

    request->ndm_family = (unsigned char)family;
    request->ndm_ifindex = (int)neighbour->interface;
    speadi_netlink_add(&message, NDA_DST,
                       family == AF_INET6 ? (const void *)&neighbour->address.v6.sin6_addr
                                          : (const void *)&neighbour->address.v4.sin_addr,
                       host_bytes(family));
    return speadi_netlink_ask(&message) == 0 && read_entry(neighbours, &message.header);
}

static bool look_up_all(struct speadi_neighbours *neighbours)
{
    bool changed = false;

    for (unsigned i = 0; i < neighbours->count; i++)
        changed |= look_up(neighbours, &neighbours->neighbour[i]);
    return changed;
}

bool speadi_neighbours_refresh(struct speadi_neighbours *neighbours)
{
    struct speadi_netlink_message message;
    bool changed = false;
    ssize_t bytes;

    while ((bytes = recv(neighbours->netlink, &message, sizeof message, MSG_DONTWAIT)) > 0) {
        const struct nlmsghdr *header = &message.header;

        /* The kernel pads messages to whole words, so this loop rounds `left` up to whole words. Otherwise NLMSG_NEXT()
         * could subtract more than `left` has. */
        for (unsigned left = NLMSG_ALIGN((unsigned)bytes); NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left))
            changed |= read_message(neighbours, header);
    }
    /* ENOBUFS means that the kernel has dropped messages. So the function then reads the entries of all neighbours
     * again. */
    return bytes < 0 && errno == ENOBUFS ? look_up_all(neighbours) || changed : changed;
}

void speadi_neighbours_prod(struct speadi_neighbours *neighbours)
{
    for (unsigned i = 0; i < neighbours->count; i++) {
        struct speadi_address to = neighbours->neighbour[i].address;
        int fd = to.any.sa_family == AF_INET6 ? neighbours->prod_v6 : neighbours->prod_v4;

        /* this sets the port of IPv6 too: it has the same offset */
        to.v4.sin_port = htons(DISCARD_PORT);
        /* No error is reported here. If the datagram cannot be sent, the neighbour later becomes SILENT. */
        (void)sendto(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, &to.any, to.length);
    }
}

/* ---- Opening ------------------------------------------------------------------------------- */

static int open_prods(struct speadi_neighbours *neighbours)
{
    for (unsigned i = 0; i < neighbours->count; i++) {
        const int family = neighbours->neighbour[i].address.any.sa_family;
        int *fd = family == AF_INET6 ? &neighbours->prod_v6 : &neighbours->prod_v4;

        if (*fd < 0)
            *fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (*fd < 0)
            return -errno;
    }
    return 0;
}

static int hear_of_links(int netlink)
{
    const int group = RTNLGRP_LINK;

    return setsockopt(netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0
               ? -errno
               : 0;
}

static const struct speadi_neighbour *find_state(const struct speadi_neighbours *neighbours,
                                                 enum speadi_neighbour_state state)
{
    for (unsigned i = 0; i < neighbours->count; i++)
        if (neighbours->neighbour[i].state == state)
            return &neighbours->neighbour[i];
    return NULL;
}

static int unreachable(const struct speadi_neighbour *neighbour, struct spead_err *err)
{
    char text[SPEADI_ADDRESS_TEXT_MAX], name[IF_NAMESIZE] = "?";

    if_indextoname(neighbour->interface, name);
    return speadi_err_set(err, -EHOSTUNREACH,
                          "next hop %s on %s does not answer: its MAC is not known (see: ip "
                          "neighbour show dev %s)",
                          speadi_address_format(&neighbour->address, text), name, name);
}

/* Waits until all neighbours are known, until one neighbour has not answered, or until the time is over. At the
 * beginning it asks again all neighbours that were SILENT. */
static int resolve(struct speadi_neighbours *neighbours, unsigned timeout_ms, struct spead_err *err)
{
    const uint64_t deadline_ns = speadi_clock_mono_ns() + timeout_ms * UINT64_C(1000000);
    struct pollfd polled = {.fd = neighbours->netlink, .events = POLLIN};
    const struct speadi_neighbour *missing;
    uint64_t now_ns;

    look_up_all(neighbours);
    for (unsigned i = 0; i < neighbours->count; i++)
        if (neighbours->neighbour[i].state == SPEADI_NEIGHBOUR_SILENT)
            neighbours->neighbour[i].state = SPEADI_NEIGHBOUR_UNKNOWN;
    speadi_neighbours_prod(neighbours);
    while ((missing = find_state(neighbours, SPEADI_NEIGHBOUR_UNKNOWN)) != NULL) {
        now_ns = speadi_clock_mono_ns();
        if (now_ns >= deadline_ns)
            return unreachable(missing, err);
        poll(&polled, 1, (int)((deadline_ns - now_ns) / 1000000 + 1));
        speadi_neighbours_refresh(neighbours);
    }
    missing = find_state(neighbours, SPEADI_NEIGHBOUR_SILENT);
    return missing ? unreachable(missing, err) : 0;
}

bool speadi_neighbours_lack(const struct speadi_neighbours *neighbours)
{
    return find_state(neighbours, SPEADI_NEIGHBOUR_UNKNOWN) != NULL;
}

int speadi_neighbours_open(struct speadi_neighbours *neighbours, struct speadi_neighbour *neighbour,
                           unsigned count, unsigned timeout_ms, struct spead_err *err)
{
    int ret;

    *neighbours = (struct speadi_neighbours){
        .netlink = -1, .prod_v4 = -1, .prod_v6 = -1, .neighbour = neighbour, .count = count};
    if (count == 0)
        return 0;
    for (unsigned i = 0; i < count; i++)
        if_indextoname(neighbour[i].interface, neighbour[i].name);
    ret = neighbours->netlink = speadi_netlink_open(RTNLGRP_NEIGH);
    if (ret >= 0)
        ret = hear_of_links(neighbours->netlink);
    if (ret >= 0)
        ret = open_prods(neighbours);
    if (ret < 0)
        speadi_err_code(err, ret, "cannot watch the neighbour table");
    else
        ret = resolve(neighbours, timeout_ms, err);
    if (ret < 0)
        speadi_neighbours_close(neighbours);
    return ret;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void speadi_neighbours_close(struct speadi_neighbours *neighbours)
{
    if (neighbours->count == 0)
        return; /* *neighbours is all zero or closed already */
    close_fd(&neighbours->netlink);
    close_fd(&neighbours->prod_v4);
    close_fd(&neighbours->prod_v6);
    neighbours->count = 0;
}
