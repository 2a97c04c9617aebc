/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes packets. Anybody can have sent them, so the decoder trusts nothing in them. */
#include <speadi/packet.h>

#define HAS(id) (1u << (id))

/* The values of the special pointers of a packet, which have the ids 1 to 4. The index into value[] is the id of the
 * pointer. All other pointers write their values to value[0], so that the loop over the pointers needs no branch. */
struct specials {
    uint64_t value[SPEAD_ID_PAYLOAD_LENGTH + 1];
    uint32_t seen;  /* the bit HAS(id) is set for each id that the packet has */
    uint32_t count; /* number of pointers with the ids 1 to 4 */
};

static const uint32_t required =
    HAS(SPEAD_ID_HEAP_COUNTER) | HAS(SPEAD_ID_PAYLOAD_OFFSET) | HAS(SPEAD_ID_PAYLOAD_LENGTH);

/* Checks magic and version, and that the two widths are not 0 and add up to 8. */
static inline bool header_is_sound(uint64_t header)
{
    unsigned id_bytes = header >> SPEADI_HEADER_ID_BYTES_BIT & 0xff;
    unsigned address_bytes = header >> SPEADI_HEADER_ADDRESS_BYTES_BIT & 0xff;

    return header >> SPEADI_HEADER_VERSION_BIT == SPEADI_HEADER_BEGIN &&
           address_bytes - 1 < SPEADI_POINTER_BYTES - 1 &&
           id_bytes + address_bytes == SPEADI_POINTER_BYTES;
}

static inline void read_specials(struct specials *specials, const uint8_t *pointers, uint32_t count,
                                 unsigned heap_address_bits)
{
    const uint64_t immediate = 1ull << (63 - heap_address_bits);
    const uint64_t value_mask = (1ull << heap_address_bits) - 1;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t pointer = speadi_load_be64(pointers + (size_t)i * SPEADI_POINTER_BYTES);
        /* For an immediate pointer, this is its id. For an addressed pointer, it is a very large number. */
        uint64_t id = pointer >> heap_address_bits ^ immediate;
        unsigned slot = id <= SPEAD_ID_PAYLOAD_LENGTH ? (unsigned)id : 0;

        specials->value[slot] = pointer & value_mask;
        specials->seen |= HAS(slot);
        specials->count += slot != 0;
    }
}

/* Decodes a packet that has exactly the four special pointers, in the order of their ids. Nearly all packets of a heap,
 * except its first ones, are like this. Returns false for any other packet. */
static inline bool decode_plain(struct speadi_packet *packet, const uint8_t *head, unsigned bits,
                                uint32_t payload_bytes)
{
    const uint64_t immediate = 1ull << 63, one = 1ull << bits, value_mask = one - 1;
    const uint8_t *pointers = head + SPEADI_HEADER_BYTES;
    uint64_t counter = speadi_load_be64(pointers),
             length = speadi_load_be64(pointers + SPEADI_POINTER_BYTES),
             offset = speadi_load_be64(pointers + 2 * SPEADI_POINTER_BYTES),
             bytes = speadi_load_be64(pointers + 3 * SPEADI_POINTER_BYTES);
    /* A bit of `odd` is set if the ids of the four pointers differ from 1, 2, 3 and 4 in that bit. These ids fit in
     * every flavour, because an id has at least 7 bits. */
    uint64_t odd = (counter ^ (immediate | SPEAD_ID_HEAP_COUNTER * one)) |
                   (length ^ (immediate | SPEAD_ID_HEAP_LENGTH * one)) |
                   (offset ^ (immediate | SPEAD_ID_PAYLOAD_OFFSET * one)) |
                   (bytes ^ (immediate | SPEAD_ID_PAYLOAD_LENGTH * one));

    length &= value_mask;
    offset &= value_mask;
    if (odd > value_mask || (bytes & value_mask) != payload_bytes ||
        offset + payload_bytes > length)
        return false;
    *packet = (struct speadi_packet){
        .heap_counter = counter & value_mask,
        .heap_length = length,
        .payload_offset = offset,
        .payload_bytes = payload_bytes,
        .pointers = pointers,
        .pointer_count = 4,
        .special_count = 4,
        .header_bytes = SPEADI_HEADER_BYTES + 4 * SPEADI_POINTER_BYTES,
        .heap_address_bits = (uint8_t)bits,
        .has_heap_length = true,
    };
    return true;
}

/* Returns the bucket for a packet whose header was refused. */
__attribute__((cold, noinline)) static int refuse_header(const uint8_t *head, uint32_t head_bytes,
                                                         uint32_t datagram_bytes)
{
    if (datagram_bytes == 0)
        return SPEAD_RECV_MALFORMED_EMPTY;
    if (datagram_bytes < SPEADI_HEADER_BYTES)
        return SPEAD_RECV_MALFORMED_SHORT;
    if (head_bytes < SPEADI_HEADER_BYTES)
        return SPEAD_RECV_MALFORMED_POINTERS;
    if (head[SPEADI_HEADER_MAGIC_AT] != SPEADI_MAGIC)
        return SPEAD_RECV_MALFORMED_MAGIC;
    if (head[SPEADI_HEADER_VERSION_AT] != SPEADI_VERSION)
        return SPEAD_RECV_MALFORMED_VERSION;
    return SPEAD_RECV_MALFORMED_WIDTHS;
}

/* Returns the bucket for a packet whose special pointers were refused. `room` is the number of bytes that the packet
 * has behind its pointers. */
__attribute__((cold, noinline)) static int refuse_specials(const struct specials *specials,
                                                           uint32_t room)
{
    if (!(specials->seen & HAS(SPEAD_ID_HEAP_COUNTER)))
        return SPEAD_RECV_MALFORMED_NO_COUNTER;
    if (!(specials->seen & HAS(SPEAD_ID_PAYLOAD_OFFSET)))
        return SPEAD_RECV_MALFORMED_NO_OFFSET;
    if (!(specials->seen & HAS(SPEAD_ID_PAYLOAD_LENGTH)))
        return SPEAD_RECV_MALFORMED_NO_LENGTH;
    if (specials->value[SPEAD_ID_PAYLOAD_LENGTH] > room)
        return SPEAD_RECV_MALFORMED_PAYLOAD;
    if (specials->seen & HAS(SPEAD_ID_HEAP_LENGTH) &&
        specials->value[SPEAD_ID_PAYLOAD_OFFSET] + specials->value[SPEAD_ID_PAYLOAD_LENGTH] >
            specials->value[SPEAD_ID_HEAP_LENGTH])
        return SPEAD_RECV_MALFORMED_BEYOND_HEAP;
    return SPEAD_RECV_MALFORMED_SIZE_MISMATCH;
}

int speadi_packet_decode(struct speadi_packet *packet, const uint8_t *head, uint32_t head_bytes,
                         uint32_t datagram_bytes)
{
    struct specials specials;
    uint64_t header, offset, bytes;
    uint32_t count, header_bytes;
    unsigned bits;

    if (head_bytes < SPEADI_HEADER_BYTES || datagram_bytes < SPEADI_HEADER_BYTES)
        return refuse_header(head, head_bytes, datagram_bytes);
    header = speadi_load_be64(head);
    if (!header_is_sound(header))
        return refuse_header(head, head_bytes, datagram_bytes);

    count = header & SPEADI_HEADER_COUNT_MASK;
    bits = 8 * (header >> SPEADI_HEADER_ADDRESS_BYTES_BIT & 0xff);
    header_bytes = SPEADI_HEADER_BYTES + SPEADI_POINTER_BYTES * count;
    if (header_bytes > datagram_bytes || header_bytes > head_bytes)
        return SPEAD_RECV_MALFORMED_POINTERS;
    if (count == 4 && decode_plain(packet, head, bits, datagram_bytes - header_bytes))
        return 0;
    specials = (struct specials){.value = {[SPEAD_ID_HEAP_LENGTH] = UINT64_MAX}};
    read_specials(&specials, head + SPEADI_HEADER_BYTES, count, bits);

    /* Values have at most 56 bits, so their sum cannot overflow. */
    offset = specials.value[SPEAD_ID_PAYLOAD_OFFSET];
    bytes = specials.value[SPEAD_ID_PAYLOAD_LENGTH];
    if ((specials.seen & required) != required || bytes != datagram_bytes - header_bytes ||
        offset + bytes > specials.value[SPEAD_ID_HEAP_LENGTH])
        return refuse_specials(&specials, datagram_bytes - header_bytes);

    *packet = (struct speadi_packet){
        .heap_counter = specials.value[SPEAD_ID_HEAP_COUNTER],
        .heap_length = specials.value[SPEAD_ID_HEAP_LENGTH],
        .payload_offset = offset,
        .payload_bytes = bytes,
        .pointers = head + SPEADI_HEADER_BYTES,
        .pointer_count = count,
        .special_count = specials.count,
        .header_bytes = header_bytes,
        .heap_address_bits = (uint8_t)bits,
        .has_heap_length = specials.seen & HAS(SPEAD_ID_HEAP_LENGTH),
    };
    return 0;
}
