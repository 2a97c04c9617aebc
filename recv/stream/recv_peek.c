/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the places in which the payload of a burst lies, and copies misplaced packets to spare buffers. It only
 * looks: it counts nothing, and it ends no heap and no run of a sender. */
#include "recv_stream.h"

#define NO_SPARE    65535u
#define COPY_FAILED 65534u

_Static_assert(SPEADI_SPARES_MAX < COPY_FAILED, "a copy's number and the marks must differ");

/* What the payload of a packet tells about its place. */
enum place {
    UNUSED,    /* no byte of the packet will be used */
    OWN_PLACE, /* the payload lies where it belongs */
    MISPLACED,
};

/* Returns the sender of the packet like speadi_recv_sender(), but begins no run of the sender. */
static const struct speadi_sender *peek_sender(struct spead_recv_stream *stream,
                                               const struct speadi_rx_packet *raw)
{
    const struct speadi_sender *sender = speadi_recv_sender_found_before(stream, raw);

    return sender ? sender
                  : speadi_sender_table_find(&stream->senders, speadi_recv_endpoint(stream, raw),
                                             &stream->burst.from[raw->from].sender);
}

static enum place look(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw)
{
    struct speadi_packet packet;
    const struct speadi_sender *sender;

    if (!speadi_recv_is_readable(stream, raw))
        return UNUSED;
    if (speadi_recv_has_split_header(raw))
        return MISPLACED;
    if (speadi_packet_decode(&packet, raw->head, raw->head_bytes, raw->datagram_bytes) != 0)
        return UNUSED; /* the packet is malformed */
    sender = peek_sender(stream, raw);
    return sender && speadi_placement_is_own_place(&stream->placement, raw->place, sender->id,
                                                   &packet)
               ? OWN_PLACE
               : MISPLACED;
}

static uint16_t copy(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw)
{
    uint32_t index;
    enum spead_recv_bucket bucket = speadi_recv_copy_to_spare(stream, raw, &index);

    if (bucket == SPEAD_RECV_LIVE)
        return (uint16_t)(index + 1);
    return bucket == SPEAD_RECV_NO_MEMORY ? NO_SPARE : COPY_FAILED;
}

void speadi_recv_copy_misplaced(struct spead_recv_stream *stream)
{
    stream->places_unchecked = false;
    stream->places_checked = true;
    speadi_placement_forget_holders(&stream->placement);
    for (unsigned i = stream->burst_next; i < stream->burst.count; i++) {
        const struct speadi_rx_packet *raw = &stream->burst.packet[i];
        enum place place;

        stream->spare_of[i] = 0;
        if (raw->place == SPEADI_RX_UNPLACED)
            continue;
        place = look(stream, raw);
        if (place == OWN_PLACE)
            speadi_placement_note_holder(&stream->placement, raw->place, i);
        else if (place == MISPLACED)
            stream->spare_of[i] = copy(stream, raw);
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
