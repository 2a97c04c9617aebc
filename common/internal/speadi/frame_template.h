/* SPDX-License-Identifier: Apache-2.0 */
/* Frame templates: the Ethernet, IP and UDP headers of all frames that go from one address to another. An engine makes
 * the headers once. For each packet it then writes only a few fields. */
#ifndef SPEADI_FRAME_TEMPLATE_H
#define SPEADI_FRAME_TEMPLATE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <speadi/address.h>
#include <speadi/frame_layout.h>

/* The length of the headers of Ethernet, one VLAN tag, IPv6 and UDP, in bytes, rounded up to a multiple of 8. */
#define SPEADI_FRAME_TEMPLATE_BYTES_MAX 72u

/* The source and the destination of frames. Both addresses must have the same IP version, and both must have a port. */
struct speadi_frame_path {
    struct speadi_address source, destination;
    uint8_t source_mac[6], destination_mac[6];
    uint16_t vlan; /* number of the VLAN; 0 means that the frames have no VLAN tag */
    uint8_t ttl;   /* TTL of IPv4 or hop limit of IPv6 */
};

struct speadi_frame_template {
    /* The headers. In this copy all lengths and checksums are 0. */
    uint8_t head[SPEADI_FRAME_TEMPLATE_BYTES_MAX];
    uint8_t bytes; /* length of the head */
    uint8_t ip_at, udp_at;
    uint8_t ip_length_at; /* offset of the IP length field in the frame */
    uint8_t ip_extra;     /* how many bytes the IP length field counts besides the UDP payload */
    bool v6;
    /* The sum over the IPv4 header, for its checksum. The length in this header is taken as 0. */
    uint16_t ip_sum;
    /* The sum over the pseudo header and the UDP header, for the UDP checksum. The lengths in these headers are taken
     * as 0. */
    uint16_t udp_sum;
};

/* Makes the headers. They forbid fragments ("don't fragment"), because a frame that is too long must not arrive in
 * pieces. The headers have no options. */
void speadi_frame_template_init(struct speadi_frame_template *frame,
                                const struct speadi_frame_path *path);

/* Sets the MAC address of the next hop. All frames that are written after this call go to that next hop. */
void speadi_frame_template_aim(struct speadi_frame_template *frame, const uint8_t mac[6]);

/* Writes the head of a frame that has payload_bytes bytes of UDP payload. The memory at `to` must have room for
 * SPEADI_FRAME_TEMPLATE_BYTES_MAX bytes. Returns frame->bytes, the length of the head. The checksums in the head are 0,
 * because a device that computes checksums requires that. */
static inline uint32_t speadi_frame_template_write(const struct speadi_frame_template *frame,
                                                   uint8_t *to, uint32_t payload_bytes)
{
    const uint16_t udp = htons((uint16_t)(payload_bytes + SPEADI_UDP_HEAD_BYTES));
    const uint16_t ip = htons((uint16_t)(payload_bytes + frame->ip_extra));

    /* This copies the whole array, because a copy of a fixed size is fast. */
    memcpy(to, frame->head, sizeof frame->head);
    memcpy(to + frame->ip_length_at, &ip, sizeof ip);
    memcpy(to + frame->udp_at + SPEADI_UDP_LENGTH_AT, &udp, sizeof udp);
    return frame->bytes;
}

/* Writes the checksum of the IPv4 header into the head at `to`. For IPv6 it does nothing. */
void speadi_frame_template_write_ip_checksum(const struct speadi_frame_template *frame, uint8_t *to,
                                             uint32_t payload_bytes);

/* Writes the UDP checksum into the head at `to`. payload_sum is the result of speadi_checksum_add() over the whole
 * payload. */
void speadi_frame_template_write_udp_checksum(const struct speadi_frame_template *frame,
                                              uint8_t *to, uint32_t payload_bytes,
                                              uint64_t payload_sum);

/* Computes the MAC address of a multicast group (RFC 1112, RFC 2464). */
void speadi_frame_group_mac(uint8_t mac[6], const struct speadi_address *group);

#endif
