/* SPDX-License-Identifier: Apache-2.0 */
/* Moves payload in heap memory that the CPU cannot touch. The functions call the operations that the user gave together
 * with the memory (struct spead_region_ops).
 *
 * Offsets count from the start of the whole heap memory, as in struct speadi_rx_range. Each operation may block for the
 * time of a copy. The functions return each failure to the caller, and log only the first one. Only the owner thread
 * calls these functions. */
#ifndef SPEADI_HEAP_MEMORY_H
#define SPEADI_HEAP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/region.h>

struct speadi_heap_memory {
    struct spead_region_info all;       /* the whole heap memory */
    const struct spead_region_ops *ops; /* NULL if the user gave none */
    uint64_t spare_offset;              /* offset of the spare buffers, behind the heaps */
    const struct spead_log *log;
    bool logged; /* true after the first failure, which was logged */
};

/* Returns true if the CPU cannot touch the memory. Then the caller must move payload by the functions below.
 * speadi_heap_memory_flush() is also for memory that the CPU can touch. */
static inline bool speadi_heap_memory_is_device(const struct speadi_heap_memory *memory)
{
    return !memory->all.data;
}

/* Checks heap memory that the user gave. Memory that the CPU cannot touch must have an address or a descriptor, and the
 * operations that the library needs. Returns 0, or -EINVAL with a sentence. */
int speadi_heap_memory_check(const struct spead_region_arena *arena, struct spead_err *err);

/* Each of the first three functions calls the operation of the same name. speadi_heap_memory_zero() calls copy_in to
 * write zeros. All four return 0 or the -errno of the operation. speadi_heap_memory_copy_out() returns -ENOTSUP if the
 * user gave no operation copy_out. */
int speadi_heap_memory_copy_in(struct speadi_heap_memory *memory, uint64_t to, const void *from,
                               size_t bytes);
int speadi_heap_memory_copy_out(struct speadi_heap_memory *memory, void *to, uint64_t from,
                                size_t bytes);
int speadi_heap_memory_copy_within(struct speadi_heap_memory *memory, uint64_t to, uint64_t from,
                                   size_t bytes);
int speadi_heap_memory_zero(struct speadi_heap_memory *memory, uint64_t from, uint64_t end);

/* Makes the bytes that a NIC wrote to [offset, offset + bytes) visible to the device of the memory. For this it calls
 * the operation `flush`; if the user gave none, it does nothing. It is for memory of any kind. Returns 0 or the -errno
 * of the operation. */
int speadi_heap_memory_flush(struct speadi_heap_memory *memory, uint64_t offset, uint64_t bytes);

#endif
