/* Heads of frames to send. */
#include <speadi/frame_template.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <string.h>

#include <speadi/checksum.h>

enum { VLAN_BYTES = 4, IPV4_BYTES = 20, IPV6_BYTES = 40, UDP_BYTES = SPEADI_UDP_HEAD_BYTES };
enum { IPV4_SOURCE = 12, IPV6_SOURCE = 8 }; /* where the two addresses begin */

_Static_assert(ETHER_HDR_LEN + VLAN_BYTES + IPV6_BYTES + UDP_BYTES <=
                   SPEADI_FRAME_TEMPLATE_BYTES_MAX,
               "a template holds any head");

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

/* A value as it would be summed where it lies. */
static uint16_t in_memory(uint32_t value)
{
    return htons((uint16_t)value);
}

static uint8_t write_ethernet(uint8_t *head, const struct speadi_frame_path *path, bool v6)
{
    uint8_t *type = head + 12;

    memcpy(head, path->destination_mac, 6);
    memcpy(head + 6, path->source_mac, 6);
    if (path->vlan) {
        put16(type, ETHERTYPE_VLAN);
        put16(type + 2, path->vlan);
        type += VLAN_BYTES;
    }
    put16(type, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
    return (uint8_t)(type + 2 - head);
}

static uint8_t write_ipv4(uint8_t *ip, const struct speadi_frame_path *path)
{
    ip[0] = 4 << 4 | IPV4_BYTES / 4;
    ip[6] = 0x40; /* don't fragment: then the identification means nothing (RFC 6864) */
    ip[8] = path->ttl;
    ip[9] = IPPROTO_UDP;
    memcpy(ip + IPV4_SOURCE, &path->source.v4.sin_addr, 4);
    memcpy(ip + IPV4_SOURCE + 4, &path->destination.v4.sin_addr, 4);
    return IPV4_BYTES;
}

static uint8_t write_ipv6(uint8_t *ip, const struct speadi_frame_path *path)
{
    ip[0] = 6 << 4;
    ip[6] = IPPROTO_UDP;
    ip[7] = path->ttl;
    memcpy(ip + IPV6_SOURCE, &path->source.v6.sin6_addr, 16);
    memcpy(ip + IPV6_SOURCE + 16, &path->destination.v6.sin6_addr, 16);
    return IPV6_BYTES;
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
    frame->bytes = (uint8_t)(frame->udp_at + UDP_BYTES);
    frame->ip_length_at = (uint8_t)(frame->ip_at + (v6 ? 4 : 2));
    frame->ip_extra = (uint8_t)(UDP_BYTES + (v6 ? 0 : IPV4_BYTES)); /* IPv6 does not count itself */
    /* The port lies at the same place for both families. */
    memcpy(udp, &path->source.v4.sin_port, 2);
    memcpy(udp + 2, &path->destination.v4.sin_port, 2);
    frame->ip_sum = speadi_checksum_fold(speadi_checksum_add(0, 0, ip, IPV4_BYTES));
    frame->udp_sum = speadi_checksum_fold(
        speadi_checksum_add(in_memory(IPPROTO_UDP), 0, ip + (v6 ? IPV6_SOURCE : IPV4_SOURCE),
                            (v6 ? 32 : 8) + UDP_BYTES)); /* the ports follow the addresses */
}

void speadi_frame_template_aim(struct speadi_frame_template *frame, const uint8_t mac[6])
{
    memcpy(frame->head, mac, 6);
}

void speadi_frame_template_write_ip_checksum(const struct speadi_frame_template *frame, uint8_t *to,
                                             uint32_t payload_bytes)
{
    uint16_t checksum;

    if (frame->v6)
        return;
    checksum = (uint16_t)~speadi_checksum_fold((uint64_t)frame->ip_sum +
                                               in_memory(payload_bytes + UDP_BYTES + IPV4_BYTES));
    memcpy(to + frame->ip_at + 10, &checksum, 2);
}

void speadi_frame_template_write_udp_checksum(const struct speadi_frame_template *frame,
                                              uint8_t *to, uint32_t payload_bytes,
                                              uint64_t payload_sum)
{
    uint16_t length = in_memory(payload_bytes + UDP_BYTES); /* in both headers */
    uint16_t checksum =
        (uint16_t)~speadi_checksum_fold(payload_sum + frame->udp_sum + length + length);

    if (checksum == 0)
        checksum = 0xffff; /* 0 says that there is none */
    memcpy(to + frame->udp_at + 6, &checksum, 2);
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
