/* SPDX-License-Identifier: Apache-2.0 */
/* Finds start and stop items in a packet. */
#ifndef SPEADI_CONTROL_ITEMS_H
#define SPEADI_CONTROL_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/packet.h>

/* Stream-control values that a heap or a packet carries, as bits: 1 << enum spead_stream_control. */
#define SPEADI_CONTROL_BIT(value) (1u << (value))

#define SPEADI_CONTROL_START_OR_STOP \
    (SPEADI_CONTROL_BIT(SPEAD_CONTROL_START) | SPEADI_CONTROL_BIT(SPEAD_CONTROL_STOP))

/* Returns SPEADI_CONTROL_BIT() of each stream-control value in the packet. *user_items becomes true if the packet has
 * an item of the user. */
uint32_t speadi_packet_controls(const struct speadi_packet *packet, bool *user_items);

/* Returns SPEADI_CONTROL_BIT() of the start and stop items in the packet. */
static inline uint32_t speadi_packet_boundaries(const struct speadi_packet *packet)
{
    bool user_items;

    return packet->pointer_count == packet->special_count
               ? 0
               : speadi_packet_controls(packet, &user_items) & SPEADI_CONTROL_START_OR_STOP;
}

/* Tells whether the packet carries a start or stop item. */
static inline bool speadi_packet_starts_or_stops(const struct speadi_packet *packet)
{
    return speadi_packet_boundaries(packet) != 0;
}

/* Returns the control values of a packet that is a whole control heap: it has a start or stop item, no item of the
 * user, and the whole payload of its heap. Returns 0 for any other packet. */
static inline uint32_t speadi_packet_control_heap(const struct speadi_packet *packet)
{
    bool user_items;
    uint32_t controls;

    if (packet->pointer_count == packet->special_count || packet->payload_offset != 0 ||
        (packet->has_heap_length && packet->payload_bytes != packet->heap_length))
        return 0;
    controls = speadi_packet_controls(packet, &user_items);
    return !user_items && (controls & SPEADI_CONTROL_START_OR_STOP) != 0 ? controls : 0;
}

#endif
