/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells a sending socket about its datagrams after it has taken them: the error queue of the socket,
 * and the MTU of its route. */
#ifndef SPEADI_UDP_ERROR_QUEUE_H
#define SPEADI_UDP_ERROR_QUEUE_H

#include <stdint.h>

/* What a call of speadi_udp_drain_errors() has found. */
struct speadi_udp_mishaps {
    unsigned icmp;     /* ICMP messages that say that a datagram did not arrive */
    unsigned path_mtu; /* ICMP messages that say that a datagram was too long for the path */
};

/* Takes at most `max` entries out of the error queue of the socket (IP_RECVERR). Returns how many it took, and adds
 * them to *found. It does not block. Taking an ICMP message out also clears the error that the message has left at the
 * socket, so that the next send() is not refused because of it. */
unsigned speadi_udp_drain_errors(int fd, unsigned max, struct speadi_udp_mishaps *found);

/* Returns the largest datagram that the route of a connected socket takes whole, in bytes without the IP and UDP
 * headers. It is less than the MTU of the interface if the kernel has learned of a lower MTU on the path. Returns
 * UINT32_MAX if the kernel does not tell. *mtu gets the MTU of the route. */
uint32_t speadi_udp_whole_bytes(int fd, uint32_t *mtu);

#endif
