/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the packets that are missing in heaps. */
#include "recv_stream.h"

/* The smallest SPEAD packet with payload has a header and the item pointers for counter, payload offset and payload
 * length. */
#define HEADER_BYTES_MIN (SPEADI_HEADER_BYTES + 3 * SPEADI_POINTER_BYTES)

/* Adds the packets of a heap of this sender to the counters, or takes them out again. */
static void count(struct spead_recv_stream *stream, uint32_t sender, uint64_t packets,
                  uint64_t least, bool estimated)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    speadi_sender_row_add(speadi_sender_table_row(&stream->senders, sender),
                          SPEADI_SENDER_MISSING_PACKETS, packets);
    totals->missing_packets += packets;
    totals->missing_packets_least += least;
    if (estimated)
        totals->missing_packets_estimated += packets;
}

struct speadi_heap_missing speadi_recv_count_missing(struct spead_recv_stream *stream,
                                                     struct speadi_live_heap *live)
{
    struct spead_heap *heap = &live->heap;
    struct speadi_heap_missing missing;

    speadi_size_memory_judge(speadi_recv_sizes_of(stream, live->sender), heap, &live->sizes);
    heap->packet_payload_max = stream->packet_bytes_max > HEADER_BYTES_MIN
                                   ? stream->packet_bytes_max - HEADER_BYTES_MIN
                                   : 0;
    missing = speadi_heap_missing(heap);
    count(stream, live->sender, missing.packets, missing.least, heap->packets_estimated);
    return missing;
}

void speadi_recv_keep_gaps(struct spead_recv_stream *stream, struct speadi_finished_heap *finished,
                           const struct spead_heap *heap, const struct speadi_heap_missing *missing)
{
    finished->gaps = speadi_late_gaps_keep(&stream->late_gaps, heap, missing);
}

void speadi_recv_came_late(struct spead_recv_stream *stream, struct speadi_finished_heap *finished,
                           const struct speadi_packet *packet)
{
    uint64_t packets = finished->gaps.packets, least = finished->gaps.least;

    if (packet->payload_bytes == 0 ||
        !speadi_late_gaps_fill(&stream->late_gaps, &finished->gaps, packet->payload_offset,
                               packet->payload_offset + packet->payload_bytes))
        return;
    count(stream, finished->sender, finished->gaps.packets - packets, finished->gaps.least - least,
          finished->gaps.estimated);
}
