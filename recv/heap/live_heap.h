/* SPDX-License-Identifier: Apache-2.0 */
/* One heap that waits for packets: which bytes and item pointers have arrived, and how long the heap is.
 *
 * A live heap lies in the meta memory of its region. Behind the struct lie its packet counts by source, its item
 * pointers, a hash table of these pointers, and its received and refused ranges. live_heap.c computes where each of
 * them begins.
 *
 * Any file may read the fields. Only live_heap.[ch] writes them, except fields whose comment names another file. Only
 * the owner thread uses the heap until the heap is handed over. */
#ifndef SPEADI_LIVE_HEAP_H
#define SPEADI_LIVE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include <speadi/heap_view.h>
#include <speadi/keyed_hash.h>
#include <speadi/packet.h>
#include <speadi/pool.h>
#include <speadi/streaming_copy.h>

#include "control_items.h"
#include "heap_key.h"
#include "heap_memory.h"
#include "packet_sizes.h"

/* A heap remembers at most this many ranges of refused packets. */
#define SPEADI_REFUSED_RANGES 64u

/* How many datagrams of the stream the kernel has dropped so far, without those that the filter for one sender
 * refused. */
struct speadi_kernel_drops {
    uint64_t checksum; /* their UDP checksum was wrong */
    uint64_t other;    /* a buffer was full, or the cause is unknown */
};

struct speadi_live_heap {
    struct spead_heap heap; /* must be the first member; the consumer sees only this part */
    /* The heap is at least this long, because its payload or the addresses of its items reach so far. */
    uint64_t min_length;
    /* When the heap opened, by the clock by which heaps age: now() of the engine, or the reading clock of the stream if
     * the engine has no now(). */
    uint64_t opened_ns;
    struct speadi_kernel_drops drops_at_open; /* the drops of the stream when the heap opened */
    /* Links in the list of live heaps, and later in the list of leaving heaps. heap_table.c and leaving_heaps.c write
     * them. */
    struct speadi_live_heap *older, *newer;
    uint64_t number; /* of its opening: newer heaps have higher ones; written by heap_table.c */
    uint32_t slot;   /* index in the heap table; written by heap_table.c */
    uint32_t sender; /* the id of the sender (sender_table.h) */
    uint32_t ring;   /* the window of live heaps that the heap belongs to (heap_key.h) */
    uint32_t first_pointers; /* number of item pointers that the first packet of the heap carried */
    uint32_t reservations;   /* number of receives that are posted into the heap */
    uint16_t queue;          /* of all these receives; written by the files of place/ */
    uint64_t reserved_end;   /* no reservation of the heap ever reached beyond this offset */
    /* The numbers of these receives are at least first_place and less than end_place. If places_sorted is true, all of
     * these numbers are of this heap, and their offsets rise. Written by placement.c. */
    uint64_t first_place, end_place;
    bool places_sorted;
    /* number of accepted packets whose payload waits in a spare buffer for the end of a reservation of the heap */
    uint32_t parked;
    /* A cell of pointer_hash is in use if it carries this number. All other cells are left from earlier heaps and count
     * as empty. */
    uint32_t generation;
    uint32_t control; /* SPEADI_CONTROL_BIT() of each control value that came */
    /* why the heap ended (enum speadi_recv_cause); written by leaving_heaps.c */
    uint32_t leaving_cause;
    bool user_items; /* true if an item of the user came */
    bool predicts;   /* the engine may place the next packets of the heap */
    /* the placement policy has switched placing off, so `predicts` is false */
    bool placement_off;
    /* An operation on the memory of the heap failed, so the heap will not be handed over. */
    bool memory_failed;
    bool starved; /* a packet of the heap found no memory; written by recv_heaps.c */
    /* The heap of a newcomer ends because memory is scarce, so it will not be handed over; written by recv_charge.c. */
    bool gives_memory;
    /* A packet has contradicted the heap, or a new run of the sender has begun. The heap accepts no further packets and
     * is never complete. */
    bool condemned;
    const struct speadi_live_heap_tables *tables; /* how large the tables of the heap are */
    uint64_t *pointer_hash; /* each cell holds generation << 32 | (index into heap.pointers + 1) */
    /* array [layout.source_count]: element i counts the accepted packets of source first_source + i, and their bytes */
    struct spead_count *count;
    uint16_t first_source;
    /* The streaming copy that writes the payload of the heap; NULL: memcpy() does. Set by recv_copy_choice.c. */
    speadi_copy_fn *copy;
    struct speadi_packet_sizes sizes; /* payload sizes of the accepted and the refused packets */
};

/* The tables in the meta memory of a region. Regions of one size class have tables of one size. */
struct speadi_live_heap_tables {
    uint32_t pointers_max, ranges_max, refused_max;
    uint32_t hash_cells; /* a power of two, at least twice pointers_max */
    unsigned hash_shift;
    /* Where the item pointers, their hash table, the received ranges and the refused ranges begin. */
    size_t pointers_at, hash_at, spans_at, refused_at;
    size_t meta_bytes;
};

/* Limits and offsets that are the same for all heaps of a stream. */
struct speadi_live_heap_layout {
    uint64_t heap_bytes_max;
    struct speadi_hash_key hash_key; /* of the hash tables of item pointers */
    size_t meta_bytes;               /* of a region of class 0 */
    /* Limits of a heap; few heaps come near them. */
    uint32_t pointers_max, ranges_max, refused_max;
    uint32_t source_count; /* packets of one heap can come from this many sources */
    size_t begin_bytes;    /* the struct and the packet counts, which open() sets to zero */
    bool in_order; /* packets of a heap are accepted only in the order of their payload offsets */
    /* The tables of each size class of the regions. Those of class 0 have room for pointers_max and ranges_max. */
    struct speadi_live_heap_tables tables[SPEADI_POOL_CLASSES_MAX];
};

/* Computes meta_bytes and the tables of class 0 from the other fields. */
void speadi_live_heap_layout_init(struct speadi_live_heap_layout *layout);

/* Computes the tables of another size class, whose regions have block_bytes bytes. Such a region has room for fewer
 * item pointers and received ranges. A heap that outgrows them borrows the tables of a region of class 0
 * (speadi_live_heap_grow()). */
void speadi_live_heap_layout_add(struct speadi_live_heap_layout *layout, uint32_t size_class,
                                 uint64_t block_bytes);

/* Tells whether a heap could begin with the item pointers of this packet. Returns SPEAD_RECV_LIVE, or the bucket of the
 * limit that is exceeded (over-cap). An item that the packet repeats is counted each time. */
enum spead_recv_bucket speadi_live_heap_may_begin(const struct speadi_live_heap_layout *layout,
                                                  const struct speadi_packet *packet);

/* Makes a heap without packets in the meta memory of the block. The heap gets the name in *key and the flavour of the
 * packet. */
struct speadi_live_heap *speadi_live_heap_open(struct speadi_block *region,
                                               const struct speadi_live_heap_layout *layout,
                                               const struct speadi_heap_key *key,
                                               const struct speadi_packet *packet);

/* Tells whether the heap accepts the payload of the packet. Returns SPEAD_RECV_LIVE, or the bucket that says why it is
 * refused. Changes nothing in the heap. *at gets the index at which the range of the packet belongs in the array of
 * received ranges. speadi_live_heap_add() needs this index. */
enum spead_recv_bucket speadi_live_heap_check(const struct speadi_live_heap *live,
                                              const struct speadi_live_heap_layout *layout,
                                              const struct speadi_packet *packet, uint32_t *at);

/* Adds the item pointers, the range and the length of a packet for which speadi_live_heap_check() returned
 * SPEAD_RECV_LIVE. The caller must put the payload in place. Returns SPEAD_RECV_LIVE. If the packet exceeds a limit,
 * returns the over-cap bucket of that limit. If an item contradicts the heap, returns SPEAD_RECV_REPEATED_COUNTER. In
 * both cases the heap is unchanged. */
enum spead_recv_bucket speadi_live_heap_add(struct speadi_live_heap *live,
                                            const struct speadi_live_heap_layout *layout,
                                            const struct speadi_packet *packet, uint32_t at);

/* Tells whether the heap can get larger tables by speadi_live_heap_grow(). */
static inline bool speadi_live_heap_can_grow(const struct speadi_live_heap *live,
                                             const struct speadi_live_heap_layout *layout)
{
    return live->tables != &layout->tables[0];
}

/* Moves the item pointers and the ranges of the heap to the meta memory of `annex`, a free region of class 0.
 * The annex then belongs to the region of the heap, and is released with it. */
void speadi_live_heap_grow(struct speadi_live_heap *live,
                           const struct speadi_live_heap_layout *layout,
                           struct speadi_block *annex);

/* Copies an ended heap with its payload, items, ranges and counts to another region. The CPU must be able to touch both
 * regions. The caller must have charged the payload there, and must release the old region. Returns the heap in the
 * other region. Returns NULL and changes nothing if the other region or its tables are too small. */
struct speadi_live_heap *speadi_live_heap_copy(const struct speadi_live_heap *live,
                                               const struct speadi_live_heap_layout *layout,
                                               struct speadi_block *region);

/* What speadi_live_heap_start() needs to know. */
struct speadi_live_heap_start {
    uint64_t first_ns; /* arrival time of the first packet, by `clock` */
    uint8_t clock;     /* enum spead_clock */
    uint16_t source;
    uint64_t now_ns; /* the time now, by the clock by which heaps age (now() of the engine) */
    struct speadi_kernel_drops drops; /* the drops of the stream at this time */
};

/* Must be called when the heap has accepted its first packet. Stores when and from which source this packet came. */
static inline void speadi_live_heap_start(struct speadi_live_heap *live,
                                          const struct speadi_live_heap_start *start)
{
    live->heap.clock = start->clock;
    live->heap.source = start->source;
    live->heap.first_ns = start->first_ns;
    live->opened_ns = start->now_ns;
    live->drops_at_open = start->drops;
}

/* Counts packets from this source that were added to the heap, and the bytes of their datagrams. time_ns is the arrival
 * time of the last one. time_ns can be earlier than the arrival time of an earlier packet: packets are reordered on
 * their way into the stream, and a wall clock can be set back. For the first packet, speadi_live_heap_start() sets
 * first_ns afterwards. */
static inline void speadi_live_heap_count(struct speadi_live_heap *live, uint16_t source,
                                          uint64_t packets, uint64_t bytes, uint64_t time_ns)
{
    if (time_ns > live->heap.last_ns)
        live->heap.last_ns = time_ns;
    if (time_ns < live->heap.first_ns)
        live->heap.first_ns = time_ns;
    live->count[source - live->first_source].packets += packets;
    live->count[source - live->first_source].bytes += bytes;
}

/* Notes a bound of the error of the times of packets that were counted. */
static inline void speadi_live_heap_note_error(struct speadi_live_heap *live, uint64_t error_ns)
{
    if (error_ns > live->heap.clock_error_ns)
        live->heap.clock_error_ns = error_ns;
}

/* Packets of one source and one payload length. The first one continues the last received range of the heap, and each
 * further one continues the packet before it. */
struct speadi_live_heap_series {
    unsigned packets;
    uint32_t payload_bytes;  /* payload of each packet; more than 0 */
    uint32_t datagram_bytes; /* whole datagram of each packet */
    uint16_t source;
    uint64_t last_ns; /* arrival time of the last packet */
};

/* Adds a series of packets whose payload is in place. The result is the same as if each packet had been checked, added
 * and counted. The caller must make sure of four things. The heap has a received range. It has a declared length, and
 * the packets end before the last byte of the heap. The packets carry no items. */
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
    speadi_packet_sizes_count(&live->sizes, series->payload_bytes, series->packets);
    speadi_live_heap_count(live, series->source, series->packets,
                           (uint64_t)series->packets * series->datagram_bytes, series->last_ns);
}

/* Remembers that a packet came for the heap and was refused, although its range may lie in a gap. `packets` is the
 * number of datagrams in the packet, which may be a train. time_ns is the arrival time of the packet. If the heap has
 * no declared length yet, the heap gets the declared length of the packet. Returns true if the packet came after a
 * packet of the heap with a larger payload offset. */
bool speadi_live_heap_refused(struct speadi_live_heap *live, const struct speadi_packet *packet,
                              uint64_t packets, uint64_t time_ns);

/* Tells whether a packet that begins at this payload offset comes after a packet of the heap that was refused and has a
 * larger payload offset. */
static inline bool speadi_live_heap_was_overtaken(const struct speadi_live_heap *live,
                                                  uint64_t start)
{
    const struct spead_heap *heap = &live->heap;

    return heap->refused_count > 0 && start < heap->refused[heap->refused_count - 1].start;
}

/* Says that the payload of one more accepted packet waits for a reservation of the heap to end. */
static inline void speadi_live_heap_park(struct speadi_live_heap *live)
{
    live->parked++;
}

/* Says that the payload of one packet does not wait any more. */
static inline void speadi_live_heap_unpark(struct speadi_live_heap *live)
{
    live->parked--;
}

/* Says that an operation on the memory of the heap has failed. The heap will not be handed over. */
static inline void speadi_live_heap_memory_failed(struct speadi_live_heap *live)
{
    live->memory_failed = true;
}

/* Says that the heap must not accept further packets and must never be complete. */
static inline void speadi_live_heap_condemn(struct speadi_live_heap *live)
{
    live->condemned = true;
}

/* Lets the engine place the next packets of the heap. If `off` is true, the placement policy has switched placing off,
 * and the engine must not place them. */
static inline void speadi_live_heap_allow_placement(struct speadi_live_heap *live, bool off)
{
    live->placement_off = off;
    live->predicts = !off;
}

/* Says that more receives are posted into the heap. None of them reaches further than `end`. */
static inline void speadi_live_heap_reserve(struct speadi_live_heap *live, uint32_t receives,
                                            uint64_t end)
{
    if (end > live->reserved_end)
        live->reserved_end = end;
    live->reservations += receives;
}

/* Says that so many of the receives that were posted into the heap have ended. Returns true if no other is posted. */
static inline bool speadi_live_heap_unreserve(struct speadi_live_heap *live, uint32_t count)
{
    live->reservations -= count;
    return live->reservations == 0;
}

/* Tells whether every byte has arrived and no item points past the end. Returns false as long as the heap has no
 * declared length. */
static inline bool speadi_live_heap_is_complete(const struct speadi_live_heap *live)
{
    return live->heap.has_length && live->heap.received == live->heap.length &&
           live->min_length <= live->heap.length && !live->condemned;
}

/* Tells whether the heap is a control heap: it has a start or stop item and no item of the user. The consumer does not
 * get control heaps. */
static inline bool speadi_live_heap_is_control(const struct speadi_live_heap *live)
{
    return (live->control & (SPEADI_CONTROL_BIT(SPEAD_CONTROL_START) |
                             SPEADI_CONTROL_BIT(SPEAD_CONTROL_STOP))) != 0 &&
           !live->user_items;
}

/* Ends the heap: no more packets may be added. Sets the fields `length` and `complete`, and sorts the items for the
 * consumer. `ended` tells whether the caller knows that the sender adds nothing to the heap any more. If the heap has
 * no declared length, its length becomes the end of the last byte that a packet named, and the heap can be complete
 * only if `ended` is true. */
void speadi_live_heap_finish(struct speadi_live_heap *live, bool ended);

/* Tells whether an ended heap is incomplete only because it has no declared length, so that nobody knows whether its
 * sender sent more. */
static inline bool speadi_live_heap_was_cut(const struct speadi_live_heap *live)
{
    const struct spead_heap *heap = &live->heap;

    return !heap->complete && !heap->has_length && heap->received == heap->length &&
           live->min_length <= heap->length && !live->condemned;
}

/* Finds out whether the kernel dropped packets of the stream after this incomplete heap had opened, and why. Stores the
 * answer in local_drops and checksum_drops; at most one of the two becomes true. */
void speadi_live_heap_note_drops(struct speadi_live_heap *live,
                                 const struct speadi_kernel_drops *drops);

/* Overwrites the holes of the heap with zeros. The region may have held another heap before, and the consumer must not
 * see the bytes of that heap. Memory of the region that was never touched is left as it is. Returns 0, or the -errno of
 * an operation on memory that the CPU cannot touch. */
int speadi_live_heap_zero_holes(struct speadi_live_heap *live, struct speadi_heap_memory *memory);

/* Makes the heap ready for the consumer. After this call the heap has one reference, and the core must not write to the
 * heap any more. */
static inline void speadi_live_heap_share(struct speadi_live_heap *live)
{
    /* Relaxed is enough: the channel hands the heap over with release and acquire. */
    atomic_store_explicit(&live->heap.references, 1, memory_order_relaxed);
}

#endif
