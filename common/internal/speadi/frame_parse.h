/* Received Ethernet frames: where the UDP payload is, and whom it is for. Nothing in a frame is trusted. */
#ifndef SPEADI_FRAME_PARSE_H
#define SPEADI_FRAME_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>
#include <speadi/frame_layout.h>

/* Ethernet, two VLAN tags, IPv6, UDP: with so many contiguous bytes any frame that is taken can be read. */
#define SPEADI_VLAN_TAGS_MAX 2u
#define SPEADI_FRAME_HEAD_MAX \
    (SPEADI_ETHERNET_BYTES + SPEADI_VLAN_TAGS_MAX * SPEADI_VLAN_BYTES + SPEADI_IPV6_UDP_BYTES)

struct speadi_frame {
    uint32_t ip_at, udp_at; /* offsets in the frame */
    uint32_t payload_at;
    uint32_t payload_bytes; /* by the UDP length: padding of a short frame is not in it */
    uint8_t ip_version;     /* 4 or 6 */
    uint8_t vlan_tags;
    uint16_t to_port;  /* network order */
    const uint8_t *to; /* destination address, 4 or 16 bytes in the head */
};

/* Reads the headers of a frame of frame_bytes, of which the first head_bytes lie at head. Returns 0, or the
 * SPEAD_RECV_* bucket of a refusal: FOREIGN_FRAME (not UDP over IP), MALFORMED_FRAME (lengths or versions
 * contradict, or the head ends before the headers), MALFORMED_FRAGMENT, MALFORMED_OPTIONS (IPv4 options,
 * IPv6 extension headers). */
int speadi_frame_parse(struct speadi_frame *frame, const uint8_t *head, uint32_t head_bytes,
                       uint32_t frame_bytes);

/* Whether a parsed frame is for the address; an unspecified address takes every destination of its IP
 * version, "[::]" those of both. */
bool speadi_frame_is_for(const struct speadi_frame *frame, const struct speadi_address *address);

/* A run of a frame's bytes, wherever it was put. */
struct speadi_frame_part {
    const uint8_t *data;
    uint32_t bytes;
};

/* Whether the IPv4 header's and the UDP checksum of a parsed frame are right, the latter also when it was
 * left out where that is allowed (IPv4). The parts, in order, are the frame from frame->ip_at on; the first
 * one holds the headers, and together they reach the payload's end. */
bool speadi_frame_checksums_hold(const struct speadi_frame *frame,
                                 const struct speadi_frame_part *parts, unsigned count);

#endif
