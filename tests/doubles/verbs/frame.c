/* SPDX-License-Identifier: Apache-2.0 */
/* Reads frames as a NIC does: the fields that rules compare, the checksums, and the receive hash. */
#include "double.h"

#include <arpa/inet.h>
#include <string.h>

#include <speadi/frame_layout.h>

enum {
    TYPE_V4 = 0x0800,
    TYPE_V6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    IPV4_TOS_AT = 1
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The offsets at which the layers of a frame begin. An offset is 0 if the layer is missing or cut off. It is also 0 if
 * the layer lies behind something that this code does not read: a fragment, or an IPv6 extension header. */
struct layout {
    size_t ip, ip_bytes, udp;
    uint8_t version, protocol;
};

static struct layout layers(const uint8_t *frame, size_t length)
{
    struct layout l = {0};
    size_t at = SPEADI_ETHERNET_BYTES;
    uint16_t type;

    if (length < SPEADI_ETHERNET_BYTES + SPEADI_VLAN_BYTES)
        return l;
    type = get16(frame + SPEADI_ETHERNET_TYPE_AT);
    if (type == TYPE_VLAN) {
        type = get16(frame + SPEADI_ETHERNET_BYTES + SPEADI_VLAN_TYPE_AT);
        at += SPEADI_VLAN_BYTES;
    }
    if (type == TYPE_V4 && length >= at + SPEADI_IPV4_BYTES && frame[at] >> 4 == 4) {
        bool fragment = get16(frame + at + SPEADI_IPV4_FRAGMENT_AT) & SPEADI_IPV4_IS_FRAGMENT;

        l = (struct layout){at, (size_t)(frame[at] & 15) * 4, 0, 4,
                            frame[at + SPEADI_IPV4_PROTOCOL_AT]};
        if (fragment || l.ip_bytes < SPEADI_IPV4_BYTES)
            return l;
    } else if (type == TYPE_V6 && length >= at + SPEADI_IPV6_BYTES && frame[at] >> 4 == 6) {
        l = (struct layout){at, SPEADI_IPV6_BYTES, 0, 6, frame[at + SPEADI_IPV6_NEXT_HEADER_AT]};
    } else {
        return l;
    }
    if ((l.protocol == PROTOCOL_UDP || l.protocol == PROTOCOL_TCP) &&
        length >= l.ip + l.ip_bytes + SPEADI_UDP_HEAD_BYTES)
        l.udp = l.ip + l.ip_bytes;
    return l;
}

void vd_key_read(struct vd_key *key, const uint8_t *frame, size_t length)
{
    struct layout l = layers(frame, length);

    memset(key, 0, sizeof *key);
    if (length < SPEADI_ETHERNET_BYTES)
        return;
    memcpy(key->dst_mac, frame + SPEADI_ETHERNET_DESTINATION_AT, SPEADI_MAC_BYTES);
    memcpy(key->src_mac, frame + SPEADI_ETHERNET_SOURCE_AT, SPEADI_MAC_BYTES);
    memcpy(&key->ether_type, frame + SPEADI_ETHERNET_TYPE_AT, sizeof key->ether_type);
    if (key->ether_type == htons(TYPE_VLAN) &&
        length >= SPEADI_ETHERNET_BYTES + SPEADI_VLAN_BYTES) {
        const uint8_t *tag = frame + SPEADI_ETHERNET_BYTES;

        memcpy(&key->vlan, tag + SPEADI_VLAN_CONTROL_AT, sizeof key->vlan);
        memcpy(&key->ether_type, tag + SPEADI_VLAN_TYPE_AT, sizeof key->ether_type);
    }
    key->ip_version = l.version;
    if (l.version == 4) {
        key->tos = frame[l.ip + IPV4_TOS_AT];
        memcpy(key->src_ip, frame + l.ip + SPEADI_IPV4_SOURCE_AT, SPEADI_IPV4_ADDRESS_BYTES);
        memcpy(key->dst_ip, frame + l.ip + SPEADI_IPV4_DESTINATION_AT, SPEADI_IPV4_ADDRESS_BYTES);
    } else if (l.version == 6) {
        memcpy(key->src_ip, frame + l.ip + SPEADI_IPV6_SOURCE_AT, SPEADI_IPV6_ADDRESS_BYTES);
        memcpy(key->dst_ip, frame + l.ip + SPEADI_IPV6_DESTINATION_AT, SPEADI_IPV6_ADDRESS_BYTES);
    }
    if (l.version)
        key->protocol = l.protocol;
    if (l.udp) {
        memcpy(&key->src_port, frame + l.udp + SPEADI_UDP_SOURCE_PORT_AT, sizeof key->src_port);
        memcpy(&key->dst_port, frame + l.udp + SPEADI_UDP_DESTINATION_PORT_AT,
               sizeof key->dst_port);
    }
}

/* ---- Checksums ----------------------------------------------------------------------------------- */

static uint32_t sum(const uint8_t *bytes, size_t length, uint32_t so_far)
{
    for (; length > 1; bytes += 2, length -= 2)
        so_far += get16(bytes);
    if (length)
        so_far += (uint32_t)(*bytes << 8);
    return so_far;
}

static uint16_t fold(uint32_t value)
{
    while (value >> 16)
        value = (value & 0xffff) + (value >> 16);
    return (uint16_t)value;
}

/* Returns the sum over the datagram and its pseudo-header. The sum is 0xffff if the checksum of the datagram is
 * right. */
static uint16_t udp_sum(const uint8_t *frame, const struct layout *l, size_t udp_bytes)
{
    bool v4 = l->version == 4;
    size_t at = l->ip + (v4 ? SPEADI_IPV4_SOURCE_AT : SPEADI_IPV6_SOURCE_AT);
    size_t addresses = 2 * (v4 ? SPEADI_IPV4_ADDRESS_BYTES : SPEADI_IPV6_ADDRESS_BYTES);
    uint32_t total = sum(frame + at, addresses, PROTOCOL_UDP + (uint32_t)udp_bytes);

    return fold(sum(frame + l->udp, udp_bytes, total));
}

static size_t udp_length(const uint8_t *frame, size_t length, const struct layout *l)
{
    size_t bytes =
        l->udp && l->protocol == PROTOCOL_UDP ? get16(frame + l->udp + SPEADI_UDP_LENGTH_AT) : 0;

    return bytes >= SPEADI_UDP_HEAD_BYTES && l->udp + bytes <= length ? bytes : 0;
}

bool vd_checksums_right(const uint8_t *frame, size_t length)
{
    struct layout l = layers(frame, length);
    size_t udp_bytes = udp_length(frame, length, &l);

    if (!udp_bytes || (l.version == 4 && fold(sum(frame + l.ip, l.ip_bytes, 0)) != 0xffff))
        return false;
    if (get16(frame + l.udp + SPEADI_UDP_CHECKSUM_AT) == 0)
        return l.version == 4 && VD_SETTING(zero_csum_ok);
    return udp_sum(frame, &l, udp_bytes) == 0xffff;
}

/* Does the work that the flag IBV_SEND_IP_CSUM requests: writes the checksums of both IP and UDP, as mlx5 does. */
void vd_checksums_fill(uint8_t *frame, size_t length)
{
    struct layout l = layers(frame, length);
    size_t udp_bytes = udp_length(frame, length, &l);

    if (l.version == 4 && l.ip_bytes >= SPEADI_IPV4_BYTES && l.ip + l.ip_bytes <= length) {
        put16(frame + l.ip + SPEADI_IPV4_CHECKSUM_AT, 0);
        put16(frame + l.ip + SPEADI_IPV4_CHECKSUM_AT,
              (uint16_t)~fold(sum(frame + l.ip, l.ip_bytes, 0)));
    }
    if (udp_bytes) {
        uint16_t value;

        put16(frame + l.udp + SPEADI_UDP_CHECKSUM_AT, 0);
        value = (uint16_t)~udp_sum(frame, &l, udp_bytes);
        /* A checksum of 0 is written as 0xffff, because 0 would mean that the datagram has no checksum. */
        put16(frame + l.udp + SPEADI_UDP_CHECKSUM_AT, value ? value : 0xffff);
    }
}

/* ---- Receive hash -------------------------------------------------------------------------------- */

static uint32_t hash_more(uint32_t hash, const uint8_t key[40], size_t *bit, const void *field,
                          size_t bytes)
{
    const uint8_t *at = field;

    for (size_t i = 0; i < bytes * 8; i++, ++*bit) {
        uint32_t window = 0;

        if (!(at[i / 8] >> (7 - i % 8) & 1))
            continue;
        for (size_t k = 0; k < 32; k++)
            window = window << 1 | (uint32_t)(key[(*bit + k) / 8 % 40] >> (7 - (*bit + k) % 8) & 1);
        hash ^= window;
    }
    return hash;
}

uint32_t vd_toeplitz(const uint8_t hash_key[40], uint64_t fields, const struct vd_key *key)
{
    size_t address_bytes = key->ip_version == 4 ? 4 : 16, bit = 0;
    bool v4 = key->ip_version == 4, udp = key->protocol == PROTOCOL_UDP;
    uint32_t hash = 0;

    if (fields & (v4 ? IBV_RX_HASH_SRC_IPV4 : IBV_RX_HASH_SRC_IPV6))
        hash = hash_more(hash, hash_key, &bit, key->src_ip, address_bytes);
    if (fields & (v4 ? IBV_RX_HASH_DST_IPV4 : IBV_RX_HASH_DST_IPV6))
        hash = hash_more(hash, hash_key, &bit, key->dst_ip, address_bytes);
    if (fields & (udp ? IBV_RX_HASH_SRC_PORT_UDP : IBV_RX_HASH_SRC_PORT_TCP))
        hash = hash_more(hash, hash_key, &bit, &key->src_port, 2);
    if (fields & (udp ? IBV_RX_HASH_DST_PORT_UDP : IBV_RX_HASH_DST_PORT_TCP))
        hash = hash_more(hash, hash_key, &bit, &key->dst_port, 2);
    return hash;
}
