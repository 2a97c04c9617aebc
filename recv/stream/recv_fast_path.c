/* SPDX-License-Identifier: Apache-2.0 */
/* Processes packets that begin where the packet before them in the heap ended. Most packets do.
 *
 * In a heap that arrives in order, the header of a packet differs from the header of the packet before it in one word
 * only: the payload offset. So this file does not decode the packet; it compares the whole header with the expected
 * one. After a series of such packets, this file updates the heap and the counters once for the whole series. It leaves
 * a packet that differs in any other way to recv_packet.c, which handles every packet. */
#include <string.h>

#include <speadi/bytes.h>

#include "recv_stream.h"

/* item pointers of a header: heap counter, heap length, payload offset, payload length */
#define POINTERS     4u
#define HEADER_BYTES (SPEADI_HEADER_BYTES + POINTERS * SPEADI_POINTER_BYTES)

/* The words that the header of the next packet must have, in the byte order of the wire. */
struct expected {
    uint64_t header, counter, heap_length, payload_length;
    uint64_t
        zero_offset; /* the item pointer of the payload offset 0, in the byte order of the host */
};

struct series {
    struct spead_recv_stream *stream;
    struct speadi_live_heap *live;
    struct expected expected;
    uint64_t offset; /* payload offset of the next packet */
    /* No packet of the series ends beyond this offset. The last packet of the heap, and a packet for which more memory
     * must be charged, ends beyond it; recv_packet.c processes that packet. */
    uint64_t end;
    /* Offset of the first byte that is still reserved for the engine. This file copies nothing to that byte or beyond
     * it. 0 means that nobody has looked for that byte yet. */
    uint64_t reserved;
    uint32_t bytes; /* payload bytes of each packet */
    /* Where the heap begins, for payload that this file copies. NULL if it must not copy payload now. */
    uint8_t *data;
    speadi_copy_fn *copy;
    bool has_reservations; /* receives are posted into the heap */
    uint16_t source;
    uint64_t kind; /* speadi_rx_packet_kind() of all packets of the series */
    unsigned placed, bounced;
};

static uint64_t pointer(unsigned bits, uint64_t id, uint64_t value)
{
    return __builtin_bswap64(speadi_pointer_immediate(bits, id, value));
}

static uint64_t load(const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof word);
    return word;
}

static bool is_next(const struct series *series, const struct speadi_rx_packet *raw)
{
    const struct expected *e = &series->expected;
    const uint8_t *head = raw->head;
    uint64_t offset = __builtin_bswap64(e->zero_offset | series->offset);

    if (speadi_rx_packet_kind(raw) != series->kind || raw->head_bytes < HEADER_BYTES ||
        raw->datagram_bytes != HEADER_BYTES + series->bytes)
        return false;
    return ((load(head) ^ e->header) | (load(head + 8) ^ e->counter) |
            (load(head + 16) ^ e->heap_length) | (load(head + 24) ^ offset) |
            (load(head + 32) ^ e->payload_length)) == 0;
}

static bool is_in_own_place(const struct series *series, const struct speadi_rx_packet *raw)
{
    const struct speadi_reservation *reservation =
        speadi_placement_reservation(&series->stream->placement, raw->place);

    return reservation->live == series->live && reservation->offset == series->offset &&
           reservation->bytes >= series->bytes && reservation->head_bytes == HEADER_BYTES;
}

static bool is_reserved(struct series *series)
{
    const struct spead_recv_stream *stream = series->stream;

    if (series->reserved == 0)
        series->reserved = speadi_placement_first_reserved(
            &stream->placement, speadi_recv_burst_state(stream), series->live, series->offset);
    return series->offset + series->bytes > series->reserved;
}

/* Makes sure that the payload is in its own place in the heap. If the engine has placed the payload there, only counts
 * it. If the engine has not placed the payload at all, copies it. Returns false if the engine has placed the payload
 * elsewhere, or if it cannot be copied now. */
static bool put_payload(struct series *series, const struct speadi_rx_packet *raw)
{
    if (raw->place != SPEADI_RX_UNPLACED) {
        bool placed = is_in_own_place(series, raw);

        series->placed += placed;
        return placed;
    }
    if (!series->data || (series->has_reservations && is_reserved(series)))
        return false;
    series->bounced++;
    speadi_recv_copy_payload(series->copy, series->data + series->offset, raw, HEADER_BYTES);
    return true;
}

/* Fills *series with the values that the next packet must have. Returns false if this file cannot process the next
 * packet. */
static bool begin(struct series *series, struct spead_recv_stream *stream,
                  const struct speadi_rx_packet *raw)
{
    /* this search can end heaps */
    const struct speadi_sender *sender = speadi_recv_sender(stream, raw, false);
    struct speadi_live_heap *live;
    const struct spead_heap *heap;
    unsigned bits;

    if (!sender)
        return false;
    live = *speadi_heap_table_last(&stream->table, sender->id);
    if (!live || live->sender != sender->id || sender->stopped || stream->stopped_endpoints != 0 ||
        live->heap.span_count == 0 || !live->heap.has_length ||
        stream->gate == SPEADI_GATE_CLOSED || raw->datagram_bytes <= HEADER_BYTES ||
        raw->datagram_bytes > stream->packet_bytes_max || live->min_length > live->heap.length ||
        live->heap.refused_count > 0 || raw->flags != 0 || raw->segments != 1)
        return false;
    heap = &live->heap;
    bits = heap->heap_address_bits;
    *series = (struct series){
        .stream = stream,
        .live = live,
        .offset = heap->spans[heap->span_count - 1].end,
        .bytes = raw->datagram_bytes - HEADER_BYTES,
        .source = raw->source,
        .kind = speadi_rx_packet_kind(raw),
        .data = stream->places_unchecked ? NULL : heap->region->data,
        .copy = live->copy ? live->copy : memcpy,
        .has_reservations = live->reservations > 0,
    };
    /* The series ends before the last packet of the heap. That packet can be shorter than the others, and mostly it
     * ends the heap. */
    series->end = heap->length - 1;
    if (series->end > heap->region->charged_bytes)
        series->end = heap->region->charged_bytes;
    series->expected = (struct expected){
        .header = __builtin_bswap64(speadi_header_word(bits, POINTERS)),
        .counter = pointer(bits, SPEAD_ID_HEAP_COUNTER, heap->counter),
        .heap_length = pointer(bits, SPEAD_ID_HEAP_LENGTH, heap->length),
        .payload_length = pointer(bits, SPEAD_ID_PAYLOAD_LENGTH, series->bytes),
        .zero_offset = speadi_pointer_immediate(bits, SPEAD_ID_PAYLOAD_OFFSET, 0),
    };
    return true;
}

/* Returns how many packets, at most `most`, lie before the end of the series. */
static unsigned packets_before_end(const struct series *series, unsigned most)
{
    uint64_t bytes = (uint64_t)most * series->bytes;

    if (series->offset >= series->end)
        return 0;
    return bytes <= series->end - series->offset
               ? most
               : (unsigned)((series->end - series->offset) / series->bytes);
}

static void learn(const struct series *series, unsigned count, uint16_t inlet)
{
    const struct speadi_packet last = {
        .heap_counter = series->live->heap.counter,
        .heap_length = series->live->heap.length,
        .payload_offset = series->offset - series->bytes,
        .payload_bytes = series->bytes,
        .header_bytes = HEADER_BYTES,
        .has_heap_length = true,
    };

    speadi_placement_learn_series(&series->stream->placement, inlet, series->live->sender, &last,
                                  count);
}

static void finish(const struct series *series, unsigned count, const struct speadi_rx_packet *last)
{
    struct spead_recv_stream *stream = series->stream;
    uint64_t bytes = (uint64_t)count * (HEADER_BYTES + series->bytes);

    speadi_live_heap_append(series->live, &(struct speadi_live_heap_series){
                                              .packets = count,
                                              .payload_bytes = series->bytes,
                                              .datagram_bytes = HEADER_BYTES + series->bytes,
                                              .source = series->source,
                                              .last_ns = last->time_ns});
    speadi_live_heap_note_error(series->live, stream->clock_error_ns);
    speadi_ledger_add(&stream->tally.source[series->source].seen, count, bytes);
    speadi_recv_tally_count(&stream->tally, series->source, SPEAD_RECV_LIVE, count, bytes);
    stream->tally.totals->placed += series->placed;
    stream->tally.totals->bounced += series->bounced;
    if (stream->placement.enabled)
        learn(series, count, speadi_recv_inlet(stream, last));
}

unsigned speadi_recv_fast_path(struct spead_recv_stream *stream)
{
    const struct speadi_rx_packet *raw = &stream->burst.packet[stream->burst_next];
    unsigned left = stream->burst.count - stream->burst_next, count = 0;
    const uint16_t *spare_of =
        stream->places_checked ? stream->spare_of + stream->burst_next : NULL;
    struct series series;

    if (!begin(&series, stream, raw))
        return 0;
    left = packets_before_end(&series, left);
    while (count < left && (!spare_of || spare_of[count] == 0) && is_next(&series, &raw[count]) &&
           put_payload(&series, &raw[count])) {
        series.offset += series.bytes;
        count++;
    }
    if (count > 0)
        finish(&series, count, &raw[count - 1]);
    return count;
}
