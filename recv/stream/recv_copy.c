/* Copies packets to spare buffers, and copies payload into and within memory that the CPU cannot touch. */
#include <assert.h>

#include "recv_stream.h"

#define NO_SPARE    255u
#define COPY_FAILED 254u

_Static_assert(SPEADI_SPARES_MAX < COPY_FAILED, "a copy's number and the marks must differ");

static bool is_body_in_device(const struct speadi_rx_packet *raw)
{
    return !raw->body && raw->body_bytes > 0;
}

static uint64_t spare_at(const struct spead_recv_stream *stream, uint32_t copy)
{
    return stream->memory.spare_offset + (uint64_t)copy * stream->spare.stride;
}

/* Returns where a packet body lies that the CPU cannot read, as an offset in heap memory. If the packet is a copy, the
 * body lies in the spare buffer of the copy. Else it lies in the range of the packet's reservation, which stays valid
 * until the burst has ended. */
static uint64_t body_at(const struct spead_recv_stream *stream, const struct speadi_rx_packet *raw)
{
    uint32_t copy = speadi_spare_index(&stream->spare, raw);
    const struct speadi_reservation *reservation;

    if (copy != SPEADI_SPARE_NONE)
        return spare_at(stream, copy);
    reservation = speadi_placement_reservation(&stream->placement, raw->place);
    assert(raw->place != SPEADI_RX_UNPLACED && reservation->live);
    return reservation->live->heap.region->offset + reservation->offset;
}

/* Copies the body of the packet from device memory into its spare buffer, which is in host memory. This is needed when
 * a part of the header lies in the body, or when the packet has three parts (head, body and tail). */
static int read_back(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
                     uint32_t copy)
{
    int ret = speadi_heap_memory_copy_out(
        &stream->memory, speadi_spare_buffer(&stream->spare, copy) + raw->head_bytes,
        body_at(stream, raw), raw->body_bytes);

    speadi_spare_made_linear(&stream->spare, copy);
    return ret;
}

enum spead_recv_bucket speadi_recv_copy_to_spare(struct spead_recv_stream *stream,
                                                 const struct speadi_rx_packet *raw, uint32_t *copy)
{
    int ret = 0;

    *copy = speadi_spare_copy(&stream->spare, raw);
    if (*copy == SPEADI_SPARE_NONE)
        return SPEAD_RECV_NO_MEMORY;
    if (!is_body_in_device(raw))
        return SPEAD_RECV_LIVE;
    if (speadi_recv_has_split_header(raw) || raw->tail_bytes > 0)
        ret = read_back(stream, raw, *copy);
    else
        ret = speadi_heap_memory_copy_within(&stream->memory, spare_at(stream, *copy),
                                             body_at(stream, raw), raw->body_bytes);
    return ret < 0 ? SPEAD_RECV_REGION_ERROR : SPEAD_RECV_LIVE;
}

int speadi_recv_copy_to_device(struct spead_recv_stream *stream, uint64_t to,
                               const struct speadi_rx_packet *raw,
                               const struct speadi_packet *packet)
{
    uint32_t from_head = raw->head_bytes - packet->header_bytes;
    int ret = speadi_heap_memory_copy_in(&stream->memory, to, raw->head + packet->header_bytes,
                                         from_head);

    if (ret < 0 || raw->body_bytes == 0)
        return ret;
    if (raw->body)
        return speadi_heap_memory_copy_in(&stream->memory, to + from_head, raw->body,
                                          raw->body_bytes);
    return speadi_heap_memory_copy_within(&stream->memory, to + from_head, body_at(stream, raw),
                                          raw->body_bytes);
}

/* ---- Misplaced packets of a burst ---------------------------------------------------------- */

static bool belongs_where_it_lies(struct spead_recv_stream *stream,
                                  const struct speadi_rx_packet *raw)
{
    struct speadi_packet packet;
    const struct speadi_sender *sender;

    if (!speadi_recv_is_readable(stream, raw))
        return true; /* no byte of the packet will be used */
    if (speadi_recv_has_split_header(raw))
        return false;
    if (speadi_packet_decode(&packet, raw->head, raw->head_bytes, raw->datagram_bytes) != 0)
        return true; /* the packet is malformed, so no byte of the packet will be used either */
    sender = speadi_recv_sender(stream, raw, false);
    return sender &&
           speadi_placement_is_own_place(&stream->placement, raw->place, sender->id, &packet);
}

void speadi_recv_copy_misplaced(struct spead_recv_stream *stream)
{
    stream->places_unchecked = false;
    stream->places_checked = true;
    for (unsigned i = stream->burst_next; i < stream->burst.count; i++) {
        const struct speadi_rx_packet *raw = &stream->burst.packet[i];
        enum spead_recv_bucket bucket;
        uint32_t copy;

        stream->spare_of[i] = 0;
        if (raw->place == SPEADI_RX_UNPLACED || belongs_where_it_lies(stream, raw))
            continue;
        bucket = speadi_recv_copy_to_spare(stream, raw, &copy);
        if (bucket == SPEAD_RECV_LIVE)
            stream->spare_of[i] = (uint8_t)(copy + 1);
        else
            stream->spare_of[i] = bucket == SPEAD_RECV_NO_MEMORY ? NO_SPARE : COPY_FAILED;
    }
}

const struct speadi_rx_packet *speadi_recv_burst_packet(const struct spead_recv_stream *stream,
                                                        unsigned i, enum spead_recv_bucket *why)
{
    if (!stream->places_checked || stream->spare_of[i] == 0)
        return &stream->burst.packet[i];
    *why = stream->spare_of[i] == NO_SPARE ? SPEAD_RECV_NO_MEMORY : SPEAD_RECV_REGION_ERROR;
    if (stream->spare_of[i] >= COPY_FAILED)
        return NULL;
    return &stream->spare.packet[stream->spare_of[i] - 1];
}
