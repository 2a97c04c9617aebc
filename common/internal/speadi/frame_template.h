/* Frame templates: the Ethernet, IP and UDP headers of all frames that go from one address to another. The headers are
 * made once, and a few fields are written for each packet. */
#ifndef SPEADI_FRAME_TEMPLATE_H
#define SPEADI_FRAME_TEMPLATE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <speadi/address.h>
#include <speadi/frame_layout.h>

/* Ethernet, one VLAN tag, IPv6 and UDP, rounded up to a multiple of 8. */
#define SPEADI_FRAME_TEMPLATE_BYTES_MAX 72u

/* From where to where frames go. Both addresses have the same IP version, and both have a port. */
struct speadi_frame_path {
    struct speadi_address source, destination;
    uint8_t source_mac[6], destination_mac[6];
    uint16_t vlan; /* number of the VLAN; 0: frames have no tag */
    uint8_t ttl;   /* for IPv6 the hop limit */
};

struct speadi_frame_template {
    /* the headers; lengths and checksums in them are 0 */
    uint8_t head[SPEADI_FRAME_TEMPLATE_BYTES_MAX];
    uint8_t bytes; /* length of the head */
    uint8_t ip_at, udp_at;
    uint8_t ip_length_at; /* offset of the length field in the IP header */
    uint8_t ip_extra;     /* bytes that this length counts besides the UDP payload */
    bool v6;
    uint16_t ip_sum;  /* sum of the IPv4 header without the length */
    uint16_t udp_sum; /* sum of pseudo header and UDP header without the lengths */
};

/* Makes the headers. They forbid fragments ("don't fragment"), because a frame that is too long must not arrive in
 * pieces; they have no options. */
void speadi_frame_template_init(struct speadi_frame_template *frame,
                                const struct speadi_frame_path *path);

/* Sets the MAC address of the next hop. All frames that are written after this call go to it. */
void speadi_frame_template_aim(struct speadi_frame_template *frame, const uint8_t mac[6]);

/* Writes the head of a frame that has payload_bytes bytes of UDP payload. `to` must have room for
 * SPEADI_FRAME_TEMPLATE_BYTES_MAX bytes. Returns frame->bytes. The checksums are 0: a device that computes checksums
 * requires that. */
static inline uint32_t speadi_frame_template_write(const struct speadi_frame_template *frame,
                                                   uint8_t *to, uint32_t payload_bytes)
{
    const uint16_t udp = htons((uint16_t)(payload_bytes + SPEADI_UDP_HEAD_BYTES));
    const uint16_t ip = htons((uint16_t)(payload_bytes + frame->ip_extra));

    memcpy(to, frame->head, sizeof frame->head); /* all of it: a copy of a fixed size is fast */
    memcpy(to + frame->ip_length_at, &ip, sizeof ip);
    memcpy(to + frame->udp_at + SPEADI_UDP_LENGTH_AT, &udp, sizeof udp);
    return frame->bytes;
}

/* Writes the checksum of the IPv4 header into a head. For IPv6 it does nothing. */
void speadi_frame_template_write_ip_checksum(const struct speadi_frame_template *frame, uint8_t *to,
                                             uint32_t payload_bytes);

/* Writes the UDP checksum into a head. payload_sum is the result of speadi_checksum_add() over the whole payload. */
void speadi_frame_template_write_udp_checksum(const struct speadi_frame_template *frame,
                                              uint8_t *to, uint32_t payload_bytes,
                                              uint64_t payload_sum);

/* Computes the MAC address of a multicast group (RFC 1112, RFC 2464). */
void speadi_frame_group_mac(uint8_t mac[6], const struct speadi_address *group);

#endif
