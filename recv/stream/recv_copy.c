/* SPDX-License-Identifier: Apache-2.0 */
/* Copies packets to spare buffers, and copies payload into and within memory that the CPU cannot touch. */
#include <assert.h>

#include "recv_stream.h"

static bool is_body_in_device(const struct speadi_rx_packet *raw)
{
    return !raw->body && raw->body_bytes > 0;
}

static uint64_t spare_at(const struct spead_recv_stream *stream, uint32_t copy)
{
    return stream->memory.spare_offset + (uint64_t)copy * stream->spare.stride;
}

/* Returns where the body of the packet lies, as an offset in heap memory. The CPU cannot read this body. If the packet
 * is a copy, the body lies in the spare buffer of the copy. Else it lies in the range of the packet's reservation,
 * which stays valid until the burst has ended. */
static uint64_t body_at(const struct spead_recv_stream *stream, const struct speadi_rx_packet *raw)
{
    uint32_t copy = speadi_spare_index(&stream->spare, raw);
    const struct speadi_reservation *reservation;

    if (copy != SPEADI_SPARE_NONE)
        return spare_at(stream, copy);
    reservation = speadi_placement_reservation(&stream->placement, raw->place);
    assert(raw->place != SPEADI_RX_UNPLACED && (reservation->live || reservation->aside));
    return (reservation->live ? reservation->live->heap.region : reservation->aside)->offset +
           reservation->offset;
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
                               const struct speadi_rx_packet *raw, uint32_t header_bytes)
{
    uint32_t from_head = raw->head_bytes - header_bytes;
    int ret = speadi_heap_memory_copy_in(&stream->memory, to, raw->head + header_bytes, from_head);

    if (ret < 0 || raw->body_bytes == 0)
        return ret;
    if (raw->body)
        return speadi_heap_memory_copy_in(&stream->memory, to + from_head, raw->body,
                                          raw->body_bytes);
    return speadi_heap_memory_copy_within(&stream->memory, to + from_head, body_at(stream, raw),
                                          raw->body_bytes);
}
