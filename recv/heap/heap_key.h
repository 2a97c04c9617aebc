/* SPDX-License-Identifier: Apache-2.0 */
/* Names a heap of a stream, and says where it belongs. */
#ifndef SPEADI_HEAP_KEY_H
#define SPEADI_HEAP_KEY_H

#include <stdint.h>

/* Two packets belong to one heap if `sender` and `counter` are equal. */
struct speadi_heap_key {
    uint64_t counter; /* the heap counter (item 0x01) */
    uint32_t sender;  /* the id of the sender (sender_table.h) */
    /* The window of live heaps and the memory of finished heaps to which the heap belongs. Each substream of each
     * endpoint has its own: ring = endpoint x substream_count + substream. */
    uint32_t ring;
    uint16_t endpoint; /* index of the endpoint; 0 in a joint stream */
};

#endif
