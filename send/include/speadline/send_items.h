/* SPDX-License-Identifier: Apache-2.0 */
/* The items that a program sends, with their descriptors and their values. It fills heaps with what receivers do not
 * have yet.
 *
 *     spead_send_items_add(items, descriptor, &err);              // once for each item; returns its handle
 *     spead_send_items_write(items, samples, SPEAD_CTYPE_I16, values, 4096, &err); // a new value
 *     spead_send_items_fill(items, heap, SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE, &err);
 *     spead_send_stream_submit(stream, heap, NULL);
 *
 * It is what an ItemGroup with its HeapGenerator is in spead2: item_group.h has the other side.
 *
 * What a heap gets: *stale* descriptors are those that no heap has had since they were added; stale values are those that
 * no heap has had since they were set. In the heap the descriptors come first. Descriptors and values have the order in
 * which the items were added. An item without a value has only a descriptor. A value travels in its item pointer if it
 * fits and its descriptor permits it (spead_descriptor_allows_immediate()), which a variable dimension never does.
 *
 * Ownership: set() and write() copy the value, and fill() copies it into memory of the heap. So a heap in flight never
 * sees a later value, and the program may change its own memory at once. borrow() copies nothing: heaps then refer to the
 * memory of the program, which must keep it unchanged until every heap has completed that was filled with it. The memory
 * of a slot (send_slots.h) is made for that: fill the heap of a slot with a value that lies in the memory of this slot.
 * fill() needs a heap that is not in flight.
 * Several destinations: what is stale is known once, not for each destination. Give the first heap of each destination
 * SPEAD_SEND_ITEMS_ALL, or use one object for each.
 * Threads: one thread at a time uses an object. */
#ifndef SPEADLINE_SEND_ITEMS_H
#define SPEADLINE_SEND_ITEMS_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/descriptor.h>
#include <speadline/error.h>
#include <speadline/flavour.h>
#include <speadline/send.h>
#include <speadline/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_send_items; /* opaque */

/* Which descriptors, and which values, a heap gets. */
enum spead_send_items_which {
    SPEAD_SEND_ITEMS_STALE = 0, /* those that changed since a heap had them */
    SPEAD_SEND_ITEMS_ALL = 1,   /* all of them */
    SPEAD_SEND_ITEMS_NONE = 2,  /* none of them */
};

/* The configuration. Start from SPEAD_SEND_ITEMS_CONFIG_INIT. */
struct spead_send_items_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t items_max;   /* most items; 1 to 65536, default 256 */
    /* A combination of enum spead_bug_compat: how the receivers' descriptors deviate from the protocol. Default 0. */
    uint32_t bug_compat;
    /* N: stale descriptors become all descriptors in the first heap and in every N-th heap after it, for receivers that
     * begin to listen later. 0 (default): they stay stale descriptors. */
    uint32_t descriptors_every;
    struct spead_flavour flavour; /* the flavour of the heaps; default SPEAD-64-40 */
    uint8_t reserved[7];
};
/* clang-format off */
#define SPEAD_SEND_ITEMS_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_send_items_config), .items_max = 256, \
    .flavour = SPEAD_FLAVOUR_64_40 }
/* clang-format on */
/* Does what SPEAD_SEND_ITEMS_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_send_items_config_init(struct spead_send_items_config *config, size_t size);

/* Makes an object without items. `config` may be NULL: the defaults. Returns 0 and gives *out to the caller, -EINVAL (err
 * names the field) or -ENOMEM. On failure *out is unchanged. err may be NULL. */
int spead_send_items_create(struct spead_send_items **out,
                            const struct spead_send_items_config *config, struct spead_err *err);

/* Frees the object. Heaps that it has filled stay valid, except for borrowed memory. NULL is ignored. */
void spead_send_items_destroy(struct spead_send_items *items);

/* Adds an item. If an item has the same identifier or the same name and another descriptor, the new one takes its place,
 * as in item_group.h: receivers then take the old value away. The same descriptor again changes nothing. Returns the
 * handle of the item (>= 0), which is that of the item with this identifier if there was one. The handle of an item that
 * was replaced by name is no longer valid. Returns -ENOSPC (there are items_max items), -EINVAL (the identifier is
 * reserved: 0 to 6), -ERANGE (the descriptor does not fit the flavour) or -ENOMEM. err may be NULL. */
int spead_send_items_add(struct spead_send_items *items, struct spead_descriptor *descriptor,
                         struct spead_err *err);

/* Returns the lowest identifier that no item has, from 0x1000 on, as spead2 chooses them. In SPEAD-64-56, whose identifiers
 * are narrow, and in SPEAD-64-8, whose descriptors hold no larger one, it is from 0x20 on. */
uint64_t spead_send_items_free_id(const struct spead_send_items *items);

/* The functions below give an item a value and make it stale. They return 0, or -EINVAL (there is no such handle, or the
 * number of bytes or values does not fit the shape), -ENOMEM, or an error of spead_value_write(). After an error the item
 * has the value that it had before; after an error of write() it may have none. err may be NULL.
 *
 * set(): the bytes as they travel, `bytes` of them. They are copied.
 * write(): an array of `count` values of `type` in C order, for items with one field. They are converted and copied.
 * borrow(): as set(), without a copy; see above who must keep `data` unchanged until when.
 * touch(): the memory of a borrowed value has changed. */
int spead_send_items_set(struct spead_send_items *items, int handle, const void *data, size_t bytes,
                         struct spead_err *err);
int spead_send_items_write(struct spead_send_items *items, int handle, enum spead_ctype type,
                           const void *from, size_t count, struct spead_err *err);
int spead_send_items_borrow(struct spead_send_items *items, int handle, const void *data,
                            size_t bytes, struct spead_err *err);
int spead_send_items_touch(struct spead_send_items *items, int handle);

/* Makes all descriptors and all values stale: after a heap that could not be sent, or for a new receiver. */
void spead_send_items_make_stale(struct spead_send_items *items);

/* Resets the heap (spead_send_heap_reset()) and fills it. The program may then add more items to it, such as a control
 * item, and submit it. What the heap has got is no longer stale. The memory of the heap is used again the next time.
 * Returns how many values the heap has got, or -EINVAL (an unknown word), -ERANGE (the values do not fit the flavour) or
 * -ENOMEM; after an error the heap has no items, and what was stale is still stale. err may be NULL. */
int spead_send_items_fill(struct spead_send_items *items, struct spead_send_heap *heap,
                          enum spead_send_items_which descriptors,
                          enum spead_send_items_which values, struct spead_err *err);

#ifdef __cplusplus
}
#endif
#endif
