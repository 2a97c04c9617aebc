/* How payload is moved in heap memory that the CPU cannot touch: by the operations that came with it.
 *
 * Offsets count in the whole memory, as those of struct speadi_rx_range do. Each operation may block for
 * the time of a copy. The first failure is logged; all are returned to the caller. Owner thread. */
#ifndef SPEADI_HEAP_MEMORY_H
#define SPEADI_HEAP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/region.h>

struct speadi_heap_memory {
    struct spead_region_info all;
    const struct spead_region_ops *ops; /* NULL: plain host memory, nothing to be flushed */
    uint64_t spare_offset;              /* room for spare buffers, behind the heaps */
    const struct spead_log *log;
    bool logged;
};

/* The CPU cannot touch it: payload is moved by the functions below. flush is for memory of any kind. */
static inline bool speadi_heap_memory_is_device(const struct speadi_heap_memory *memory)
{
    return !memory->all.data;
}

/* The operations that memory out of the CPU's reach cannot do without are there: 0 or -EINVAL. */
int speadi_heap_memory_check(const struct spead_region_arena *arena, struct spead_err *err);

/* Each returns 0 or -errno; -ENOTSUP from copy_out where the memory cannot be read back. */
int speadi_heap_memory_copy_in(struct speadi_heap_memory *memory, uint64_t to, const void *from,
                               size_t bytes);
int speadi_heap_memory_copy_out(struct speadi_heap_memory *memory, void *to, uint64_t from,
                                size_t bytes);
int speadi_heap_memory_copy_within(struct speadi_heap_memory *memory, uint64_t to, uint64_t from,
                                   size_t bytes);
int speadi_heap_memory_zero(struct speadi_heap_memory *memory, uint64_t from, uint64_t end);

/* Makes what a NIC wrote into [offset, offset + bytes) visible to the memory's device. Any memory. */
int speadi_heap_memory_flush(struct speadi_heap_memory *memory, uint64_t offset, uint64_t bytes);

#endif
