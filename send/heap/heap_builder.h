/* A heap as its builder leaves it: items in order, ready for the packetiser. */
#ifndef SPEADI_HEAP_BUILDER_H
#define SPEADI_HEAP_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/send.h>

enum speadi_send_item_kind {
    SPEADI_SEND_ITEM_IMMEDIATE, /* pointer holds all of it */
    SPEADI_SEND_ITEM_INLINE,    /* bytes that are read into the pointer when it is sent */
    SPEADI_SEND_ITEM_PAYLOAD,   /* bytes in the payload */
};

struct speadi_send_item {
    uint64_t pointer;    /* mode bit and id; for IMMEDIATE also the value */
    const uint8_t *data; /* borrowed */
    size_t bytes;
    enum speadi_send_item_kind kind;
    bool allow_immediate;
};

struct spead_send_heap {
    struct speadi_send_item *item;
    uint64_t payload_bytes; /* sum over PAYLOAD items; <= the flavour's largest value */
    uint32_t item_count;
    uint32_t item_capacity;
    struct spead_flavour flavour;
    bool repeat_pointers;
};

#endif
