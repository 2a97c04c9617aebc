/* SPDX-License-Identifier: Apache-2.0 */
/* See interface_news.h. */
#include "interface_news.h"

#include <errno.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

int speadi_interface_news_open(void)
{
    static const int more[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
    int fd = speadi_netlink_open(RTNLGRP_LINK);

    for (unsigned i = 0; fd >= 0 && i < sizeof more / sizeof *more; i++) {
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &more[i], sizeof more[i]) < 0) {
            int error = errno;

            close(fd);
            return -error;
        }
    }
    return fd;
}

static void read_link(struct speadi_interface_news *news, const struct nlmsghdr *message)
{
    const struct ifinfomsg *link = NLMSG_DATA(message);
    const char *name;
    const void *downs;

    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *link))
        return;
    /* A bridge says RTM_DELLINK when an interface is no longer one of its ports. */
    if (link->ifi_family != AF_UNSPEC)
        return;
    news->kind = message->nlmsg_type == RTM_DELLINK ? SPEADI_NEWS_LINK_GONE : SPEADI_NEWS_LINK;
    news->index = (unsigned)link->ifi_index;
    news->has_link = (link->ifi_flags & IFF_UP) && (link->ifi_flags & IFF_LOWER_UP);
    name = speadi_netlink_find(message, sizeof *link, IFLA_IFNAME, 1);
    downs = speadi_netlink_find(message, sizeof *link, IFLA_CARRIER_DOWN_COUNT,
                                sizeof news->carrier_downs);
    if (downs)
        memcpy(&news->carrier_downs, downs, sizeof news->carrier_downs);
    if (name)
        snprintf(news->name, sizeof news->name, "%.*s", (int)sizeof news->name - 1, name);
}

static void read_address(struct speadi_interface_news *news, const struct nlmsghdr *message)
{
    const struct ifaddrmsg *change = NLMSG_DATA(message);
    bool v6;
    const void *host;

    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *change))
        return;
    v6 = change->ifa_family == AF_INET6;
    if (!v6 && change->ifa_family != AF_INET)
        return;
    /* IFA_LOCAL is the own address of a link to one neighbour; IFA_ADDRESS is then that of the neighbour. IPv6 often
     * has IFA_ADDRESS only. */
    host = speadi_netlink_find(message, sizeof *change, IFA_LOCAL,
                               v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
    if (!host)
        host = speadi_netlink_find(message, sizeof *change, IFA_ADDRESS,
                                   v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
    if (!host)
        return;
    news->kind =
        message->nlmsg_type == RTM_DELADDR ? SPEADI_NEWS_ADDRESS_GONE : SPEADI_NEWS_ADDRESS;
    news->index = change->ifa_index;
    news->address.any.sa_family = v6 ? AF_INET6 : AF_INET;
    news->address.length = v6 ? sizeof news->address.v6 : sizeof news->address.v4;
    if (v6)
        memcpy(&news->address.v6.sin6_addr, host, sizeof news->address.v6.sin6_addr);
    else
        memcpy(&news->address.v4.sin_addr, host, sizeof news->address.v4.sin_addr);
}

struct speadi_interface_news speadi_interface_news_read(const struct nlmsghdr *message)
{
    struct speadi_interface_news news = {.kind = SPEADI_NEWS_NONE};

    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        read_link(&news, message);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        read_address(&news, message);
        break;
    default:
        break;
    }
    return news;
}

struct speadi_interface_news speadi_interface_news_ask(unsigned index)
{
    struct speadi_interface_news news = {.kind = SPEADI_NEWS_LINK_GONE, .index = index};
    struct speadi_netlink_message message;
    struct ifinfomsg *link = speadi_netlink_begin(&message, RTM_GETLINK, sizeof *link);

    link->ifi_index = (int)index;
    if (index != 0 && speadi_netlink_ask(&message) == 0)
        read_link(&news, &message.header);
    return news;
}
