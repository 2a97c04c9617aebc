/* One heap being assembled: which bytes are there, which item pointers, how long it is.
 *
 * A live heap is the meta of its memory region. Pointers, ranges, a hash to tell pointers apart and the
 * count of its packets by source follow the structure there, at places that the layout says.
 * Other files read its fields; they are written here, but for those that name the file that writes them.
 * Owner thread only, until the heap is handed over. */
#ifndef SPEADI_LIVE_HEAP_H
#define SPEADI_LIVE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#include "heap_memory.h"

/* Stream-control values that a heap carries, as bits: 1 << enum spead_stream_control. */
#define SPEADI_CONTROL_BIT(value) (1u << (value))

struct speadi_live_heap {
    struct spead_heap heap; /* first: what the consumer sees */
    uint64_t min_length;    /* furthest byte known, by payload or by address */
    uint64_t opened_ns;     /* in the clock by which heaps age */
    uint64_t drops_at_open; /* the kernel's drop counter when it opened */
    /* heap_table.c, later leaving_heaps.c: of the list that it is in. */
    struct speadi_live_heap *older, *newer;
    uint32_t slot;             /* heap_table.c: in the table */
    uint32_t reservations;     /* receives that are posted into it */
    uint64_t reserved_end;     /* none of them ever reached further */
    uint32_t parked;           /* packets that wait for one of those to end */
    uint32_t generation;       /* of the pointer hash: older entries count as empty */
    uint32_t control;          /* SPEADI_CONTROL_BIT()s */
    uint32_t leaving_cause;    /* leaving_heaps.c: why it ended */
    bool user_items;           /* has an item pointer that is neither control nor NULL */
    bool predicts;             /* its next packets may be received in place */
    bool placement_off;        /* they would be, had placement not switched itself off */
    bool memory_failed;        /* an operation on its memory did: not to be handed over */
    uint64_t *pointer_hash;    /* cells: generation << 32 | index + 1 */
    struct spead_count *count; /* [source_count]: accepted packets */
};

/* What all heaps of a stream have in common. */
struct speadi_live_heap_layout {
    uint64_t heap_bytes_max;
    uint64_t hash_multiplier; /* random, odd */
    size_t meta_bytes;
    uint32_t pointers_max, ranges_max, source_count;
    uint32_t hash_cells; /* a power of two, at least twice pointers_max */
    unsigned hash_shift;
    bool in_order;
};

/* From the limits (heap_bytes_max, pointers_max, ranges_max, source_count, in_order), the rest. */
void speadi_live_heap_layout_init(struct speadi_live_heap_layout *layout);

/* Whether the packet's item pointers could begin a heap: SPEAD_RECV_LIVE, or the over-cap bucket. Every
 * item counts, also one that the packet repeats. */
enum spead_recv_bucket speadi_live_heap_may_begin(const struct speadi_live_heap_layout *layout,
                                                  const struct speadi_packet *packet);

/* Makes region's meta a heap without packets, of the packet's counter and flavour. */
struct speadi_live_heap *speadi_live_heap_open(struct speadi_region *region,
                                               const struct speadi_live_heap_layout *layout,
                                               const struct speadi_packet *packet);

/* Whether the heap can take the packet's payload: SPEAD_RECV_LIVE, or the bucket that names the refusal.
 * Changes nothing. *at is where its range belongs, for speadi_live_heap_add(). */
enum spead_recv_bucket speadi_live_heap_check(const struct speadi_live_heap *live,
                                              const struct speadi_live_heap_layout *layout,
                                              const struct speadi_packet *packet, uint32_t *at);

/* Adds a packet that was checked to be SPEAD_RECV_LIVE: item pointers, range and length. The caller puts the
 * payload in place. Returns SPEAD_RECV_LIVE, or an over-cap bucket, and then the heap is as before. */
enum spead_recv_bucket speadi_live_heap_add(struct speadi_live_heap *live,
                                            const struct speadi_live_heap_layout *layout,
                                            const struct speadi_packet *packet, uint32_t at);

/* How a heap began, besides its first packet. */
struct speadi_live_heap_start {
    uint64_t first_ns; /* of its first packet, by the clock that the engine says */
    uint8_t clock;     /* enum spead_clock */
    uint16_t source;
    uint64_t now_ns;       /* CLOCK_MONOTONIC */
    uint64_t kernel_drops; /* of the stream so far */
};

/* The heap stays: its first packet was accepted. */
static inline void speadi_live_heap_start(struct speadi_live_heap *live,
                                          const struct speadi_live_heap_start *start)
{
    live->heap.clock = start->clock;
    live->heap.source = start->source;
    live->heap.first_ns = start->first_ns;
    live->opened_ns = start->now_ns;
    live->drops_at_open = start->kernel_drops;
}

/* A packet was added, and its payload is in place or on its way. */
static inline void speadi_live_heap_count(struct speadi_live_heap *live, uint16_t source,
                                          uint64_t packets, uint64_t bytes, uint64_t time_ns)
{
    live->heap.last_ns = time_ns;
    live->count[source].packets += packets;
    live->count[source].bytes += bytes;
}

/* Packets of one source and one payload length, each of which goes on where the last received range ends. */
struct speadi_live_heap_series {
    unsigned packets;
    uint32_t payload_bytes;  /* of each; more than 0 */
    uint32_t datagram_bytes; /* of each */
    uint16_t source;
    uint64_t last_ns; /* of the last one */
};

/* Adds such packets, whose payload is in place: the heap has a range, a declared length that they stay within, and
 * nothing parked; they carry no item pointers. As if each had been checked, added and counted. */
static inline void speadi_live_heap_append(struct speadi_live_heap *live,
                                           const struct speadi_live_heap_series *series)
{
    struct spead_heap *heap = &live->heap;
    uint64_t bytes = (uint64_t)series->packets * series->payload_bytes;
    struct speadi_span *last = &heap->spans[heap->span_count - 1];

    last->end += bytes;
    heap->received += bytes;
    heap->packets += series->packets;
    if (last->end > live->min_length)
        live->min_length = last->end;
    if (series->payload_bytes > heap->packet_payload_bytes)
        heap->packet_payload_bytes = series->payload_bytes;
    speadi_live_heap_count(live, series->source, series->packets,
                           (uint64_t)series->packets * series->datagram_bytes, series->last_ns);
}

/* Packets came for a hole of the heap and were refused: the hole is not the network's. */
static inline void speadi_live_heap_refused(struct speadi_live_heap *live, uint64_t packets)
{
    live->heap.refused_packets += packets;
}

/* One packet more waits for a reservation of the heap to end; or all stop waiting, to be tried again. */
static inline void speadi_live_heap_park(struct speadi_live_heap *live)
{
    live->parked++;
}

static inline void speadi_live_heap_unpark(struct speadi_live_heap *live)
{
    live->parked = 0;
}

/* An operation on its memory has failed: the heap will not be handed over. */
static inline void speadi_live_heap_memory_failed(struct speadi_live_heap *live)
{
    live->memory_failed = true;
}

/* The next packets of the heap may be received in place; not so while placement has switched itself off. */
static inline void speadi_live_heap_allow_placement(struct speadi_live_heap *live, bool off)
{
    live->placement_off = off;
    live->predicts = !off;
}

/* Receives are posted into it, none of which reaches further than end; and one of them is over. */
static inline void speadi_live_heap_reserve(struct speadi_live_heap *live, uint32_t receives,
                                            uint64_t end)
{
    if (end > live->reserved_end)
        live->reserved_end = end;
    live->reservations += receives;
}

static inline void speadi_live_heap_unreserve(struct speadi_live_heap *live)
{
    live->reservations--;
}

/* Every byte is there and no item points past the end. Without a declared length: not known. */
static inline bool speadi_live_heap_is_complete(const struct speadi_live_heap *live)
{
    return live->heap.has_length && live->heap.received == live->heap.length &&
           live->min_length <= live->heap.length;
}

/* A heap of start or stop items and nothing else: for the stream, not for its consumer. */
static inline bool speadi_live_heap_is_control(const struct speadi_live_heap *live)
{
    return (live->control & (SPEADI_CONTROL_BIT(SPEAD_CONTROL_START) |
                             SPEADI_CONTROL_BIT(SPEAD_CONTROL_STOP))) != 0 &&
           !live->user_items;
}

/* No more packets: fixes length and completeness, and puts the items in order for readers. A heap without
 * declared length ends at its furthest byte. */
void speadi_live_heap_finish(struct speadi_live_heap *live);

/* Says of an incomplete heap whether the kernel has dropped packets since it began: returns that. */
bool speadi_live_heap_note_drops(struct speadi_live_heap *live, uint64_t kernel_drops);

/* Overwrites holes with zeros, as far as the region was ever touched: memory is used again, and nobody
 * may see another heap's bytes. Returns 0, or the -errno of memory that the CPU cannot touch. */
int speadi_live_heap_zero_holes(struct speadi_live_heap *live, struct speadi_heap_memory *memory);

/* The consumer may have it from now on: it has one reference, and is written no more. */
static inline void speadi_live_heap_share(struct speadi_live_heap *live)
{
    /* Relaxed: the channel hands the heap on with release and acquire. */
    atomic_store_explicit(&live->heap.references, 1, memory_order_relaxed);
}

#endif
