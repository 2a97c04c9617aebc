/* SPDX-License-Identifier: Apache-2.0 */
/* Reads received Ethernet frames: finds the UDP payload and the destination address. The functions check every length
 * in a frame before they use it. */
#ifndef SPEADI_FRAME_PARSE_H
#define SPEADI_FRAME_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>
#include <speadi/frame_layout.h>

/* The length of the longest headers that an accepted frame can have, in bytes: Ethernet, two VLAN tags, IPv6, UDP. */
#define SPEADI_VLAN_TAGS_MAX 2u
#define SPEADI_FRAME_HEAD_MAX \
    (SPEADI_ETHERNET_BYTES + SPEADI_VLAN_TAGS_MAX * SPEADI_VLAN_BYTES + SPEADI_IPV6_UDP_BYTES)

struct speadi_frame {
    uint32_t ip_at, udp_at; /* offsets in the frame */
    uint32_t payload_at;
    uint32_t payload_bytes; /* length by the UDP header, without the padding behind it */
    uint8_t ip_version;     /* 4 or 6 */
    uint8_t vlan_tags;
    uint16_t to_port; /* destination port, in network byte order */
    /* The destination address. It points to 4 or 16 bytes in the head that the caller gave to speadi_frame_parse(). */
    const uint8_t *to;
    uint16_t from_port; /* source port, in host byte order */
    /* The source address. It points into the same head as `to`, and has the same length. */
    const uint8_t *from;
};

/* Reads the headers of a frame that is frame_bytes bytes long. The first head_bytes bytes of the frame lie at `head`.
 * Returns 0 for a good frame. Otherwise returns the SPEAD_RECV_* bucket that counts the refused frame: FOREIGN_FRAME
 * (it is not UDP over IP), MALFORMED_FRAME (lengths or versions contradict each other, or a header lies partly outside
 * the head), MALFORMED_FRAGMENT (it is a fragment), or MALFORMED_OPTIONS (it has IPv4 options or IPv6 extension
 * headers). */
int speadi_frame_parse(struct speadi_frame *frame, const uint8_t *head, uint32_t head_bytes,
                       uint32_t frame_bytes);

/* Returns whether a parsed frame goes to this address and port. The any-address 0.0.0.0 matches every IPv4 destination.
 * The any-address "[::]" matches every destination of both IP versions. */
bool speadi_frame_is_for(const struct speadi_frame *frame, const struct speadi_address *address);

/* A part of a frame whose bytes are contiguous in memory. */
struct speadi_frame_part {
    const uint8_t *data;
    uint32_t bytes;
};

/* Returns whether the IPv4 header checksum and the UDP checksum of a parsed frame are right. A sender may leave out the
 * UDP checksum in IPv4: a frame without it counts as right. The parts are the pieces of the frame in order, and the
 * first part begins at frame->ip_at. The first part must hold all headers from there on. The last part must reach to
 * the end of the payload. */
bool speadi_frame_checksums_hold(const struct speadi_frame *frame,
                                 const struct speadi_frame_part *parts, unsigned count);

#endif
