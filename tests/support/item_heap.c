/* SPDX-License-Identifier: Apache-2.0 */
/* See item_heap.h. */
#include "item_heap.h"

#include <stdlib.h>
#include <string.h>

#include <speadi/packet.h>

#include "must.h"

void item_heap_begin(struct item_heap *made, unsigned heap_address_bits)
{
    made->heap = (struct spead_heap){.heap_address_bits = (uint8_t)heap_address_bits,
                                     .has_length = true,
                                     .region = &made->block,
                                     .pointers = made->pointers};
    made->block = (struct speadi_block){.data = NULL};
    made->bytes = made->capacity = 0;
    atomic_init(&made->heap.references, 1);
}

static void add(struct item_heap *made, uint64_t pointer)
{
    MUST(made->heap.pointer_count < sizeof made->pointers / sizeof *made->pointers, "too many");
    made->pointers[made->heap.pointer_count++] = pointer;
}

void item_heap_immediate(struct item_heap *made, uint64_t id, uint64_t value)
{
    add(made, speadi_pointer_immediate(made->heap.heap_address_bits, id, value));
}

void item_heap_bytes(struct item_heap *made, uint64_t id, const void *data, size_t bytes)
{
    add(made, speadi_pointer_addressed(made->heap.heap_address_bits, id, made->bytes));
    if (made->bytes + bytes > made->capacity) {
        made->capacity = 2 * made->capacity + bytes;
        made->block.data = realloc(made->block.data, made->capacity);
        MUST(made->block.data != NULL, "no memory");
    }
    if (bytes > 0)
        memcpy(made->block.data + made->bytes, data, bytes);
    made->bytes += bytes;
}

void item_heap_descriptor(struct item_heap *made, const struct spead_descriptor *descriptor)
{
    static uint8_t bytes[SPEAD_DESCRIPTOR_MEMORY_MAX];
    int ret = spead_descriptor_encode(descriptor, spead_heap_flavour(&made->heap), 0, bytes,
                                      sizeof bytes, NULL);

    MUST(ret > 0, "a descriptor that cannot be encoded");
    item_heap_bytes(made, SPEAD_ID_DESCRIPTOR, bytes, (size_t)ret);
}

struct spead_heap *item_heap_end(struct item_heap *made, uint64_t counter, bool complete)
{
    made->heap.counter = counter;
    made->heap.complete = complete;
    made->heap.length = made->bytes;
    made->heap.received = complete ? made->bytes : made->bytes / 2;
    if (!made->block.data)
        made->block.data = malloc(1);
    made->block.bytes = made->bytes;
    speadi_heap_sort_items(&made->heap);
    return &made->heap;
}

unsigned item_heap_references(const struct item_heap *made)
{
    return atomic_load(&made->heap.references);
}

void item_heap_free(struct item_heap *made)
{
    free(made->block.data);
}
