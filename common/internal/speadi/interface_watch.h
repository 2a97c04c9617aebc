/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps sockets tied to their interfaces. The kernel ends the membership of a group, and the binding to an interface,
 * when the interface is deleted. It does not renew them when an interface of the same name is made. And a switch can
 * forget the groups of a port whose link was down. So the watch listens to what the kernel says about interfaces
 * (netlink), and ties the sockets again: it joins their groups, binds them, or names the interface by which they send.
 *
 * Cost: none for a packet. The caller reads the watch when its descriptor is readable, or at fixed times.
 * Threads: one thread at a time uses a watch. */
#ifndef SPEADI_INTERFACE_WATCH_H
#define SPEADI_INTERFACE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/endpoint.h>
#include <speadi/udp.h>

/* A socket that is tied to an interface. */
struct speadi_watched {
    struct speadi_udp_socket *socket; /* borrowed */
    struct speadi_address address;    /* of the endpoint */
    struct speadi_address sender;     /* the only sender; its length is 0 if there is none */
    bool sends;                       /* the socket sends; else it receives */
    /* The interface as it is now. Its index is 0 while it is away; its name stays. */
    struct speadi_interface interface;
    bool has_link;          /* the interface is up and its link, too */
    uint32_t carrier_downs; /* how often the link has gone down */
    bool is_untied;         /* the interface is another one than that to which the socket is tied */
    bool is_due;            /* the socket must be tied again */
};

struct speadi_interface_watch {
    struct speadi_watched watched[SPEADI_ENDPOINTS_MAX];
    unsigned count;
    int fd; /* the netlink socket; -1 if there is none; valid if count is not 0 */
    struct spead_log log;
    bool is_quiet;       /* the log does not name this failure of a link, nor its end */
    uint64_t rejoins;    /* how many times a socket was tied again */
    uint64_t link_downs; /* how many times an interface went away, or its link down */
};

/* Adds a socket that speadi_udp_open_receive() or speadi_udp_open_send() has opened. Does nothing if the socket is tied
 * to no interface. A struct that is all zero is a watch without sockets. If the kernel does not tell about interfaces,
 * the log says so once, and the socket is used as it is. `sender` and `log` may be NULL. */
void speadi_interface_watch_receiver(struct speadi_interface_watch *watch,
                                     struct speadi_udp_socket *socket,
                                     const struct speadi_address *address,
                                     const struct speadi_address *sender,
                                     const struct spead_log *log);
void speadi_interface_watch_sender(struct speadi_interface_watch *watch,
                                   struct speadi_udp_socket *socket,
                                   const struct speadi_address *address,
                                   const struct spead_log *log);

/* Closes the watch, but not the sockets. Does nothing if no socket was added, or if the watch is closed. */
void speadi_interface_watch_close(struct speadi_interface_watch *watch);

/* Returns the descriptor that is readable when there is news, or -1. */
int speadi_interface_watch_fd(const struct speadi_interface_watch *watch);

/* Reads the news, and ties the sockets again whose interfaces have come back. Costs one system call if there is no
 * news. Does not wait for anything but the kernel's answers. */
void speadi_interface_watch_read(struct speadi_interface_watch *watch);

#endif
