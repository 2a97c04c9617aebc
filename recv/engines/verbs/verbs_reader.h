/* Turns received frames into packets that the engine lends. The reader finds the source of each frame, and the place of
 * the datagram in the frame. If it refuses a frame, it finds the bucket in which the core counts the frame. */
#ifndef SPEADI_VERBS_READER_H
#define SPEADI_VERBS_READER_H

#include <endian.h>
#include <string.h>

#include <speadi/bytes.h>
#include <speadi/frame_layout.h>
#include <speadi/numbers.h>

#include "rx_engine.h"

struct speadi_verbs_reader {
    struct speadi_address address[SPEADI_RX_SOURCES_MAX];
    uint32_t count;
    uint16_t source; /* source of the latest frame; the search begins with this source */
    /* For each source: how many bytes lay before the datagram in the latest frame. 0 if no frame has arrived yet. */
    uint32_t frame_head[SPEADI_RX_SOURCES_MAX];
    /* Three words of the headers of an accepted frame of the source usual_source. The bits that may differ from frame
     * to frame are 0. At first the words hold a value that no frame has. */
    uint64_t usual[3];
    uint16_t usual_source;
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

void speadi_verbs_reader_init(struct speadi_verbs_reader *reader,
                              const struct speadi_rx_config *config);

/* A usual frame is an IPv4 frame without VLAN tags, IP options and fragmentation. Most frames of a stream are usual and
 * differ only in lengths, identification numbers and checksums. SPEADI_USUAL_AT has the offsets of three words of the
 * headers. In each word, the bits that are set in SPEADI_USUAL_MASK are the same in all usual frames of one source. */
#define SPEADI_USUAL_AT                                                        \
    {                                                                          \
        SPEADI_ETHERNET_TYPE_AT, SPEADI_PLAIN_IP_AT + SPEADI_IPV4_FRAGMENT_AT, \
            SPEADI_PLAIN_IP_AT + SPEADI_IPV4_DESTINATION_AT                    \
    }
#define SPEADI_USUAL_MASK                                                                       \
    {                                                                                           \
        htobe64(0xffffff0000000000),     /* EtherType, version and length of the IPv4 header */ \
            htobe64(0x3fff00ff00000000), /* fragmentation, protocol */                          \
            htobe64(0xffffffff0000ffff), /* destination address and port */                     \
    }

static inline uint64_t speadi_verbs_word(const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof word);
    return word;
}

/* Returns true if the frame has the same headers as the latest usual frame that was accepted. Then *payload_bytes is
 * the length of its datagram. If the function returns false, the caller must parse the frame. */
static inline bool speadi_verbs_is_usual(const struct speadi_verbs_reader *reader,
                                         const struct speadi_verbs_frame *frame,
                                         uint32_t *payload_bytes)
{
    static const uint8_t at[] = SPEADI_USUAL_AT;
    const uint64_t mask[] = SPEADI_USUAL_MASK;
    uint64_t odd = 0;
    uint32_t ip_bytes, udp_bytes;

    if (frame->head_bytes < SPEADI_PLAIN_PAYLOAD_AT || !frame->checked)
        return false;
    for (unsigned i = 0; i < 3; i++)
        odd |= (speadi_verbs_word(frame->head + at[i]) & mask[i]) ^ reader->usual[i];
    ip_bytes = speadi_load_be16(frame->head + SPEADI_PLAIN_IP_AT + SPEADI_IPV4_LENGTH_AT);
    udp_bytes = speadi_load_be16(frame->head + SPEADI_PLAIN_UDP_AT + SPEADI_UDP_LENGTH_AT);
    *payload_bytes = udp_bytes - SPEADI_UDP_HEAD_BYTES;
    return odd == 0 && udp_bytes >= SPEADI_UDP_HEAD_BYTES &&
           ip_bytes == udp_bytes + SPEADI_IPV4_BYTES &&
           ip_bytes + SPEADI_PLAIN_IP_AT <= frame->frame_bytes;
}

/* Fills *packet with the datagram that begins payload_at bytes into the frame. The packet is placed if a part of the
 * datagram lies in the body. */
static inline void speadi_verbs_fill(struct speadi_rx_packet *packet, uint16_t source,
                                     const struct speadi_verbs_frame *frame, uint32_t payload_at,
                                     uint32_t payload_bytes)
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
        .segments = 1,
        .time_ns = frame->time_ns,
        .place = in_body ? frame->place : SPEADI_RX_UNPLACED,
    };
}

/* Parses any frame. Fills *packet as speadi_verbs_fill() does, or marks the packet as refused and states the bucket. If
 * the device has not checked the checksums, the function checks them. It cannot check them if the CPU cannot read a
 * part of the frame. */
void speadi_verbs_read_any(struct speadi_verbs_reader *reader,
                           const struct speadi_verbs_frame *frame, struct speadi_rx_packet *packet);

/* Fills *packet from the frame. A usual frame need not be parsed, which is faster. */
static inline void speadi_verbs_read(struct speadi_verbs_reader *reader,
                                     const struct speadi_verbs_frame *frame,
                                     struct speadi_rx_packet *packet)
{
    uint32_t payload_bytes;

    if (__builtin_expect(speadi_verbs_is_usual(reader, frame, &payload_bytes), 1)) {
        speadi_verbs_fill(packet, reader->usual_source, frame, SPEADI_PLAIN_PAYLOAD_AT,
                          payload_bytes);
    } else {
        /* Pass a copy, so that the program never takes the address of `frame` itself. So the compiler can keep the
         * fields of usual frames in registers. */
        const struct speadi_verbs_frame copy = *frame;

        speadi_verbs_read_any(reader, &copy, packet);
    }
}

#endif
