/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts heaps into packets. */
#include "packetiser.h"

#include <string.h>

#include <speadi/numbers.h>
#include <speadi/packet.h>

enum { FIXED_POINTERS = 4, FIXED_BYTES = SPEADI_PACKET_FIXED_BYTES };
const uint8_t speadi_packet_padding[SPEADI_PAYLOAD_UNIT];

void speadi_packetiser_init(struct speadi_packetiser *packetiser,
                            const struct speadi_packet_size *size)
{
    *packetiser = (struct speadi_packetiser){
        .packet_bytes = size->bytes,
        .payload_max = size->payload ? size->payload : UINT32_MAX,
        .plain_payload = size->payload ? size->payload : size->bytes - FIXED_BYTES,
        .pointers_max = speadi_packet_pointers_max(size->bytes),
    };
}

void speadi_packetiser_set_flavour(struct speadi_packetiser *packetiser,
                                   struct spead_flavour flavour)
{
    const unsigned bits = flavour.heap_address_bits;
    uint64_t *word = packetiser->word;

    packetiser->address_bits = bits;
    word[SPEADI_WORD_HEADER] = speadi_header_word(bits, FIXED_POINTERS);
    word[SPEADI_WORD_COUNTER] = speadi_pointer_immediate(bits, SPEAD_ID_HEAP_COUNTER, 0);
    word[SPEADI_WORD_LENGTH] = speadi_pointer_immediate(bits, SPEAD_ID_HEAP_LENGTH, 0);
    word[SPEADI_WORD_OFFSET] = speadi_pointer_immediate(bits, SPEAD_ID_PAYLOAD_OFFSET, 0);
    word[SPEADI_WORD_PAYLOAD] = speadi_pointer_immediate(bits, SPEAD_ID_PAYLOAD_LENGTH, 0);
}

void speadi_packetiser_begin(struct speadi_packetiser *packetiser,
                             const struct spead_send_heap *heap,
                             const struct speadi_heap_shape *shape, uint64_t counter,
                             uint16_t destination)
{
    speadi_packetiser_use_flavour(packetiser, heap->flavour);
    packetiser->heap = heap;
    packetiser->counter = counter;
    packetiser->length = shape->length;
    packetiser->pointers = shape->pointers;
    packetiser->destination = destination;
    packetiser->offset = 0;
    packetiser->address = 0;
    packetiser->piece = 0;
    packetiser->item = 0;
    packetiser->pointer = 0;
}

struct speadi_packetiser_mark speadi_packetiser_mark(const struct speadi_packetiser *packetiser)
{
    return (struct speadi_packetiser_mark){.offset = packetiser->offset,
                                           .address = packetiser->address,
                                           .piece = packetiser->piece,
                                           .item = packetiser->item,
                                           .pointer = packetiser->pointer};
}

void speadi_packetiser_return_to(struct speadi_packetiser *packetiser,
                                 const struct speadi_packetiser_mark *mark)
{
    packetiser->offset = mark->offset;
    packetiser->address = mark->address;
    packetiser->piece = mark->piece;
    packetiser->item = mark->item;
    packetiser->pointer = mark->pointer;
}

/* ---- Header -------------------------------------------------------------------------------- */

/* Returns the next item pointer. After the last item it returns an item pointer with the identifier NULL. This item
 * pointer marks the place in the payload where the last item ends and the padding begins. */
static uint64_t next_pointer(struct speadi_packetiser *p)
{
    const struct spead_send_heap *heap = p->heap;
    const struct speadi_send_item *item;
    uint64_t word;

    if (p->pointer == heap->item_count) {
        p->pointer++;
        return speadi_pointer_addressed(heap->flavour.heap_address_bits, SPEAD_ID_NULL, p->address);
    }
    item = &heap->item[p->pointer++];
    word = item->pointer;
    if (item->kind == SPEADI_SEND_ITEM_INLINE)
        word |= speadi_send_item_value(item);
    if (item->kind == SPEADI_SEND_ITEM_PAYLOAD) {
        word |= p->address;
        p->address += item->bytes;
    }
    return word;
}

static void write_header(struct speadi_packetiser *p, uint8_t *to, uint32_t pointers,
                         uint64_t payload)
{
    speadi_packetiser_write_fixed(p, to, pointers, p->counter, p->length, p->offset, payload);
    for (uint32_t i = 0; i < pointers; i++)
        speadi_store_be64(to + FIXED_BYTES + i * SPEADI_POINTER_BYTES, next_pointer(p));
}

/* ---- Payload ------------------------------------------------------------------------------- */

/* Returns the next contiguous piece of payload, and advances behind this piece. The piece is a part of an item, or
 * padding. It has at most `most` bytes. */
static struct iovec next_piece(struct speadi_packetiser *p, uint64_t most)
{
    const struct spead_send_heap *heap = p->heap;

    for (; p->item < heap->item_count; p->item++, p->piece = 0) {
        const struct speadi_send_item *item = &heap->item[p->item];

        if (item->kind == SPEADI_SEND_ITEM_PAYLOAD && p->piece < item->bytes) {
            uint64_t bytes = speadi_min_u64(most, item->bytes - p->piece);
            const uint8_t *data = item->data + p->piece;

            p->piece += bytes;
            return (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
        }
    }
    return (struct iovec){.iov_base = (void *)(uintptr_t)speadi_packet_padding,
                          .iov_len = speadi_min_u64(most, sizeof speadi_packet_padding)};
}

/* Makes iovecs point at the next bytes of payload, and returns how many iovecs it used. If more than
 * SPEADI_PACKET_PIECES_MAX iovecs are needed, it returns 0 and does not advance. */
static unsigned point_at_payload(struct speadi_packetiser *p, struct iovec *iov, uint64_t bytes)
{
    const uint32_t item = p->item;
    const uint64_t piece = p->piece;
    unsigned count = 0;

    while (bytes != 0 && count < SPEADI_PACKET_PIECES_MAX) {
        iov[count] = next_piece(p, bytes);
        bytes -= iov[count++].iov_len;
    }
    if (bytes == 0)
        return count;
    p->item = item;
    p->piece = piece;
    return 0;
}

/* Pieces of payload that become fewer iovecs: pieces that the CPU can read are copied to one place, and pieces of a
 * device that touch each other are one piece. */
struct gathering {
    unsigned iovecs;
    const struct speadi_device_range *range; /* of the latest piece; NULL if the CPU can read it */
    const void *end; /* where the latest piece ends, if it is one of a device */
};

/* Adds a piece. Returns true if it needs an iovec of its own. At the beginning gathering->iovecs must be 1: the first
 * copied pieces come behind the header. */
static bool begins_iovec(struct gathering *gathering, const struct speadi_device_memory *device,
                         const struct iovec *piece)
{
    const struct speadi_device_range *range =
        device ? speadi_device_memory_find(device, piece->iov_base, piece->iov_len) : NULL;
    const bool joins = range == gathering->range && (!range || piece->iov_base == gathering->end);

    gathering->range = range;
    gathering->end = (const uint8_t *)piece->iov_base + piece->iov_len;
    gathering->iovecs += !joins;
    return !joins;
}

/* Copies the next bytes of payload to `to`, behind the header that iov[0] points at. Iovecs point at the pieces of a
 * device. Returns how many iovecs there are behind iov[0]. *copied gets the number of copied bytes. */
static unsigned gather_payload(struct speadi_packetiser *p, struct iovec *iov, uint8_t *to,
                               uint64_t bytes, uint64_t *copied)
{
    struct gathering gathering = {.iovecs = 1};
    uint8_t *const begin = to;

    while (bytes != 0) {
        const struct iovec piece = next_piece(p, bytes);

        if (begins_iovec(&gathering, p->device, &piece))
            iov[gathering.iovecs - 1] =
                (struct iovec){.iov_base = gathering.range ? piece.iov_base : to};
        iov[gathering.iovecs - 1].iov_len += piece.iov_len;
        if (!gathering.range) {
            memcpy(to, piece.iov_base, piece.iov_len);
            to += piece.iov_len;
        }
        bytes -= piece.iov_len;
    }
    *copied = (uint64_t)(to - begin);
    return gathering.iovecs - 1;
}

/* ---- Packets ------------------------------------------------------------------------------- */

/* What the next packet consists of. */
struct parts {
    uint32_t first_pointer, pointers, head;
    uint64_t payload;
};

static inline struct parts next_parts(const struct speadi_packetiser *p)
{
    const uint32_t first = p->heap->repeat_pointers ? 0 : p->pointer;
    const uint32_t pointers = (uint32_t)speadi_min_u64(p->pointers - first, p->pointers_max);
    const uint32_t head = FIXED_BYTES + pointers * SPEADI_POINTER_BYTES;
    const uint32_t room = speadi_min_u32(p->packet_bytes - head, p->payload_max);

    return (struct parts){first, pointers, head, speadi_min_u64(p->length - p->offset, room)};
}

/* Writes one packet, with or without item pointers. Returns false when the space cannot hold the packet. */
static bool fill_one(struct speadi_packetiser *p, struct speadi_packet_space *space)
{
    const struct parts parts = next_parts(p);
    const uint64_t bytes = parts.head + parts.payload;
    struct iovec *iov = space->iov;
    uint64_t copied = 0;
    unsigned pieces;

    if (!speadi_packet_space_has(space, p->packet_bytes, bytes))
        return false;
    if (p->heap->repeat_pointers)
        p->pointer = 0, p->address = 0;
    write_header(p, space->header, parts.pointers, parts.payload);
    iov[0] = (struct iovec){.iov_base = space->header, .iov_len = parts.head};
    space->header += parts.head;
    pieces = point_at_payload(p, iov + 1, parts.payload);
    if (pieces == 0) {
        pieces = gather_payload(p, iov, space->header, parts.payload, &copied);
        space->header += speadi_round_up(copied, SPEADI_PAYLOAD_UNIT);
    }
    *space->packet++ = (struct speadi_tx_packet){.iov = iov,
                                                 .bytes = (uint32_t)bytes,
                                                 .iov_count = (uint16_t)(1 + pieces),
                                                 .destination = p->destination};
    space->iov += 1 + pieces;
    space->budget -= bytes + space->packet_overhead;
    space->bytes += bytes;
    p->offset += parts.payload;
    return true;
}

/* Returns how many packets fill_plain() can write. Each of these packets is full, has no item pointers, and takes its
 * whole payload from the item that comes next. All of these packets fit into the space. */
static uint64_t plain_count(const struct speadi_packetiser *p,
                            const struct speadi_packet_space *space)
{
    const uint64_t payload = p->plain_payload;
    uint64_t count;

    if (p->pointer < p->pointers || p->heap->repeat_pointers || p->item == p->heap->item_count)
        return 0;
    if (p->heap->item[p->item].bytes - p->piece < payload)
        return 0;
    count = (p->heap->item[p->item].bytes - p->piece) / payload;
    count = speadi_min_u64(count, space->budget / (FIXED_BYTES + payload + space->packet_overhead));
    count = speadi_min_u64(count, (uint64_t)(space->packet_end - space->packet));
    count = speadi_min_u64(count, (uint64_t)(space->iov_end - space->iov) / 2);
    return speadi_min_u64(count, (uint64_t)(space->header_end - space->header) / FIXED_BYTES);
}

/* Writes as many full packets without item pointers as possible. A large heap consists mostly of such packets. Their
 * headers differ only in the payload offset, so the function copies one header and changes this word. */
static void fill_plain(struct speadi_packetiser *p, struct speadi_packet_space *space)
{
    const uint64_t count = plain_count(p, space);
    const uint32_t payload = p->plain_payload;
    const uint64_t offset_word = p->word[SPEADI_WORD_OFFSET] | p->offset;
    const struct speadi_tx_packet packet = {
        .bytes = FIXED_BYTES + payload, .iov_count = 2, .destination = p->destination};
    uint8_t *header = space->header;
    struct iovec *iov = space->iov;
    uint8_t fixed[FIXED_BYTES];
    const uint8_t *data;

    if (count == 0)
        return;
    speadi_packetiser_write_fixed(p, fixed, 0, p->counter, p->length, p->offset, payload);
    data = p->heap->item[p->item].data + p->piece;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(header, fixed, sizeof fixed);
        speadi_store_be64(header + 24, offset_word + i * payload);
        iov[0] = (struct iovec){.iov_base = header, .iov_len = FIXED_BYTES};
        iov[1] =
            (struct iovec){.iov_base = (void *)(uintptr_t)(data + i * payload), .iov_len = payload};
        space->packet[i] = packet;
        space->packet[i].iov = iov;
        header += FIXED_BYTES;
        iov += 2;
    }
    space->header = header;
    space->iov = iov;
    space->packet += count;
    space->budget -= count * (FIXED_BYTES + payload + space->packet_overhead);
    space->bytes += count * (FIXED_BYTES + payload);
    p->piece += count * payload;
    p->offset += count * payload;
}

bool speadi_packetiser_fill(struct speadi_packetiser *packetiser, struct speadi_packet_space *space)
{
    while (packetiser->offset < packetiser->length) {
        fill_plain(packetiser, space);
        if (packetiser->offset < packetiser->length && !fill_one(packetiser, space))
            return false;
    }
    return true;
}

/* ---- Payload that lies in the memory of a device ------------------------------------------- */

/* Each piece of a device needs an iovec, and what is copied behind it another one. So a packet can always carry this many
 * of them. */
enum { DEVICE_PIECES_ANYWAY = SPEADI_PACKET_PIECES_MAX / 2 };

static bool has_few_in(const struct spead_send_heap *heap,
                       const struct speadi_device_memory *device)
{
    unsigned count = 0;

    if (heap->item_count < SPEADI_PACKET_PIECES_MAX)
        return true; /* and the padding is one more piece */
    for (uint32_t i = 0; i < heap->item_count && count <= DEVICE_PIECES_ANYWAY; i++) {
        const struct speadi_send_item *item = &heap->item[i];

        count += item->kind == SPEADI_SEND_ITEM_PAYLOAD &&
                 speadi_device_memory_find(device, item->data, item->bytes) != NULL;
    }
    return count <= DEVICE_PIECES_ANYWAY;
}

/* Goes on behind the next packet. Returns true if the iovecs of this packet are not too many. */
static bool pass_packet(struct speadi_packetiser *p, const struct speadi_device_memory *device)
{
    const struct parts parts = next_parts(p);
    struct gathering gathering = {.iovecs = 1};
    unsigned pieces = 0;

    for (uint64_t bytes = parts.payload; bytes != 0; pieces++) {
        const struct iovec piece = next_piece(p, bytes);

        begins_iovec(&gathering, device, &piece);
        bytes -= piece.iov_len;
    }
    p->pointer = parts.first_pointer + parts.pointers;
    p->offset += parts.payload;
    return pieces <= SPEADI_PACKET_PIECES_MAX || gathering.iovecs <= SPEADI_PACKET_IOVECS_MAX;
}

bool speadi_heap_is_within_reach(const struct spead_send_heap *heap,
                                 const struct speadi_heap_shape *shape,
                                 const struct speadi_packet_size *size,
                                 const struct speadi_device_memory *device)
{
    struct speadi_packetiser packetiser;

    if (has_few_in(heap, device))
        return true;
    speadi_packetiser_init(&packetiser, size);
    speadi_packetiser_begin(&packetiser, heap, shape, 0, 0);
    while (packetiser.offset < packetiser.length)
        if (!pass_packet(&packetiser, device))
            return false;
    return true;
}
