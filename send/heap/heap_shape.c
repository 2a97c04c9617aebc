/* SPDX-License-Identifier: Apache-2.0 */
/* Computes the size of a heap on the wire. */
#include <errno.h>

#include <speadi/numbers.h>
#include <speadi/packet.h>

#include "packetiser.h"

/* If a heap has very many item pointers, its first packets are full of item pointers. This function returns how many
 * packets come after those first packets. `bytes` is the payload that the later packets must carry. The first of the
 * later packets also carries the last `rest_pointers` item pointers. */
static uint64_t packets_for(uint64_t bytes, uint32_t packet_bytes, uint32_t rest_pointers)
{
    uint64_t room = packet_bytes - SPEADI_PACKET_FIXED_BYTES;
    uint64_t first = room - (uint64_t)rest_pointers * SPEADI_POINTER_BYTES;

    return bytes <= first ? bytes != 0 : 1 + speadi_divide_up(bytes - first, room);
}

static int shape_repeated(struct speadi_heap_shape *shape, uint32_t packet_bytes)
{
    uint64_t head = SPEADI_PACKET_FIXED_BYTES + (uint64_t)shape->pointers * SPEADI_POINTER_BYTES;
    uint64_t room = packet_bytes - head;

    shape->packets = speadi_divide_up(shape->length, room);
    shape->bytes = shape->length + shape->packets * head;
    return 0;
}

/* The same for packets with a fixed payload. All item pointers are in the first packet, or in every packet. */
static int shape_fixed(struct speadi_heap_shape *shape, const struct spead_send_heap *heap,
                       const struct speadi_packet_size *size)
{
    const uint64_t pointers = (uint64_t)shape->pointers * SPEADI_POINTER_BYTES;

    if (SPEADI_PACKET_FIXED_BYTES + pointers + speadi_min_u64(size->payload, shape->length) >
        size->bytes)
        return -EINVAL;
    shape->packets = speadi_divide_up(shape->length, size->payload);
    shape->bytes = shape->length + shape->packets * SPEADI_PACKET_FIXED_BYTES +
                   (heap->repeat_pointers ? shape->packets : 1) * pointers;
    return 0;
}

int speadi_heap_shape_of_any(struct speadi_heap_shape *shape, const struct spead_send_heap *heap,
                             const struct speadi_packet_size *size)
{
    const uint32_t packet_bytes = size->bytes;
    const uint32_t most = speadi_packet_pointers_max(packet_bytes);
    /* True if the item pointers can fill at least one packet. For most heaps it is false, and then the two divisions
     * below are not computed. */
    const bool spills = heap->item_count >= most;
    uint32_t full = spills ? heap->item_count / most : 0;
    const uint64_t least = (uint64_t)full * SPEADI_PAYLOAD_UNIT + 1;

    if (heap->repeat_pointers && spills)
        return -EINVAL;
    shape->pointers = heap->item_count;
    shape->length = heap->payload_bytes;
    /* Each packet that is full of item pointers needs some payload. So padding is added if the heap has too little
     * payload. */
    if (shape->length < least) {
        if (least > spead_flavour_value_max(heap->flavour))
            return -EINVAL;
        shape->length = least;
        shape->pointers++;
    }
    if (size->payload != 0)
        return shape_fixed(shape, heap, size);
    if (heap->repeat_pointers)
        return shape_repeated(shape, packet_bytes);
    full = shape->pointers >= most ? shape->pointers / most : 0;
    shape->packets =
        full + packets_for(shape->length -
                               speadi_min_u64(shape->length, (uint64_t)full * SPEADI_PAYLOAD_UNIT),
                           packet_bytes, shape->pointers - full * most);
    shape->bytes = shape->length + shape->packets * SPEADI_PACKET_FIXED_BYTES +
                   (uint64_t)shape->pointers * SPEADI_POINTER_BYTES;
    return 0;
}
