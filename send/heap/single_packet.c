/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the header of a heap of one packet. */
#include "single_packet.h"

/* Returns where the header goes: into the room of the heap, or NULL if it cannot go there. */
static uint8_t *find_room(const struct speadi_packetiser *packetiser,
                          const struct spead_send_heap *heap, uint32_t head)
{
    const struct speadi_header_room *room = heap->room;
    const struct speadi_send_item *item = heap->item, *const end = item + heap->item_count;

    if (!packetiser->uses_room || !room || room->bytes < head ||
        room->state >= SPEADI_ROOM_FREE_IN_FLIGHT)
        return NULL;
    while (item < end && (item->kind != SPEADI_SEND_ITEM_PAYLOAD || item->bytes == 0))
        item++;
    return item < end && item->data == room->end ? room->end - head : NULL;
}

/* What the packet consists of so far. */
struct writing {
    struct iovec *iov;
    unsigned iovecs;
    bool joins;       /* true if pieces that follow each other in memory are one */
    uint64_t address; /* payload address for the next addressed item pointer */
};

static void add_piece(struct writing *writing, const uint8_t *data, size_t bytes)
{
    struct iovec *last = &writing->iov[writing->iovecs - 1];

    if (writing->joins && (const uint8_t *)last->iov_base + last->iov_len == data)
        last->iov_len += bytes;
    else if (bytes != 0)
        writing->iov[writing->iovecs++] =
            (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
}

/* Adds the payload of an item, and returns its item pointer. */
static uint64_t take_item(struct writing *writing, const struct speadi_send_item *item)
{
    uint64_t word = item->pointer;

    if (item->kind == SPEADI_SEND_ITEM_PAYLOAD) {
        word |= writing->address;
        add_piece(writing, item->data, item->bytes);
        writing->address += item->bytes;
    } else if (item->kind == SPEADI_SEND_ITEM_INLINE) {
        word |= speadi_send_item_value(item);
    }
    return word;
}

/* Writes the item pointers of a heap to `to`, and iovecs that point at its payload. */
static void write_items(struct writing *writing, const struct spead_send_heap *heap,
                        uint64_t length, uint8_t *to)
{
    for (uint32_t i = 0; i < heap->item_count; i++, to += SPEADI_POINTER_BYTES)
        speadi_store_be64(to, take_item(writing, &heap->item[i]));
    if (writing->address == length)
        return;
    speadi_store_be64(to, speadi_pointer_addressed(heap->flavour.heap_address_bits, SPEAD_ID_NULL,
                                                   writing->address));
    add_piece(writing, speadi_packet_padding, length - writing->address);
}

/* Returns true if an item pointer has bytes that the user can change without a call. */
static bool has_inline_items(const struct spead_send_heap *heap)
{
    for (uint32_t i = 0; i < heap->item_count; i++)
        if (heap->item[i].kind == SPEADI_SEND_ITEM_INLINE)
            return true;
    return false;
}

/* Returns true if the header in the room stays as it is until somebody changes the heap: then the next send needs only
 * another counter. The packet must also be one piece. */
static bool stays(const struct spead_send_heap *heap, const struct writing *writing,
                  uint32_t pointers)
{
    return writing->iovecs == 1 && pointers == heap->item_count && !has_inline_items(heap);
}

unsigned speadi_single_packet_write(struct speadi_packetiser *packetiser,
                                    const struct speadi_single_packet *packet,
                                    struct speadi_packet_space *space, bool *in_room)
{
    const struct spead_send_heap *heap = packet->heap;
    const uint64_t length = packet->length;
    const uint32_t head = (uint32_t)(packet->bytes - length);
    const uint32_t pointers = speadi_single_packet_pointers(head);
    uint8_t *const room = find_room(packetiser, heap, head);
    uint8_t *const header = room ? room : space->header;
    struct writing writing = {.iov = space->iov, .iovecs = 1, .joins = room != NULL};

    speadi_packetiser_use_flavour(packetiser, heap->flavour);
    speadi_packetiser_write_fixed(packetiser, header, pointers, packet->counter, length, 0, length);
    space->iov[0] = (struct iovec){.iov_base = header, .iov_len = head};
    write_items(&writing, heap, length, header + SPEADI_PACKET_FIXED_BYTES);
    if (room) {
        heap->room->state = stays(heap, &writing, pointers) ? SPEADI_ROOM_READY : SPEADI_ROOM_FREE;
        speadi_header_room_begin(heap->room);
        *in_room = true;
    } else {
        space->header += head;
    }
    return writing.iovecs;
}
