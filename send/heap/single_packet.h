/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts heaps of one packet. They are small and many, so each step that they do not need is left out. */
#ifndef SPEADI_SINGLE_PACKET_H
#define SPEADI_SINGLE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "heap_builder.h"
#include "packetiser.h"

/* A heap of one packet. `bytes` and `length` are those of its shape, so its header has bytes - length bytes. */
struct speadi_single_packet {
    const struct spead_send_heap *heap;
    uint64_t bytes, length, counter;
    uint16_t destination;
};

/* Returns true if speadi_single_packet_cut() can cut this heap of one packet: each of its items can have an iovec in it,
 * with one for the padding. */
static inline bool speadi_is_single_packet(const struct spead_send_heap *heap)
{
    return heap->item_count < SPEADI_PACKET_PIECES_MAX;
}

/* Returns true if the room of the heap has the header of this packet, except for its counter. A packet with padding has one
 * more item pointer than the heap has items, and its header is never there. */
static inline bool speadi_single_packet_is_ready(const struct speadi_packetiser *packetiser,
                                                 const struct speadi_single_packet *packet)
{
    const struct spead_send_heap *heap = packet->heap;

    return heap->room && heap->room->state == SPEADI_ROOM_READY && packetiser->uses_room &&
           packetiser->address_bits == heap->flavour.heap_address_bits &&
           packet->bytes - packet->length ==
               SPEADI_PACKET_FIXED_BYTES + heap->item_count * SPEADI_POINTER_BYTES;
}

/* Writes the header of the packet, into the room of the heap if it can, and the iovecs. Sets *in_room to true if the header
 * is there. Returns the number of iovecs. Only speadi_single_packet_cut() calls it. */
unsigned speadi_single_packet_write(struct speadi_packetiser *packetiser,
                                    const struct speadi_single_packet *packet,
                                    struct speadi_packet_space *space, bool *in_room);

/* Writes the packet of a heap for which speadi_is_single_packet() returns true. It does the same as
 * speadi_packetiser_begin() and speadi_packetiser_fill(), but begins no heap, and uses the header room of the heap. If the
 * header is in the room, it sets *in_room to true: the caller must call speadi_header_room_end() when the packet is done.
 * Returns false, and has written nothing, when the packet does not fit into the space. */
static inline bool speadi_single_packet_cut(struct speadi_packetiser *packetiser,
                                            const struct speadi_single_packet *packet,
                                            struct speadi_packet_space *space, bool *in_room)
{
    struct iovec *const iov = space->iov;
    unsigned iovecs = 1;

    if (!speadi_packet_space_has(space, packetiser->packet_bytes, packet->bytes))
        return false;
    if (speadi_single_packet_is_ready(packetiser, packet)) {
        struct speadi_header_room *room = packet->heap->room;
        uint8_t *const header = room->end - (packet->bytes - packet->length);

        iov[0] = (struct iovec){.iov_base = header, .iov_len = packet->bytes};
        speadi_store_be64(header + SPEADI_HEADER_BYTES,
                          packetiser->word[SPEADI_WORD_COUNTER] | packet->counter);
        speadi_header_room_begin(room);
        *in_room = true;
    } else {
        iovecs = speadi_single_packet_write(packetiser, packet, space, in_room);
    }
    *space->packet++ = (struct speadi_tx_packet){.iov = iov,
                                                 .bytes = (uint32_t)packet->bytes,
                                                 .iov_count = (uint16_t)iovecs,
                                                 .destination = packet->destination};
    space->iov = iov + iovecs;
    space->budget -= packet->bytes + space->packet_overhead;
    space->bytes += packet->bytes;
    return true;
}

#endif
