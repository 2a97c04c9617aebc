/* SPDX-License-Identifier: Apache-2.0 */
/* Frame templates: writes the headers of frames that are sent. */
#include <speadi/bytes.h>
#include <speadi/frame_layout.h>
#include <speadi/frame_template.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <string.h>

#include <speadi/checksum.h>

_Static_assert(SPEADI_ETHERNET_BYTES + SPEADI_VLAN_BYTES + SPEADI_IPV6_UDP_BYTES <=
                   SPEADI_FRAME_TEMPLATE_BYTES_MAX,
               "a template holds every head");

/* Converts a 16-bit value to network byte order. The checksum adds its words in this order. */
static uint16_t in_memory(uint32_t value)
{
    return htons((uint16_t)value);
}

static uint8_t write_ethernet(uint8_t *head, const struct speadi_frame_path *path, bool v6)
{
    uint8_t *type = head + SPEADI_ETHERNET_TYPE_AT;

    memcpy(head + SPEADI_ETHERNET_DESTINATION_AT, path->destination_mac, SPEADI_MAC_BYTES);
    memcpy(head + SPEADI_ETHERNET_SOURCE_AT, path->source_mac, SPEADI_MAC_BYTES);
    if (path->vlan) {
        uint8_t *tag = head + SPEADI_ETHERNET_BYTES;

        speadi_store_be16(type, ETHERTYPE_VLAN);
        speadi_store_be16(tag + SPEADI_VLAN_CONTROL_AT, path->vlan);
        type = tag + SPEADI_VLAN_TYPE_AT;
    }
    speadi_store_be16(type, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
    return (uint8_t)(type + sizeof(uint16_t) - head);
}

static uint8_t write_ipv4(uint8_t *ip, const struct speadi_frame_path *path)
{
    ip[SPEADI_IPV4_VERSION_AT] = 4 << 4 | SPEADI_IPV4_BYTES / 4;
    /* The identification field stays 0, because it has no meaning in a packet with this flag (RFC 6864). */
    speadi_store_be16(ip + SPEADI_IPV4_FRAGMENT_AT, SPEADI_IPV4_DONT_FRAGMENT);
    ip[SPEADI_IPV4_TTL_AT] = path->ttl;
    ip[SPEADI_IPV4_PROTOCOL_AT] = IPPROTO_UDP;
    memcpy(ip + SPEADI_IPV4_SOURCE_AT, &path->source.v4.sin_addr, SPEADI_IPV4_ADDRESS_BYTES);
    memcpy(ip + SPEADI_IPV4_DESTINATION_AT, &path->destination.v4.sin_addr,
           SPEADI_IPV4_ADDRESS_BYTES);
    return SPEADI_IPV4_BYTES;
}

static uint8_t write_ipv6(uint8_t *ip, const struct speadi_frame_path *path)
{
    ip[SPEADI_IPV6_VERSION_AT] = 6 << 4;
    ip[SPEADI_IPV6_NEXT_HEADER_AT] = IPPROTO_UDP;
    ip[SPEADI_IPV6_HOP_LIMIT_AT] = path->ttl;
    memcpy(ip + SPEADI_IPV6_SOURCE_AT, &path->source.v6.sin6_addr, SPEADI_IPV6_ADDRESS_BYTES);
    memcpy(ip + SPEADI_IPV6_DESTINATION_AT, &path->destination.v6.sin6_addr,
           SPEADI_IPV6_ADDRESS_BYTES);
    return SPEADI_IPV6_BYTES;
}

/* Returns the sum (for the checksum) of the pseudo header and the UDP header, with 0 in place of the two length fields.
 * The two addresses and the UDP header lie next to each other in memory, so one call adds them. */
static uint16_t sum_udp(const uint8_t *ip, bool v6)
{
    const uint8_t *addresses = ip + (v6 ? SPEADI_IPV6_SOURCE_AT : SPEADI_IPV4_SOURCE_AT);
    uint32_t bytes = 2 * (v6 ? SPEADI_IPV6_ADDRESS_BYTES : SPEADI_IPV4_ADDRESS_BYTES);

    return speadi_checksum_fold(
        speadi_checksum_add(in_memory(IPPROTO_UDP), 0, addresses, bytes + SPEADI_UDP_HEAD_BYTES));
}

void speadi_frame_template_init(struct speadi_frame_template *frame,
                                const struct speadi_frame_path *path)
{
    const bool v6 = path->destination.any.sa_family == AF_INET6;
    uint8_t *ip, *udp;

    *frame = (struct speadi_frame_template){.v6 = v6};
    frame->ip_at = write_ethernet(frame->head, path, v6);
    ip = frame->head + frame->ip_at;
    frame->udp_at = (uint8_t)(frame->ip_at + (v6 ? write_ipv6(ip, path) : write_ipv4(ip, path)));
    udp = frame->head + frame->udp_at;
    frame->bytes = (uint8_t)(frame->udp_at + SPEADI_UDP_HEAD_BYTES);
    frame->ip_length_at =
        (uint8_t)(frame->ip_at + (v6 ? SPEADI_IPV6_LENGTH_AT : SPEADI_IPV4_LENGTH_AT));
    /* The length field of IPv6 does not count the IPv6 header. */
    frame->ip_extra = (uint8_t)(SPEADI_UDP_HEAD_BYTES + (v6 ? 0 : SPEADI_IPV4_BYTES));
    /* This reads the ports of IPv6 addresses too: the port field has the same offset in sockaddr_in and in
     * sockaddr_in6. */
    memcpy(udp + SPEADI_UDP_SOURCE_PORT_AT, &path->source.v4.sin_port, sizeof(in_port_t));
    memcpy(udp + SPEADI_UDP_DESTINATION_PORT_AT, &path->destination.v4.sin_port, sizeof(in_port_t));
    frame->ip_sum = speadi_checksum_fold(speadi_checksum_add(0, 0, ip, SPEADI_IPV4_BYTES));
    frame->udp_sum = sum_udp(ip, v6);
}

void speadi_frame_template_aim(struct speadi_frame_template *frame, const uint8_t mac[6])
{
    memcpy(frame->head + SPEADI_ETHERNET_DESTINATION_AT, mac, SPEADI_MAC_BYTES);
}

void speadi_frame_template_write_ip_checksum(const struct speadi_frame_template *frame, uint8_t *to,
                                             uint32_t payload_bytes)
{
    uint16_t checksum;

    if (frame->v6)
        return;
    checksum = (uint16_t)~speadi_checksum_fold((uint64_t)frame->ip_sum +
                                               in_memory(payload_bytes + SPEADI_IPV4_UDP_BYTES));
    memcpy(to + frame->ip_at + SPEADI_IPV4_CHECKSUM_AT, &checksum, sizeof checksum);
}

void speadi_frame_template_write_udp_checksum(const struct speadi_frame_template *frame,
                                              uint8_t *to, uint32_t payload_bytes,
                                              uint64_t payload_sum)
{
    /* The sum contains the UDP length twice: in the pseudo header and in the UDP header. */
    uint16_t length = in_memory(payload_bytes + SPEADI_UDP_HEAD_BYTES);
    uint16_t checksum =
        (uint16_t)~speadi_checksum_fold(payload_sum + frame->udp_sum + length + length);

    if (checksum == 0)
        /* a checksum of 0 is sent as 0xffff, because 0 means that the packet has no checksum */
        checksum = 0xffff;
    memcpy(to + frame->udp_at + SPEADI_UDP_CHECKSUM_AT, &checksum, sizeof checksum);
}

void speadi_frame_group_mac(uint8_t mac[6], const struct speadi_address *group)
{
    if (group->any.sa_family == AF_INET6) {
        mac[0] = mac[1] = 0x33;
        memcpy(mac + 2, (const uint8_t *)&group->v6.sin6_addr + 12, 4);
        return;
    }
    memcpy(mac, (const uint8_t[]){0x01, 0x00, 0x5e}, 3);
    memcpy(mac + 3, (const uint8_t *)&group->v4.sin_addr + 1, 3);
    mac[3] &= 0x7f;
}
