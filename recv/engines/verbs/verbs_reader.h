/* SPDX-License-Identifier: Apache-2.0 */
/* Turns received frames into packets that the engine lends. The reader finds the source and the sender of each frame,
 * and the place of the datagram in the frame. If it refuses a frame, it finds the bucket in which the core counts the
 * frame. */
#ifndef SPEADI_VERBS_READER_H
#define SPEADI_VERBS_READER_H

#include <endian.h>
#include <string.h>

#include <speadi/bytes.h>
#include <speadi/frame_layout.h>
#include <speadi/numbers.h>

#include "rx_from.h"

struct speadi_verbs_reader {
    const struct speadi_address *address; /* of each source; array of `count` */
    uint32_t count;
    uint16_t queue;  /* the number of the queue whose frames it reads */
    uint16_t source; /* source of the latest frame; the search begins with this source */
    /* For each source: how many bytes lay before the datagram in the latest frame. 0 if no frame has arrived yet. */
    uint32_t frame_head[SPEADI_RX_SOURCES_MAX];
    /* Three words of the headers of an accepted frame of the source usual_source, and its destination port. The bits
     * that may differ from frame to frame are 0, and also the bits of the sender's address and port. At first the words
     * hold a value that no frame has. */
    uint64_t usual[3];
    uint32_t usual_port; /* in the upper 16 bits; the lower 16 bits are 0 */
    uint16_t usual_source;
    uint16_t usual_from;
    /* The same three words of a frame in this burst, but with the address and port of its sender. This sender has the
     * index usual_from in burst.from. Until the burst has such a frame, the words hold a value that no frame has. */
    uint64_t usual_sender[3];
    /* For each IP version: the reader accepts a frame whose checksums nobody has checked. */
    bool trusts_v4, trusts_v6;
    uint64_t unverified; /* number of such frames; a frame without UDP checksum is not counted */
};

/* A frame in memory, in up to three pieces. */
struct speadi_verbs_frame {
    const uint8_t *head;
    const uint8_t *body; /* NULL if there is no body, or if the CPU cannot read it */
    const uint8_t *tail;
    uint32_t head_bytes, body_bytes; /* the tail has the other bytes of frame_bytes */
    uint32_t frame_bytes;
    bool checked; /* the device has found the checksums right */
    uint64_t time_ns;
    uint64_t place; /* number of the reservation in whose range `body` lies */
};

/* The addresses of the configuration must stay as long as the reader. */
void speadi_verbs_reader_init(struct speadi_verbs_reader *reader,
                              const struct speadi_rx_config *config, uint16_t queue);

/* Adds an entry for frames of this queue whose sender is not known. Returns its index. */
static inline uint16_t speadi_verbs_add_unknown(const struct speadi_verbs_reader *reader,
                                                struct speadi_rx_burst *burst)
{
    const struct speadi_rx_from from = {.source = reader->source, .queue = reader->queue};

    return speadi_rx_from_add(burst, &from);
}

/* Forgets the entries of the last burst. The engine calls this function at the beginning of each burst. */
static inline void speadi_verbs_reader_begin(struct speadi_verbs_reader *reader)
{
    reader->usual_sender[0] = UINT64_MAX;
}

/* A usual frame is an IPv4 frame without VLAN tags, IP options and fragmentation. Most frames of a stream are usual and
 * differ only in lengths, identification numbers and checksums. SPEADI_USUAL_AT has the offsets of three words of the
 * headers. The second word ends with the first two bytes of the sender's address, and the third word begins with its
 * last two bytes. In each word, the bits that are set in SPEADI_USUAL_MASK are the same in all usual frames of one
 * source. The bits that are set in SPEADI_USUAL_SENDER_MASK are the same in all usual frames of one sender. */
#define SPEADI_USUAL_AT                                                        \
    {                                                                          \
        SPEADI_ETHERNET_TYPE_AT, SPEADI_PLAIN_IP_AT + SPEADI_IPV4_FRAGMENT_AT, \
            SPEADI_PLAIN_IP_AT + SPEADI_IPV4_SOURCE_AT + 2                     \
    }
#define SPEADI_USUAL_MASK                                                                       \
    {                                                                                           \
        htobe64(0xffffff0000000000),     /* EtherType, version and length of the IPv4 header */ \
            htobe64(0x3fff00ff00000000), /* fragmentation, protocol */                          \
            htobe64(0x0000ffffffff0000), /* destination address */                              \
    }
#define SPEADI_USUAL_SENDER_MASK                                                                 \
    {                                                                                            \
        htobe64(0xffffff0000000000),     /* EtherType, version and length of the IPv4 header */  \
            htobe64(0x3fff00ff0000ffff), /* fragmentation, protocol, upper half of the sender */ \
            htobe64(0xffffffffffffffff), /* lower half, destination address, sender's port */    \
    }

static inline uint64_t speadi_verbs_word(const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof word);
    return word;
}

/* Returns true if the frame, which has usual headers, has a UDP checksum. */
static inline bool speadi_verbs_has_sum(const struct speadi_verbs_frame *frame)
{
    return speadi_load_be16(frame->head + SPEADI_PLAIN_UDP_AT + SPEADI_UDP_CHECKSUM_AT) != 0;
}

/* Returns true if the frame need not be checked by the CPU. If its headers are usual, they are compared with those of an
 * accepted frame, so the checksum of the IPv4 header is not needed. */
static inline bool speadi_verbs_passes(const struct speadi_verbs_reader *reader,
                                       const struct speadi_verbs_frame *frame)
{
    return frame->checked || reader->trusts_v4 || !speadi_verbs_has_sum(frame);
}

/* Returns true if the frame has this destination port, its lengths do not contradict each other, and its words have the
 * bits of `usual` where `mask` is set. Then *payload_bytes is the length of its datagram. `port` is as in
 * reader->usual_port. */
static inline bool speadi_verbs_has_words(uint32_t port, const struct speadi_verbs_frame *frame,
                                          const uint64_t usual[3], const uint64_t mask[3],
                                          uint32_t *payload_bytes)
{
    static const uint8_t at[] = SPEADI_USUAL_AT;
    uint64_t odd = 0;
    uint32_t ip_bytes, udp_bytes;

    if (frame->head_bytes < SPEADI_PLAIN_PAYLOAD_AT)
        return false;
    for (unsigned i = 0; i < 3; i++)
        odd |= (speadi_verbs_word(frame->head + at[i]) & mask[i]) ^ usual[i];
    ip_bytes = speadi_load_be16(frame->head + SPEADI_PLAIN_IP_AT + SPEADI_IPV4_LENGTH_AT);
    /* The length of the datagram follows its destination port. If the port is another one, udp_bytes becomes larger
     * than any length, so one comparison is enough for both. */
    udp_bytes =
        speadi_load_be32(frame->head + SPEADI_PLAIN_UDP_AT + SPEADI_UDP_DESTINATION_PORT_AT) - port;
    odd |= udp_bytes ^ (ip_bytes - SPEADI_IPV4_BYTES);
    /* If ip_bytes is too small, *payload_bytes becomes larger than any frame. */
    *payload_bytes = ip_bytes - SPEADI_IPV4_UDP_BYTES;
    return odd == 0 && *payload_bytes <= frame->frame_bytes - SPEADI_PLAIN_PAYLOAD_AT;
}

/* Returns true if the frame has the same headers and the same sender as an earlier frame of this burst. If it returns
 * false, the frame has to be looked at more closely. */
static inline bool speadi_verbs_is_usual(const struct speadi_verbs_reader *reader,
                                         const struct speadi_verbs_frame *frame,
                                         uint32_t *payload_bytes)
{
    const uint64_t mask[] = SPEADI_USUAL_SENDER_MASK;

    return speadi_verbs_has_words(reader->usual_port, frame, reader->usual_sender, mask,
                                  payload_bytes);
}

/* Fills *packet with the datagram that begins payload_at bytes into the frame. The packet is placed if a part of the
 * datagram lies in the body. `from` is the index of its sender in the burst. */
static inline void speadi_verbs_fill(struct speadi_rx_packet *packet, uint16_t source,
                                     uint16_t from, const struct speadi_verbs_frame *frame,
                                     uint32_t payload_at, uint32_t payload_bytes)
{
    uint32_t in_head = speadi_min_u32(frame->head_bytes - payload_at, payload_bytes);
    uint32_t in_body = speadi_min_u32(frame->body_bytes, payload_bytes - in_head);
    uint32_t left = payload_bytes - in_head - in_body;

    *packet = (struct speadi_rx_packet){
        .head = frame->head + payload_at,
        .body = in_body ? frame->body : NULL,
        .head_bytes = in_head,
        .body_bytes = in_body,
        .tail = left ? frame->tail : NULL,
        .tail_bytes = left,
        .datagram_bytes = payload_bytes,
        .source = source,
        .from = from,
        .segments = 1,
        .time_ns = frame->time_ns,
        .place = in_body ? frame->place : SPEADI_RX_UNPLACED,
    };
}

/* What usual frames of the latest sender of a burst look like. A loop over frames keeps this copy of some fields of the
 * reader in registers. It must take a new copy after each call of speadi_verbs_read_any(). */
struct speadi_verbs_usual {
    uint64_t word[3]; /* usual_sender of the reader */
    uint32_t port;    /* usual_port */
    uint16_t source, from;
};

static inline struct speadi_verbs_usual speadi_verbs_usual_now(
    const struct speadi_verbs_reader *reader)
{
    return (struct speadi_verbs_usual){
        .word = {reader->usual_sender[0], reader->usual_sender[1], reader->usual_sender[2]},
        .port = reader->usual_port,
        .source = reader->usual_source,
        .from = reader->usual_from,
    };
}

/* Does the same as speadi_verbs_read_usual(), for a frame that the device has checked. The frame may be whole, that is,
 * all of it lies in its head. The function stores the packet in *packet. */
static inline __attribute__((always_inline)) bool speadi_verbs_read_checked(
    const struct speadi_verbs_usual *usual, const struct speadi_verbs_frame *frame, bool whole,
    struct speadi_rx_packet *packet)
{
    const uint64_t mask[] = SPEADI_USUAL_SENDER_MASK;
    uint32_t bytes;

    if (__builtin_expect(!speadi_verbs_has_words(usual->port, frame, usual->word, mask, &bytes), 0))
        return false;
    if (whole)
        *packet = (struct speadi_rx_packet){.head = frame->head + SPEADI_PLAIN_PAYLOAD_AT,
                                            .head_bytes = bytes,
                                            .datagram_bytes = bytes,
                                            .source = usual->source,
                                            .from = usual->from,
                                            .segments = 1,
                                            .time_ns = frame->time_ns,
                                            .place = SPEADI_RX_UNPLACED};
    else
        speadi_verbs_fill(packet, usual->source, usual->from, frame, SPEADI_PLAIN_PAYLOAD_AT,
                          bytes);
    return true;
}

/* What the headers of a frame look like that was read by speadi_verbs_read_checked(). Mostly the next frame is equally
 * long and has the same headers, but for identification number, checksums and the like. Then its lengths need not be
 * looked at. */
struct speadi_verbs_alike {
    uint64_t word[3];
    uint32_t port_and_length; /* of the UDP header, as they lie in memory */
    uint32_t frame_bytes;     /* 0 if there is no such frame */
};

/* The lengths in the headers are the same too. */
#define SPEADI_ALIKE_MASK                                                                        \
    {                                                                                            \
        htobe64(0xffffff00ffff0000),     /* EtherType, version, length of header and datagram */ \
            htobe64(0x3fff00ff0000ffff), /* fragmentation, protocol, upper half of the sender */ \
            htobe64(0xffffffffffffffff), /* lower half, destination address, sender's port */    \
    }

static inline uint32_t speadi_verbs_port_and_length(const uint8_t *head)
{
    uint32_t word;

    memcpy(&word, head + SPEADI_PLAIN_UDP_AT + SPEADI_UDP_DESTINATION_PORT_AT, sizeof word);
    return word;
}

/* Remembers the headers of a frame, which was read just now. A frame with padding is not remembered. */
static inline void speadi_verbs_remember(struct speadi_verbs_alike *alike, const uint8_t *head,
                                         uint32_t frame_bytes,
                                         const struct speadi_rx_packet *packet)
{
    static const uint8_t at[] = SPEADI_USUAL_AT;
    const uint64_t mask[] = SPEADI_ALIKE_MASK;

    if (frame_bytes != packet->datagram_bytes + SPEADI_PLAIN_PAYLOAD_AT)
        return;
    for (unsigned i = 0; i < 3; i++)
        alike->word[i] = speadi_verbs_word(head + at[i]) & mask[i];
    alike->port_and_length = speadi_verbs_port_and_length(head);
    alike->frame_bytes = frame_bytes;
}

/* Tells whether the headers of a frame of alike->frame_bytes bytes are those of the frame that was remembered. */
static inline bool speadi_verbs_is_alike(const struct speadi_verbs_alike *alike,
                                         const uint8_t *head)
{
    static const uint8_t at[] = SPEADI_USUAL_AT;
    const uint64_t mask[] = SPEADI_ALIKE_MASK;
    uint64_t odd = speadi_verbs_port_and_length(head) ^ alike->port_and_length;

    for (unsigned i = 0; i < 3; i++)
        odd |= (speadi_verbs_word(head + at[i]) & mask[i]) ^ alike->word[i];
    return odd == 0;
}

/* If the frame is usual and its sender is the latest one of this burst, adds its packet to the burst and returns true.
 * Such a frame need not be parsed, which is faster. Else does nothing and returns false. */
static inline bool speadi_verbs_read_usual(struct speadi_verbs_reader *reader,
                                           const struct speadi_verbs_frame *frame,
                                           struct speadi_rx_burst *burst)
{
    uint32_t payload_bytes;

    if (__builtin_expect(!speadi_verbs_is_usual(reader, frame, &payload_bytes), 0))
        return false;
    if (__builtin_expect(!frame->checked, 0)) {
        if (!speadi_verbs_passes(reader, frame))
            return false;
        reader->unverified += speadi_verbs_has_sum(frame);
    }
    speadi_verbs_fill(&burst->packet[burst->count++], reader->usual_source, reader->usual_from,
                      frame, SPEADI_PLAIN_PAYLOAD_AT, payload_bytes);
    return true;
}

/* Adds a packet and its sender to the burst, for a frame of any kind. If the headers are usual, the frame need not be
 * parsed. Else the function parses the frame. It fills the packet as speadi_verbs_fill() does, or marks it as refused
 * and states the bucket. The function checks the checksums itself if three things hold: the device has not found them
 * right, the reader does not trust the frame, and the CPU can read the whole frame. */
void speadi_verbs_read_any(struct speadi_verbs_reader *reader,
                           const struct speadi_verbs_frame *frame, struct speadi_rx_burst *burst);

#endif
