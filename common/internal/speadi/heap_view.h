/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of struct spead_heap. The receive core fills them; common/wire/heap*.c reads them. */
#ifndef SPEADI_HEAP_VIEW_H
#define SPEADI_HEAP_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/heap.h>
#include <speadline/sender_address.h>

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
    struct spead_sender_address sender;
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
    uint64_t clock_error_ns; /* see spead_heap_clock_error_ns() */
    /* How the sender cuts heaps of this kind: the payload of most packets, in bytes. 0 if nobody knows. The number of
     * missing packets is computed from this value. The receive core sets it when the heap ends incomplete. */
    uint64_t packet_payload_bytes;
    uint64_t packet_payload_max; /* the largest payload of a packet of the stream; 0: unknown */
    /* true: packets of this sender differ in size, or too few packets have come to show their size */
    bool packets_estimated;
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
    /* Ranges of packets that came and were refused. The array has room for refused_max spans (see
     * recv/heap/live_heap.h); they are in ascending order, with a gap between any two. A span may contain bytes that
     * another packet has brought. */
    struct speadi_span *refused;
    uint32_t refused_count;
    /* Refused packets whose ranges found no room in `refused`: their number, and the range that all of them lie in. */
    uint64_t refused_unplaced;
    struct speadi_span refused_within;
};

/* The way of speadi_heap_sort_items() for a heap that has item pointers. Most heaps have none. */
void speadi_heap_sort_pointers(struct spead_heap *heap);

/* Sorts the item pointers of a heap. The receive core calls this function once, when `complete` and `length` are final.
 * After the call, readers change nothing in the heap. The array `pointers` then has two parts:
 *   - pointers[0 .. item_count) are the items, in the order that spead_heap_item_count() documents;
 *   - pointers[item_count .. pointer_count) are the NULL pointers that end some of the items, in order of address.
 * The function drops all other pointers. It needs O(n log n) moves for up to a few thousand pointers, and O(n log^2 n)
 * for more. It never allocates. */
static inline void speadi_heap_sort_items(struct spead_heap *heap)
{
    if (heap->pointer_count > 0)
        speadi_heap_sort_pointers(heap);
    heap->sorted = true;
}

/* Sorts pointers. The immediate pointers come first. The addressed pointers come after them, in order of address. Equal
 * pointers keep their order. */
void speadi_item_order_sort(uint64_t *pointers, size_t count, unsigned heap_address_bits);

/* What never came of a heap. Ranges that came and were refused are left out. */
struct speadi_heap_missing {
    /* Number of ranges that never came, or of which only a part came and was refused. */
    uint64_t ranges;
    uint64_t packets; /* packets that would fill these ranges; at least one for each range */
    uint64_t least;   /* at least this many packets are missing, whatever their sizes */
};

struct speadi_heap_missing speadi_heap_missing(const struct spead_heap *heap);

/* Writes the ranges that speadi_heap_missing() counts into `ranges`, in ascending order, and at most `max` of them.
 * Returns how many it has written. */
size_t speadi_heap_missing_ranges(const struct spead_heap *heap, struct speadi_span *ranges,
                                  size_t max);

/* Returns how many packets with `packet` bytes of payload fill a range of `bytes` bytes. Returns 1 if `packet` is 0,
 * because at least one packet brings the bytes of a range that is not empty. */
static inline uint64_t speadi_packets_of(uint64_t bytes, uint64_t packet)
{
    if (bytes == 0)
        return 0;
    return packet == 0 ? 1 : bytes / packet + (bytes % packet != 0);
}

#endif
