/* SPDX-License-Identifier: Apache-2.0 */
/* Finds local interfaces by their name or by one of their addresses. */
#include <speadi/address.h>

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/err.h>

static bool same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!a || a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr,
                      &((const struct sockaddr_in *)(const void *)b)->sin_addr,
                      sizeof(struct in_addr)) == 0;
    return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

/* Returns the first IPv4 address of the interface, or INADDR_ANY when it has none. */
static struct in_addr first_v4(const struct ifaddrs *list, unsigned index)
{
    for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
        if (entry->ifa_addr && entry->ifa_addr->sa_family == AF_INET &&
            if_nametoindex(entry->ifa_name) == index)
            return ((const struct sockaddr_in *)(const void *)entry->ifa_addr)->sin_addr;
    return (struct in_addr){.s_addr = htonl(INADDR_ANY)};
}

static bool parse_address(struct speadi_address *address, const char *text)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *info;

    if (getaddrinfo(text, NULL, &hints, &info) != 0)
        return false;
    *address = (struct speadi_address){.length = info->ai_addrlen};
    memcpy(&address->any, info->ai_addr, info->ai_addrlen);
    freeaddrinfo(info);
    speadi_address_unmap(address);
    return true;
}

static unsigned owner_of(const struct ifaddrs *list, const struct speadi_address *address)
{
    for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
        if (same_host(entry->ifa_addr, &address->any))
            return if_nametoindex(entry->ifa_name);
    return 0;
}

static int find(struct speadi_interface *found, const char *text, const struct ifaddrs *list,
                struct spead_err *err)
{
    struct speadi_address address;

    found->index = if_nametoindex(text);
    if (found->index == 0) {
        if (!parse_address(&address, text))
            return speadi_err_set(
                err, -ENODEV, "\"%.60s\": there is no interface of this name (see: ip link)", text);
        found->index = owner_of(list, &address);
        if (found->index == 0)
            return speadi_err_set(
                err, -ENODEV, "\"%.60s\": no interface has this address (see: ip address)", text);
        found->local = address;
    }
    if (!if_indextoname(found->index, found->name))
        return speadi_err_errno(err, "\"%.60s\": the interface is gone", text);
    found->v4 = found->local.any.sa_family == AF_INET ? found->local.v4.sin_addr
                                                      : first_v4(list, found->index);
    return 0;
}

int speadi_interface_find(struct speadi_interface *interface, const char *text,
                          struct spead_err *err)
{
    struct speadi_interface found = {0};
    struct ifaddrs *list;
    int ret;

    if (!text) {
        *interface = found;
        return 0;
    }
    if (!*text)
        return speadi_err_set(err, -EINVAL, "\"\": an interface needs a name or an address");
    if (getifaddrs(&list) < 0)
        return speadi_err_errno(err, "\"%.60s\": cannot list the interfaces", text);
    ret = find(&found, text, list, err);
    freeifaddrs(list);
    if (ret == 0)
        *interface = found;
    return ret;
}

/* Finds the source address for a destination. connect() on a UDP socket sends nothing, but the kernel then looks up the
 * route and chooses the source address. */
static bool source_towards(const struct speadi_address *to, struct speadi_address *from)
{
    int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found;

    if (fd < 0)
        return false;
    *from = (struct speadi_address){.length = sizeof from->v6};
    found =
        connect(fd, &to->any, to->length) == 0 && getsockname(fd, &from->any, &from->length) == 0;
    close(fd);
    return found;
}

unsigned speadi_interface_towards(const struct speadi_address *address)
{
    struct speadi_address from;
    struct ifaddrs *list;
    unsigned index = 0;

    if (speadi_address_is_any(address))
        return 0;
    if (address->any.sa_family == AF_INET6 && address->v6.sin6_scope_id != 0)
        return address->v6.sin6_scope_id;
    if (!source_towards(address, &from) || getifaddrs(&list) < 0)
        return 0;
    index = owner_of(list, &from);
    freeifaddrs(list);
    return index;
}
