/* SPDX-License-Identifier: Apache-2.0 */
/* See device_memory.h. */
#include "device_memory.h"

#include <errno.h>
#include <stdlib.h>

int speadi_device_memory_init(struct speadi_device_memory *memory,
                              const struct spead_send_memory *pieces, uint32_t count)
{
    uint32_t of_devices = 0;

    *memory = (struct speadi_device_memory){0};
    for (uint32_t i = 0; i < count; i++)
        of_devices += pieces[i].is_dma_buf;
    if (of_devices == 0)
        return 0;
    memory->range = calloc(of_devices, sizeof *memory->range);
    if (!memory->range)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (pieces[i].is_dma_buf)
            memory->range[memory->count++] = (struct speadi_device_range){
                .first = (uintptr_t)pieces[i].data, .bytes = pieces[i].bytes};
    return 0;
}

void speadi_device_memory_release(struct speadi_device_memory *memory)
{
    free(memory->range);
    *memory = (struct speadi_device_memory){0};
}
