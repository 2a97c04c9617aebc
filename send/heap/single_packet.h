/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts heaps of one packet. They are small and many, so each step that they do not need is left out. */
#ifndef SPEADI_SINGLE_PACKET_H
#define SPEADI_SINGLE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "heap_builder.h"
#include "packetiser.h"

/* Returns true if speadi_single_packet_cut() can cut the heap: it has one packet, and each of its items can have an iovec
 * in it, with one for the padding. */
static inline bool speadi_is_single_packet(const struct spead_send_heap *heap,
                                           const struct speadi_heap_shape *shape)
{
    return shape->packets == 1 && heap->item_count < SPEADI_PACKET_PIECES_MAX;
}

/* Writes the item pointers of a heap to `to`, and iovecs that point at its whole payload. Returns the number of
 * iovecs. */
static inline unsigned speadi_single_packet_items(const struct spead_send_heap *heap,
                                                  uint64_t length, uint8_t *to, struct iovec *iov)
{
    const struct speadi_send_item *item = heap->item, *const end = item + heap->item_count;
    uint64_t address = 0;
    unsigned count = 0;

    for (; item < end; item++, to += SPEADI_POINTER_BYTES) {
        uint64_t word = item->pointer;

        if (item->kind == SPEADI_SEND_ITEM_PAYLOAD) {
            word |= address;
            iov[count] = (struct iovec){(void *)(uintptr_t)item->data, item->bytes};
            count += item->bytes != 0;
            address += item->bytes;
        } else if (item->kind == SPEADI_SEND_ITEM_INLINE) {
            word |= speadi_send_item_value(item);
        }
        speadi_store_be64(to, word);
    }
    if (address == length)
        return count;
    speadi_store_be64(
        to, speadi_pointer_addressed(heap->flavour.heap_address_bits, SPEAD_ID_NULL, address));
    iov[count] = (struct iovec){(void *)(uintptr_t)speadi_packet_padding, length - address};
    return count + 1;
}

/* Writes the packet of a heap for which speadi_is_single_packet() returns true. It does the same as
 * speadi_packetiser_begin() and speadi_packetiser_fill(), but begins no heap. Returns false, and has written nothing, when
 * the packet does not fit into the space. */
static inline bool speadi_single_packet_cut(struct speadi_packetiser *packetiser,
                                            const struct spead_send_heap *heap,
                                            const struct speadi_heap_shape *shape, uint64_t counter,
                                            uint16_t destination, struct speadi_packet_space *space)
{
    uint8_t *const header = space->header;
    struct iovec *const iov = space->iov;
    const uint32_t head = SPEADI_PACKET_FIXED_BYTES + shape->pointers * SPEADI_POINTER_BYTES;
    unsigned iovecs;

    if (!speadi_packet_space_has(space, packetiser->packet_bytes, shape->bytes))
        return false;
    speadi_packetiser_use_flavour(packetiser, heap->flavour);
    speadi_packetiser_write_fixed(packetiser, header, shape->pointers, counter, shape->length, 0,
                                  shape->length);
    iov[0] = (struct iovec){.iov_base = header, .iov_len = head};
    iovecs = 1 + speadi_single_packet_items(heap, shape->length, header + SPEADI_PACKET_FIXED_BYTES,
                                            iov + 1);
    *space->packet++ = (struct speadi_tx_packet){.iov = iov,
                                                 .bytes = (uint32_t)shape->bytes,
                                                 .iov_count = (uint16_t)iovecs,
                                                 .destination = destination};
    space->header += head;
    space->iov += iovecs;
    space->budget -= shape->bytes + space->packet_overhead;
    space->bytes += shape->bytes;
    return true;
}

#endif
