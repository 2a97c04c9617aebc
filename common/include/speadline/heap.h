/* SPDX-License-Identifier: Apache-2.0 */
/* A received heap: its payload, its items, what is missing and when it came.
 *
 * Ownership: a stream gives each heap to its consumer with one reference. The consumer gives the reference back with
 * spead_heap_unref(), and can add references with spead_heap_ref(). A heap can live longer than the stream that made
 * it, because the heap keeps its memory pool alive.
 *
 * Threads: a heap that was handed over to the consumer never changes. Any thread may call every function below.
 *
 * Holes: in an incomplete heap, the bytes that did not arrive are zero. If keep_holes is true in the configuration of
 * the stream, these bytes are what the memory held before. */
#ifndef SPEADLINE_HEAP_H
#define SPEADLINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/flavour.h>
#include <speadline/item.h>
#include <speadline/region.h>
#include <speadline/sender_address.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_heap; /* opaque */

/* The clock from which a time stamp was read. */
enum spead_clock {
    /* CLOCK_REALTIME of this host. It is read once for each burst, or the NIC has stamped the packets with a counter that
     * is compared with it. It is as exact as NTP or PTP keep it on this host. */
    SPEAD_CLOCK_UTC = 0,
    /* The clock of the NIC. It is UTC only if somebody keeps it so; ptp4l sets it to TAI. */
    SPEAD_CLOCK_HARDWARE = 1,
    SPEAD_CLOCK_CAPTURE = 2, /* the clock of a capture file: the times that it has recorded */
};

#define SPEAD_CLOCK_ERROR_UNKNOWN UINT64_MAX /* nobody knows how exact the times are */

/* Returns the name of a clock: "utc", "hardware" or "capture"; NULL for any other value. The name has static storage. Any
 * thread. */
const char *spead_clock_name(enum spead_clock clock);

/* Why a range of a heap's payload is missing. */
enum spead_gap_cause {
    /* The range did not arrive. This host counted no dropped packets during the time in which the heap was live. */
    SPEAD_GAP_UNSEEN = 0,
    /* The range did not arrive. This host dropped packets of the stream at a time when the heap was live, because a
     * buffer was full or for an unknown cause. */
    SPEAD_GAP_LOCAL_DROPS = 1,
    /* The range arrived, and the stream refused its packets. The ledger says why. */
    SPEAD_GAP_REFUSED = 2,
    /* The range did not arrive intact. While the heap was live, this host dropped packets of the stream whose UDP
     * checksum was wrong. It dropped no packets for another cause. */
    SPEAD_GAP_CHECKSUM = 3,
    /* A part of the range arrived and was refused. The rest did not arrive. The stream had no room to remember which
     * part arrived. */
    SPEAD_GAP_PARTLY_REFUSED = 4,
};

/* A range of the payload that is missing in an incomplete heap. */
struct spead_gap {
    uint64_t offset; /* where the range begins in the payload, in bytes */
    uint64_t bytes;  /* length of the range */
    /* The number of packets that would fill the range. It is computed from the payload size of most packets in recent
     * heaps of this length. If none of these heaps was complete, it is computed from the payload size of the other
     * packets of this heap. 0 means that the payload size is not known. */
    uint32_t packets;
    enum spead_gap_cause cause; /* why the range is missing */
};

/* Adds one reference to the heap. Returns `heap`. */
struct spead_heap *spead_heap_ref(struct spead_heap *heap);

/* Gives one reference to the heap back. When the last reference is given back, the memory of the heap returns to its
 * pool. NULL is ignored. */
void spead_heap_unref(struct spead_heap *heap);

/* Returns the heap counter (item 0x01). */
uint64_t spead_heap_counter(const struct spead_heap *heap);

/* Returns the flavour of the heap's packets. */
struct spead_flavour spead_heap_flavour(const struct spead_heap *heap);

/* The two functions return the payload and its length in bytes. The caller may read the payload as long as it holds a
 * reference. If a heap carries item 0x02, its length is the length that this item declares, also when parts are
 * missing. The length of any other heap reaches to the last byte that a packet named.
 *
 * The payload pointer is NULL when the payload lies in memory that the CPU cannot touch (the stream's heap_arena). Then
 * spead_heap_region_info() says where the payload is. If the CPU can touch the memory, the pointer is never NULL; if
 * the length is 0, there is nothing to read. */
const uint8_t *spead_heap_payload(const struct spead_heap *heap);
uint64_t spead_heap_length(const struct spead_heap *heap);

/* Fills *info, which then says where the payload lies, for every kind of memory. A program that gives the payload to a
 * device needs this. info->bytes becomes the length of the heap. The caller must have set info->struct_size by
 * SPEAD_REGION_INFO_INIT. The answer is valid as long as the caller holds a reference. */
void spead_heap_region_info(const struct spead_heap *heap, struct spead_region_info *info);

/* Returns how many bytes of the payload have arrived. This is at most the length of the heap. */
uint64_t spead_heap_received(const struct spead_heap *heap);

/* Returns true when every byte of the heap's length has arrived and no item points past the end of the payload. A heap
 * without a declared length (item 0x02) has no end that packets could show. It is complete if it was live when the
 * stream ended and no byte is missing before the last byte that a packet named. If it ends earlier, because a newer
 * heap evicted it or because of its age, it is incomplete: its sender may have sent more. The field unsized_in_sequence
 * in the configuration of the stream changes this rule. */
bool spead_heap_is_complete(const struct spead_heap *heap);

/* Returns how many packets the stream has accepted into this heap. */
uint64_t spead_heap_packets(const struct spead_heap *heap);

/* Writes the missing ranges into `gaps`, in ascending order, and at most `max` of them. Each range has one cause; two
 * ranges with different causes may touch. Returns how many missing ranges the heap has in all (0 for a complete heap).
 * For an incomplete heap without declared length, the number can be 0: nobody knows whether bytes are missing at the
 * end of such a heap. */
size_t spead_heap_gaps(const struct spead_heap *heap, struct spead_gap *gaps, size_t max);

/* The first two functions return the times at which the first and the last accepted packet came, in nanoseconds. If all
 * packets that came were refused, these packets count instead.
 * spead_heap_clock() returns which clock was read; the times count from the epoch of that clock. */
uint64_t spead_heap_first_ns(const struct spead_heap *heap);
uint64_t spead_heap_last_ns(const struct spead_heap *heap);
enum spead_clock spead_heap_clock(const struct spead_heap *heap);

/* Returns a bound of the error of the times of the heap's packets, in nanoseconds: how far a time may be from what the
 * clock of the heap showed when the packet came to the NIC or, over sockets, to the kernel. What the clock itself is wrong
 * by is not in it.
 *   A NIC that stamps packets: how exactly its counter could be compared with the clock, or one step of its own clock.
 *   CLOCK_REALTIME, read once for each burst: how long before the end of the read the endpoints were found empty, the
 *   largest value over the bursts of the heap. A packet has come at most so long before its time, and never later. The
 *   bound of a busy stream is the time in which it does not catch up; that of an idle one can be the whole time between
 *   two packets.
 *   SPEAD_CLOCK_ERROR_UNKNOWN: not known. So it is if the endpoints were never found empty, and with times of a capture. */
uint64_t spead_heap_clock_error_ns(const struct spead_heap *heap);

/* Returns at which endpoint (or memory link) the first packet of the heap arrived. The value is the index of that
 * endpoint in the configuration of the stream, counted from 0. */
uint32_t spead_heap_source(const struct spead_heap *heap);

/* Fills *sender with the sender of the heap. If one sender has several ports or addresses (see enum spead_sender_key),
 * *sender gets the port and the address of its first packet. Returns false if the endpoint cannot tell its senders
 * apart, such as a memory link. */
bool spead_heap_sender(const struct spead_heap *heap, struct spead_sender_address *sender);

/* Returns the number of items in the heap. Some items are not counted: those with identifiers 0x00 to 0x04, and
 * addressed items without bytes (spead2 leaves these out too). In an incomplete heap only immediate items are counted:
 * an item pointer can be missing, so nobody knows where an addressed item ends. The immediate items come first, in
 * order of arrival. The addressed items come after them, in order of address. Source: SPEAD document, "item
 * pointers". */
size_t spead_heap_item_count(const struct spead_heap *heap);

/* Writes the item with this index to *item. The indexes count from 0. Returns 0, or -ERANGE when `index` is past the
 * last item. */
int spead_heap_item(const struct spead_heap *heap, size_t index, struct spead_item *item);

/* Writes the first item with this identifier to *item. Returns 0, or -ENOENT when the heap has no such item. */
int spead_heap_find_item(const struct spead_heap *heap, uint64_t id, struct spead_item *item);

/* Returns true when the heap carries the stream-control item (0x06) with this value. */
bool spead_heap_has_control(const struct spead_heap *heap, enum spead_stream_control value);

#ifdef __cplusplus
}
#endif
#endif
