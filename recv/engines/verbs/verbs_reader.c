/* SPDX-License-Identifier: Apache-2.0 */
/* Parses frames, and learns what usual frames look like. See verbs_reader.h. */
#include "verbs_reader.h"

#include <arpa/inet.h>
#include <string.h>

#include <speadi/frame_parse.h>

void speadi_verbs_reader_init(struct speadi_verbs_reader *reader,
                              const struct speadi_rx_config *config, uint16_t queue)
{
    *reader = (struct speadi_verbs_reader){.address = config->addresses,
                                           .count = config->count,
                                           .queue = queue,
                                           .usual = {UINT64_MAX},
                                           .usual_sender = {UINT64_MAX}};
}

static bool find_source(struct speadi_verbs_reader *reader, const struct speadi_frame *headers)
{
    if (speadi_frame_is_for(headers, &reader->address[reader->source]))
        return true;
    for (uint16_t i = 0; i < reader->count; i++)
        if (speadi_frame_is_for(headers, &reader->address[i])) {
            reader->source = i;
            return true;
        }
    return false;
}

/* Says whether a frame may be lent although the device has not found its checksums right. */
static bool checksums_pass(struct speadi_verbs_reader *reader, const struct speadi_frame *headers,
                           const struct speadi_verbs_frame *frame)
{
    bool has_sum = headers->ip_version == 6 ||
                   speadi_load_be16(frame->head + headers->udp_at + SPEADI_UDP_CHECKSUM_AT) != 0;
    const struct speadi_frame_part parts[] = {
        {frame->head + headers->ip_at, frame->head_bytes - headers->ip_at},
        {frame->body, frame->body_bytes},
        {frame->tail, frame->frame_bytes - frame->head_bytes - frame->body_bytes},
    };

    /* If the CPU cannot read the body, nobody can check the frame except the NIC, which has checked the Ethernet CRC. */
    if ((headers->ip_version == 4 ? reader->trusts_v4 : reader->trusts_v6) ||
        (!frame->body && frame->body_bytes)) {
        reader->unverified += has_sum;
        return true;
    }
    return speadi_frame_checksums_hold(headers, parts, 3);
}

static void refuse(uint16_t source, const struct speadi_verbs_frame *frame, int bucket,
                   uint16_t from, struct speadi_rx_packet *packet)
{
    *packet = (struct speadi_rx_packet){
        .datagram_bytes = frame->frame_bytes,
        .source = source,
        .flags = SPEADI_RX_REFUSED,
        .bucket = (uint8_t)bucket,
        .segments = 1,
        .from = from,
        .time_ns = frame->time_ns,
        .place = SPEADI_RX_UNPLACED,
    };
}

/* ---- Senders ------------------------------------------------------------------------------- */

/* Stores the words of a usual frame whose sender has the index `from` in this burst. */
static void learn_sender(struct speadi_verbs_reader *reader, const struct speadi_verbs_frame *frame,
                         uint16_t from)
{
    static const uint8_t at[] = SPEADI_USUAL_AT;
    const uint64_t mask[] = SPEADI_USUAL_SENDER_MASK;

    for (unsigned i = 0; i < 3; i++)
        reader->usual_sender[i] = speadi_verbs_word(frame->head + at[i]) & mask[i];
    reader->usual_from = from;
}

/* Stores what the headers of this frame look like, because the next frame will probably have the same ones. */
static void learn(struct speadi_verbs_reader *reader, const struct speadi_verbs_frame *frame,
                  const struct speadi_frame *headers, uint16_t from)
{
    static const uint8_t at[] = SPEADI_USUAL_AT;
    const uint64_t mask[] = SPEADI_USUAL_MASK;

    reader->frame_head[reader->source] = headers->payload_at;
    if (headers->ip_version != 4 || headers->vlan_tags)
        return;
    for (unsigned i = 0; i < 3; i++)
        reader->usual[i] = speadi_verbs_word(frame->head + at[i]) & mask[i];
    reader->usual_port = (uint32_t)ntohs(headers->to_port) << 16;
    reader->usual_source = reader->source;
    learn_sender(reader, frame, from);
}

/* Adds the sender of a parsed frame to the burst. Returns its index. */
static uint16_t add_sender(const struct speadi_verbs_reader *reader,
                           const struct speadi_frame *headers, struct speadi_rx_burst *burst)
{
    const uint16_t source = reader->source;
    struct speadi_rx_from from = headers->ip_version == 4
                                     ? speadi_rx_from_v4(source, headers->from, headers->from_port)
                                     : speadi_rx_from_v6(source, headers->from, headers->from_port);

    from.queue = reader->queue;
    return speadi_rx_from_add(burst, &from);
}

/* Adds the sender of a frame whose headers are usual to the burst. Returns its index. */
static uint16_t add_usual_sender(struct speadi_verbs_reader *reader,
                                 const struct speadi_verbs_frame *frame,
                                 struct speadi_rx_burst *burst)
{
    struct speadi_rx_from from = speadi_rx_from_v4(
        reader->usual_source, frame->head + SPEADI_PLAIN_IP_AT + SPEADI_IPV4_SOURCE_AT,
        (uint16_t)speadi_load_be16(frame->head + SPEADI_PLAIN_UDP_AT + SPEADI_UDP_SOURCE_PORT_AT));
    uint16_t index;

    from.queue = reader->queue;
    index = speadi_rx_from_add(burst, &from);
    learn_sender(reader, frame, index);
    return index;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void parse(struct speadi_verbs_reader *reader, const struct speadi_verbs_frame *frame,
                  struct speadi_rx_packet *packet, struct speadi_rx_burst *burst)
{
    struct speadi_frame headers;
    int bucket = speadi_frame_parse(&headers, frame->head, frame->head_bytes, frame->frame_bytes);
    bool is_parsed = bucket == 0;
    uint16_t from;

    if (bucket == 0 && !find_source(reader, &headers))
        bucket = SPEAD_RECV_FOREIGN_FRAME;
    if (bucket == 0 && !frame->checked && !checksums_pass(reader, &headers, frame))
        bucket = SPEAD_RECV_MALFORMED_CHECKSUM;
    from =
        is_parsed ? add_sender(reader, &headers, burst) : speadi_verbs_add_unknown(reader, burst);
    if (bucket != 0) {
        refuse(reader->source, frame, bucket, from, packet);
        return;
    }
    learn(reader, frame, &headers, from);
    speadi_verbs_fill(packet, reader->source, from, frame, headers.payload_at,
                      headers.payload_bytes);
}

void speadi_verbs_read_any(struct speadi_verbs_reader *reader,
                           const struct speadi_verbs_frame *frame, struct speadi_rx_burst *burst)
{
    struct speadi_rx_packet *packet = &burst->packet[burst->count++];
    const uint64_t mask[] = SPEADI_USUAL_MASK;
    struct speadi_frame usual = {
        .ip_version = 4, .ip_at = SPEADI_PLAIN_IP_AT, .udp_at = SPEADI_PLAIN_UDP_AT};
    uint32_t payload_bytes;
    uint16_t from;

    if (!speadi_verbs_has_words(reader->usual_port, frame, reader->usual, mask, &payload_bytes)) {
        parse(reader, frame, packet, burst);
        return;
    }
    usual.payload_bytes = payload_bytes;
    from = add_usual_sender(reader, frame, burst);
    if (!frame->checked && !checksums_pass(reader, &usual, frame)) {
        refuse(reader->usual_source, frame, SPEAD_RECV_MALFORMED_CHECKSUM, from, packet);
        return;
    }
    speadi_verbs_fill(packet, reader->usual_source, from, frame, SPEADI_PLAIN_PAYLOAD_AT,
                      payload_bytes);
}
