/* SPDX-License-Identifier: Apache-2.0 */
/* The header room of a heap: memory before its payload, which the user has lent to the stream
 * (spead_send_heap_set_header_room()). If a heap of one packet has its header there, the packet is one piece of memory.
 *
 * The room keeps the header after the packet is done. When the same heap is sent again and nobody has changed it, only the
 * counter must be written. */
#ifndef SPEADI_HEADER_ROOM_H
#define SPEADI_HEADER_ROOM_H

#include <stdbool.h>
#include <stdint.h>

enum speadi_room_state {
    SPEADI_ROOM_NONE = 0, /* the heap has no room */
    SPEADI_ROOM_FREE,     /* a header may be written into the room */
    /* The room has the header of the heap, with the counter of its last send. The whole packet is one piece. */
    SPEADI_ROOM_READY,
    /* As FREE and READY, but a packet with this header has been cut and is not done. So a heap that is in flight twice
     * does not write two headers to one place. */
    SPEADI_ROOM_FREE_IN_FLIGHT,
    SPEADI_ROOM_READY_IN_FLIGHT,
};

struct speadi_header_room {
    uint8_t *end;   /* where the payload must begin */
    uint32_t bytes; /* the size of the room, which lies before `end` */
    /* enum speadi_room_state. The owner thread of the stream changes it between submit and completion. */
    uint8_t state;
};

/* The room must not be in flight. What the header says is out of date after this call. */
static inline void speadi_header_room_spoil(struct speadi_header_room *room)
{
    if (room->state == SPEADI_ROOM_READY)
        room->state = SPEADI_ROOM_FREE;
}

/* The packet whose header is in the room has been cut. */
static inline void speadi_header_room_begin(struct speadi_header_room *room)
{
    room->state += SPEADI_ROOM_FREE_IN_FLIGHT - SPEADI_ROOM_FREE;
}

/* The packet whose header is in the room is done. */
static inline void speadi_header_room_end(struct speadi_header_room *room)
{
    room->state -= SPEADI_ROOM_FREE_IN_FLIGHT - SPEADI_ROOM_FREE;
}

#endif
