/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that the CPU must not touch, like that of a device. It is a memfd with two mappings. The program under test
 * gets the address of a PROT_NONE mapping, so an access by the CPU crashes. Only the operations of the memory use the
 * second mapping. The memfd itself is used as the dma-buf. One thread uses the memory; other threads are only allowed
 * to increment `ended`. */
#ifndef TEST_APART_MEMORY_H
#define TEST_APART_MEMORY_H

#include <stdatomic.h>
#include <stdint.h>

#include <speadline/heap.h>
#include <speadline/region.h>

struct apart_memory {
    /* A test gives this arena to a pool or a stream. Its device_address is the address of the PROT_NONE mapping. */
    struct spead_region_arena arena;
    struct spead_region_ops ops;
    /* The second mapping, which the CPU may touch. Test code uses it when it acts as the device. */
    uint8_t *view;
    unsigned copies_in, copies_within, copies_out, flushes;
    /* The operations of the memory are numbered from 1. The operation with this number and all later operations fail. 0
     * means that none fails. */
    unsigned fail_at;
    int fail_with;    /* the -errno that failing operations return */
    atomic_int ended; /* how often the pool has called arena.ended */
};

/* Makes the memory. Aborts the program if this fails. */
void apart_memory_open(struct apart_memory *memory, size_t bytes);
void apart_memory_close(struct apart_memory *memory);

/* Returns the address of the payload of `heap` in the second mapping. The heap must lie in this memory. */
const uint8_t *apart_memory_payload(const struct apart_memory *memory,
                                    const struct spead_heap *heap);

#endif
