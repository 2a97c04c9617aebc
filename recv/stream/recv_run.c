/* Runs of packets that just go on: most of all that come.
 *
 * The next packet of a heap in order differs from its predecessor in one word, its offset. So it is compared
 * with what is expected, whole, instead of being decoded and judged; and what a run changes is written once.
 * Whatever is different in any way is left to recv_packet.c, which knows no exceptions. */
#include <string.h>

#include <speadi/bytes.h>

#include "recv_stream.h"

#define POINTERS     4u /* counter, heap length, offset, payload length */
#define HEADER_BYTES (SPEADI_HEADER_BYTES + POINTERS * SPEADI_POINTER_BYTES)

/* Words of the wire, as they lie in memory. */
struct expected {
    uint64_t header, counter, heap_length, payload_length;
};

struct run {
    struct spead_recv_stream *s;
    struct speadi_live_heap *live;
    struct expected expected;
    uint64_t offset; /* of the next packet */
    uint64_t
        end; /* it must not reach further: the heap's end is for others, and so is its memory's */
    uint64_t reserved; /* first byte that is the engine's to write; 0: not looked for yet */
    uint32_t bytes;    /* of payload */
    uint16_t source;
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

static bool is_next(const struct run *run, const struct speadi_rx_packet *raw)
{
    const struct expected *e = &run->expected;
    const uint8_t *head = raw->head;
    uint64_t offset =
        pointer(run->live->heap.heap_address_bits, SPEAD_ID_PAYLOAD_OFFSET, run->offset);

    if (raw->flags != 0 || raw->segments != 1 || raw->source != run->source ||
        raw->head_bytes < HEADER_BYTES || raw->datagram_bytes != HEADER_BYTES + run->bytes)
        return false;
    return ((load(head) ^ e->header) | (load(head + 8) ^ e->counter) |
            (load(head + 16) ^ e->heap_length) | (load(head + 24) ^ offset) |
            (load(head + 32) ^ e->payload_length)) == 0;
}

static bool is_home(const struct run *run, const struct speadi_rx_packet *raw)
{
    const struct speadi_reservation *reservation =
        speadi_placement_reservation(&run->s->placement, raw->place);

    return reservation->live == run->live && reservation->offset == run->offset &&
           reservation->bytes >= run->bytes && reservation->head_bytes == HEADER_BYTES;
}

static void copy_payload(const struct run *run, const struct speadi_rx_packet *raw)
{
    uint8_t *to = run->live->heap.region->data + run->offset;
    size_t from_head = raw->head_bytes - HEADER_BYTES;

    memcpy(to, raw->head + HEADER_BYTES, from_head);
    if (raw->body != NULL)
        memcpy(to + from_head, raw->body, raw->body_bytes);
}

static bool is_reserved(struct run *run)
{
    const struct spead_recv_stream *s = run->s;

    if (run->live->reservations == 0)
        return false;
    if (run->reserved == 0)
        run->reserved = speadi_placement_first_reserved(&s->placement, s->burst.reservations_ended,
                                                        run->live, run->offset);
    return run->offset + run->bytes > run->reserved;
}

/* It is where it belongs, or can go there at once. */
static bool put(struct run *run, const struct speadi_rx_packet *raw)
{
    if (raw->place != SPEADI_RX_UNPLACED) {
        bool home = is_home(run, raw);

        run->placed += home;
        return home;
    }
    if (run->s->burst_is_loose || run->live->heap.region->data == NULL || is_reserved(run))
        return false;
    run->bounced++;
    copy_payload(run, raw);
    return true;
}

/* What the next packet has to be; false where it is not worth a look. */
static bool begin(struct run *run, struct spead_recv_stream *s, const struct speadi_rx_packet *raw)
{
    struct speadi_live_heap *live = s->table.last;
    const struct spead_heap *heap;
    unsigned bits;

    if (live == NULL || live->parked > 0 || live->heap.span_count == 0 || !live->heap.has_length ||
        !s->armed || s->stopped_sources != 0 || raw->datagram_bytes <= HEADER_BYTES ||
        raw->datagram_bytes > s->packet_bytes_max || live->min_length > live->heap.length)
        return false;
    heap = &live->heap;
    bits = heap->heap_address_bits;
    *run = (struct run){
        .s = s,
        .live = live,
        .offset = heap->spans[heap->span_count - 1].end,
        .bytes = raw->datagram_bytes - HEADER_BYTES,
        .source = raw->source,
    };
    /* One that completes the heap does more than go on. */
    run->end = run->offset + (heap->length - heap->received) - 1;
    if (run->end > heap->length)
        run->end = heap->length;
    if (run->end > heap->region->charged_bytes)
        run->end = heap->region->charged_bytes;
    run->expected = (struct expected){
        .header = __builtin_bswap64(speadi_header_word(bits, POINTERS)),
        .counter = pointer(bits, SPEAD_ID_HEAP_COUNTER, heap->counter),
        .heap_length = pointer(bits, SPEAD_ID_HEAP_LENGTH, heap->length),
        .payload_length = pointer(bits, SPEAD_ID_PAYLOAD_LENGTH, run->bytes),
    };
    return true;
}

static void learn(const struct run *run, unsigned count)
{
    const struct speadi_packet last = {
        .heap_counter = run->live->heap.counter,
        .heap_length = run->live->heap.length,
        .payload_offset = run->offset - run->bytes,
        .payload_bytes = run->bytes,
        .header_bytes = HEADER_BYTES,
        .has_heap_length = true,
    };

    speadi_placement_learn_run(&run->s->placement, run->source, &last, count);
}

static void finish(const struct run *run, unsigned count, const struct speadi_rx_packet *last)
{
    struct spead_recv_stream *s = run->s;
    uint64_t bytes = (uint64_t)count * (HEADER_BYTES + run->bytes);

    speadi_live_heap_append(
        run->live, &(struct speadi_live_heap_run){.packets = count,
                                                  .payload_bytes = run->bytes,
                                                  .datagram_bytes = HEADER_BYTES + run->bytes,
                                                  .source = run->source,
                                                  .last_ns = last->time_ns});
    speadi_count_add(&s->ledger.source[run->source].seen, count, bytes);
    speadi_recv_ledger_count(&s->ledger, run->source, SPEAD_RECV_LIVE, count, bytes);
    s->ledger.totals->placed += run->placed;
    s->ledger.totals->bounced += run->bounced;
    if (s->placement.enabled)
        learn(run, count);
}

unsigned speadi_recv_take_run(struct spead_recv_stream *s)
{
    const struct speadi_rx_packet *raw = &s->burst.packet[s->burst_next];
    unsigned left = s->burst.count - s->burst_next, count = 0;
    const uint8_t *spare_of = s->burst_is_sorted ? s->spare_of + s->burst_next : NULL;
    struct run run;

    if (!begin(&run, s, raw))
        return 0;
    while (count < left && (spare_of == NULL || spare_of[count] == 0) &&
           run.offset + run.bytes <= run.end && is_next(&run, &raw[count]) &&
           put(&run, &raw[count])) {
        run.offset += run.bytes;
        count++;
    }
    if (count > 0)
        finish(&run, count, &raw[count - 1]);
    return count;
}
