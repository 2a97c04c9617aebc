/* SPDX-License-Identifier: Apache-2.0 */
/* SPEAD packets as they are on the wire: header, item pointers, payload.
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "packet header", "item pointers". */
#ifndef SPEADI_PACKET_H
#define SPEADI_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/flavour.h>
#include <speadline/item.h>
#include <speadline/stats.h>

#include <speadi/bytes.h>

#define SPEADI_HEADER_BYTES  8u
#define SPEADI_POINTER_BYTES 8u
#define SPEADI_MAGIC         0x53u
#define SPEADI_VERSION       4u
#define SPEADI_UDP_BYTES_MAX 65507u /* the longest UDP datagram over IPv4 */

/* The header is one 64-bit word. From its high end it holds: magic, version, bytes of an item identifier (with the mode
 * bit), bytes of a heap address, 16 reserved bits, and the count of the item pointers behind the header.
 * Names that end in _AT are offsets in bytes. Names that end in _BIT are the lowest bit of a field in the word. */
#define SPEADI_HEADER_MAGIC_AT          0u
#define SPEADI_HEADER_VERSION_AT        1u
#define SPEADI_HEADER_COUNT_AT          6u /* 16 bits */
#define SPEADI_HEADER_VERSION_BIT       48
#define SPEADI_HEADER_ID_BYTES_BIT      40
#define SPEADI_HEADER_ADDRESS_BYTES_BIT 32
#define SPEADI_HEADER_COUNT_MASK        0xffffu
#define SPEADI_HEADER_BEGIN             ((uint64_t)(SPEADI_MAGIC << 8 | SPEADI_VERSION))

/* ---- Item pointers ------------------------------------------------------------------------- */

static inline bool speadi_pointer_is_immediate(uint64_t pointer)
{
    return (pointer >> 63) != 0;
}

static inline uint64_t speadi_pointer_id(uint64_t pointer, unsigned heap_address_bits)
{
    return (pointer & ~(1ull << 63)) >> heap_address_bits;
}

static inline uint64_t speadi_pointer_value(uint64_t pointer, unsigned heap_address_bits)
{
    return pointer & ((1ull << heap_address_bits) - 1);
}

static inline uint64_t speadi_pointer_immediate(unsigned heap_address_bits, uint64_t id,
                                                uint64_t value)
{
    return (1ull << 63) | (id << heap_address_bits) | value;
}

static inline uint64_t speadi_pointer_addressed(unsigned heap_address_bits, uint64_t id,
                                                uint64_t offset)
{
    return (id << heap_address_bits) | offset;
}

/* Returns the header of a packet with `count` item pointers. */
static inline uint64_t speadi_header_word(unsigned heap_address_bits, unsigned count)
{
    const uint64_t address_bytes = heap_address_bits / 8;

    return SPEADI_HEADER_BEGIN << SPEADI_HEADER_VERSION_BIT |
           (SPEADI_POINTER_BYTES - address_bytes) << SPEADI_HEADER_ID_BYTES_BIT |
           address_bytes << SPEADI_HEADER_ADDRESS_BYTES_BIT | count;
}

/* ---- Decoding ------------------------------------------------------------------------------ */

/* A decoded packet. It borrows the bytes from which it was decoded. */
struct speadi_packet {
    uint64_t heap_counter;
    uint64_t heap_length; /* valid when has_heap_length is true */
    uint64_t payload_offset;
    uint64_t payload_bytes;
    /* pointer_count big-endian words, including those with the special ids 1..4 */
    const uint8_t *pointers;
    uint32_t pointer_count;
    /* how many of the pointers are immediate and have one of the special ids 1..4 */
    uint32_t special_count;
    /* length of header and pointers, in bytes; the payload begins behind them */
    uint32_t header_bytes;
    uint8_t heap_address_bits;
    bool has_heap_length;
};

/* Returns the length of header and item pointers in the packet that begins at `bytes`: SPEADI_HEADER_BYTES + 8 x the
 * number of pointers. At least SPEADI_HEADER_BYTES bytes of the packet must lie there. The function does not check the
 * contents of the header. */
static inline uint32_t speadi_packet_header_bytes(const uint8_t *bytes)
{
    return SPEADI_HEADER_BYTES +
           SPEADI_POINTER_BYTES * speadi_load_be16(bytes + SPEADI_HEADER_COUNT_AT);
}

/* Decodes a datagram of datagram_bytes bytes and checks it. Its first head_bytes bytes lie at `head`. They must contain
 * the header and all pointers, as far as the datagram has them. The payload can lie elsewhere.
 * The checks come in this order: short, magic, version, widths, pointers exceed packet, counter/offset/length missing,
 * payload exceeds packet, beyond heap, size mismatch. When a special pointer (ids 1..4) comes more than once, the last
 * of them counts. The function never allocates, and checks every value in the datagram before it uses the value.
 * Returns 0 and fills *packet for a good packet. Otherwise returns the enum spead_recv_bucket that counts the refused
 * packet (SPEAD_RECV_MALFORMED_*, > 0). */
int speadi_packet_decode(struct speadi_packet *packet, const uint8_t *head, uint32_t head_bytes,
                         uint32_t datagram_bytes);

/* Returns the item pointer with index i in host byte order. */
static inline uint64_t speadi_packet_pointer(const struct speadi_packet *packet, uint32_t i)
{
    return speadi_load_be64(packet->pointers + (size_t)i * SPEADI_POINTER_BYTES);
}

/* Returns true for a pointer with one of the special ids 1..4. Such a pointer is never an item. An immediate pointer
 * with one of these ids says something about its packet. An addressed pointer with one of these ids says nothing, but
 * its address still raises the minimum heap length. */
static inline bool speadi_pointer_is_special(uint64_t pointer, unsigned heap_address_bits)
{
    uint64_t id = speadi_pointer_id(pointer, heap_address_bits);

    return id >= SPEAD_ID_HEAP_COUNTER && id <= SPEAD_ID_PAYLOAD_LENGTH;
}

#endif
