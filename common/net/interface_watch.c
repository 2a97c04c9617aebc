/* SPDX-License-Identifier: Apache-2.0 */
/* See interface_watch.h. */
#include <speadi/interface_watch.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#include "interface_news.h"
#include "netlink.h"

/* ---- Opening ------------------------------------------------------------------------------- */

/* The user gave the interface by its name, or the kernel has chosen it. */
static bool is_by_name(const struct speadi_watched *watched)
{
    return watched->interface.local.length == 0;
}

/* Tells whether the socket loses something when its interface is deleted. A socket that is bound to an address of the
 * interface receives again, as soon as the address is there again. */
static bool is_tied(const struct speadi_udp_socket *socket, const struct speadi_address *address)
{
    return socket->interface.index != 0 &&
           (speadi_address_is_multicast(address) || socket->interface.local.length == 0);
}

static void open_netlink(struct speadi_interface_watch *watch, const struct spead_log *log)
{
    if (log)
        watch->log = *log;
    watch->fd = speadi_interface_news_open();
    if (watch->fd < 0)
        speadi_log_line(&watch->log, SPEAD_LOG_WARNING,
                        "the kernel does not tell when interfaces go and come (netlink: %s): if an "
                        "interface is made anew, start the program again",
                        strerror(-watch->fd));
}

static struct speadi_watched *add(struct speadi_interface_watch *watch,
                                  struct speadi_udp_socket *socket,
                                  const struct speadi_address *address, const struct spead_log *log)
{
    struct speadi_watched *watched = &watch->watched[watch->count];
    struct speadi_interface_news now;

    if (!is_tied(socket, address) || watch->count == SPEADI_ENDPOINTS_MAX)
        return NULL;
    if (watch->count++ == 0)
        open_netlink(watch, log);
    *watched = (struct speadi_watched){
        .socket = socket, .address = *address, .interface = socket->interface};
    now = speadi_interface_news_ask(socket->interface.index);
    watched->has_link = now.has_link;
    watched->carrier_downs = now.carrier_downs;
    return watched;
}

void speadi_interface_watch_receiver(struct speadi_interface_watch *watch,
                                     struct speadi_udp_socket *socket,
                                     const struct speadi_address *address,
                                     const struct speadi_address *sender,
                                     const struct spead_log *log)
{
    struct speadi_watched *watched = add(watch, socket, address, log);

    if (watched && sender)
        watched->sender = *sender;
}

void speadi_interface_watch_sender(struct speadi_interface_watch *watch,
                                   struct speadi_udp_socket *socket,
                                   const struct speadi_address *address,
                                   const struct spead_log *log)
{
    struct speadi_watched *watched = add(watch, socket, address, log);

    if (watched)
        watched->sends = true;
}

void speadi_interface_watch_close(struct speadi_interface_watch *watch)
{
    if (watch->count > 0 && watch->fd >= 0)
        close(watch->fd);
    watch->count = 0;
}

int speadi_interface_watch_fd(const struct speadi_interface_watch *watch)
{
    return watch->count > 0 ? watch->fd : -1;
}

/* ---- News ---------------------------------------------------------------------------------- */

/* Returns true if the socket has lost its link by this, or had lost it before. */
static bool hear_link(struct speadi_watched *watched, const struct speadi_interface_news *news)
{
    bool had_link = watched->has_link;
    bool is_new = news->index != watched->interface.index;
    bool was_down =
        !is_new && had_link && (!news->has_link || news->carrier_downs != watched->carrier_downs);

    if (is_new && !(is_by_name(watched) && strcmp(news->name, watched->interface.name) == 0))
        return false;
    watched->interface.index = news->index;
    watched->has_link = news->has_link;
    watched->carrier_downs = news->carrier_downs;
    /* A link that has come back can lead to a switch that has forgotten the groups. */
    watched->is_untied |= is_new;
    watched->is_due |=
        news->has_link && (watched->is_untied || (!watched->sends && (was_down || !had_link)));
    return was_down;
}

static bool hear_gone(struct speadi_watched *watched, const struct speadi_interface_news *news)
{
    bool had_link = watched->has_link;

    if (news->index != watched->interface.index)
        return false;
    watched->interface.index = 0;
    watched->has_link = watched->is_due = false;
    watched->is_untied = true;
    return had_link;
}

static void hear_address(struct speadi_watched *watched, const struct speadi_interface_news *news)
{
    const struct speadi_interface *own = &watched->interface;

    if (news->address.any.sa_family == watched->address.any.sa_family &&
        news->index == own->index) {
        /* Without an address of IPv4, the kernel could not name it in what it told the switch, or put it into
         * packets. */
        watched->is_due |= watched->is_untied || (news->address.any.sa_family == AF_INET &&
                                                  own->v4.s_addr == htonl(INADDR_ANY));
    }
    if (is_by_name(watched))
        return;
    if (speadi_address_same_host(&news->address, &own->local) && news->index != own->index) {
        watched->interface.index = news->index;
        watched->is_untied = watched->is_due = true;
    }
}

static void hear_address_gone(struct speadi_watched *watched,
                              const struct speadi_interface_news *news)
{
    if (news->index == watched->interface.index && news->address.any.sa_family == AF_INET &&
        news->address.v4.sin_addr.s_addr == watched->interface.v4.s_addr)
        watched->interface.v4.s_addr = htonl(INADDR_ANY);
}

/* Returns true if the socket has lost its link by this. */
static bool hear(struct speadi_watched *watched, const struct speadi_interface_news *news)
{
    switch (news->kind) {
    case SPEADI_NEWS_LINK:
        return hear_link(watched, news);
    case SPEADI_NEWS_LINK_GONE:
        return hear_gone(watched, news);
    case SPEADI_NEWS_ADDRESS:
        hear_address(watched, news);
        break;
    case SPEADI_NEWS_ADDRESS_GONE:
        hear_address_gone(watched, news);
        break;
    case SPEADI_NEWS_NONE:
        break;
    }
    return false;
}

static void hear_all(struct speadi_interface_watch *watch, const struct speadi_interface_news *news)
{
    const struct speadi_watched *lost = NULL;

    for (unsigned i = 0; i < watch->count; i++)
        if (hear(&watch->watched[i], news))
            lost = &watch->watched[i];
    if (!lost)
        return;
    /* Log only the 1st, 2nd, 4th, 8th, ... time, because a link may go down every second. */
    watch->is_quiet = !speadi_is_power_of_two(++watch->link_downs);
    if (!watch->is_quiet)
        speadi_log_line(&watch->log, SPEAD_LOG_WARNING,
                        "interface %s %s (%llu times by now); packets are lost until it is back",
                        lost->interface.name,
                        news->kind == SPEADI_NEWS_LINK_GONE ? "was deleted" : "went down",
                        (unsigned long long)watch->link_downs);
}

/* Asks about each interface. It is for the case that news was lost. */
static void hear_anew(struct speadi_interface_watch *watch)
{
    for (unsigned i = 0; i < watch->count; i++) {
        struct speadi_watched *watched = &watch->watched[i];
        struct speadi_interface now;
        struct speadi_interface_news news = speadi_interface_news_ask(watched->interface.index);

        if (news.kind == SPEADI_NEWS_LINK_GONE && is_by_name(watched) &&
            speadi_interface_find(&now, watched->interface.name, NULL) == 0)
            news = speadi_interface_news_ask(now.index);
        hear_all(watch, &news);
    }
}

/* Reads messages until there is none. */
static void read_all(struct speadi_interface_watch *watch)
{
    struct speadi_netlink_message message;
    const struct nlmsghdr *at;

    for (;;) {
        ssize_t bytes = recv(watch->fd, &message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
        uint32_t left = (uint32_t)bytes;

        if (bytes < 0 && errno == ENOBUFS)
            hear_anew(watch);
        else if (bytes < 0 && errno != EINTR)
            return;
        else if (bytes > (ssize_t)sizeof message)
            hear_anew(watch);
        else if (bytes > 0)
            for (at = &message.header; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
                struct speadi_interface_news news = speadi_interface_news_read(at);

                hear_all(watch, &news);
            }
    }
}

/* ---- Tying again ---------------------------------------------------------------------------- */

static int tie(struct speadi_watched *watched, struct spead_err *err)
{
    return watched->sends
               ? speadi_udp_aim_again(watched->socket, &watched->address, &watched->interface, err)
               : speadi_udp_listen_again(watched->socket, &watched->address, &watched->interface,
                                         watched->sender.length > 0 ? &watched->sender : NULL, err);
}

/* An IPv4 socket that sends must wait until its interface has an address. Else its packets would have the source
 * 0.0.0.0. */
static bool lacks_source(const struct speadi_watched *watched)
{
    return watched->sends && watched->address.any.sa_family == AF_INET &&
           watched->interface.v4.s_addr == htonl(INADDR_ANY);
}

/* Ties all sockets of one interface again. Returns how many. If one cannot be tied, the next news about the interface
 * makes the watch try again. */
static unsigned tie_all(struct speadi_interface_watch *watch, const struct speadi_interface *like,
                        const struct speadi_interface *now, struct spead_err *err)
{
    unsigned count = 0;

    for (unsigned i = 0; i < watch->count; i++) {
        struct speadi_watched *watched = &watch->watched[i];

        if (!watched->is_due || !speadi_interface_same(&watched->interface, like))
            continue;
        watched->is_due = false;
        watched->interface = *now;
        if (now->index == 0 || lacks_source(watched))
            continue;
        watched->is_untied = tie(watched, err) < 0;
        count += !watched->is_untied;
    }
    return count;
}

static void tie_interface(struct speadi_interface_watch *watch, const struct speadi_interface like)
{
    struct speadi_interface now = like;
    struct spead_err err = {0};
    unsigned count;

    if (like.local.length == 0 && speadi_interface_find(&now, like.name, &err) < 0)
        now.index = 0;
    if (like.local.length > 0 && !if_indextoname(like.index, now.name))
        now.index = 0;
    if (like.local.any.sa_family == AF_INET)
        now.v4 = like.local.v4.sin_addr;
    count = tie_all(watch, &like, &now, &err);
    watch->rejoins += count;
    if (count > 0 && !watch->is_quiet)
        speadi_log_line(&watch->log, SPEAD_LOG_WARNING,
                        "interface %s is back: %u endpoints use it again", now.name, count);
    if (count == 0 && err.code != 0 && !watch->is_quiet)
        speadi_log_line(&watch->log, SPEAD_LOG_WARNING, "interface %s: %s", now.name, err.text);
}

void speadi_interface_watch_read(struct speadi_interface_watch *watch)
{
    if (speadi_interface_watch_fd(watch) < 0)
        return;
    read_all(watch);
    for (unsigned i = 0; i < watch->count; i++)
        if (watch->watched[i].is_due)
            tie_interface(watch, watch->watched[i].interface);
}
