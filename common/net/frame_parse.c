/* SPDX-License-Identifier: Apache-2.0 */
/* Reads received Ethernet frames. Checks every length in a frame before it uses the length. */
#include <speadi/bytes.h>
#include <speadi/frame_layout.h>
#include <speadi/frame_parse.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include <speadline/stats.h>

#include <speadi/checksum.h>
#include <speadi/numbers.h>

/* ---- Headers ------------------------------------------------------------------------------- */

/* The part of a frame that is not read yet. `head` points to the first bytes of the frame, up to the offset `known`.
 * The later bytes lie elsewhere in memory. */
struct rest {
    const uint8_t *head;
    uint32_t at;    /* offset of the next header */
    uint32_t known; /* how many bytes of the frame lie at `head` */
    /* Offset of the end of the frame. If a header gives an earlier end, this is the earlier one. */
    uint32_t end;
};

/* Returns the next header, which has `bytes` bytes, and moves rest->at behind this header. Returns NULL when a part of
 * the header does not lie at `head`. */
static const uint8_t *next_header(struct rest *rest, uint32_t bytes)
{
    const uint8_t *header = rest->head + rest->at;

    if (rest->known - rest->at < bytes)
        return NULL;
    rest->at += bytes;
    return header;
}

static int read_ethernet(struct speadi_frame *frame, struct rest *rest, uint32_t *type)
{
    const uint8_t *header = next_header(rest, SPEADI_ETHERNET_BYTES);

    if (!header)
        return SPEAD_RECV_MALFORMED_FRAME;
    *type = speadi_load_be16(header + SPEADI_ETHERNET_TYPE_AT);
    while (*type == ETHERTYPE_VLAN || *type == SPEADI_ETHERTYPE_8021) {
        if (frame->vlan_tags == SPEADI_VLAN_TAGS_MAX)
            return SPEAD_RECV_FOREIGN_FRAME;
        header = next_header(rest, SPEADI_VLAN_BYTES);
        if (!header)
            return SPEAD_RECV_MALFORMED_FRAME;
        *type = speadi_load_be16(header + SPEADI_VLAN_TYPE_AT);
        frame->vlan_tags++;
    }
    return 0;
}

static int read_v4(struct speadi_frame *frame, struct rest *rest)
{
    const uint8_t *header = next_header(rest, SPEADI_IPV4_BYTES);
    uint32_t header_bytes, length;

    if (!header || header[SPEADI_IPV4_VERSION_AT] >> 4 != 4)
        return SPEAD_RECV_MALFORMED_FRAME;
    header_bytes = (header[SPEADI_IPV4_VERSION_AT] & 15u) * 4;
    if (header_bytes < SPEADI_IPV4_BYTES)
        return SPEAD_RECV_MALFORMED_FRAME;
    if (header[SPEADI_IPV4_PROTOCOL_AT] != IPPROTO_UDP)
        return SPEAD_RECV_FOREIGN_FRAME;
    if (header_bytes != SPEADI_IPV4_BYTES)
        return SPEAD_RECV_MALFORMED_OPTIONS;
    if (speadi_load_be16(header + SPEADI_IPV4_FRAGMENT_AT) & SPEADI_IPV4_IS_FRAGMENT)
        return SPEAD_RECV_MALFORMED_FRAGMENT;
    length = speadi_load_be16(header + SPEADI_IPV4_LENGTH_AT);
    if (length < SPEADI_IPV4_BYTES || length > rest->end - frame->ip_at)
        return SPEAD_RECV_MALFORMED_FRAME;
    rest->end = frame->ip_at + length;
    frame->ip_version = 4;
    frame->to = header + SPEADI_IPV4_DESTINATION_AT;
    frame->from = header + SPEADI_IPV4_SOURCE_AT;
    return 0;
}

static int read_v6(struct speadi_frame *frame, struct rest *rest)
{
    const uint8_t *header = next_header(rest, SPEADI_IPV6_BYTES);
    uint32_t length;

    if (!header || header[SPEADI_IPV6_VERSION_AT] >> 4 != 6)
        return SPEAD_RECV_MALFORMED_FRAME;
    switch (header[SPEADI_IPV6_NEXT_HEADER_AT]) {
    case IPPROTO_UDP:
        break;
    case IPPROTO_FRAGMENT:
        return SPEAD_RECV_MALFORMED_FRAGMENT;
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
        return SPEAD_RECV_MALFORMED_OPTIONS;
    default:
        return SPEAD_RECV_FOREIGN_FRAME;
    }
    length = speadi_load_be16(header + SPEADI_IPV6_LENGTH_AT);
    if (length > rest->end - rest->at)
        return SPEAD_RECV_MALFORMED_FRAME;
    rest->end = rest->at + length;
    frame->ip_version = 6;
    frame->to = header + SPEADI_IPV6_DESTINATION_AT;
    frame->from = header + SPEADI_IPV6_SOURCE_AT;
    return 0;
}

static int read_udp(struct speadi_frame *frame, struct rest *rest)
{
    const uint8_t *header = next_header(rest, SPEADI_UDP_HEAD_BYTES);
    uint32_t length;

    if (!header)
        return SPEAD_RECV_MALFORMED_FRAME;
    length = speadi_load_be16(header + SPEADI_UDP_LENGTH_AT);
    if (length < SPEADI_UDP_HEAD_BYTES || length > rest->end - frame->udp_at)
        return SPEAD_RECV_MALFORMED_FRAME;
    memcpy(&frame->to_port, header + SPEADI_UDP_DESTINATION_PORT_AT, sizeof frame->to_port);
    frame->from_port = (uint16_t)speadi_load_be16(header + SPEADI_UDP_SOURCE_PORT_AT);
    frame->payload_at = rest->at;
    frame->payload_bytes = length - SPEADI_UDP_HEAD_BYTES;
    return 0;
}

int speadi_frame_parse(struct speadi_frame *frame, const uint8_t *head, uint32_t head_bytes,
                       uint32_t frame_bytes)
{
    struct rest rest = {
        .head = head, .known = speadi_min_u32(head_bytes, frame_bytes), .end = frame_bytes};
    uint32_t type;
    int refusal;

    *frame = (struct speadi_frame){0};
    refusal = read_ethernet(frame, &rest, &type);
    if (refusal)
        return refusal;
    frame->ip_at = rest.at;
    if (type == ETHERTYPE_IP)
        refusal = read_v4(frame, &rest);
    else if (type == ETHERTYPE_IPV6)
        refusal = read_v6(frame, &rest);
    else
        return SPEAD_RECV_FOREIGN_FRAME;
    if (refusal)
        return refusal;
    frame->udp_at = rest.at;
    return read_udp(frame, &rest);
}

bool speadi_frame_is_for(const struct speadi_frame *frame, const struct speadi_address *address)
{
    /* this reads the port of IPv6 too: it has the same offset in sockaddr_in6 */
    if (address->v4.sin_port != frame->to_port)
        return false;
    if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr))
        return true;
    if (address->any.sa_family == AF_INET6)
        return frame->ip_version == 6 &&
               memcmp(frame->to, &address->v6.sin6_addr, SPEADI_IPV6_ADDRESS_BYTES) == 0;
    return frame->ip_version == 4 &&
           (address->v4.sin_addr.s_addr == htonl(INADDR_ANY) ||
            memcmp(frame->to, &address->v4.sin_addr, SPEADI_IPV4_ADDRESS_BYTES) == 0);
}

/* ---- Checksums ----------------------------------------------------------------------------- */

/* Adds to `sum` the bytes from offset `from` up to, but not including, offset `to`. Offset 0 is the beginning of the
 * first part. */
static uint64_t add_parts(uint64_t sum, const struct speadi_frame_part *parts, unsigned count,
                          uint32_t from, uint32_t to)
{
    uint32_t part_at = 0;

    for (unsigned i = 0; i < count; part_at += parts[i++].bytes) {
        uint32_t start = speadi_max_u32(from, part_at);
        uint32_t end = speadi_min_u32(to, part_at + parts[i].bytes);

        if (start < end)
            sum = speadi_checksum_add(sum, start - from, parts[i].data + (start - part_at),
                                      end - start);
    }
    return sum;
}

bool speadi_frame_checksums_hold(const struct speadi_frame *frame,
                                 const struct speadi_frame_part *parts, unsigned count)
{
    const uint8_t *ip = parts[0].data, *udp = ip + (frame->udp_at - frame->ip_at);
    uint32_t udp_bytes = SPEADI_UDP_HEAD_BYTES + frame->payload_bytes,
             at = frame->udp_at - frame->ip_at;
    uint64_t sum;

    if (frame->ip_version == 4 &&
        speadi_checksum_fold(speadi_checksum_add(0, 0, ip, SPEADI_IPV4_BYTES)) != 0xffff)
        return false;
    if (speadi_load_be16(udp + SPEADI_UDP_CHECKSUM_AT) == 0)
        return frame->ip_version == 4;
    sum =
        frame->ip_version == 4
            ? speadi_checksum_add(0, 0, ip + SPEADI_IPV4_SOURCE_AT, 2 * SPEADI_IPV4_ADDRESS_BYTES)
            : speadi_checksum_add(0, 0, ip + SPEADI_IPV6_SOURCE_AT, 2 * SPEADI_IPV6_ADDRESS_BYTES);
    sum += htons(IPPROTO_UDP) + (uint64_t)htons((uint16_t)udp_bytes);
    return speadi_checksum_fold(add_parts(sum, parts, count, at, at + udp_bytes)) == 0xffff;
}
