/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: asks the kernel how it would send packets to a destination. */
#include <speadi/neighbour.h>

#include <errno.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/frame_template.h>
#include <speadi/queue_kind.h>

#include "netlink.h"

static const void *host_of(const struct speadi_address *address)
{
    return address->any.sa_family == AF_INET6 ? (const void *)&address->v6.sin6_addr
                                              : (const void *)&address->v4.sin_addr;
}

static size_t host_bytes(const struct speadi_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

/* Makes an address with the IP version of `like`, the given host and the port 0. */
static struct speadi_address with_host(const struct speadi_address *like, const void *host,
                                       unsigned scope)
{
    struct speadi_address address = {.length = like->length};

    address.any.sa_family = like->any.sa_family;
    if (like->any.sa_family == AF_INET6) {
        memcpy(&address.v6.sin6_addr, host, sizeof address.v6.sin6_addr);
        if (IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr))
            address.v6.sin6_scope_id = scope;
    } else {
        memcpy(&address.v4.sin_addr, host, sizeof address.v4.sin_addr);
    }
    return address;
}

static int ask(struct speadi_netlink_message *message, const struct speadi_address *destination,
               const struct speadi_interface *interface)
{
    const size_t bytes = host_bytes(destination);
    struct rtmsg *request = speadi_netlink_begin(message, RTM_GETROUTE, sizeof *request);
    unsigned out = interface ? interface->index : 0;

    if (out == 0 && destination->any.sa_family == AF_INET6)
        out = destination->v6.sin6_scope_id;
    request->rtm_family = (unsigned char)destination->any.sa_family;
    request->rtm_dst_len = (unsigned char)(8 * bytes);
    speadi_netlink_add(message, RTA_DST, host_of(destination), bytes);
    if (out)
        speadi_netlink_add(message, RTA_OIF, &out, sizeof out);
    if (interface && interface->local.any.sa_family == destination->any.sa_family) {
        request->rtm_src_len = request->rtm_dst_len;
        speadi_netlink_add(message, RTA_SRC, host_of(&interface->local), bytes);
    }
    return speadi_netlink_ask(message);
}

static void read_answer(struct speadi_route *route, const struct nlmsghdr *answer,
                        const struct speadi_address *destination)
{
    const struct rtmsg *found = NLMSG_DATA(answer);
    const size_t bytes = host_bytes(destination);
    const void *out = speadi_netlink_find(answer, sizeof *found, RTA_OIF, sizeof(unsigned));
    const void *source = speadi_netlink_find(answer, sizeof *found, RTA_PREFSRC, bytes);
    const void *gateway = speadi_netlink_find(answer, sizeof *found, RTA_GATEWAY, bytes);

    *route = (struct speadi_route){0};
    if (out)
        memcpy(&route->interface, out, sizeof route->interface);
    if (source)
        route->source = with_host(destination, source, route->interface);
    route->next_hop =
        with_host(destination, gateway ? gateway : host_of(destination), route->interface);
    if (speadi_address_is_multicast(destination))
        speadi_frame_group_mac(route->mac, destination);
    else if (found->rtm_type == RTN_BROADCAST)
        memset(route->mac, 0xff, sizeof route->mac);
    else
        return;
    route->is_resolved = true;
}

unsigned speadi_route_interface(const struct speadi_address *destination,
                                const struct speadi_interface *interface)
{
    struct speadi_netlink_message message;
    const void *out;
    unsigned index = 0;

    if (interface && interface->index)
        return interface->index;
    if (ask(&message, destination, interface) < 0)
        return 0;
    out = speadi_netlink_find(&message.header, sizeof(struct rtmsg), RTA_OIF, sizeof index);
    if (out)
        memcpy(&index, out, sizeof index);
    return index;
}

int speadi_route_find(struct speadi_route *route, const struct speadi_address *destination,
                      const struct speadi_interface *interface, struct spead_err *err)
{
    struct speadi_netlink_message message;
    char text[SPEADI_ADDRESS_TEXT_MAX];
    const struct rtmsg *found = NLMSG_DATA(&message.header);
    int ret = ask(&message, destination, interface);

    speadi_address_format(destination, text);
    if (ret < 0)
        return speadi_err_code(err, ret, "%s: there is no route (see: ip route get)", text);
    if (found->rtm_type == RTN_LOCAL)
        return speadi_err_set(err, -EADDRNOTAVAIL,
                              "%s is an address of this host: frames that a device sends do not "
                              "come back to it (use engine socket)",
                              text);
    read_answer(route, &message.header, destination);
    if (interface && interface->local.any.sa_family == destination->any.sa_family)
        route->source = with_host(destination, host_of(&interface->local), route->interface);
    if (route->interface == 0 || route->source.length == 0)
        return speadi_err_set(err, -ENETUNREACH,
                              "%s: the route has no interface or no source address (see: ip route "
                              "get)",
                              text);
    return 0;
}
