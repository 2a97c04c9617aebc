/* SPDX-License-Identifier: Apache-2.0 */
/* Builds heaps. These functions check every item when it is added or changed, so that an invalid item cannot make a
 * submit fail. */
#include "heap_builder.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/packet.h>

enum { FIRST_CAPACITY = 4 };

int spead_send_heap_create(struct spead_send_heap **out, struct spead_flavour flavour)
{
    struct spead_send_heap *heap;

    if (!spead_flavour_is_valid(flavour))
        return -EINVAL;
    /* What the stream reads of a small heap is one cache line. */
    heap = speadi_alloc_lines(sizeof *heap);
    if (!heap)
        return -ENOMEM;
    memset(heap, 0, sizeof *heap);
    heap->flavour = flavour;
    *out = heap;
    return 0;
}

static void free_owned(struct spead_send_heap *heap)
{
    while (heap->owned) {
        struct speadi_send_bytes *next = heap->owned->next;

        free(heap->owned);
        heap->owned = next;
    }
}

void spead_send_heap_destroy(struct spead_send_heap *heap)
{
    if (!heap)
        return;
    free_owned(heap);
    free(heap->copies);
    free(heap->item);
    free(heap);
}

int spead_send_heap_reset(struct spead_send_heap *heap, struct spead_flavour flavour)
{
    if (!spead_flavour_is_valid(flavour))
        return -EINVAL;
    free_owned(heap);
    heap->flavour = flavour;
    heap->item_count = 0;
    heap->payload_bytes = 0;
    heap->repeat_pointers = false;
    heap->room = NULL;
    return 0;
}

/* Makes sure that the array can hold one more item. Returns 0 or -ENOMEM. */
static int make_space_for_item(struct spead_send_heap *heap)
{
    struct speadi_send_item *bigger;
    uint32_t capacity;

    if (heap->item_count < heap->item_capacity)
        return 0;
    if (heap->item_capacity > INT_MAX / 2)
        /* no more items: the handle of an item is an int, which limits their number */
        return -ENOMEM;
    capacity = heap->item_capacity == 0 ? FIRST_CAPACITY : heap->item_capacity * 2;
    bigger = realloc(heap->item, capacity * sizeof *bigger);
    if (!bigger)
        return -ENOMEM;
    heap->item = bigger;
    heap->item_capacity = capacity;
    return 0;
}

static int append_item(struct spead_send_heap *heap, struct speadi_send_item item)
{
    int ret = make_space_for_item(heap);

    if (ret < 0)
        return ret;
    speadi_header_room_spoil(&heap->own_room);
    heap->item[heap->item_count] = item;
    return (int)heap->item_count++;
}

static bool id_is_allowed(const struct spead_send_heap *heap, uint64_t id)
{
    return id > SPEAD_ID_PAYLOAD_LENGTH && id <= spead_flavour_id_max(heap->flavour);
}

/* Returns how many bytes the item adds to the payload at present. */
static uint64_t payload_of(const struct speadi_send_item *item)
{
    return item->kind == SPEADI_SEND_ITEM_PAYLOAD ? item->bytes : 0;
}

/* Sets the data of *item and decides whether the data travels in the item pointer or in the payload. It updates
 * heap->payload_bytes: it subtracts what the item added before, and adds what the item adds now. Returns 0, -EINVAL or
 * -ERANGE. */
static int assign_data(struct spead_send_heap *heap, struct speadi_send_item *item,
                       const void *data, size_t bytes)
{
    bool in_pointer = item->allow_immediate && bytes <= heap->flavour.heap_address_bits / 8u;
    uint64_t others = heap->payload_bytes - payload_of(item);
    uint64_t id = speadi_pointer_id(item->pointer, heap->flavour.heap_address_bits);

    if (!data && bytes != 0)
        return -EINVAL;
    if (!in_pointer && bytes > spead_flavour_value_max(heap->flavour) - others)
        return -ERANGE;
    speadi_header_room_spoil(&heap->own_room);
    item->data = data;
    item->bytes = bytes;
    item->kind = in_pointer ? SPEADI_SEND_ITEM_INLINE : SPEADI_SEND_ITEM_PAYLOAD;
    item->pointer = in_pointer ? speadi_pointer_immediate(heap->flavour.heap_address_bits, id, 0)
                               : speadi_pointer_addressed(heap->flavour.heap_address_bits, id, 0);
    heap->payload_bytes = others + payload_of(item);
    return 0;
}

int spead_send_heap_add_immediate(struct spead_send_heap *heap, uint64_t id, uint64_t value)
{
    if (!id_is_allowed(heap, id))
        return -EINVAL;
    if (value > spead_flavour_value_max(heap->flavour))
        return -ERANGE;
    return append_item(
        heap, (struct speadi_send_item){
                  .kind = SPEADI_SEND_ITEM_IMMEDIATE,
                  .pointer = speadi_pointer_immediate(heap->flavour.heap_address_bits, id, value),
              });
}

int spead_send_heap_add_item(struct spead_send_heap *heap, uint64_t id, const void *data,
                             size_t bytes, bool allow_immediate)
{
    struct speadi_send_item item = {.kind = SPEADI_SEND_ITEM_INLINE,
                                    .allow_immediate = allow_immediate};
    int ret;

    if (!id_is_allowed(heap, id))
        return -EINVAL;
    item.pointer = speadi_pointer_addressed(heap->flavour.heap_address_bits, id, 0);
    /* make space first, because after a failure the heap must not have counted the item */
    ret = make_space_for_item(heap);
    if (ret < 0)
        return ret;
    ret = assign_data(heap, &item, data, bytes);
    if (ret < 0)
        return ret;
    return append_item(heap, item);
}

int spead_send_heap_add_control(struct spead_send_heap *heap, enum spead_stream_control value)
{
    return spead_send_heap_add_immediate(heap, SPEAD_ID_STREAM_CONTROL, (uint64_t)value);
}

static struct speadi_send_item *find_item(struct spead_send_heap *heap, int handle)
{
    if (handle < 0 || (uint32_t)handle >= heap->item_count)
        return NULL;
    return &heap->item[handle];
}

int spead_send_heap_set_immediate(struct spead_send_heap *heap, int handle, uint64_t value)
{
    struct speadi_send_item *item = find_item(heap, handle);
    unsigned bits = heap->flavour.heap_address_bits;

    if (!item || item->kind != SPEADI_SEND_ITEM_IMMEDIATE)
        return -EINVAL;
    if (value > spead_flavour_value_max(heap->flavour))
        return -ERANGE;
    speadi_header_room_spoil(&heap->own_room);
    item->pointer = speadi_pointer_immediate(bits, speadi_pointer_id(item->pointer, bits), value);
    return 0;
}

int spead_send_heap_set_item(struct spead_send_heap *heap, int handle, const void *data,
                             size_t bytes)
{
    struct speadi_send_item *item = find_item(heap, handle);

    if (!item || item->kind == SPEADI_SEND_ITEM_IMMEDIATE || item->is_fixed)
        return -EINVAL;
    return assign_data(heap, item, data, bytes);
}

void spead_send_heap_repeat_pointers(struct spead_send_heap *heap, bool repeat)
{
    heap->repeat_pointers = repeat;
}

void spead_send_heap_set_header_room(struct spead_send_heap *heap, void *room, size_t bytes)
{
    heap->own_room = (struct speadi_header_room){
        .end = (uint8_t *)room + bytes,
        .bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX,
        .state = SPEADI_ROOM_FREE,
    };
    heap->room = room ? &heap->own_room : NULL;
}

uint64_t spead_send_heap_payload_bytes(const struct spead_send_heap *heap)
{
    return heap->payload_bytes;
}

int spead_send_heap_create_control(struct spead_send_heap **out, struct spead_flavour flavour,
                                   enum spead_stream_control value)
{
    struct spead_send_heap *heap;
    int ret = spead_send_heap_create(&heap, flavour);

    if (ret < 0)
        return ret;
    ret = spead_send_heap_add_control(heap, value);
    if (ret < 0) {
        spead_send_heap_destroy(heap);
        return ret;
    }
    *out = heap;
    return 0;
}

uint8_t *speadi_send_heap_copies(struct spead_send_heap *heap, size_t bytes)
{
    uint8_t *larger;

    if (heap->copies && heap->copies_bytes >= bytes)
        return heap->copies;
    larger = malloc(bytes > 0 ? bytes : 1);
    if (!larger)
        return NULL;
    free(heap->copies);
    heap->copies = larger;
    heap->copies_bytes = bytes;
    return larger;
}
