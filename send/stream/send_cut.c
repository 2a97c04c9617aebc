/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the heaps of a stream into packets, in the order in which the packets leave. */
#include <speadi/numbers.h>
#include <speadi/packet.h>

#include "send_stream.h"
#include "single_packet.h"

/* the largest number of packets in one train */
enum { TRAIN_PACKETS_MAX = 128 };

static void begin(struct spead_send_stream *stream, const struct speadi_heap_entry *entry)
{
    const struct speadi_heap_shape shape = speadi_heap_entry_shape(entry);

    speadi_packetiser_begin(&stream->packetiser, entry->heap, &shape, entry->counter,
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

    if (speadi_heap_entry_ns_per_byte(run.entry) != ns_per_byte)
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
    return speadi_heap_entry_mix_count(entry) <= 1 && speadi_heap_entry_packets(entry) > 1 &&
           entry->bytes <= SPEADI_UDP_BYTES_MAX && entry->destination == first->destination &&
           speadi_heap_entry_ns_per_byte(entry) == speadi_heap_entry_ns_per_byte(first);
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
        full += speadi_heap_entry_packets(entry) - 1;
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

    if (stream->mix_heaps > 1 && !stream->heap_begun && speadi_heap_entry_mix_count(entry) <= 1)
        mix_for_trains(stream, entry);
    if (speadi_heap_entry_mix_count(entry) > 1)
        speadi_mix_begin(&stream->cutting, &stream->mixed, stream->packetising, entry);
}

/* Cuts the next heap, which belongs to no mix. Returns false when not all packets of the heap are in this batch. */
static bool cut_heap(struct spead_send_stream *stream, struct speadi_packet_space *space,
                     double ns_per_byte)
{
    const struct speadi_heap_entry *entry =
        speadi_heap_queue_at(&stream->queue, stream->packetising);

    if (speadi_heap_entry_ns_per_byte(entry) != ns_per_byte)
        return false;
    space->packet_overhead = stream->transport.packet_overhead[entry->destination];
    if (!stream->heap_begun)
        begin(stream, entry);
    stream->heap_begun = true;
    if (!speadi_packetiser_fill(&stream->packetiser, space))
        return false;
    stream->heap_begun = false;
    return true;
}

/* How many heaps of one packet and of one size make a whole train. */
struct whole_train {
    uint64_t bytes; /* the size of a packet; 0: of none */
    uint32_t packets;
    uint32_t part; /* how many packets of the batch are in no whole train */
};

/* Makes *train that of packets of this size. `cut` is the number of packets in the batch. */
static void use_size(struct whole_train *train, uint64_t bytes, uint64_t cut)
{
    train->bytes = bytes;
    train->packets = bytes <= SPEADI_UDP_BYTES_MAX ? SPEADI_UDP_BYTES_MAX / (uint32_t)bytes : 0;
    train->packets = speadi_min_u32(train->packets, TRAIN_PACKETS_MAX);
    train->part = train->packets > 0 ? (uint32_t)cut % train->packets : 1;
}

/* Counts a packet that was cut. */
static inline void pass_packet(struct whole_train *train)
{
    if (++train->part == train->packets)
        train->part = 0;
}

static inline bool cut_single(struct spead_send_stream *stream, struct speadi_heap_entry *entry,
                              struct speadi_packet_space *space)
{
    const struct speadi_single_packet packet = {entry->heap, entry->bytes, entry->length,
                                                entry->counter, entry->destination};

    space->packet_overhead = stream->transport.packet_overhead[entry->destination];
    return speadi_single_packet_cut(&stream->packetiser, &packet, space, &entry->uses_room);
}

/* Cuts the heaps of one packet that come next. Returns false when the next heap does not fit into the space or must wait,
 * and true when none is left or the next one is of another kind. `first` is the first packet of the batch.
 *
 * A heap waits for the next poll() when the batch consists of whole trains and too few heaps for one more are left. They
 * would make a short train, which costs as much as a full one. For example, with 64 heaps of 1 KiB in flight, every second
 * train would have only 3 packets. Before the next poll(), producers submit more heaps, so the train becomes longer. */
static __attribute__((noinline)) bool cut_singles(struct spead_send_stream *stream,
                                                  struct speadi_packet_space *space,
                                                  double ns_per_byte,
                                                  const struct speadi_tx_packet *first)
{
    struct speadi_packet_space at = *space; /* a copy, which the compiler keeps in registers */
    const uint64_t admitted = stream->queue.admitted;
    const bool has_own_rate = ns_per_byte >= 0;
    uint64_t position = stream->packetising;
    struct whole_train train = {0};
    bool is_done = true;

    for (; position != admitted; position++) {
        struct speadi_heap_entry *entry = speadi_heap_queue_at(&stream->queue, position);

        if (!speadi_heap_entry_is_single(entry) || !speadi_is_single_packet(entry->heap))
            break;
        if (entry->bytes != train.bytes)
            use_size(&train, entry->bytes, (uint64_t)(at.packet - first));
        if (entry->is_plain ? has_own_rate : entry->ns_per_byte != ns_per_byte)
            is_done = false;
        else if (train.part == 0 && at.packet != first && admitted - position < train.packets)
            is_done = false;
        else
            is_done = cut_single(stream, entry, &at);
        if (!is_done)
            break;
        pass_packet(&train);
    }
    *space = at;
    stream->packetising = position;
    return is_done;
}

void speadi_send_stream_cut(struct spead_send_stream *stream, struct speadi_packet_space *space,
                            double ns_per_byte)
{
    const struct speadi_tx_packet *first = space->packet;

    while (speadi_send_stream_has_heaps(stream)) {
        if (!speadi_mix_is_under_way(&stream->cutting)) {
            if (!stream->heap_begun && !cut_singles(stream, space, ns_per_byte, first))
                return;
            if (!speadi_send_stream_has_heaps(stream))
                return;
            begin_mix(stream);
        }
        if (speadi_mix_is_under_way(&stream->cutting)) {
            if (!cut_mix(stream, space, ns_per_byte))
                return;
        } else {
            if (!cut_heap(stream, space, ns_per_byte))
                return;
            stream->packetising++;
        }
    }
}
