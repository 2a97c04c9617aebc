/* Memory that the CPU must not touch, like that of a device. It is a memfd with two mappings. The program gets the
 * address of a PROT_NONE mapping, so a touch faults. Only the operations of the memory use the second mapping. The
 * memfd itself serves as the dma-buf. One thread uses the memory; other threads may only count in `ended`. */
#ifndef TEST_APART_MEMORY_H
#define TEST_APART_MEMORY_H

#include <stdatomic.h>
#include <stdint.h>

#include <speadline/heap.h>
#include <speadline/region.h>

struct apart_memory {
    /* A test gives this arena to a pool or a stream. device_address is the address of the PROT_NONE mapping. */
    struct spead_region_arena arena;
    struct spead_region_ops ops;
    uint8_t *view; /* the second mapping: for test code that acts as the device */
    unsigned copies_in, copies_within, copies_out, flushes;
    unsigned fail_at; /* the operation with this number (from 1) and all later ones fail; 0: none */
    int fail_with;    /* -errno that they return */
    atomic_int ended; /* calls of arena.ended */
};

/* Makes the memory. Aborts the program if this fails. */
void apart_memory_open(struct apart_memory *memory, size_t bytes);
void apart_memory_close(struct apart_memory *memory);

/* A heap lies in the memory. Returns the address of its payload in the second mapping. */
const uint8_t *apart_memory_payload(const struct apart_memory *memory,
                                    const struct spead_heap *heap);

#endif
