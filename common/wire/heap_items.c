/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a heap. Source: SPEAD protocol, SSA4700-0000-001 rev 1, "item pointers". */
#include <errno.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

static uint64_t address_of(const struct spead_heap *heap, uint64_t pointer)
{
    return speadi_pointer_value(pointer, heap->heap_address_bits);
}

static bool is_null(const struct spead_heap *heap, uint64_t pointer)
{
    return speadi_pointer_id(pointer, heap->heap_address_bits) == SPEAD_ID_NULL;
}

/* Keeps two kinds of pointers: items, and addressed NULL pointers, each of which marks the end of an item. Drops all
 * other pointers. Sorts the pointers that it keeps: first the immediate pointers in order of arrival, then the
 * addressed pointers by address. Returns the number of immediate pointers. */
static uint32_t keep_items_and_ends(struct spead_heap *heap)
{
    uint32_t kept = 0, immediate = 0;

    for (uint32_t i = 0; i < heap->pointer_count; i++) {
        uint64_t pointer = heap->pointers[i];
        bool is_immediate = speadi_pointer_is_immediate(pointer);

        if (speadi_pointer_is_special(pointer, heap->heap_address_bits) ||
            (is_immediate && is_null(heap, pointer)))
            continue;
        immediate += is_immediate;
        heap->pointers[kept++] = pointer;
    }
    heap->pointer_count = kept;
    speadi_item_order_sort(heap->pointers, kept, heap->heap_address_bits);
    return immediate;
}

/* Drops the addressed pointers whose items have no bytes. Such a pointer can also mark the end of the item before it.
 * That end is not lost, because the next pointer has the same address and so marks the same end. */
static void drop_zero_length(struct spead_heap *heap, uint32_t immediate)
{
    uint32_t kept = immediate;

    for (uint32_t i = immediate; i < heap->pointer_count; i++) {
        uint64_t start = address_of(heap, heap->pointers[i]);
        uint64_t end =
            i + 1 < heap->pointer_count ? address_of(heap, heap->pointers[i + 1]) : heap->length;

        if (start < end && start < heap->length)
            heap->pointers[kept++] = heap->pointers[i];
    }
    heap->pointer_count = kept;
}

/* Moves the NULL pointers behind the pointers of the addressed items. After that the pointer of item i has the index i.
 * Returns the number of items. */
static uint32_t split_ends(struct spead_heap *heap, uint32_t immediate)
{
    uint64_t *pointers = heap->pointers;
    uint32_t items = immediate;

    for (uint32_t i = immediate; i < heap->pointer_count; i++) {
        uint64_t pointer = pointers[i];

        if (!is_null(heap, pointer)) {
            pointers[i] = pointers[items];
            pointers[items++] = pointer;
        }
    }
    speadi_item_order_sort(pointers + items, heap->pointer_count - items, heap->heap_address_bits);
    return items;
}

void speadi_heap_sort_pointers(struct spead_heap *heap)
{
    uint32_t immediate = keep_items_and_ends(heap);

    if (heap->complete) {
        drop_zero_length(heap, immediate);
        heap->item_count = split_ends(heap, immediate);
    } else {
        heap->item_count = heap->pointer_count = immediate;
    }
}

/* Returns the lowest address of a NULL pointer that is higher than `address`. If there is none, it returns the length
 * of the heap. */
static uint64_t end_above(const struct spead_heap *heap, uint64_t address)
{
    uint32_t low = heap->item_count, high = heap->pointer_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (address_of(heap, heap->pointers[middle]) > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low < heap->pointer_count ? address_of(heap, heap->pointers[low]) : heap->length;
}

static uint64_t item_end(const struct spead_heap *heap, size_t index)
{
    uint64_t end = end_above(heap, address_of(heap, heap->pointers[index]));

    if (index + 1 < heap->item_count) {
        uint64_t next = address_of(heap, heap->pointers[index + 1]);

        if (next < end)
            end = next;
    }
    return end;
}

size_t spead_heap_item_count(const struct spead_heap *heap)
{
    return heap->item_count;
}

int spead_heap_item(const struct spead_heap *heap, size_t index, struct spead_item *item)
{
    uint64_t pointer;

    if (index >= heap->item_count)
        return -ERANGE;
    pointer = heap->pointers[index];
    *item = (struct spead_item){
        .id = speadi_pointer_id(pointer, heap->heap_address_bits),
        .is_immediate = speadi_pointer_is_immediate(pointer),
        .value = address_of(heap, pointer),
    };
    if (!item->is_immediate) {
        item->data = heap->region->data ? heap->region->data + item->value : NULL;
        item->bytes = (size_t)(item_end(heap, index) - item->value);
    }
    return 0;
}

int spead_heap_find_item(const struct spead_heap *heap, uint64_t id, struct spead_item *item)
{
    for (size_t i = 0; i < heap->item_count; i++)
        if (speadi_pointer_id(heap->pointers[i], heap->heap_address_bits) == id)
            return spead_heap_item(heap, i, item);
    return -ENOENT;
}

bool spead_heap_has_control(const struct spead_heap *heap, enum spead_stream_control value)
{
    uint64_t wanted =
        speadi_pointer_immediate(heap->heap_address_bits, SPEAD_ID_STREAM_CONTROL, (uint64_t)value);

    for (uint32_t i = 0; i < heap->pointer_count; i++)
        if (heap->pointers[i] == wanted)
            return true;
    return false;
}
