/* Parses frames, and learns what usual frames look like. See verbs_reader.h. */
#include "verbs_reader.h"

#include <string.h>

#include <speadi/frame_parse.h>

void speadi_verbs_reader_init(struct speadi_verbs_reader *reader,
                              const struct speadi_rx_config *config)
{
    *reader = (struct speadi_verbs_reader){.count = config->count, .usual = {UINT64_MAX}};
    memcpy(reader->address, config->addresses, config->count * sizeof *config->addresses);
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

static bool checksums_hold(const struct speadi_frame *headers,
                           const struct speadi_verbs_frame *frame)
{
    const struct speadi_frame_part parts[] = {
        {frame->head + headers->ip_at, frame->head_bytes - headers->ip_at},
        {frame->body, frame->body_bytes},
        {frame->tail, frame->frame_bytes - frame->head_bytes - frame->body_bytes},
    };

    if (!frame->body && frame->body_bytes)
        /* the CPU cannot read the body, so accept the frame; the NIC has checked the Ethernet CRC */
        return true;
    return speadi_frame_checksums_hold(headers, parts, 3);
}

static void refuse(const struct speadi_verbs_reader *reader, const struct speadi_verbs_frame *frame,
                   int bucket, struct speadi_rx_packet *packet)
{
    *packet = (struct speadi_rx_packet){
        .datagram_bytes = frame->frame_bytes,
        .source = reader->source,
        .flags = SPEADI_RX_REFUSED,
        .bucket = (uint8_t)bucket,
        .segments = 1,
        .time_ns = frame->time_ns,
        .place = SPEADI_RX_UNPLACED,
    };
}

/* Stores what the headers of this frame look like, because the next frame will probably have the same ones. */
static void learn(struct speadi_verbs_reader *reader, const struct speadi_verbs_frame *frame,
                  const struct speadi_frame *headers)
{
    static const uint8_t at[] = SPEADI_USUAL_AT;
    const uint64_t mask[] = SPEADI_USUAL_MASK;

    reader->frame_head[reader->source] = headers->payload_at;
    if (headers->ip_version != 4 || headers->vlan_tags)
        return;
    for (unsigned i = 0; i < 3; i++)
        reader->usual[i] = speadi_verbs_word(frame->head + at[i]) & mask[i];
    reader->usual_source = reader->source;
}

void speadi_verbs_read_any(struct speadi_verbs_reader *reader,
                           const struct speadi_verbs_frame *frame, struct speadi_rx_packet *packet)
{
    struct speadi_frame headers;
    int bucket = speadi_frame_parse(&headers, frame->head, frame->head_bytes, frame->frame_bytes);

    if (bucket == 0 && !find_source(reader, &headers))
        bucket = SPEAD_RECV_FOREIGN_FRAME;
    if (bucket == 0 && !frame->checked && !checksums_hold(&headers, frame))
        bucket = SPEAD_RECV_MALFORMED_CHECKSUM;
    if (bucket != 0) {
        refuse(reader, frame, bucket, packet);
        return;
    }
    learn(reader, frame, &headers);
    speadi_verbs_fill(packet, reader->source, frame, headers.payload_at, headers.payload_bytes);
}
