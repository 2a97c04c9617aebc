/* What precedes the UDP payload of the frames that go one way: Ethernet, IP and UDP headers, made once and
 * patched for every packet. */
#ifndef SPEADI_FRAME_TEMPLATE_H
#define SPEADI_FRAME_TEMPLATE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <speadi/address.h>
#include <speadi/frame_layout.h>

/* Ethernet, a VLAN tag, IPv6, UDP; a multiple of 8. */
#define SPEADI_FRAME_TEMPLATE_BYTES_MAX 72u

/* From whom to whom. Both addresses are of one family, with their ports. */
struct speadi_frame_path {
    struct speadi_address source, destination;
    uint8_t source_mac[6], destination_mac[6];
    uint16_t vlan; /* tag of a VLAN; 0: untagged */
    uint8_t ttl;   /* or hop limit */
};

struct speadi_frame_template {
    uint8_t head[SPEADI_FRAME_TEMPLATE_BYTES_MAX]; /* lengths and checksums are 0 */
    uint8_t bytes;                                 /* of the head */
    uint8_t ip_at, udp_at;
    uint8_t ip_length_at; /* of the length in the IP header ... */
    uint8_t ip_extra;     /* ... which is that of the UDP payload and so many bytes */
    bool v6;
    uint16_t ip_sum;  /* of the IPv4 header; lengths are missing */
    uint16_t udp_sum; /* of pseudo header and UDP header; lengths are missing */
};

/* "Don't fragment" is set, as is no option: what is too long must not arrive in pieces. */
void speadi_frame_template_init(struct speadi_frame_template *frame,
                                const struct speadi_frame_path *path);

/* From now on to that next hop. */
void speadi_frame_template_aim(struct speadi_frame_template *frame, const uint8_t mac[6]);

/* Writes the head of a frame with so many bytes of UDP payload, and room for
 * SPEADI_FRAME_TEMPLATE_BYTES_MAX there. Returns frame->bytes. The checksums are 0, as a device that
 * writes them wants them. */
static inline uint32_t speadi_frame_template_write(const struct speadi_frame_template *frame,
                                                   uint8_t *to, uint32_t payload_bytes)
{
    const uint16_t udp = htons((uint16_t)(payload_bytes + SPEADI_UDP_HEAD_BYTES));
    const uint16_t ip = htons((uint16_t)(payload_bytes + frame->ip_extra));

    memcpy(to, frame->head, sizeof frame->head); /* whole: a fixed size is a few moves */
    memcpy(to + frame->ip_length_at, &ip, sizeof ip);
    memcpy(to + frame->udp_at + SPEADI_UDP_LENGTH_AT, &udp, sizeof udp);
    return frame->bytes;
}

/* Writes the IPv4 header's checksum into a head; nothing for IPv6. */
void speadi_frame_template_write_ip_checksum(const struct speadi_frame_template *frame, uint8_t *to,
                                             uint32_t payload_bytes);

/* Writes the UDP checksum: payload_sum is speadi_checksum_add()'s over the whole payload. */
void speadi_frame_template_write_udp_checksum(const struct speadi_frame_template *frame,
                                              uint8_t *to, uint32_t payload_bytes,
                                              uint64_t payload_sum);

/* Where frames to a group go (RFC 1112, RFC 2464). */
void speadi_frame_group_mac(uint8_t mac[6], const struct speadi_address *group);

#endif
