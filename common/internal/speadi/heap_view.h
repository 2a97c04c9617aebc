/* The fields of struct spead_heap. The receive core fills them; common/wire/heap*.c reads them. */
#ifndef SPEADI_HEAP_VIEW_H
#define SPEADI_HEAP_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/heap.h>

#include <speadi/pool.h>

struct speadi_span {
    uint64_t start, end; /* the bytes [start, end) of the payload have arrived */
};

/* A heap lies in the meta memory of a block (speadi_block.meta). Its arrays of pointers, spans and hashes lie behind it
 * in that memory (see recv/heap/live_heap.h). While the heap is live, only the owner thread of the stream touches it.
 * After the hand-over only `references` changes. */
struct spead_heap {
    atomic_uint references;
    bool complete;
    bool has_length; /* a packet had item 0x02 */
    uint8_t heap_address_bits;
    uint8_t clock; /* enum spead_clock */
    uint32_t source;
    uint32_t pointer_count; /* distinct item pointers without specials, in order of arrival */
    uint32_t span_count;
    struct speadi_block *region; /* the block that the payload lies in */
    uint64_t counter;
    uint64_t length; /* see spead_heap_length() */
    uint64_t received;
    uint64_t packets;
    uint64_t first_ns, last_ns;
    /* payload bytes of a full packet, from which the number of missing packets is computed; 0: unknown */
    uint64_t packet_payload_bytes;
    uint64_t refused_packets;  /* packets of this heap that were refused */
    bool local_drops;          /* the kernel's drop counters rose while the heap was live */
    bool sorted;               /* speadi_heap_sort_items() has run: items may be read */
    uint32_t item_count;       /* valid once sorted is true */
    uint64_t *pointers;        /* [pointers_max], in host byte order */
    struct speadi_span *spans; /* [ranges_max], ascending, disjoint, not touching */
};

/* Sorts the item pointers of a heap. The receive core calls it once, when `complete` and `length` are final. After
 * that, readers change nothing in the heap. Afterwards pointers[0 .. item_count) are the items, in the order that
 * spead_heap_item_count() documents. pointers[item_count .. pointer_count) are the NULL pointers that end some of the
 * items, in order of address. All other pointers are dropped. The function needs O(n log n) moves for up to a few
 * thousand pointers, and O(n log^2 n) for more. It never allocates. */
void speadi_heap_sort_items(struct spead_heap *heap);

/* Sorts pointers: the immediate pointers come first, then the addressed pointers by address. Equal pointers keep their
 * order. */
void speadi_item_order_sort(uint64_t *pointers, size_t count, unsigned heap_address_bits);

/* Returns how many packets did not arrive, computed from the gaps: the packets of all gaps minus refused_packets. */
uint64_t speadi_heap_missing_packets(const struct spead_heap *heap);

#endif
