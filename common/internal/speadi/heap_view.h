/* The fields of struct spead_heap. The receive core fills them; common/wire/heap*.c reads them. */
#ifndef SPEADI_HEAP_VIEW_H
#define SPEADI_HEAP_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/heap.h>
#include <speadline/sender.h>

#include <speadi/pool.h>

struct speadi_span {
    uint64_t start, end; /* the bytes [start, end) of the payload have arrived */
};

/* A heap lies in the meta memory of a block (speadi_block.meta). The arrays of pointers, spans and hashes lie behind
 * the struct in that memory (see recv/heap/live_heap.h). While the heap is live, only the owner thread of the stream
 * uses the struct. After the hand-over only `references` changes. */
struct spead_heap {
    atomic_uint references;
    bool complete;
    bool has_length; /* true: a packet of the heap had item 0x02 (heap length) */
    uint8_t heap_address_bits;
    uint8_t clock; /* a value of enum spead_clock */
    uint32_t source;
    struct spead_sender sender;
    /* how many different item pointers lie in pointers[], in order of arrival; pointers with the ids 1..4 are left
     * out */
    uint32_t pointer_count;
    uint32_t span_count;
    struct speadi_block *region; /* the block that the payload lies in */
    uint64_t counter;
    uint64_t length; /* see spead_heap_length() */
    uint64_t received;
    uint64_t packets;
    uint64_t first_ns, last_ns;
    /* The largest payload of a packet of this heap, in bytes. 0 if no packet had payload. The number of missing packets
     * is computed from this value. */
    uint64_t packet_payload_bytes;
    uint64_t refused_packets; /* how many packets of this heap the receive core refused */
    /* true: the kernel dropped datagrams of the stream during the life of the heap, for other causes than the filter
     * for one sender */
    bool local_drops;
    /* true: as local_drops, but all these datagrams had a wrong checksum; local_drops is false then */
    bool checksum_drops;
    bool sorted;         /* true: speadi_heap_sort_items() has run, and items may be read */
    uint32_t item_count; /* valid when `sorted` is true */
    uint64_t *pointers;  /* has room for pointers_max words, in host byte order */
    /* has room for ranges_max spans; the spans are in ascending order, with a gap between any two */
    struct speadi_span *spans;
};

/* Sorts the item pointers of a heap. The receive core calls this function once, when `complete` and `length` are final.
 * After the call, readers change nothing in the heap. The array `pointers` then has two parts:
 *   - pointers[0 .. item_count) are the items, in the order that spead_heap_item_count() documents;
 *   - pointers[item_count .. pointer_count) are the NULL pointers that end some of the items, in order of address.
 * The function drops all other pointers. It needs O(n log n) moves for up to a few thousand pointers, and O(n log^2 n)
 * for more. It never allocates. */
void speadi_heap_sort_items(struct spead_heap *heap);

/* Sorts pointers. The immediate pointers come first. The addressed pointers come after them, in order of address. Equal
 * pointers keep their order. */
void speadi_item_order_sort(uint64_t *pointers, size_t count, unsigned heap_address_bits);

/* Returns how many packets of the heap did not arrive. The function computes from the gaps how many packets are missing
 * there, and subtracts refused_packets. */
uint64_t speadi_heap_missing_packets(const struct spead_heap *heap);

#endif
