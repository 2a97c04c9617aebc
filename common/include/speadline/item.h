/* SPDX-License-Identifier: Apache-2.0 */
/* Items: what a heap is made of.
 *
 * The packets of a heap carry one item pointer for each item. An item is either *immediate* or *addressed*. The item
 * pointer of an immediate item holds the value of the item. The item pointer of an addressed item holds an offset into
 * the payload of the heap; the item begins there and ends where the next addressed item begins. Source: SPEAD protocol,
 * SSA4700-0000-001 rev 1, "item pointers" and the table of reserved ids. */
#ifndef SPEADLINE_ITEM_H
#define SPEADLINE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The item identifiers that the SPEAD protocol reserves. A program should use identifiers from SPEAD_ID_USER_MIN on for
 * its own items. That is a recommendation: the library does not enforce it. */
enum spead_item_id {
    /* Padding. An addressed item with this identifier ends the addressed item before it. */
    SPEAD_ID_NULL = 0x00,
    SPEAD_ID_HEAP_COUNTER = 0x01,   /* immediate: the number of the heap */
    SPEAD_ID_HEAP_LENGTH = 0x02,    /* immediate: payload bytes of the whole heap */
    SPEAD_ID_PAYLOAD_OFFSET = 0x03, /* immediate: where the packet's payload begins in the heap */
    SPEAD_ID_PAYLOAD_LENGTH = 0x04, /* immediate: payload bytes of the packet */
    SPEAD_ID_DESCRIPTOR = 0x05,     /* addressed: a packet in the payload that describes an item */
    SPEAD_ID_STREAM_CONTROL = 0x06, /* immediate: a value of enum spead_stream_control */
    SPEAD_ID_DESCRIPTOR_NAME = 0x10,
    SPEAD_ID_DESCRIPTOR_DESCRIPTION = 0x11,
    SPEAD_ID_DESCRIPTOR_SHAPE = 0x12,
    SPEAD_ID_DESCRIPTOR_FORMAT = 0x13,
    SPEAD_ID_DESCRIPTOR_ID = 0x14,
    SPEAD_ID_DESCRIPTOR_DTYPE = 0x15,
    SPEAD_ID_USER_MIN = 0x400,
};

/* The values of the stream-control item (SPEAD_ID_STREAM_CONTROL). All other values are reserved, and the library
 * ignores them. */
enum spead_stream_control {
    SPEAD_CONTROL_START = 0,
    SPEAD_CONTROL_DESCRIPTORS_REISSUED = 1,
    SPEAD_CONTROL_STOP = 2,
    SPEAD_CONTROL_DESCRIPTORS_UPDATED = 3,
};

/* One item of a received heap. `data` is borrowed from the heap: it is valid as long as the caller holds a reference to
 * the heap. */
struct spead_item {
    uint64_t id;       /* item identifier */
    bool is_immediate; /* true: immediate item; false: addressed item */
    /* Immediate item: its value, of N bits (N is the number of heap-address bits of the flavour). Addressed item: its
     * offset in the payload, in bytes. */
    uint64_t value;

    /* Addressed item: its bytes. If the CPU cannot touch the payload, `data` is NULL; `value` still says where in the
     * payload the item is. Immediate item: NULL. */
    const uint8_t *data;
    size_t bytes; /* addressed item: its length; immediate item: 0 */
};

#ifdef __cplusplus
}
#endif
#endif
