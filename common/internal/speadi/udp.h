/* Opens UDP sockets and prepares them for heavy traffic. The socket and uring engines use it, to receive and to
 * send. */
#ifndef SPEADI_UDP_H
#define SPEADI_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>
#include <speadline/error.h>

struct speadi_udp_receive_options {
    const struct speadi_interface *interface; /* NULL or index 0: any interface */
    /* Receive only from this address, which has the IP version of the endpoint. NULL: from all. */
    const struct speadi_address *sender;
    uint32_t buffer_bytes;       /* wanted size; set with SO_RCVBUFFORCE, or else SO_RCVBUF */
    bool gro;                    /* try UDP_GRO */
    const struct spead_log *log; /* gets a warning when the kernel makes the buffer smaller */
};

struct speadi_udp_socket {
    int fd;                /* non-blocking, close-on-exec; -1: closed */
    uint32_t buffer_bytes; /* the size in effect; the kernel reports twice as much */
    bool gro;              /* UDP_GRO is on */
};

/* Opens a socket and binds it to the address. For a multicast address it binds to the group address, with SO_REUSEADDR,
 * and joins the group. For a unicast address with an interface that was given by name, it receives only what arrives at
 * that interface. When the interface was given by its address, the any-address (":PORT") means that address.
 * "[::]:PORT" receives IPv4 too; any other IPv6 address does not. With a sender in the options, the socket joins groups
 * for that sender only, and the kernel drops the datagrams of other senders. The kernel drops multicast datagrams of
 * other hosts before they reach the socket, and does not count them. It drops the other datagrams at the socket, where
 * speadi_udp_drops() counts them. Returns 0, or -errno with a sentence that names the endpoint. On failure *socket is
 * closed. */
int speadi_udp_open_receive(struct speadi_udp_socket *socket, const struct speadi_address *address,
                            const struct speadi_udp_receive_options *options,
                            struct spead_err *err);

/* Installs a socket filter that accepts only datagrams from this address, and from its port when it has one. Returns
 * 0, or -errno with a sentence. */
int speadi_udp_hear_only(int fd, const struct speadi_address *sender, struct spead_err *err);

struct speadi_udp_send_options {
    const struct speadi_interface *interface;
    uint32_t buffer_bytes; /* wanted size; set with SO_SNDBUFFORCE, or else SO_SNDBUF */
    uint32_t ttl;          /* TTL of multicast packets; for IPv6 the hop limit */
    const struct spead_log *log;
};

/* Opens a socket and connects it to the address. When the interface was given by name, packets leave by that
 * interface. When it was given by its address, that address is the source of the packets. A broadcast address is
 * allowed. Returns 0, or -errno with a sentence; -ENETUNREACH means that there is no route. */
int speadi_udp_open_send(struct speadi_udp_socket *socket, const struct speadi_address *address,
                         const struct speadi_udp_send_options *options, struct spead_err *err);

void speadi_udp_close(struct speadi_udp_socket *socket); /* may be closed already */

/* Returns how many datagrams the kernel has dropped at this socket (SO_MEMINFO, SK_MEMINFO_DROPS); a train counts as
 * one. Returns 0 when the kernel does not tell. */
uint64_t speadi_udp_drops(int fd);

#endif
