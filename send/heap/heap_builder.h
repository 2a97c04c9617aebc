/* A heap to send. The functions spead_send_heap_*() build it, and the packetiser reads it. */
#ifndef SPEADI_HEAP_BUILDER_H
#define SPEADI_HEAP_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/send.h>

enum speadi_send_item_kind {
    SPEADI_SEND_ITEM_IMMEDIATE, /* the value is in `pointer` */
    SPEADI_SEND_ITEM_INLINE,    /* the packetiser copies the bytes into the item pointer */
    SPEADI_SEND_ITEM_PAYLOAD,   /* the bytes travel in the payload */
};

struct speadi_send_item {
    uint64_t pointer;    /* the item pointer: mode bit and id; for IMMEDIATE also the value */
    const uint8_t *data; /* borrowed */
    size_t bytes;
    enum speadi_send_item_kind kind;
    bool allow_immediate;
};

struct spead_send_heap {
    struct speadi_send_item *item;
    uint64_t payload_bytes; /* sum over PAYLOAD items; at most the largest value of the flavour */
    uint32_t item_count;
    uint32_t item_capacity;
    struct spead_flavour flavour;
    bool repeat_pointers;
};

#endif
