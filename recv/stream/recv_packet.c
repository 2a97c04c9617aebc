/* SPDX-License-Identifier: Apache-2.0 */
/* One packet: finds its bucket and its heap, and puts its payload in place. */
#include <speadi/packet.h>

#include "recv_stream.h"

/* Returns true if a packet in this bucket was refused and leaves a hole in its heap. */
static bool leaves_hole(enum spead_recv_bucket bucket)
{
    return bucket == SPEAD_RECV_OUT_OF_ORDER || bucket == SPEAD_RECV_NO_MEMORY ||
           bucket == SPEAD_RECV_OVER_CAP_RANGES || bucket == SPEAD_RECV_OVER_CAP_POINTERS ||
           bucket == SPEAD_RECV_REGION_ERROR;
}

/* ---- Payload into its place ---------------------------------------------------------------- */

static bool is_in_own_place(const struct spead_recv_stream *stream,
                            const struct speadi_rx_packet *raw, const struct speadi_live_heap *live)
{
    return raw->place != SPEADI_RX_UNPLACED &&
           speadi_placement_reservation(&stream->placement, raw->place)->live == live;
}

static bool is_copy(const struct spead_recv_stream *stream, const struct speadi_rx_packet *raw)
{
    return speadi_spare_index(&stream->spare, raw) != SPEADI_SPARE_NONE;
}

/* Returns true if the payload must wait, because the core must not write to the own place of the packet yet. */
static bool must_wait(const struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
                      const struct speadi_packet *packet, const struct speadi_live_heap *live)
{
    uint64_t start = packet->payload_offset, end = start + packet->payload_bytes;

    if (live->reservations == 0 || is_in_own_place(stream, raw, live))
        return false;
    return speadi_placement_is_reserved(&stream->placement, speadi_recv_burst_state(stream), live,
                                        start, end);
}

/* Makes sure that the payload can be put into its place, or can wait for it. If too much payload waits already, the
 * heap exchanges its memory: then nothing of the heap has to wait. */
static __attribute__((noinline)) bool can_wait(struct spead_recv_stream *stream,
                                               const struct speadi_rx_packet *raw,
                                               const struct speadi_packet *packet,
                                               struct speadi_live_heap *live)
{
    if (!must_wait(stream, raw, packet, live) || !speadi_spare_is_half_parked(&stream->spare))
        return true;
    return speadi_recv_detach(stream, live, true) || is_copy(stream, raw) ||
           stream->spare.free_count > 0;
}

static void park(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
                 const struct speadi_packet *packet, struct speadi_live_heap *live)
{
    const struct speadi_parked where = {.live = live,
                                        .offset = packet->payload_offset,
                                        .bytes = (uint32_t)packet->payload_bytes,
                                        .header_bytes = packet->header_bytes};
    uint32_t copy = speadi_spare_index(&stream->spare, raw);

    if (copy == SPEADI_SPARE_NONE &&
        speadi_recv_copy_to_spare(stream, raw, &copy) != SPEAD_RECV_LIVE) {
        speadi_live_heap_memory_failed(live);
        return;
    }
    speadi_spare_park(&stream->spare, copy, &where);
    speadi_live_heap_park(live);
}

static void put_payload(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
                        const struct speadi_packet *packet, struct speadi_live_heap *live)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    if (is_in_own_place(stream, raw, live)) {
        totals->placed++;
        return;
    }
    if (must_wait(stream, raw, packet, live))
        park(stream, raw, packet, live);
    else
        speadi_recv_write_payload(stream, live, packet->payload_offset, raw, packet->header_bytes);
    if (is_copy(stream, raw) || raw->place != SPEADI_RX_UNPLACED)
        totals->repaired++;
    else
        totals->bounced++;
}

/* ---- Into a heap --------------------------------------------------------------------------- */

/* Counts a packet that came after a packet of its heap with a larger payload offset. In out-of-order mode this is
 * nothing special, and packets are not compared. */
__attribute__((noinline)) static void count_reordered(struct spead_recv_stream *stream,
                                                      const struct speadi_rx_packet *raw)
{
    if (stream->layout.in_order)
        stream->tally.totals->packets_reordered += raw->segments;
}

static void accepted(struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
                     const struct speadi_packet *packet, struct speadi_live_heap *live)
{
    if (packet->payload_bytes > 0)
        put_payload(stream, raw, packet, live);
    if (speadi_live_heap_was_overtaken(live, packet->payload_offset))
        count_reordered(stream, raw);
    speadi_live_heap_count(live, raw->source, raw->segments, raw->datagram_bytes, raw->time_ns);
    speadi_live_heap_note_error(live, stream->clock_error_ns);
    speadi_recv_count(stream, raw, SPEAD_RECV_LIVE);
}

/* Lets the heap remember that a packet was refused, and counts the packet if it came out of order. */
__attribute__((noinline)) static void refused(struct spead_recv_stream *stream,
                                              const struct speadi_rx_packet *raw,
                                              const struct speadi_packet *packet,
                                              struct speadi_live_heap *live)
{
    if (speadi_live_heap_refused(live, packet, raw->segments, raw->time_ns))
        count_reordered(stream, raw);
    if (live->heap.packets == 0)
        speadi_live_heap_note_error(live, stream->clock_error_ns);
}

/* Returns true if the heap had no room in its tables and has larger ones now. Then the caller must try the packet once
 * more. */
static bool has_grown(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                      enum spead_recv_bucket bucket)
{
    return (bucket == SPEAD_RECV_OVER_CAP_RANGES || bucket == SPEAD_RECV_OVER_CAP_POINTERS) &&
           speadi_recv_grow_heap(stream, live);
}

/* Nothing here depends on where receives are posted, so a heap accepts the same packets on every receive path. */
static enum spead_recv_bucket try_add(struct spead_recv_stream *stream,
                                      const struct speadi_rx_packet *raw,
                                      const struct speadi_packet *packet,
                                      struct speadi_live_heap *live, bool *paused)
{
    uint32_t at;
    enum spead_recv_bucket bucket = speadi_live_heap_check(live, &stream->layout, packet, &at);

    if (bucket == SPEAD_RECV_LIVE && packet->payload_bytes > 0 &&
        ((live->reservations > 0 && !can_wait(stream, raw, packet, live)) ||
         !speadi_recv_find_memory(stream, live, packet->payload_offset + packet->payload_bytes,
                                  paused)))
        bucket = SPEAD_RECV_NO_MEMORY;
    if (bucket == SPEAD_RECV_LIVE)
        bucket = speadi_live_heap_add(live, &stream->layout, packet, at);
    if (bucket == SPEAD_RECV_LIVE)
        accepted(stream, raw, packet, live);
    return bucket;
}

/* Adds the packet to the heap. If the heap accepted the packet, counts the packet and returns SPEAD_RECV_LIVE. Else
 * returns the bucket in which the caller must count the packet. Sets *paused to true, and adds nothing, if the caller
 * must process the packet again later. */
static enum spead_recv_bucket add(struct spead_recv_stream *stream,
                                  const struct speadi_rx_packet *raw,
                                  const struct speadi_packet *packet, struct speadi_live_heap *live,
                                  bool *paused)
{
    uint32_t sender = live->sender;
    enum spead_recv_bucket bucket;

    do
        bucket = try_add(stream, raw, packet, live, paused);
    while (__builtin_expect(bucket != SPEAD_RECV_LIVE, 0) && has_grown(stream, live, bucket));
    if (bucket != SPEAD_RECV_LIVE && leaves_hole(bucket) && !*paused)
        refused(stream, raw, packet, live);
    if (bucket == SPEAD_RECV_LIVE && stream->placement.enabled)
        speadi_placement_learn(&stream->placement, speadi_recv_inlet(stream, raw), sender, packet);
    return bucket;
}

/* Acts on the start and stop items `controls` of this packet. A start item ends all live heaps of the sender, except
 * `carrier`, which may be NULL. */
static void obey(struct spead_recv_stream *stream, struct speadi_sender *sender,
                 const struct speadi_packet *packet, uint32_t controls,
                 const struct speadi_live_heap *carrier)
{
    if (controls & SPEADI_CONTROL_BIT(SPEAD_CONTROL_START))
        speadi_recv_sender_starts(stream, sender, packet, carrier);
    if (!(controls & SPEADI_CONTROL_BIT(SPEAD_CONTROL_STOP)))
        return;
    if (stream->config.ignore_stop_item)
        speadi_finished_forget(sender);
    else /* recv_stop.c will end the stream */
        speadi_recv_sender_stops(stream, sender, packet->heap_counter);
}

/* Ends the heap if the packet that it has just accepted completes it. */
static void after_packet(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    if (speadi_live_heap_is_complete(live))
        speadi_recv_close_heap(stream, live, SPEADI_RECV_COMPLETE);
}

static enum spead_recv_bucket add_to_new(struct spead_recv_stream *stream,
                                         const struct speadi_rx_packet *raw,
                                         struct speadi_sender *sender,
                                         const struct speadi_packet *packet, bool *paused)
{
    struct speadi_live_heap *live;
    enum spead_recv_bucket bucket =
        speadi_recv_open_heap(stream, sender, raw, packet, &live, paused);

    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    bucket = add(stream, raw, packet, live, paused);
    if (*paused) {
        speadi_recv_release_new(stream, live);
        return bucket;
    }
    /* in-order mode, and the first packet of the heap was lost or comes later */
    if (bucket == SPEAD_RECV_OUT_OF_ORDER) {
        speadi_recv_heap_opened(stream, sender, live, raw, packet);
        return bucket;
    }
    if (bucket != SPEAD_RECV_LIVE) {
        speadi_recv_discard_new(stream, live, packet, bucket);
        return bucket;
    }
    speadi_recv_heap_opened(stream, sender, live, raw, packet);
    after_packet(stream, live);
    return SPEAD_RECV_LIVE;
}

/* Returns true if a packet in this bucket shows that the heap and the packet do not belong together. */
static bool contradicts(enum spead_recv_bucket bucket)
{
    return bucket == SPEAD_RECV_OVERLAP || bucket == SPEAD_RECV_FOREIGN_FLAVOUR ||
           bucket == SPEAD_RECV_REPEATED_COUNTER || bucket == SPEAD_RECV_MALFORMED_HEAP_LENGTH ||
           bucket == SPEAD_RECV_MALFORMED_BEYOND_HEAP;
}

static enum spead_recv_bucket add_to_old(struct spead_recv_stream *stream,
                                         const struct speadi_rx_packet *raw,
                                         const struct speadi_packet *packet,
                                         struct speadi_live_heap *live, bool *paused)
{
    enum spead_recv_bucket bucket = add(stream, raw, packet, live, paused);

    if (*paused)
        return bucket;
    if (bucket == SPEAD_RECV_LIVE)
        after_packet(stream, live);
    else if (bucket == SPEAD_RECV_NO_MEMORY)
        speadi_recv_starved(stream, live);
    else if (contradicts(bucket))
        speadi_recv_contradicted(stream, live);
    return bucket;
}

/* ---- From the header to the heap ------------------------------------------------------------ */

/* Returns the bucket of a packet that came after a stop item, or SPEAD_RECV_LIVE if the packet is processed. A start item
 * begins a new run, so a packet with a start item is processed. So is a packet of a live heap: the stop item, or the
 * network that brought it, was faster. `sender` may be NULL. */
static enum spead_recv_bucket bucket_after_stop(struct spead_recv_stream *stream,
                                                const struct speadi_sender *sender,
                                                const struct speadi_packet *packet)
{
    bool user_items;
    uint32_t controls;

    if (!packet)
        return SPEAD_RECV_AFTER_STOP;
    controls = speadi_packet_controls(packet, &user_items);
    if (controls & SPEADI_CONTROL_BIT(SPEAD_CONTROL_START))
        return SPEAD_RECV_LIVE;
    if (speadi_packet_control_heap(packet))
        return SPEAD_RECV_CONTROL;
    if (sender && speadi_heap_table_find(&stream->table, sender->id, packet->heap_counter))
        return SPEAD_RECV_LIVE;
    return sender && speadi_recv_is_copy_behind_stop(stream, sender, packet)
               ? SPEAD_RECV_DUPLICATE
               : SPEAD_RECV_AFTER_STOP;
}

/* Finds the sender of a packet whose decoding had the result `defect`. Returns the bucket of the packet if the packet
 * must not be processed, else SPEAD_RECV_LIVE. */
static enum spead_recv_bucket find_sender(struct spead_recv_stream *stream,
                                          const struct speadi_rx_packet *raw,
                                          const struct speadi_packet *packet, int defect,
                                          struct speadi_sender **sender)
{
    const struct speadi_packet *good = defect == 0 ? packet : NULL;
    enum spead_recv_bucket bucket = SPEAD_RECV_LIVE;

    if (!good && stream->stop_items == 0)
        return (enum spead_recv_bucket)defect;
    /* a malformed packet gets no place in the table of senders */
    *sender = speadi_recv_sender(stream, raw, good);
    if (stream->stop_items > 0 && speadi_recv_is_after_stop(stream, raw, *sender, good))
        bucket = bucket_after_stop(stream, *sender, good);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    if (!good)
        return (enum spead_recv_bucket)defect;
    return *sender ? SPEAD_RECV_LIVE : SPEAD_RECV_OVER_CAP_SENDERS;
}

/* The part of admit() that reads the packet. */
static inline __attribute__((always_inline)) enum spead_recv_bucket decode(
    struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
    struct speadi_packet *packet, struct speadi_sender **sender)
{
    enum spead_recv_bucket bucket;
    int defect;

    defect = speadi_packet_decode(packet, raw->head, raw->head_bytes, raw->datagram_bytes);
    bucket = find_sender(stream, raw, packet, defect, sender);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    if (!packet->has_heap_length && !stream->config.allow_unsized_heaps)
        return SPEAD_RECV_MALFORMED_UNSIZED;
    if ((packet->has_heap_length && packet->heap_length > stream->layout.heap_bytes_max) ||
        packet->payload_offset + packet->payload_bytes > stream->layout.heap_bytes_max)
        return SPEAD_RECV_OVER_CAP_HEAP_SIZE;
    return SPEAD_RECV_LIVE;
}

static enum spead_recv_bucket decode_and_judge(struct spead_recv_stream *stream,
                                               const struct speadi_rx_packet *raw,
                                               struct speadi_packet *packet,
                                               struct speadi_sender **sender);

/* Makes the checks that need no heap. Returns the bucket of a packet that fails one of them. Else fills *packet with
 * the decoded packet, *sender with its sender, and returns SPEAD_RECV_LIVE. */
static enum spead_recv_bucket admit(struct spead_recv_stream *stream,
                                    const struct speadi_rx_packet *raw,
                                    struct speadi_packet *packet, struct speadi_sender **sender)
{
    if (raw->flags & SPEADI_RX_INJECTED_DROP)
        return SPEAD_RECV_INJECTED;
    if (raw->flags & SPEADI_RX_REFUSED)
        return (enum spead_recv_bucket)raw->bucket;
    if ((raw->flags & SPEADI_RX_TRUNCATED) || raw->datagram_bytes > stream->packet_bytes_max)
        return SPEAD_RECV_TRUNCATED;
    /* A stream without a start point makes this one test of the gate, and no other for it. */
    if (__builtin_expect(stream->gate != SPEADI_GATE_OPEN, 0))
        return stream->gate == SPEADI_GATE_CLOSED ? SPEAD_RECV_START_UP
                                                  : decode_and_judge(stream, raw, packet, sender);
    return decode(stream, raw, packet, sender);
}

/* Tells whether all bytes of the heap lie before the packet. */
static bool lies_before(const struct spead_heap *heap, const struct speadi_packet *packet)
{
    return heap->span_count == 0 || heap->spans[heap->span_count - 1].end <= packet->payload_offset;
}

/* Acts on the start and stop items `controls` of a packet of data, if they are not in its heap already. It does so
 * before the packet is added, because the run begins or ends also if the packet is refused. `live` is the heap of the
 * packet, or NULL. A start item ends this heap too, if the heap has bytes at the place of the packet or behind it. Then
 * these bytes came before the start item, and no heap may hold bytes of both runs. */
static void obey_data(struct spead_recv_stream *stream, struct speadi_sender *sender,
                      const struct speadi_packet *packet, uint32_t controls,
                      const struct speadi_live_heap *live)
{
    if (live)
        obey(stream, sender, packet, controls & ~live->control,
             lies_before(&live->heap, packet) ? live : NULL);
    else if (!speadi_recv_is_ended_carrier(stream, sender, packet))
        obey(stream, sender, packet, controls, NULL);
}

/* Decodes a packet of a stream that has a start point. Discards it if its heap lies before that point. */
static __attribute__((noinline)) enum spead_recv_bucket decode_and_judge(
    struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
    struct speadi_packet *packet, struct speadi_sender **sender)
{
    enum spead_recv_bucket bucket = decode(stream, raw, packet, sender);
    uint32_t controls;

    if (bucket != SPEAD_RECV_LIVE || !speadi_recv_is_before_start(stream, raw, *sender, packet))
        return bucket;
    controls = speadi_packet_boundaries(packet);
    if (controls != 0)
        obey_data(stream, *sender, packet, controls, NULL);
    speadi_recv_discard_before_start(stream, *sender, packet);
    return SPEAD_RECV_BEFORE_START;
}

/* Processes a packet with a start or stop item. */
static __attribute__((noinline)) enum spead_recv_bucket process_boundary(
    struct spead_recv_stream *stream, const struct speadi_rx_packet *raw,
    struct speadi_sender *sender, const struct speadi_packet *packet, uint32_t controls,
    bool *paused)
{
    struct speadi_live_heap *live;

    if (speadi_packet_control_heap(packet) != 0) { /* it needs no slot and no memory */
        if (speadi_recv_note_control_heap(stream, sender, packet))
            obey(stream, sender, packet, controls, NULL);
        return SPEAD_RECV_CONTROL;
    }
    live = speadi_heap_table_find(&stream->table, sender->id, packet->heap_counter);
    obey_data(stream, sender, packet, controls, live);
    live = speadi_heap_table_find(&stream->table, sender->id, packet->heap_counter);
    return live ? add_to_old(stream, raw, packet, live, paused)
                : add_to_new(stream, raw, sender, packet, paused);
}

/* Finds or opens the heap of a packet that admit() has accepted, and adds the packet. Returns SPEAD_RECV_LIVE if the
 * packet is already counted. Else returns the bucket in which the caller must count it. */
static enum spead_recv_bucket process_admitted(struct spead_recv_stream *stream,
                                               const struct speadi_rx_packet *raw,
                                               struct speadi_sender *sender,
                                               const struct speadi_packet *packet, bool *paused)
{
    uint32_t boundaries = speadi_packet_boundaries(packet);
    struct speadi_live_heap *live;

    if (__builtin_expect(boundaries != 0, 0))
        return process_boundary(stream, raw, sender, packet, boundaries, paused);
    live = speadi_heap_table_find(&stream->table, sender->id, packet->heap_counter);
    return live ? add_to_old(stream, raw, packet, live, paused)
                : add_to_new(stream, raw, sender, packet, paused);
}

static enum spead_recv_bucket process_checked(struct spead_recv_stream *stream, bool *paused);

/* Returns true if the payload lies in its own place of a live heap, or of a heap that is expected. If a heap has left the
 * table, the packet may open another heap, to which its payload must be copied. */
static bool lies_in_live_heap(const struct spead_recv_stream *stream,
                              const struct speadi_rx_packet *raw,
                              const struct speadi_sender *sender,
                              const struct speadi_packet *packet)
{
    const struct speadi_live_heap *live;

    if (!speadi_placement_is_own_place(&stream->placement, raw->place, sender->id, packet))
        return false;
    live = speadi_placement_reservation(&stream->placement, raw->place)->live;
    return !live || speadi_heap_table_has(&stream->table, live);
}

static enum spead_recv_bucket process(struct spead_recv_stream *stream,
                                      const struct speadi_rx_packet *raw, bool *paused)
{
    struct speadi_packet packet;
    struct speadi_sender *sender = NULL;
    enum spead_recv_bucket bucket = admit(stream, raw, &packet, &sender);

    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    if (stream->places_unchecked && !lies_in_live_heap(stream, raw, sender, &packet))
        return process_checked(stream, paused);
    return process_admitted(stream, raw, sender, &packet, paused);
}

/* Processes the first misplaced packet of a burst. Before any payload is written, checks this packet and all later
 * packets of the burst, and copies the misplaced ones to spare buffers. */
static enum spead_recv_bucket process_checked(struct spead_recv_stream *stream, bool *paused)
{
    enum spead_recv_bucket why;
    const struct speadi_rx_packet *raw;

    speadi_recv_copy_misplaced(stream);
    raw = speadi_recv_burst_packet(stream, stream->burst_next, &why);
    return raw ? process(stream, raw, paused) : why;
}

static enum spead_recv_bucket process_copy(struct spead_recv_stream *stream,
                                           const struct speadi_rx_packet *raw, bool *paused)
{
    uint32_t copy;
    enum spead_recv_bucket bucket = speadi_recv_copy_to_spare(stream, raw, &copy);

    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    bucket = process(stream, &stream->spare.packet[copy], paused);
    speadi_spare_drop(&stream->spare, copy);
    return bucket;
}

bool speadi_recv_process_packet(struct spead_recv_stream *stream,
                                const struct speadi_rx_packet *raw)
{
    enum spead_recv_bucket bucket;
    bool paused = false;

    if (speadi_recv_has_split_header(raw) && speadi_recv_is_readable(stream, raw))
        bucket = stream->places_unchecked ? process_checked(stream, &paused)
                                          : process_copy(stream, raw, &paused);
    else
        bucket = process(stream, raw, &paused);
    if (paused)
        return false;
    speadi_recv_count_seen(stream, raw);
    if (bucket != SPEAD_RECV_LIVE)
        speadi_recv_count(stream, raw, bucket);
    return true;
}
