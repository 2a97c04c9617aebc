/* SPDX-License-Identifier: Apache-2.0 */
/* A heap to send. The functions spead_send_heap_*() build it, and the packetiser reads it. */
#ifndef SPEADI_HEAP_BUILDER_H
#define SPEADI_HEAP_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/send.h>

#include "header_room.h"

enum speadi_send_item_kind {
    SPEADI_SEND_ITEM_IMMEDIATE, /* the item pointer contains the value of the item */
    SPEADI_SEND_ITEM_INLINE,    /* the packetiser copies the bytes into the item pointer */
    SPEADI_SEND_ITEM_PAYLOAD,   /* the bytes travel in the payload */
};

struct speadi_send_item {
    /* The item pointer with the mode bit and the identifier of the item. For SPEADI_SEND_ITEM_IMMEDIATE it also has the
     * value. */
    uint64_t pointer;
    const uint8_t *data; /* borrowed */
    size_t bytes;
    enum speadi_send_item_kind kind;
    bool allow_immediate;
    bool is_fixed; /* the heap owns the bytes, and no function changes them */
};

/* Returns the bytes of a SPEADI_SEND_ITEM_INLINE item as the value of its item pointer. */
static inline uint64_t speadi_send_item_value(const struct speadi_send_item *item)
{
    uint64_t value = 0;

    for (size_t i = 0; i < item->bytes; i++)
        value = value << 8 | item->data[i];
    return value;
}

/* Bytes that a heap owns: an encoded descriptor. */
struct speadi_send_bytes {
    struct speadi_send_bytes *next;
    uint8_t bytes[];
};

struct spead_send_heap {
    struct speadi_send_item *item;
    /* The sum of the bytes of all SPEADI_SEND_ITEM_PAYLOAD items. It never exceeds the largest value of the flavour. */
    uint64_t payload_bytes;
    uint32_t item_count;
    struct spead_flavour flavour;
    bool repeat_pointers;
    /* `room` is NULL or points at own_room: so a stream, which has the heap as const, can use the room. */
    struct speadi_header_room *room;
    struct speadi_header_room own_room;
    uint32_t item_capacity;
    struct speadi_send_bytes *owned; /* a list; freed by reset and destroy */
    uint8_t *copies;                 /* memory for copies of values; freed by destroy */
    size_t copies_bytes;
};

/* Returns memory of the heap with room for `bytes` bytes, or NULL if there is none. The memory is that of the call before
 * if it is large enough. So the caller may use it only after a reset, for items that it adds then. */
uint8_t *speadi_send_heap_copies(struct spead_send_heap *heap, size_t bytes);

#endif
