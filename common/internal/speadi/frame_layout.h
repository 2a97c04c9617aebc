/* SPDX-License-Identifier: Apache-2.0 */
/* Where the fields of a frame's headers lie, and how long the headers are. All numbers come from the standards.
 * A name that ends in _AT is the offset of a field, in bytes, from the beginning of its own header. All fields are
 * big-endian. */
#ifndef SPEADI_FRAME_LAYOUT_H
#define SPEADI_FRAME_LAYOUT_H

/* Ethernet: IEEE 802.3, 3.1.1 and 3.2. */
#define SPEADI_ETHERNET_BYTES          14u
#define SPEADI_ETHERNET_DESTINATION_AT 0u
#define SPEADI_ETHERNET_SOURCE_AT      6u
#define SPEADI_ETHERNET_TYPE_AT        12u
#define SPEADI_MAC_BYTES               6u

/* Bytes that an Ethernet link carries for each frame in addition to the bytes of the frame in memory: preamble 8, frame
 * check sequence 4, gap between frames 12. */
#define SPEADI_ETHERNET_AROUND_BYTES 24u

/* A VLAN tag: IEEE 802.1Q, 9.6. On the wire the tag stands between the source address and the type of the frame. For a
 * parser it looks like this: the type in the first SPEADI_ETHERNET_BYTES bytes says "tag". Behind these bytes come the
 * control information of the tag and then another type, which describes what stands behind the tag. */
#define SPEADI_VLAN_BYTES      4u
#define SPEADI_VLAN_CONTROL_AT 0u
#define SPEADI_VLAN_TYPE_AT    2u
#define SPEADI_VLAN_ID_MASK    0x0fffu /* the VLAN number in the control information */
/* The type of a tag that stands before another tag. <net/ethernet.h> has the other types. */
#define SPEADI_ETHERTYPE_8021 0x88a8u

/* IPv4: RFC 791, 3.1. The header has no options: the library neither sends nor accepts them. */
#define SPEADI_IPV4_BYTES          20u
#define SPEADI_IPV4_VERSION_AT     0u /* the low 4 bits are the header length in 32-bit words */
#define SPEADI_IPV4_LENGTH_AT      2u /* counts the header and the payload, in bytes */
#define SPEADI_IPV4_FRAGMENT_AT    6u /* three flags, and the offset of the fragment */
#define SPEADI_IPV4_TTL_AT         8u
#define SPEADI_IPV4_PROTOCOL_AT    9u
#define SPEADI_IPV4_CHECKSUM_AT    10u
#define SPEADI_IPV4_SOURCE_AT      12u
#define SPEADI_IPV4_DESTINATION_AT 16u
#define SPEADI_IPV4_ADDRESS_BYTES  4u
#define SPEADI_IPV4_DONT_FRAGMENT  0x4000u
#define SPEADI_IPV4_IS_FRAGMENT    0x3fffu /* these bits are 0 in a packet that is not a fragment */

/* IPv6: RFC 8200, 3. */
#define SPEADI_IPV6_BYTES          40u
#define SPEADI_IPV6_VERSION_AT     0u
#define SPEADI_IPV6_LENGTH_AT      4u /* this field counts the bytes behind the header */
#define SPEADI_IPV6_NEXT_HEADER_AT 6u
#define SPEADI_IPV6_HOP_LIMIT_AT   7u
#define SPEADI_IPV6_SOURCE_AT      8u
#define SPEADI_IPV6_DESTINATION_AT 24u
#define SPEADI_IPV6_ADDRESS_BYTES  16u

/* UDP: RFC 768. */
#define SPEADI_UDP_HEAD_BYTES          8u
#define SPEADI_UDP_SOURCE_PORT_AT      0u
#define SPEADI_UDP_DESTINATION_PORT_AT 2u
#define SPEADI_UDP_LENGTH_AT           4u /* counts the header and the payload, in bytes */
#define SPEADI_UDP_CHECKSUM_AT         6u

/* The length of all headers before the UDP payload in an IP packet, in bytes. */
#define SPEADI_IPV4_UDP_BYTES (SPEADI_IPV4_BYTES + SPEADI_UDP_HEAD_BYTES)
#define SPEADI_IPV6_UDP_BYTES (SPEADI_IPV6_BYTES + SPEADI_UDP_HEAD_BYTES)

/* All bytes that an Ethernet link carries for a UDP packet in addition to the UDP payload. */
#define SPEADI_WIRE_OVERHEAD_V4 \
    (SPEADI_IPV4_UDP_BYTES + SPEADI_ETHERNET_BYTES + SPEADI_ETHERNET_AROUND_BYTES)
#define SPEADI_WIRE_OVERHEAD_V6 \
    (SPEADI_IPV6_UDP_BYTES + SPEADI_ETHERNET_BYTES + SPEADI_ETHERNET_AROUND_BYTES)

/* Offsets from the beginning of a frame that has no VLAN tag and carries IPv4 and UDP. Nearly all frames are like
 * this. */
#define SPEADI_PLAIN_IP_AT      SPEADI_ETHERNET_BYTES
#define SPEADI_PLAIN_UDP_AT     (SPEADI_PLAIN_IP_AT + SPEADI_IPV4_BYTES)
#define SPEADI_PLAIN_PAYLOAD_AT (SPEADI_PLAIN_UDP_AT + SPEADI_UDP_HEAD_BYTES)

#endif
