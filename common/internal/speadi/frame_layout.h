/* Where the fields of a frame's headers lie, and how long the headers are: numbers of the standards and nothing else.
 * An ..._AT counts bytes from the beginning of its own header. All fields are big-endian. */
#ifndef SPEADI_FRAME_LAYOUT_H
#define SPEADI_FRAME_LAYOUT_H

/* Ethernet: IEEE 802.3, 3.1.1 and 3.2. */
#define SPEADI_ETHERNET_BYTES          14u
#define SPEADI_ETHERNET_DESTINATION_AT 0u
#define SPEADI_ETHERNET_SOURCE_AT      6u
#define SPEADI_ETHERNET_TYPE_AT        12u
#define SPEADI_MAC_BYTES               6u

/* What a link carries beside a frame as memory holds it: preamble 8, frame check sequence 4, gap 12. */
#define SPEADI_ETHERNET_AROUND_BYTES 24u

/* A VLAN tag: IEEE 802.1Q, 9.6. It stands between the source address and the type, so that behind a header of
 * SPEADI_ETHERNET_BYTES, whose type says "tag", its control information comes first, and then the type of what follows. */
#define SPEADI_VLAN_BYTES      4u
#define SPEADI_VLAN_CONTROL_AT 0u
#define SPEADI_VLAN_TYPE_AT    2u
#define SPEADI_VLAN_ID_MASK    0x0fffu /* of the control information */
#define SPEADI_ETHERTYPE_8021 \
    0x88a8u /* a tag outside of another one; the usual types are in <net/ethernet.h> */

/* IPv4: RFC 791, 3.1. Without options, which nothing here sends or takes. */
#define SPEADI_IPV4_BYTES          20u
#define SPEADI_IPV4_VERSION_AT     0u /* and below it, in 4 bits, the header's length in words */
#define SPEADI_IPV4_LENGTH_AT      2u /* of header and payload */
#define SPEADI_IPV4_FRAGMENT_AT    6u /* three flags, and where the fragment belongs */
#define SPEADI_IPV4_TTL_AT         8u
#define SPEADI_IPV4_PROTOCOL_AT    9u
#define SPEADI_IPV4_CHECKSUM_AT    10u
#define SPEADI_IPV4_SOURCE_AT      12u
#define SPEADI_IPV4_DESTINATION_AT 16u
#define SPEADI_IPV4_ADDRESS_BYTES  4u
#define SPEADI_IPV4_DONT_FRAGMENT  0x4000u
#define SPEADI_IPV4_IS_FRAGMENT    0x3fffu /* more fragments follow, or this one is not the first */

/* IPv6: RFC 8200, 3. */
#define SPEADI_IPV6_BYTES          40u
#define SPEADI_IPV6_VERSION_AT     0u
#define SPEADI_IPV6_LENGTH_AT      4u /* of what follows the header */
#define SPEADI_IPV6_NEXT_HEADER_AT 6u
#define SPEADI_IPV6_HOP_LIMIT_AT   7u
#define SPEADI_IPV6_SOURCE_AT      8u
#define SPEADI_IPV6_DESTINATION_AT 24u
#define SPEADI_IPV6_ADDRESS_BYTES  16u

/* UDP: RFC 768. */
#define SPEADI_UDP_HEAD_BYTES          8u
#define SPEADI_UDP_SOURCE_PORT_AT      0u
#define SPEADI_UDP_DESTINATION_PORT_AT 2u
#define SPEADI_UDP_LENGTH_AT           4u /* of header and payload */
#define SPEADI_UDP_CHECKSUM_AT         6u

/* What precedes the UDP payload in an IP packet. */
#define SPEADI_IPV4_UDP_BYTES (SPEADI_IPV4_BYTES + SPEADI_UDP_HEAD_BYTES)
#define SPEADI_IPV6_UDP_BYTES (SPEADI_IPV6_BYTES + SPEADI_UDP_HEAD_BYTES)

/* What an Ethernet link carries beside the payload of a UDP packet, in all. */
#define SPEADI_WIRE_OVERHEAD_V4 \
    (SPEADI_IPV4_UDP_BYTES + SPEADI_ETHERNET_BYTES + SPEADI_ETHERNET_AROUND_BYTES)
#define SPEADI_WIRE_OVERHEAD_V6 \
    (SPEADI_IPV6_UDP_BYTES + SPEADI_ETHERNET_BYTES + SPEADI_ETHERNET_AROUND_BYTES)

/* The frame that nearly all are: untagged, IPv4, UDP. Counted from the beginning of the frame. */
#define SPEADI_PLAIN_IP_AT      SPEADI_ETHERNET_BYTES
#define SPEADI_PLAIN_UDP_AT     (SPEADI_PLAIN_IP_AT + SPEADI_IPV4_BYTES)
#define SPEADI_PLAIN_PAYLOAD_AT (SPEADI_PLAIN_UDP_AT + SPEADI_UDP_HEAD_BYTES)

#endif
