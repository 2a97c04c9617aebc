/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts what one receive returned into packets. One receive returns one datagram, or a train that the kernel has joined
 * (UDP_GRO): datagrams of one size, of which only the last may be shorter. */
#ifndef SPEADI_GRO_H
#define SPEADI_GRO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rx_from.h"

#define SPEADI_DATAGRAMS_BYTES_MAX 65536u /* one receive returns at most this many bytes */
#define SPEADI_GRO_CONTROL_BYTES   64u    /* room for the control message of UDP_GRO */

/* The datagrams that one receive returned and that have not been lent yet. */
struct speadi_datagrams {
    const uint8_t *data;
    uint32_t held_bytes;    /* bytes at data */
    uint32_t true_bytes;    /* bytes received: more than held_bytes if the kernel cut the end off */
    uint32_t segment_bytes; /* size of every datagram except the last; at least 1 */
    struct speadi_rx_from from; /* the endpoint and the sender of the datagrams */
    uint64_t time_ns;
};

/* Returns how large each datagram is in a receive that returned true_bytes bytes. The control message UDP_GRO tells
 * this size. Without this message all bytes are one datagram. The result is at least 1. */
uint32_t speadi_gro_segment_bytes(struct msghdr *header, uint32_t true_bytes);

/* Returns the number of datagrams, at most UINT16_MAX. 0 bytes count as one empty datagram. */
uint16_t speadi_datagrams_segments(const struct speadi_datagrams *datagrams);

/* Appends the datagrams to the burst, as UNPLACED packets, until all are lent or the burst is full. If the kernel cut
 * the end off, all datagrams together become one TRUNCATED packet, whose field `segments` is their number. Adds the
 * sender to burst.from if the last entry of the endpoint has another sender. Returns true when all datagrams are lent.
 * Else *datagrams describes the datagrams that are left. */
bool speadi_datagrams_lend(struct speadi_datagrams *datagrams, struct speadi_rx_burst *burst);

#endif
