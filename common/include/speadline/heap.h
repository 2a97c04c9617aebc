/* A received heap: its payload, its items, what is missing and when it came.
 *
 * Ownership: a stream gives each heap to its consumer with one reference. The consumer gives the reference back with
 * spead_heap_unref(), and can make more references with spead_heap_ref(). A heap may outlive the stream that made it:
 * it keeps its memory pool alive.
 * Threads: a heap that was handed over never changes. Any thread may call every function below.
 * Holes of an incomplete heap read as zero, unless the stream's configuration says that they are left as they are. */
#ifndef SPEADLINE_HEAP_H
#define SPEADLINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/flavour.h>
#include <speadline/item.h>
#include <speadline/region.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_heap; /* opaque */

/* The clock from which a time stamp was read. */
enum spead_clock {
    SPEAD_CLOCK_UTC = 0,      /* CLOCK_REALTIME of this host, read once per burst of packets */
    SPEAD_CLOCK_HARDWARE = 1, /* the NIC's clock */
    SPEAD_CLOCK_CAPTURE = 2,  /* the time recorded in a capture file */
};

/* Why a range of a heap's payload is missing. */
enum spead_gap_cause {
    SPEAD_GAP_UNSEEN = 0,      /* it did not arrive, and this host counted no drop meanwhile */
    SPEAD_GAP_LOCAL_DROPS = 1, /* it did not arrive, and this host's drop counters rose meanwhile */
    SPEAD_GAP_REFUSED = 2,     /* packets of this heap were refused: the ledger says why */
};

/* A missing range [offset, offset + bytes) of the payload. `packets` is the number of packets that would fill it,
 * computed from the payload size of the other packets of the heap; 0 when that size is unknown. */
struct spead_gap {
    uint64_t offset;
    uint64_t bytes;
    uint32_t packets;
    enum spead_gap_cause cause;
};

/* Adds one reference. Returns heap. */
struct spead_heap *spead_heap_ref(struct spead_heap *heap);

/* Gives one reference back. With the last one, the heap's memory returns to its pool. NULL is ignored. */
void spead_heap_unref(struct spead_heap *heap);

/* Returns the heap counter (item 0x01). */
uint64_t spead_heap_counter(const struct spead_heap *heap);

/* Returns the flavour of the heap's packets. */
struct spead_flavour spead_heap_flavour(const struct spead_heap *heap);

/* Return the payload and its length in bytes. The caller may read the payload as long as it holds a reference. A heap
 * that carries item 0x02 has the declared length, also when parts are missing. The length of any other heap reaches to
 * the furthest byte that a packet named. The pointer is NULL when the payload lies in memory that the CPU cannot touch
 * (the stream's heap_arena): then spead_heap_region_info() says where it is. For a length of 0 in memory that the CPU
 * can touch, the pointer is not NULL, but there is nothing to read. */
const uint8_t *spead_heap_payload(const struct spead_heap *heap);
uint64_t spead_heap_length(const struct spead_heap *heap);

/* Says where the payload lies, for every kind of memory. A program that gives the payload to a device needs it.
 * info->bytes becomes the heap's length. The answer is valid while the caller holds a reference. */
void spead_heap_region_info(const struct spead_heap *heap, struct spead_region_info *info);

/* Returns how many payload bytes arrived (at most the length). */
uint64_t spead_heap_received(const struct spead_heap *heap);

/* Returns true when every byte of the heap's length has arrived and no item points past the length. A heap without a
 * declared length (item 0x02) is complete when it has no gap before its furthest byte. */
bool spead_heap_is_complete(const struct spead_heap *heap);

/* Returns how many packets were accepted into this heap. */
uint64_t spead_heap_packets(const struct spead_heap *heap);

/* Writes at most max missing ranges into `gaps`, in ascending order. Returns how many missing ranges the heap has in
 * all (0 for a complete heap). */
size_t spead_heap_gaps(const struct spead_heap *heap, struct spead_gap *gaps, size_t max);

/* Return the times of the first and of the last accepted packet, in ns since the epoch of the clock. spead_heap_clock()
 * returns which clock that is. */
uint64_t spead_heap_first_ns(const struct spead_heap *heap);
uint64_t spead_heap_last_ns(const struct spead_heap *heap);
enum spead_clock spead_heap_clock(const struct spead_heap *heap);

/* Returns the endpoint at which the heap's first packet arrived, as an index in the order of the stream's
 * configuration. */
uint32_t spead_heap_source(const struct spead_heap *heap);

/* Returns the number of items. Items with the identifiers 0x00 to 0x04 are not counted. Addressed items without bytes
 * are not counted either (spead2 leaves them out too). In an incomplete heap only immediate items are counted: an item
 * pointer may be missing, so nobody knows where an addressed item ends. The immediate items come first, in order of
 * arrival; then come the addressed ones, in order of address. Source: SPEAD document, "item pointers". */
size_t spead_heap_item_count(const struct spead_heap *heap);

/* Writes the item with this index (0, 1, ...) to *item. Returns 0, or -ERANGE when index is past the last item. */
int spead_heap_item(const struct spead_heap *heap, size_t index, struct spead_item *item);

/* Writes the first item with this identifier to *item. Returns 0, or -ENOENT when the heap has none. */
int spead_heap_find_item(const struct spead_heap *heap, uint64_t id, struct spead_item *item);

/* Returns true when the heap carries the stream-control item (0x06) with this value. */
bool spead_heap_has_control(const struct spead_heap *heap, enum spead_stream_control value);

#ifdef __cplusplus
}
#endif
#endif
