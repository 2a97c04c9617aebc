/* One heap being assembled: which bytes are there, which item pointers, how long it is.
 *
 * A live heap is the meta of its memory region. Pointers, ranges, a hash to tell pointers apart and the
 * count of its packets by source follow the structure there, at places that the layout says.
 * Owner thread only, until the heap is handed over. */
#ifndef SPEADLINE_RECV_LIVE_HEAP_H
#define SPEADLINE_RECV_LIVE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#include "heap_memory.h"

/* Stream-control values that a heap carries, as bits: 1 << enum spead_stream_control. */
#define SPEADI_CONTROL_BIT(value) (1u << (value))

struct speadi_live_heap {
    struct spead_heap heap;                 /* first: what the consumer sees */
    uint64_t min_length;                    /* furthest byte known, by payload or by address */
    uint64_t opened_ns;                     /* in the clock by which heaps age */
    uint64_t drops_at_open;                 /* the kernel's drop counter when it opened */
    struct speadi_live_heap *older, *newer; /* of the list that it is in */
    uint32_t slot;                          /* in the heap table */
    uint32_t reservations;                  /* receives that are posted into it */
    uint64_t reserved_end;                  /* none of them ever reached further */
    uint32_t parked;                        /* packets that wait for one of those to end */
    uint32_t generation;                    /* of the pointer hash: older entries count as empty */
    uint32_t control;                       /* SPEADI_CONTROL_BIT()s */
    uint32_t leaving_cause;                 /* enum speadi_recv_cause, while it waits to leave */
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
enum spead_recv_bucket speadi_live_heap_judge(const struct speadi_live_heap *live,
                                              const struct speadi_live_heap_layout *layout,
                                              const struct speadi_packet *packet, uint32_t *at);

/* Takes a packet judged SPEAD_RECV_LIVE: item pointers, range and length. The payload is the caller's to
 * put in place. SPEAD_RECV_LIVE, or an over-cap bucket, and then the heap is as before. */
enum spead_recv_bucket speadi_live_heap_add(struct speadi_live_heap *live,
                                            const struct speadi_live_heap_layout *layout,
                                            const struct speadi_packet *packet, uint32_t at);

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

/* Overwrites holes with zeros, as far as the region was ever touched: memory is used again, and nobody
 * may see another heap's bytes. Returns 0, or the -errno of memory that the CPU cannot touch. */
int speadi_live_heap_zero_holes(struct speadi_live_heap *live, struct speadi_heap_memory *memory);

#endif
