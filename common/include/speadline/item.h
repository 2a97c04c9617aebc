/* Items: what a heap is made of.
 *
 * An item is either *immediate* (its value sits in the item pointer) or *addressed* (its pointer
 * holds an offset into the heap's payload, and it ends where the next addressed item starts).
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "item pointers" and the table of reserved ids. */
#ifndef SPEADLINE_ITEM_H
#define SPEADLINE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reserved item ids. User items start at SPEAD_ID_USER_MIN by recommendation, not by force. */
enum spead_item_id {
    SPEAD_ID_NULL = 0x00,           /* padding; addressed: ends the addressed item before it */
    SPEAD_ID_HEAP_COUNTER = 0x01,   /* immediate; identifies the heap */
    SPEAD_ID_HEAP_LENGTH = 0x02,    /* immediate; payload bytes of the whole heap */
    SPEAD_ID_PAYLOAD_OFFSET = 0x03, /* immediate; where this packet's payload starts in the heap */
    SPEAD_ID_PAYLOAD_LENGTH = 0x04, /* immediate; payload bytes in this packet */
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

/* Values of SPEAD_ID_STREAM_CONTROL. Others are reserved and ignored. */
enum spead_stream_control {
    SPEAD_CONTROL_START = 0,
    SPEAD_CONTROL_DESCRIPTORS_REISSUED = 1,
    SPEAD_CONTROL_STOP = 2,
    SPEAD_CONTROL_DESCRIPTORS_UPDATED = 3,
};

/* One item as a receiver sees it. `data` is borrowed from the heap. */
struct spead_item {
    uint64_t id;
    bool is_immediate;
    uint64_t value; /* immediate: the value, low N bits. Addressed: offset into the payload */

    /* Addressed: the item's bytes; immediate: NULL. Also NULL where the CPU cannot touch the payload: value tells
     * where in it. */
    const uint8_t *data;
    size_t bytes; /* addressed: length of data; immediate: 0 */
};

#ifdef __cplusplus
}
#endif
#endif
