/* Items: what a heap is made of.
 *
 * An item is either *immediate* (the item pointer holds its value) or *addressed* (the item pointer holds an offset
 * into the heap's payload; the item begins there and ends where the next addressed item begins). Source: SPEAD
 * protocol, SSA4700-0000-001 rev 1, "item pointers" and the table of reserved ids. */
#ifndef SPEADLINE_ITEM_H
#define SPEADLINE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reserved item identifiers. User items should have identifiers from SPEAD_ID_USER_MIN on: that is a recommendation,
 * and the library does not enforce it. */
enum spead_item_id {
    SPEAD_ID_NULL = 0x00,           /* padding; addressed: ends the addressed item before it */
    SPEAD_ID_HEAP_COUNTER = 0x01,   /* immediate; identifies the heap */
    SPEAD_ID_HEAP_LENGTH = 0x02,    /* immediate; payload bytes of the whole heap */
    SPEAD_ID_PAYLOAD_OFFSET = 0x03, /* immediate; offset of the packet's payload in the heap */
    SPEAD_ID_PAYLOAD_LENGTH = 0x04, /* immediate; payload bytes of the packet */
    SPEAD_ID_DESCRIPTOR = 0x05,     /* addressed; an embedded packet that describes an item */
    SPEAD_ID_STREAM_CONTROL = 0x06, /* immediate; one of enum spead_stream_control */
    SPEAD_ID_DESCRIPTOR_NAME = 0x10,
    SPEAD_ID_DESCRIPTOR_DESCRIPTION = 0x11,
    SPEAD_ID_DESCRIPTOR_SHAPE = 0x12,
    SPEAD_ID_DESCRIPTOR_FORMAT = 0x13,
    SPEAD_ID_DESCRIPTOR_ID = 0x14,
    SPEAD_ID_DESCRIPTOR_DTYPE = 0x15,
    SPEAD_ID_USER_MIN = 0x400,
};

/* Values of SPEAD_ID_STREAM_CONTROL. All other values are reserved, and the library ignores them. */
enum spead_stream_control {
    SPEAD_CONTROL_START = 0,
    SPEAD_CONTROL_DESCRIPTORS_REISSUED = 1,
    SPEAD_CONTROL_STOP = 2,
    SPEAD_CONTROL_DESCRIPTORS_UPDATED = 3,
};

/* One item of a received heap. `data` is borrowed from the heap. */
struct spead_item {
    uint64_t id;
    bool is_immediate;
    uint64_t value; /* immediate: the value (N bits); addressed: the item's offset in the payload */

    /* Addressed: the item's bytes. Immediate: NULL. `data` is also NULL for an addressed item when the CPU cannot touch
     * the payload; then `value` still says where in the payload the item is. */
    const uint8_t *data;
    size_t bytes; /* addressed: length of the item; immediate: 0 */
};

#ifdef __cplusplus
}
#endif
#endif
