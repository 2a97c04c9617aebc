/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of devices that payload may lie in. The CPU cannot read it. */
#ifndef SPEADI_DEVICE_MEMORY_H
#define SPEADI_DEVICE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/send.h>

struct speadi_device_range {
    uintptr_t first; /* the address of the first byte */
    size_t bytes;
};

/* All zero: no memory of a device. */
struct speadi_device_memory {
    struct speadi_device_range *range;
    uint32_t count;
};

/* Notes which of these `count` pieces of memory belong to a device. Returns 0 or -ENOMEM. */
int speadi_device_memory_init(struct speadi_device_memory *memory,
                              const struct spead_send_memory *pieces, uint32_t count);

/* Does nothing if *memory is zeroed. */
void speadi_device_memory_release(struct speadi_device_memory *memory);

/* Returns a range that has some of the `bytes` bytes at `data`, or NULL if the CPU can read all of them. */
static inline const struct speadi_device_range *speadi_device_memory_find(
    const struct speadi_device_memory *memory, const void *data, size_t bytes)
{
    const uintptr_t first = (uintptr_t)data;

    for (uint32_t i = 0; i < memory->count; i++) {
        const struct speadi_device_range *range = &memory->range[i];

        if (first < range->first + range->bytes && range->first < first + bytes)
            return range;
    }
    return NULL;
}

#endif
