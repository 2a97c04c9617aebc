/* SPDX-License-Identifier: Apache-2.0 */
/* The packetiser cuts heaps into packets. For each packet it writes the header, and iovecs that point at the payload.
 * If the payload of a packet lies in more than SPEADI_PACKET_PIECES_MAX pieces, it copies that payload behind the
 * header, except pieces in the memory of a device. Iovecs point at those pieces in any case.
 *
 * The packetiser reads no clock, makes no system call and allocates nothing. It writes into memory of the caller. The
 * caller must keep this memory unchanged until the engine has reported the packets done. The sizes of the packets are
 * exactly those that the description of the protocol prescribes (section 8). */
#ifndef SPEADI_PACKETISER_H
#define SPEADI_PACKETISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadi/bytes.h>
#include <speadi/packet.h>

#include "device_memory.h"
#include "heap_builder.h"
#include "tx_engine.h"

/* Every packet has these parts, of 8 bytes each: header word, heap counter, heap length, payload offset and payload
 * length. */
#define SPEADI_PACKET_FIXED_BYTES (SPEADI_HEADER_BYTES + 4 * SPEADI_POINTER_BYTES)

/* The smallest packet size that a stream can have: the fixed part, one item pointer and eight bytes of payload. */
#define SPEADI_PACKET_BYTES_MIN (SPEADI_PACKET_FIXED_BYTES + SPEADI_POINTER_BYTES + 8u)

/* The number of bytes of payload in a packet that is full of item pointers. Every packet of a heap except the last
 * carries a multiple of this number of bytes, so that the payload of each packet stays aligned. */
#define SPEADI_PAYLOAD_UNIT 8u

/* Returns the largest number of item pointers in one packet. */
static inline uint32_t speadi_packet_pointers_max(uint32_t packet_bytes)
{
    return (packet_bytes - SPEADI_PACKET_FIXED_BYTES - SPEADI_PAYLOAD_UNIT) / SPEADI_POINTER_BYTES;
}

/* The sizes of the packets that a stream cuts. */
struct speadi_packet_size {
    uint32_t bytes; /* the largest packet; a multiple of 8 and at least SPEADI_PACKET_BYTES_MIN */
    /* The bytes of payload of every packet except the last one of a heap: a multiple of 8, and at most `bytes` without
     * the fixed part and one item pointer. 0: each packet has as much payload as fits. */
    uint32_t payload;
};

/* The size of a heap on the wire. */
struct speadi_heap_shape {
    uint64_t packets;
    uint64_t bytes;    /* sum of the sizes of all packets */
    uint64_t length;   /* bytes of payload and padding: the value of item 0x02 */
    uint32_t pointers; /* number of item pointers; a NULL pointer before padding counts too */
};

/* Returns the number of item pointers of a heap of one packet whose header has `head` bytes. */
static inline uint32_t speadi_single_packet_pointers(uint64_t head)
{
    return (uint32_t)(head - SPEADI_PACKET_FIXED_BYTES) / SPEADI_POINTER_BYTES;
}

/* Computes the size of a heap on the wire, as speadi_heap_shape() does, for every heap. Only that function calls it. */
int speadi_heap_shape_of_any(struct speadi_heap_shape *shape, const struct spead_send_heap *heap,
                             const struct speadi_packet_size *size);

/* Computes the size of a heap on the wire. Returns 0. Returns -EINVAL when packets of this size cannot carry the heap.
 * There are three such cases: every packet must repeat the item pointers, but they do not fit into one packet; or the
 * payload of a packet is fixed, and does not fit into one packet with all item pointers; or the length of the heap with
 * its padding is too large for the flavour. */
static inline int speadi_heap_shape(struct speadi_heap_shape *shape,
                                    const struct spead_send_heap *heap,
                                    const struct speadi_packet_size *size)
{
    const uint64_t bytes = SPEADI_PACKET_FIXED_BYTES +
                           (uint64_t)heap->item_count * SPEADI_POINTER_BYTES + heap->payload_bytes;

    /* A heap that fits into one packet needs no division. It must have payload, and room for one item pointer more, so
     * that no padding can be necessary. */
    if (heap->payload_bytes == 0 || bytes + SPEADI_POINTER_BYTES > size->bytes ||
        size->payload != 0)
        return speadi_heap_shape_of_any(shape, heap, size);
    *shape = (struct speadi_heap_shape){
        .packets = 1, .bytes = bytes, .length = heap->payload_bytes, .pointers = heap->item_count};
    return 0;
}

/* Returns true if packets of this size can carry the payload of the heap that lies in *device. They cannot if a packet has
 * more than SPEADI_PACKET_PIECES_MAX pieces, and still has so many when all pieces that the CPU can read are copied and
 * pieces of *device that touch each other are joined. *shape must be the result of speadi_heap_shape() for this heap. */
bool speadi_heap_is_within_reach(const struct spead_send_heap *heap,
                                 const struct speadi_heap_shape *shape,
                                 const struct speadi_packet_size *size,
                                 const struct speadi_device_memory *device);

/* The space into which the packetiser writes packets. For each packet, speadi_packetiser_fill() advances `header`,
 * `iov` and `packet`. It also decreases `budget` by the size of the packet plus packet_overhead, and it does not begin
 * a packet that would exceed the budget. `bytes` grows by the size of the packet. */
struct speadi_packet_space {
    uint8_t *header, *header_end; /* `header` must be aligned to 8 bytes */
    struct iovec *iov, *iov_end;
    struct speadi_tx_packet *packet, *packet_end;
    uint64_t budget, bytes;
    uint32_t packet_overhead;
};

/* Returns true if the space can hold a packet of `bytes` bytes. packet_bytes is the size of the largest packet. */
static inline bool speadi_packet_space_has(const struct speadi_packet_space *space,
                                           uint32_t packet_bytes, uint64_t bytes)
{
    return space->packet < space->packet_end &&
           space->iov_end - space->iov >= (ptrdiff_t)SPEADI_PACKET_IOVECS_MAX &&
           space->header_end - space->header >= (ptrdiff_t)packet_bytes &&
           space->budget >= bytes + space->packet_overhead;
}

/* The words that begin each header. */
enum {
    SPEADI_WORD_HEADER,
    SPEADI_WORD_COUNTER,
    SPEADI_WORD_LENGTH,
    SPEADI_WORD_OFFSET,
    SPEADI_WORD_PAYLOAD,
    SPEADI_WORDS
};

/* The packetiser of a stream. It also records how much of the current heap it has cut into packets. */
struct speadi_packetiser {
    /* init() sets these four fields: the size of the largest packet, the most payload in a packet, the payload of a full
     * packet without item pointers, and the largest number of item pointers in one packet. */
    uint32_t packet_bytes, payload_max, plain_payload;
    uint32_t pointers_max;
    /* Payload that the packetiser must not read. The caller of init() sets this field; NULL: there is none. */
    const struct speadi_device_memory *device;
    /* True if headers may lie in the room of heaps: the engine takes packets of one piece. The caller of init() sets this
     * field. */
    bool uses_room;

    /* The words that begin each header, without their values and in host byte order. They belong to flavours with
     * address_bits; 0: no heap has been cut. */
    uint64_t word[SPEADI_WORDS];
    unsigned address_bits;

    const struct spead_send_heap *heap; /* borrowed from begin() until fill() returns true */
    uint64_t counter, length;
    uint64_t offset;  /* how many payload bytes of the heap have been cut */
    uint64_t address; /* payload address for the next addressed item pointer */
    uint64_t piece;   /* how many bytes of the item at the index `item` have been cut */
    uint32_t item;    /* index of the item whose payload comes next */
    uint32_t pointer; /* index of the item pointer that comes next */
    uint32_t pointers;
    uint16_t destination;
};

void speadi_packetiser_init(struct speadi_packetiser *packetiser,
                            const struct speadi_packet_size *size);

/* speadi_packetiser_use_flavour() makes the words of the packetiser those of the flavour. Only that function calls
 * speadi_packetiser_set_flavour(). */
void speadi_packetiser_set_flavour(struct speadi_packetiser *packetiser,
                                   struct spead_flavour flavour);

static inline void speadi_packetiser_use_flavour(struct speadi_packetiser *packetiser,
                                                 struct spead_flavour flavour)
{
    if (packetiser->address_bits != flavour.heap_address_bits)
        speadi_packetiser_set_flavour(packetiser, flavour);
}

/* Writes the SPEADI_PACKET_FIXED_BYTES bytes that begin a header with `pointers` item pointers to `to`. */
static inline void speadi_packetiser_write_fixed(const struct speadi_packetiser *packetiser,
                                                 uint8_t *to, uint32_t pointers, uint64_t counter,
                                                 uint64_t length, uint64_t offset, uint64_t payload)
{
    const uint64_t *word = packetiser->word;

    speadi_store_be64(to, word[SPEADI_WORD_HEADER] + pointers);
    to += SPEADI_HEADER_BYTES;
    speadi_store_be64(to, word[SPEADI_WORD_COUNTER] | counter);
    to += SPEADI_POINTER_BYTES;
    speadi_store_be64(to, word[SPEADI_WORD_LENGTH] | length);
    to += SPEADI_POINTER_BYTES;
    speadi_store_be64(to, word[SPEADI_WORD_OFFSET] | offset);
    to += SPEADI_POINTER_BYTES;
    speadi_store_be64(to, word[SPEADI_WORD_PAYLOAD] | payload);
}

/* What padding consists of. */
extern const uint8_t speadi_packet_padding[SPEADI_PAYLOAD_UNIT];

/* Begins to cut a heap. *shape must be the result of speadi_heap_shape() for this heap. */
void speadi_packetiser_begin(struct speadi_packetiser *packetiser,
                             const struct spead_send_heap *heap,
                             const struct speadi_heap_shape *shape, uint64_t counter,
                             uint16_t destination);

/* Writes packets of the heap into the space. Returns true when the heap is finished. Returns false when the next packet
 * does not fit into the space. The caller then calls the function again with more space. Every packet fits into a space
 * with packet_bytes bytes for headers, SPEADI_PACKET_IOVECS_MAX iovecs, one struct speadi_tx_packet, and a budget of
 * packet_bytes + packet_overhead. */
bool speadi_packetiser_fill(struct speadi_packetiser *packetiser,
                            struct speadi_packet_space *space);

/* How far a heap has been cut. A caller that cuts several heaps by turns keeps one such mark for each heap. */
struct speadi_packetiser_mark {
    uint64_t offset, address, piece;
    uint32_t item, pointer;
};

/* speadi_packetiser_mark() returns how far the present heap has been cut. speadi_packetiser_return_to() goes on with a
 * heap at this mark; the caller must have called speadi_packetiser_begin() for the heap again. */
struct speadi_packetiser_mark speadi_packetiser_mark(const struct speadi_packetiser *packetiser);
void speadi_packetiser_return_to(struct speadi_packetiser *packetiser,
                                 const struct speadi_packetiser_mark *mark);

#endif
