/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about an interface: one netlink message in the words of interface_watch.c. */
#ifndef SPEADI_INTERFACE_NEWS_H
#define SPEADI_INTERFACE_NEWS_H

#include <stdbool.h>

#include <linux/netlink.h>

#include <speadi/address.h>

enum speadi_interface_news_kind {
    SPEADI_NEWS_NONE, /* the message is about something else */
    SPEADI_NEWS_LINK, /* an interface was made, or has changed */
    SPEADI_NEWS_LINK_GONE,
    SPEADI_NEWS_ADDRESS, /* an interface has got an address */
    SPEADI_NEWS_ADDRESS_GONE,
};

struct speadi_interface_news {
    enum speadi_interface_news_kind kind;
    unsigned index;
    char name[IF_NAMESIZE]; /* LINK */
    bool has_link;          /* LINK: the interface is up, and its link, too */
    /* LINK: how often the link has gone down. The kernel tells of a link that was down for a short time by one message,
     * when it is up again. */
    uint32_t carrier_downs;
    struct speadi_address address; /* ADDRESS, ADDRESS_GONE; its port is 0 */
};

/* Opens a netlink socket that gets the news. Returns it, or -errno. */
int speadi_interface_news_open(void);

/* Reads one message. */
struct speadi_interface_news speadi_interface_news_read(const struct nlmsghdr *message);

/* Asks the kernel how the interface with this index is now. The kind of the result is LINK or LINK_GONE. */
struct speadi_interface_news speadi_interface_news_ask(unsigned index);

#endif
