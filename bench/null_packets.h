/* Makes packets of an endless sequence of equal heaps, in SPEAD-64-40. Only headers are written; the payload is
 * whatever the memory contains. The null engine and the null device use these functions. */
#ifndef SPEADLINE_BENCH_NULL_PACKETS_H
#define SPEADLINE_BENCH_NULL_PACKETS_H

#include <speadline/item.h>

#include <speadi/numbers.h>
#include <speadi/packet.h>

/* The SPEAD header and four item pointers: heap counter, heap length, payload offset, payload length. */
#define NULL_HEADER_BYTES (SPEADI_HEADER_BYTES + 4 * SPEADI_POINTER_BYTES)

struct null_packets {
    uint64_t heap_bytes, payload_bytes; /* payload bytes of a heap, and of a full packet */
    uint64_t counter, offset;           /* heap counter and payload offset of the next packet */
};

/* Returns the payload bytes of the next packet. The last packet of a heap may be shorter than the others. */
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

/* Call this function after each packet has been written; `bytes` is the payload of that packet. It moves the offset to
 * the packet after it, and at the end of a heap also the heap counter. */
static inline void null_packets_advance(struct null_packets *packets, uint32_t bytes)
{
    packets->offset += bytes;
    if (packets->offset == packets->heap_bytes) {
        packets->offset = 0;
        packets->counter++;
    }
}

#endif
