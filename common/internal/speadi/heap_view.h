/* What struct spead_heap holds. The receive core fills it; heap.c reads it. */
#ifndef SPEADI_HEAP_VIEW_H
#define SPEADI_HEAP_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/heap.h>

#include <speadi/pool.h>

struct speadi_span {
    uint64_t start, end; /* received bytes [start, end) */
};

/* A heap is the meta of a region: pointer, span and hash arrays follow it there (see recv/heap/live_heap.h).
 * While live only the receive thread touches it; once handed over only references count. */
struct spead_heap {
    atomic_uint references;
    bool complete;
    bool has_length; /* item 0x02 was there */
    uint8_t heap_address_bits;
    uint8_t clock; /* enum spead_clock */
    uint32_t source;
    uint32_t pointer_count; /* distinct item pointers, specials left out, in order of arrival */
    uint32_t span_count;
    struct speadi_block *region;
    uint64_t counter;
    uint64_t length; /* see spead_heap_length() */
    uint64_t received;
    uint64_t packets;
    uint64_t first_ns, last_ns;
    uint64_t packet_payload_bytes; /* of a full packet, for counting missing ones; 0: unknown */
    uint64_t refused_packets;      /* packets for it that came and were refused */
    bool local_drops;              /* this host's drop counter rose while the heap was live */
    bool sorted;                   /* speadi_heap_sort_items() was called: items may be read */
    uint32_t item_count;           /* valid when sorted */
    uint64_t *pointers;            /* [pointers_max], host order */
    struct speadi_span *spans;     /* [ranges_max], ascending, disjoint, not touching */
};

/* Called once by the receive core when the heap is finished (complete and length are final), so that
 * readers need not change anything. Afterwards pointers[0 .. item_count) are the items as
 * spead_heap_item_count() orders them, pointers[item_count .. pointer_count) the NULL pointers that end
 * some of them, in order of address; all others are dropped. In O(n log n) for up to a few thousand
 * pointers, O(n log^2 n) moves beyond; never allocates. */
void speadi_heap_sort_items(struct spead_heap *heap);

/* Sorts pointers stably: immediate ones first, then by address. */
void speadi_item_order_sort(uint64_t *pointers, size_t count, unsigned heap_address_bits);

/* Packets that never came, as far as the gaps tell: those of all gaps, less refused_packets. */
uint64_t speadi_heap_missing_packets(const struct spead_heap *heap);

#endif
