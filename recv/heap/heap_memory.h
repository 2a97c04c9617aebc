/* Moves payload in heap memory that the CPU cannot touch. It calls the operations that the user gave together with the
 * memory (struct spead_region_ops).
 *
 * Offsets count from the start of the whole heap memory, as in struct speadi_rx_range. Each operation may block for the
 * time of a copy. Each failure is returned to the caller; the first one is also logged. Owner thread. */
#ifndef SPEADI_HEAP_MEMORY_H
#define SPEADI_HEAP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/region.h>

struct speadi_heap_memory {
    struct spead_region_info all;       /* the whole heap memory */
    const struct spead_region_ops *ops; /* NULL: host memory without operations */
    uint64_t spare_offset;              /* offset of the spare buffers, behind the heaps */
    const struct spead_log *log;
    bool logged; /* a failure was logged */
};

/* Tells whether the CPU cannot touch the memory. Then the functions below move the payload; only
 * speadi_heap_memory_flush() is for memory of any kind. */
static inline bool speadi_heap_memory_is_device(const struct speadi_heap_memory *memory)
{
    return !memory->all.data;
}

/* Checks heap memory that the user gave. If the CPU cannot touch it, it must have an address or a descriptor, and the
 * operations that the library needs. Returns 0, or -EINVAL with a sentence. */
int speadi_heap_memory_check(const struct spead_region_arena *arena, struct spead_err *err);

/* The first three functions call the operation of the same name; zero() writes zeros by copy_in. All return 0 or the
 * -errno of the operation. copy_out returns -ENOTSUP if the memory cannot be read back. */
int speadi_heap_memory_copy_in(struct speadi_heap_memory *memory, uint64_t to, const void *from,
                               size_t bytes);
int speadi_heap_memory_copy_out(struct speadi_heap_memory *memory, void *to, uint64_t from,
                                size_t bytes);
int speadi_heap_memory_copy_within(struct speadi_heap_memory *memory, uint64_t to, uint64_t from,
                                   size_t bytes);
int speadi_heap_memory_zero(struct speadi_heap_memory *memory, uint64_t from, uint64_t end);

/* Makes the bytes that a NIC wrote to [offset, offset + bytes) visible to the device of the memory, if there is a flush
 * operation. It is for memory of any kind. Returns 0 or the -errno of the operation. */
int speadi_heap_memory_flush(struct speadi_heap_memory *memory, uint64_t offset, uint64_t bytes);

#endif
