/* Memory that the CPU must not touch, as a device's: a memfd, mapped PROT_NONE where the program sees it
 * (a touch faults), and a second time for its operations, which are all that may reach it. As dma-buf it is
 * the memfd itself. One thread, but for ended. */
#ifndef TEST_APART_MEMORY_H
#define TEST_APART_MEMORY_H

#include <stdatomic.h>
#include <stdint.h>

#include <speadline/heap.h>
#include <speadline/region.h>

struct apart_memory {
    struct spead_region_arena arena; /* to be given away; device_address is the forbidden mapping */
    struct spead_region_ops ops;
    uint8_t *view; /* the other mapping: for whoever plays the device */
    unsigned copies_in, copies_within, copies_out, flushes;
    unsigned fail_at; /* this operation of all and those after it fail; 0: none */
    int fail_with;    /* -errno */
    atomic_int ended;
};

/* Aborts where it cannot be had. */
void apart_memory_open(struct apart_memory *memory, size_t bytes);
void apart_memory_close(struct apart_memory *memory);

/* The payload of a heap that lies in it. */
const uint8_t *apart_memory_payload(const struct apart_memory *memory,
                                    const struct spead_heap *heap);

#endif
