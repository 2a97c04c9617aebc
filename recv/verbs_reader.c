/* See verbs_reader.h. */
#include "verbs_reader.h"

#include <string.h>

#include <speadi/frame_parse.h>

void speadi_verbs_reader_init(struct speadi_verbs_reader *reader,
                              const struct speadi_rx_config *config)
{
    *reader = (struct speadi_verbs_reader){.count = config->count};
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
        return true; /* out of the CPU's reach; the frame's own CRC was right */
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

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void speadi_verbs_read(struct speadi_verbs_reader *reader, const struct speadi_verbs_frame *frame,
                       struct speadi_rx_packet *packet)
{
    struct speadi_frame headers;
    uint32_t in_head, in_body, left;
    int bucket = speadi_frame_parse(&headers, frame->head, frame->head_bytes, frame->frame_bytes);

    if (bucket == 0 && !find_source(reader, &headers))
        bucket = SPEAD_RECV_FOREIGN_FRAME;
    if (bucket == 0 && !frame->checked && !checksums_hold(&headers, frame))
        bucket = SPEAD_RECV_MALFORMED_CHECKSUM;
    if (bucket != 0) {
        refuse(reader, frame, bucket, packet);
        return;
    }
    reader->frame_head[reader->source] = headers.payload_at;
    left = headers.payload_bytes;
    in_head = least(frame->head_bytes - headers.payload_at, left);
    left -= in_head;
    in_body = least(frame->body_bytes, left);
    left -= in_body;
    *packet = (struct speadi_rx_packet){
        .head = frame->head + headers.payload_at,
        .body = in_body ? frame->body : NULL,
        .head_bytes = in_head,
        .body_bytes = in_body,
        .tail = left ? frame->tail : NULL,
        .tail_bytes = left,
        .datagram_bytes = headers.payload_bytes,
        .source = reader->source,
        .segments = 1,
        .time_ns = frame->time_ns,
        .place = SPEADI_RX_UNPLACED,
    };
}
