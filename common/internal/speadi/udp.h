/* SPDX-License-Identifier: Apache-2.0 */
/* Opens UDP sockets and prepares them for heavy traffic. Ties them to their interfaces again when these were away. The
 * socket engines and the uring engines use these functions, to receive and to send. */
#ifndef SPEADI_UDP_H
#define SPEADI_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>
#include <speadline/error.h>

struct speadi_udp_receive_options {
    const struct speadi_interface *interface; /* NULL or index 0 means any interface */
    /* The socket receives only from this address, which has the IP version of the endpoint. NULL means that it receives
     * from all addresses. */
    const struct speadi_address *sender;
    /* The wanted size of the kernel's buffer. It is set with SO_RCVBUFFORCE. If the kernel refuses that, it is set with
     * SO_RCVBUF. */
    uint32_t buffer_bytes;
    bool gro; /* true: ask the kernel for UDP_GRO */
    /* the log gets a warning when the kernel makes the buffer smaller */
    const struct spead_log *log;
};

struct speadi_udp_socket {
    int fd; /* non-blocking and close-on-exec; -1 if the socket is closed */
    /* the effective size of the buffer, half of the number that the kernel reports */
    uint32_t buffer_bytes;
    bool gro; /* true if UDP_GRO is on */
    /* The interface that the socket is tied to: the one that the user named, or the one that the kernel has chosen for
     * a group. Its index is 0 if the socket is tied to none. */
    struct speadi_interface interface;
};

/* Says whether this process can open a UDP socket and make the system call that receives from it (recvmmsg) or sends to
 * it (sendmmsg). Returns 0, or -errno with a sentence. */
int speadi_udp_try_receive(struct spead_err *err);
int speadi_udp_try_send(struct spead_err *err);

/* Opens a socket and binds it to the address.
 *   - A multicast address: the socket is bound to the group address, with SO_REUSEADDR, and joins the group. It
 *     receives only what arrives for the group at the interface on which it joins.
 *   - A unicast address with an interface that was given by name: the socket receives only what arrives at that
 *     interface.
 *   - The any-address (":PORT") with an interface that was given by its address: the socket is bound to the address of
 *     the interface.
 *   - "[::]:PORT": the socket receives IPv4 too. With any other IPv6 address it does not.
 * No socket receives what arrives for groups that other sockets of this host have joined.
 * When the options have a sender, the socket joins groups for that sender only, and the kernel drops the datagrams of
 * other senders. Unwanted multicast datagrams from another host never reach the socket: the kernel drops them earlier,
 * and does not count them. It drops all other unwanted datagrams at the socket, where speadi_udp_drops() counts them.
 * Returns 0, or -errno with a sentence that names the endpoint. On failure *socket is closed. */
int speadi_udp_open_receive(struct speadi_udp_socket *socket, const struct speadi_address *address,
                            const struct speadi_udp_receive_options *options,
                            struct spead_err *err);

/* Ties a receiving socket to its interface again, after the interface was made anew or its link has come back: joins
 * the group, binds to the interface. Every packet that waits in the socket stays. socket->interface is the interface to
 * which the socket was tied before; after a success it is *interface. While the call runs, the socket can receive what
 * arrives at other interfaces. `sender` is NULL for all senders. Returns 0, or -errno with a sentence. */
int speadi_udp_listen_again(struct speadi_udp_socket *socket, const struct speadi_address *address,
                            const struct speadi_interface *interface,
                            const struct speadi_address *sender, struct spead_err *err);

/* Installs a socket filter that accepts only datagrams from this address. When the address has a port, the filter
 * accepts only datagrams from this port. Returns 0, or -errno with a sentence. */
int speadi_udp_hear_only(int fd, const struct speadi_address *sender, struct spead_err *err);

struct speadi_udp_send_options {
    const struct speadi_interface *interface;
    /* The wanted size of the kernel's buffer. It is set with SO_SNDBUFFORCE. If the kernel refuses that, it is set with
     * SO_SNDBUF. */
    uint32_t buffer_bytes;
    uint32_t ttl; /* TTL or IPv6 hop limit of multicast packets */
    const struct spead_log *log;
};

/* Opens a socket and connects it to the address. When the interface was given by name, packets leave by that interface.
 * When the interface was given by its address, that address is the source of the packets. A broadcast address is
 * allowed. The kernel reports drops of its own queues (ENOBUFS), and puts ICMP messages into the error queue of the
 * socket (udp_error_queue.h). Returns 0, or -errno with a sentence; -ENETUNREACH means that there is no route. */
int speadi_udp_open_send(struct speadi_udp_socket *socket, const struct speadi_address *address,
                         const struct speadi_udp_send_options *options, struct spead_err *err);

/* Does for a sending socket what speadi_udp_listen_again() does for a receiving one. The socket keeps its source
 * port. */
int speadi_udp_aim_again(struct speadi_udp_socket *socket, const struct speadi_address *address,
                         const struct speadi_interface *interface, struct spead_err *err);

void speadi_udp_close(struct speadi_udp_socket *socket); /* does nothing if the socket is closed */

/* Returns how many datagrams the kernel has dropped at this socket (SO_MEMINFO, SK_MEMINFO_DROPS). The kernel counts a
 * train as one datagram. Returns 0 when the kernel does not tell. */
uint64_t speadi_udp_drops(int fd);

/* Returns how much memory of the kernel the unread datagrams of this socket take, in bytes (SO_MEMINFO). This is more
 * than the bytes of the datagrams. Returns 0 when the kernel does not tell. */
uint64_t speadi_udp_unread_bytes(int fd);

/* Returns which part of the receive buffer of the socket is in use, 0 to 1 (SO_MEMINFO). Returns 1 when the kernel does
 * not tell. */
double speadi_udp_fill(int fd);

#endif
