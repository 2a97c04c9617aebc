/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the operations that the user gave together with the heap memory. */
#include "heap_memory.h"

#include <errno.h>
#include <string.h>

#include <speadi/err.h>

int speadi_heap_memory_check(const struct spead_region_arena *arena, struct spead_err *err)
{
    if (!arena->data && (!arena->ops || !arena->ops->copy_in || !arena->ops->copy_within))
        return speadi_err_field(err, -EINVAL, "heap_arena",
                                ": memory that the CPU cannot touch (data is NULL) needs the "
                                "operations copy_in and copy_within");
    if (!arena->data && arena->device_address == 0 && arena->fd < 0)
        return speadi_err_field(err, -EINVAL, "heap_arena",
                                " has neither data nor device_address nor fd");
    return 0;
}

static int log_failure(struct speadi_heap_memory *memory, const char *what, int ret)
{
    if (ret >= 0)
        return 0;
    if (!memory->logged)
        speadi_log_line(memory->log, SPEAD_LOG_WARNING,
                        "heap memory \"%s\": %s failed: %s; its packets count as region-error",
                        memory->ops->name, what, strerror(-ret));
    memory->logged = true;
    return ret;
}

int speadi_heap_memory_copy_in(struct speadi_heap_memory *memory, uint64_t to, const void *from,
                               size_t bytes)
{
    if (bytes == 0)
        return 0;
    return log_failure(memory, "copy_in",
                       memory->ops->copy_in(memory->ops->arg, &memory->all, to, from, bytes));
}

int speadi_heap_memory_copy_out(struct speadi_heap_memory *memory, void *to, uint64_t from,
                                size_t bytes)
{
    if (!memory->ops->copy_out)
        return log_failure(memory, "copy_out", -ENOTSUP);
    return log_failure(memory, "copy_out",
                       memory->ops->copy_out(memory->ops->arg, &memory->all, to, from, bytes));
}

int speadi_heap_memory_copy_within(struct speadi_heap_memory *memory, uint64_t to, uint64_t from,
                                   size_t bytes)
{
    return log_failure(memory, "copy_within",
                       memory->ops->copy_within(memory->ops->arg, &memory->all, to, from, bytes));
}

int speadi_heap_memory_zero(struct speadi_heap_memory *memory, uint64_t from, uint64_t end)
{
    static const uint8_t zeros[64 << 10];
    int ret = 0;

    while (ret == 0 && from < end) {
        uint64_t bytes = end - from < sizeof zeros ? end - from : sizeof zeros;

        ret = speadi_heap_memory_copy_in(memory, from, zeros, bytes);
        from += bytes;
    }
    return ret;
}

int speadi_heap_memory_flush(struct speadi_heap_memory *memory, uint64_t offset, uint64_t bytes)
{
    struct spead_region_info part = memory->all;

    if (!memory->ops || !memory->ops->flush)
        return 0;
    part.data = part.data ? (uint8_t *)part.data + offset : NULL;
    part.device_address = part.device_address != 0 ? part.device_address + offset : 0;
    part.fd_offset = part.fd >= 0 ? part.fd_offset + offset : 0;
    part.bytes = bytes;
    return log_failure(memory, "flush", memory->ops->flush(memory->ops->arg, &part));
}
