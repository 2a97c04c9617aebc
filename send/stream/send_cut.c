/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the heaps of a stream into packets, in the order in which the packets leave. */
#include <speadi/numbers.h>
#include <speadi/packet.h>

#include "send_stream.h"
#include "single_packet.h"

/* the largest number of packets in one train */
enum { TRAIN_PACKETS_MAX = 128 };

/* Returns true when this heap of one packet must wait for the next poll(). In this case the batch already contains
 * whole trains of such heaps, and only a few heaps are left. These few heaps would make a short train, which costs as
 * much as a full train. For example, with 64 heaps of 1 KiB in flight, every second train would have only 3 packets.
 * Before the next poll(), producers submit more heaps, so the train becomes longer. `cut` is the number of packets in
 * the batch. */
static inline bool is_better_in_the_next_train(const struct spead_send_stream *stream,
                                               const struct speadi_heap_entry *entry, uint64_t cut)
{
    const uint64_t left = stream->queue.admitted - stream->packetising, bytes = entry->shape.bytes;
    uint32_t train;

    if (entry->shape.packets != 1 || left >= TRAIN_PACKETS_MAX)
        return false;
    /* For most heaps these products show that the batch has no whole train yet, or that enough heaps for one are left.
     * So the two divisions are rare. */
    if ((cut + 1) * bytes <= SPEADI_UDP_BYTES_MAX || (left + 1) * bytes > SPEADI_UDP_BYTES_MAX)
        return false;
    train = SPEADI_UDP_BYTES_MAX / (uint32_t)bytes;
    return train != 0 && (uint32_t)cut % train == 0;
}

static void begin(struct spead_send_stream *stream, const struct speadi_heap_entry *entry)
{
    speadi_packetiser_begin(&stream->packetiser, entry->heap, &entry->shape, entry->counter,
                            entry->destination);
}

/* Cuts the packets that come next in the mix, which belong to one heap. Returns false when they have another rate, or
 * when not all of them fit into the space. */
static bool cut_run(struct spead_send_stream *stream, struct speadi_packet_space *space,
                    double ns_per_byte)
{
    const struct speadi_mix_run run =
        speadi_mix_next(&stream->cutting, &stream->mixed, &stream->queue);
    struct speadi_tx_packet *const first = space->packet, *const end = space->packet_end;
    uint64_t cut;

    if (run.entry->ns_per_byte != ns_per_byte)
        return false;
    begin(stream, run.entry);
    space->packet_overhead = stream->transport.packet_overhead[run.entry->destination];
    if (run.mixed->passed[SPEADI_MIX_CUTS] != 0)
        speadi_packetiser_return_to(&stream->packetiser, &run.mixed->mark);
    if (run.packets < (uint64_t)(end - first))
        space->packet_end = first + run.packets;
    speadi_packetiser_fill(&stream->packetiser, space);
    space->packet_end = end;
    run.mixed->mark = speadi_packetiser_mark(&stream->packetiser);
    cut = (uint64_t)(space->packet - first);
    speadi_mix_pass(&stream->cutting, &stream->mixed, &run, cut);
    return cut == run.packets;
}

/* Returns true if the heap can be mixed with *first for longer trains. With a fixed payload the first packet of a heap is
 * longer than the others, unless all of them have the item pointers, and it would end a train. */
static bool is_mixable(const struct spead_send_stream *stream,
                       const struct speadi_heap_entry *entry, const struct speadi_heap_entry *first)
{
    if (stream->packet_size.payload != 0 && !entry->heap->repeat_pointers)
        return false;
    return entry->mix_count <= 1 && entry->shape.packets > 1 &&
           entry->shape.bytes <= SPEADI_UDP_BYTES_MAX && entry->destination == first->destination &&
           entry->ns_per_byte == first->ns_per_byte;
}

/* Makes a mix of the admitted heaps that begin with *first, if their packets then need fewer trains. A heap by itself
 * needs one train. In the mix the full packets of all heaps share trains, and the last packets, which are usually of one
 * size, share one more train. */
static void mix_for_trains(struct spead_send_stream *stream, struct speadi_heap_entry *first)
{
    const uint64_t admitted = stream->queue.admitted - stream->packetising;
    const uint64_t train =
        speadi_min_u64(SPEADI_UDP_BYTES_MAX / stream->packet_size.bytes, TRAIN_PACKETS_MAX);
    uint64_t full = 0;
    uint32_t count = 0;

    for (; count < stream->mix_heaps && count < admitted; count++) {
        const struct speadi_heap_entry *entry =
            speadi_heap_queue_at(&stream->queue, stream->packetising + count);

        if (!is_mixable(stream, entry, first))
            break;
        full += entry->shape.packets - 1;
    }
    if (speadi_divide_up(full, train) + 1 >= count)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t position = stream->packetising + i;
        struct speadi_heap_entry *entry = speadi_heap_queue_at(&stream->queue, position);

        entry->mix_count = count;
        entry->mix_order = SPEADI_MIX_LAST_PACKETS_LAST;
        speadi_mixed_heap_prepare(speadi_mixed_heap_at(&stream->mixed, position));
    }
}

/* Cuts the mix that is under way. Returns false when the space must end before its last packet. The first heaps of the mix
 * can have completed meanwhile, and other heaps can have their places in the queue. So only the walk knows the mix. */
static bool cut_mix(struct spead_send_stream *stream, struct speadi_packet_space *space,
                    double ns_per_byte)
{
    while (speadi_mix_is_under_way(&stream->cutting))
        if (!cut_run(stream, space, ns_per_byte))
            return false;
    stream->packetising = stream->cutting.first + stream->cutting.count;
    return true;
}

/* Begins the walk through the mix whose first heap comes next, if that heap belongs to a mix. */
static void begin_mix(struct spead_send_stream *stream)
{
    struct speadi_heap_entry *entry = speadi_heap_queue_at(&stream->queue, stream->packetising);

    if (stream->mix_heaps > 1 && !stream->heap_begun && entry->mix_count <= 1)
        mix_for_trains(stream, entry);
    if (entry->mix_count > 1)
        speadi_mix_begin(&stream->cutting, &stream->mixed, stream->packetising, entry);
}

/* Cuts the next heap, which belongs to no mix. `cut` is the number of packets in the batch so far. Returns false when not
 * all packets of the heap are in this batch. */
static bool cut_heap(struct spead_send_stream *stream, struct speadi_packet_space *space,
                     double ns_per_byte, uint64_t cut)
{
    const struct speadi_heap_entry *entry =
        speadi_heap_queue_at(&stream->queue, stream->packetising);

    if (entry->ns_per_byte != ns_per_byte || is_better_in_the_next_train(stream, entry, cut))
        return false;
    space->packet_overhead = stream->transport.packet_overhead[entry->destination];
    if (!stream->heap_begun && speadi_is_single_packet(entry->heap, &entry->shape))
        return speadi_single_packet_cut(&stream->packetiser, entry->heap, &entry->shape,
                                        entry->counter, entry->destination, space);
    if (!stream->heap_begun)
        begin(stream, entry);
    stream->heap_begun = true;
    if (!speadi_packetiser_fill(&stream->packetiser, space))
        return false;
    stream->heap_begun = false;
    return true;
}

void speadi_send_stream_cut(struct spead_send_stream *stream, struct speadi_packet_space *space,
                            double ns_per_byte)
{
    const struct speadi_tx_packet *first = space->packet;

    while (speadi_send_stream_has_heaps(stream)) {
        if (!speadi_mix_is_under_way(&stream->cutting))
            begin_mix(stream);
        if (speadi_mix_is_under_way(&stream->cutting)) {
            if (!cut_mix(stream, space, ns_per_byte))
                return;
        } else {
            if (!cut_heap(stream, space, ns_per_byte, (uint64_t)(space->packet - first)))
                return;
            stream->packetising++;
        }
    }
}
