/* UDP sockets, set up for heavy traffic. Used by the socket and uring engines of both directions. */
#ifndef SPEADI_UDP_H
#define SPEADI_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>
#include <speadline/error.h>

struct speadi_udp_receive_options {
    const struct speadi_interface *interface; /* NULL or index 0: any */
    /* Hear only this one, of the endpoint's IP version; NULL: all. */
    const struct speadi_address *sender;
    uint32_t buffer_bytes;       /* asked; SO_RCVBUFFORCE first, then SO_RCVBUF */
    bool gro;                    /* try UDP_GRO */
    const struct spead_log *log; /* a clipped buffer warns here, naming net.core.rmem_max */
};

struct speadi_udp_socket {
    int fd;                /* non-blocking, close-on-exec; -1: closed */
    uint32_t buffer_bytes; /* effective, as asked for (the kernel's doubling taken back) */
    bool gro;              /* UDP_GRO is on */
};

/* Bound (SO_REUSEADDR for multicast, to the group address) and joined. Unicast with an interface: given
 * by name, only what arrives there is received; given by address, any address (":PORT") means that
 * one. "[::]:PORT" takes IPv4 too, any other IPv6 address does not. With a sender, groups
 * are joined for it alone, and the kernel turns away what others send: other hosts' to a group unseen, the
 * rest at the socket, where speadi_udp_drops() counts it. Returns 0 or -errno with a sentence that names the
 * endpoint. On failure *socket is closed. */
int speadi_udp_open_receive(struct speadi_udp_socket *socket, const struct speadi_address *address,
                            const struct speadi_udp_receive_options *options,
                            struct spead_err *err);

/* Filters out whatever this address (and port, where it has one) has not sent. Returns 0 or -errno with a
 * sentence. */
int speadi_udp_hear_only(int fd, const struct speadi_address *sender, struct spead_err *err);

struct speadi_udp_send_options {
    const struct speadi_interface *interface;
    uint32_t buffer_bytes; /* asked; SO_SNDBUFFORCE first, then SO_SNDBUF (wmem_max) */
    uint32_t ttl;          /* multicast TTL / hop limit */
    const struct spead_log *log;
};

/* Connected to address. An interface given by name is where packets leave, one given by address is what
 * they come from. A broadcast address is allowed. Returns 0 or -errno with a sentence (an unreachable network is -ENETUNREACH). */
int speadi_udp_open_send(struct speadi_udp_socket *socket, const struct speadi_address *address,
                         const struct speadi_udp_send_options *options, struct spead_err *err);

void speadi_udp_close(struct speadi_udp_socket *socket); /* safe when closed */

/* The kernel's count of messages dropped at this socket (SO_MEMINFO, SK_MEMINFO_DROPS); 0 if unknown. */
uint64_t speadi_udp_drops(int fd);

#endif
