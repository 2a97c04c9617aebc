/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the stream-control items of a packet. */
#include "control_items.h"

#include <speadline/item.h>

uint32_t speadi_packet_controls(const struct speadi_packet *packet, bool *user_items)
{
    unsigned bits = packet->heap_address_bits;
    uint32_t controls = 0;

    *user_items = false;
    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        uint64_t pointer = speadi_packet_pointer(packet, i);
        uint64_t id = speadi_pointer_id(pointer, bits), value = speadi_pointer_value(pointer, bits);

        if (id == SPEAD_ID_NULL || speadi_pointer_is_special(pointer, bits))
            continue;
        if (speadi_pointer_is_immediate(pointer) && id == SPEAD_ID_STREAM_CONTROL &&
            value <= SPEAD_CONTROL_DESCRIPTORS_UPDATED)
            controls |= SPEADI_CONTROL_BIT(value);
        else
            *user_items = true;
    }
    return controls;
}
