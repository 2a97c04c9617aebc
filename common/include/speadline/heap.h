/* A received heap: payload, items, what is missing, when it came.
 *
 * Ownership: whoever takes a heap from a stream owns one reference and gives it back with
 * spead_heap_unref(); more can be taken with spead_heap_ref(). A heap may be read and released on
 * any thread, and may outlive the stream that made it (it keeps its memory pool alive).
 * Threads: a delivered heap never changes; every reader below is safe from any thread.
 * Holes of an incomplete heap read as zero, unless the stream was told to leave them as they are. */
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

/* The clock a time stamp was read from. */
enum spead_clock {
    SPEAD_CLOCK_UTC = 0,      /* CLOCK_REALTIME of this host, read once per burst of packets */
    SPEAD_CLOCK_HARDWARE = 1, /* the NIC's clock */
    SPEAD_CLOCK_CAPTURE = 2,  /* the time recorded in a capture file */
};

/* Why a range of a heap's payload is not there. */
enum spead_gap_cause {
    SPEAD_GAP_UNSEEN = 0,      /* never reached us, and this host counted no drop meanwhile */
    SPEAD_GAP_LOCAL_DROPS = 1, /* never reached us, while this host's drop counters rose */
    SPEAD_GAP_REFUSED = 2,     /* packets for it came and were refused: see the ledger */
};

/* A missing range [offset, offset + bytes) of the payload. `packets` is how many packets that is,
 * judged by the payload size of the heap's other packets; 0 when unknown. */
struct spead_gap {
    uint64_t offset;
    uint64_t bytes;
    uint32_t packets;
    enum spead_gap_cause cause;
};

/* Takes one more reference. Returns heap. */
struct spead_heap *spead_heap_ref(struct spead_heap *heap);

/* Gives one reference back; the last one returns the heap's memory to its pool. NULL is ignored. */
void spead_heap_unref(struct spead_heap *heap);

/* The heap counter (item 0x01). */
uint64_t spead_heap_counter(const struct spead_heap *heap);

/* The flavour of the packets that made it. */
struct spead_flavour spead_heap_flavour(const struct spead_heap *heap);

/* Payload and its length in bytes. For a heap sent with item 0x02 that is the declared length, also
 * when parts are missing; else the end of the furthest byte known. Valid while a reference is held;
 * read-only. Zero length: the pointer may be anything but NULL. NULL: the payload lies in memory that
 * the CPU cannot touch (the stream's heap_arena); spead_heap_region_info() tells where. */
const uint8_t *spead_heap_payload(const struct spead_heap *heap);
uint64_t spead_heap_length(const struct spead_heap *heap);

/* Where the payload lies, of whatever kind the memory is: for those who give it to a device. bytes is the
 * heap's length. Valid while a reference is held. */
void spead_heap_region_info(const struct spead_heap *heap, struct spead_region_info *info);

/* Payload bytes that arrived (<= length). */
uint64_t spead_heap_received(const struct spead_heap *heap);

/* True when every byte up to the length is there and no item points past it. A heap without
 * declared length (item 0x02) counts as complete when it has no hole up to its furthest byte. */
bool spead_heap_is_complete(const struct spead_heap *heap);

/* Packets accepted into this heap. */
uint64_t spead_heap_packets(const struct spead_heap *heap);

/* Missing ranges in ascending order: fills at most max of them and returns how many there are in
 * all (0 for a complete heap). */
size_t spead_heap_gaps(const struct spead_heap *heap, struct spead_gap *gaps, size_t max);

/* Time of the first and the last accepted packet, in ns since the epoch of the clock. */
uint64_t spead_heap_first_ns(const struct spead_heap *heap);
uint64_t spead_heap_last_ns(const struct spead_heap *heap);
enum spead_clock spead_heap_clock(const struct spead_heap *heap);

/* Index of the endpoint (in the order of the stream's configuration) that its first packet used. */
uint32_t spead_heap_source(const struct spead_heap *heap);

/* Number of items, those with ids 0x00 to 0x04 left out: immediate ones first, in order of arrival,
 * then addressed ones in order of address. An addressed item of no bytes is left out (as spead2
 * does). For an incomplete heap only immediate items count: where an addressed item ends cannot be
 * known when a pointer may be missing. Source: SPEAD document, "item pointers". */
size_t spead_heap_item_count(const struct spead_heap *heap);

/* Item number index into *item. Returns 0, or -ERANGE when index is past the last one. */
int spead_heap_item(const struct spead_heap *heap, size_t index, struct spead_item *item);

/* First item with this id. Returns 0, or -ENOENT. */
int spead_heap_find_item(const struct spead_heap *heap, uint64_t id, struct spead_item *item);

/* True when the heap carries stream-control item 0x06 with this value. */
bool spead_heap_has_control(const struct spead_heap *heap, enum spead_stream_control value);

#ifdef __cplusplus
}
#endif
#endif
