/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the packets of an endless sequence of equal heaps, in SPEAD-64-40. The functions write only headers. The
 * payload is whatever the memory contains. The null engine and the null device use these functions. */
#ifndef SPEADLINE_BENCH_NULL_PACKETS_H
#define SPEADLINE_BENCH_NULL_PACKETS_H

#include <speadline/item.h>

#include <speadi/numbers.h>
#include <speadi/packet.h>

/* The SPEAD header and four item pointers: heap counter, heap length, payload offset, payload length. */
#define NULL_HEADER_BYTES (SPEADI_HEADER_BYTES + 4 * SPEADI_POINTER_BYTES)

struct null_packets {
    /* The payload bytes of a heap, and the payload bytes of a full packet. */
    uint64_t heap_bytes, payload_bytes;
    uint64_t counter, offset; /* The heap counter and the payload offset of the next packet. */
};

/* Returns the payload bytes of the next packet. The last packet of a heap can be shorter than the other packets. */
static inline uint32_t null_packets_payload(const struct null_packets *packets)
{
    return (uint32_t)speadi_min_u64(packets->heap_bytes - packets->offset, packets->payload_bytes);
}

/* Writes the header of the next packet, which has `bytes` bytes of payload. */
static inline void null_packets_write(const struct null_packets *packets, uint8_t *to,
                                      uint64_t bytes)
{
    const uint64_t word[] = {
        speadi_header_word(40, 4),
        speadi_pointer_immediate(40, SPEAD_ID_HEAP_COUNTER, packets->counter),
        speadi_pointer_immediate(40, SPEAD_ID_HEAP_LENGTH, packets->heap_bytes),
        speadi_pointer_immediate(40, SPEAD_ID_PAYLOAD_OFFSET, packets->offset),
        speadi_pointer_immediate(40, SPEAD_ID_PAYLOAD_LENGTH, bytes),
    };

    for (unsigned i = 0; i < sizeof word / sizeof *word; i++)
        speadi_store_be64(to + 8 * i, word[i]);
}

/* The caller must call this function after it has written a packet; `bytes` is the payload of that packet. The function
 * moves the offset to the next packet. At the end of a heap it also moves the heap counter to the next heap. */
static inline void null_packets_advance(struct null_packets *packets, uint32_t bytes)
{
    packets->offset += bytes;
    if (packets->offset == packets->heap_bytes) {
        packets->offset = 0;
        packets->counter++;
    }
}

#endif
