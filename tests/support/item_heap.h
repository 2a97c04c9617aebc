/* SPDX-License-Identifier: Apache-2.0 */
/* Makes finished heaps with items, as the receive core hands them over.
 *
 *     struct item_heap made;
 *     item_heap_begin(&made, 48);
 *     item_heap_descriptor(&made, descriptor);
 *     item_heap_bytes(&made, 0x1000, "abcd", 4);
 *     item_heap_immediate(&made, 0x1001, 7);
 *     spead_item_group_update(group, item_heap_end(&made, 1, true));
 *     cr_expect_eq(item_heap_references(&made), 1); // nobody holds it
 *     item_heap_free(&made);
 *
 * The heap has one reference, which the test must not give back. A heap that is too large ends the program. */
#ifndef TEST_ITEM_HEAP_H
#define TEST_ITEM_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include <speadi/heap_view.h>
#include <speadline/descriptor.h>

struct item_heap {
    struct spead_heap heap;
    struct speadi_block block;
    uint64_t pointers[4096];
    size_t bytes, capacity; /* of block.data */
};

void item_heap_begin(struct item_heap *made, unsigned heap_address_bits);
void item_heap_immediate(struct item_heap *made, uint64_t id, uint64_t value);
void item_heap_bytes(struct item_heap *made, uint64_t id, const void *data, size_t bytes);
void item_heap_descriptor(struct item_heap *made, const struct spead_descriptor *descriptor);
/* Ends the heap. Returns it; the memory is the test's. */
struct spead_heap *item_heap_end(struct item_heap *made, uint64_t counter, bool complete);
unsigned item_heap_references(const struct item_heap *made);
/* Frees the payload. */
void item_heap_free(struct item_heap *made);

#endif
