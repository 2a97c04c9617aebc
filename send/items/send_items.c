/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a sender: their descriptors, and the values that they have. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "send_item_entry.h"

enum { ITEMS_MOST = 65536, NOT_FOUND = -1 };

SPEADI_STRUCT_INIT(spead_send_items_config, SPEAD_SEND_ITEMS_CONFIG_INIT)

/* ---- Making and freeing ---------------------------------------------------------------------- */

static int read_config(struct spead_send_items_config *own,
                       const struct spead_send_items_config *config, struct spead_err *err)
{
    static const struct spead_send_items_config defaults = SPEAD_SEND_ITEMS_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "send items",
        .init = "SPEAD_SEND_ITEMS_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_send_items_config, reserved),
    };
    int ret = speadi_struct_read(own, config ? config : &defaults, &kind, err);

    if (ret < 0)
        return ret;
    if (own->items_max < 1 || own->items_max > ITEMS_MOST)
        return speadi_err_range(err, "items_max", own->items_max, 1, ITEMS_MOST);
    if (own->bug_compat > SPEAD_BUG_COMPAT_PYSPEAD_0_5_2)
        return speadi_err_range(err, "bug_compat", own->bug_compat, 0,
                                SPEAD_BUG_COMPAT_PYSPEAD_0_5_2);
    if (!spead_flavour_is_valid(own->flavour))
        return speadi_err_field(err, -EINVAL, "flavour",
                                ": %u heap address bits: use a multiple of 8 from 8 to 56",
                                own->flavour.heap_address_bits);
    return 0;
}

static uint64_t first_id(const struct spead_send_items *items)
{
    const unsigned bits = items->config.flavour.heap_address_bits;

    return bits == 8 || bits == 56 ? 0x20 : 0x1000;
}

int spead_send_items_create(struct spead_send_items **out,
                            const struct spead_send_items_config *config, struct spead_err *err)
{
    struct spead_send_items *items = calloc(1, sizeof *items);
    int ret = items ? read_config(&items->config, config, err)
                    : speadi_err_set(err, -ENOMEM, "out of memory");

    if (ret == 0) {
        items->entries = calloc(items->config.items_max, sizeof *items->entries);
        items->order = calloc(items->config.items_max, sizeof *items->order);
        if (!items->entries || !items->order)
            ret = speadi_err_set(err, -ENOMEM, "out of memory");
    }
    if (ret < 0) {
        spead_send_items_destroy(items);
        return ret;
    }
    items->free_id = first_id(items);
    *out = items;
    return 0;
}

static void clear(struct speadi_send_entry *entry)
{
    spead_descriptor_unref(entry->descriptor);
    free(entry->encoded);
    free(entry->own);
    *entry = (struct speadi_send_entry){0};
}

void spead_send_items_destroy(struct spead_send_items *items)
{
    if (!items)
        return;
    for (uint32_t i = 0; items->entries && i < items->config.items_max; i++)
        clear(&items->entries[i]);
    free(items->entries);
    free(items->order);
    free(items);
}

/* ---- Adding items ---------------------------------------------------------------------------- */

/* Encodes the descriptor for heaps of this object. Returns the number of bytes, or -errno. */
static int encode(const struct spead_send_items *items, const struct spead_descriptor *descriptor,
                  uint8_t **encoded, struct spead_err *err)
{
    const struct spead_flavour flavour = items->config.flavour;
    const uint32_t bug_compat = items->config.bug_compat;
    int bytes = spead_descriptor_encode(descriptor, flavour, bug_compat, NULL, 0, err);

    if (bytes < 0)
        return bytes;
    *encoded = malloc((size_t)bytes);
    if (!*encoded)
        return speadi_err_set(err, -ENOMEM, "out of memory");
    return spead_descriptor_encode(descriptor, flavour, bug_compat, *encoded, (size_t)bytes, err);
}

/* Returns the handle of the item with this identifier, or with this name if `name` is not NULL, or NOT_FOUND. */
static int find(const struct spead_send_items *items, uint64_t id, const char *name)
{
    for (uint32_t i = 0; i < items->count; i++) {
        const struct spead_descriptor *descriptor = items->entries[items->order[i]].descriptor;

        if (name ? strcmp(spead_descriptor_name(descriptor), name) == 0
                 : spead_descriptor_id(descriptor) == id)
            return (int)items->order[i];
    }
    return NOT_FOUND;
}

static void remove_item(struct spead_send_items *items, int handle)
{
    const uint64_t id = spead_descriptor_id(items->entries[handle].descriptor);
    uint32_t at = 0;

    if (id >= first_id(items) && id < items->free_id)
        items->free_id = id;
    clear(&items->entries[handle]);
    while (items->order[at] != (uint32_t)handle)
        at++;
    items->count--;
    memmove(&items->order[at], &items->order[at + 1], (items->count - at) * sizeof *items->order);
}

/* Returns a free place, and puts it behind all others. There is one. */
static int append(struct spead_send_items *items)
{
    uint32_t at = 0;

    while (items->entries[at].descriptor)
        at++;
    items->order[items->count++] = at;
    return (int)at;
}

int spead_send_items_add(struct spead_send_items *items, struct spead_descriptor *descriptor,
                         struct spead_err *err)
{
    const uint64_t id = spead_descriptor_id(descriptor);
    int same = find(items, id, NULL), other = find(items, 0, spead_descriptor_name(descriptor));
    uint8_t *encoded = NULL;
    int bytes;

    if (id <= SPEAD_ID_STREAM_CONTROL)
        return speadi_err_set(err, -EINVAL,
                              "item 0x%" PRIx64 " (%.64s): the protocol reserves this identifier",
                              id, spead_descriptor_name(descriptor));
    if (same >= 0 && spead_descriptor_equal(items->entries[same].descriptor, descriptor))
        return same;
    if (same < 0 && other < 0 && items->count == items->config.items_max)
        return speadi_err_set(err, -ENOSPC,
                              "item 0x%" PRIx64 " (%.64s): there are items_max %" PRIu32 " items",
                              id, spead_descriptor_name(descriptor), items->config.items_max);
    bytes = encode(items, descriptor, &encoded, err);
    if (bytes < 0)
        return bytes;
    if (other >= 0 && other != same)
        remove_item(items, other);
    if (same >= 0)
        clear(&items->entries[same]);
    else
        same = append(items);
    items->entries[same] =
        (struct speadi_send_entry){.descriptor = spead_descriptor_ref(descriptor),
                                   .encoded = encoded,
                                   .encoded_bytes = (size_t)bytes};
    while (find(items, items->free_id, NULL) >= 0)
        items->free_id++;
    return same;
}

uint64_t spead_send_items_free_id(const struct spead_send_items *items)
{
    return items->free_id;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static struct speadi_send_entry *entry_of(struct spead_send_items *items, int handle,
                                          struct spead_err *err)
{
    if (handle >= 0 && (uint32_t)handle < items->config.items_max &&
        items->entries[handle].descriptor)
        return &items->entries[handle];
    speadi_err_set(err, -EINVAL, "there is no item with the handle %d", handle);
    return NULL;
}

static void take(struct speadi_send_entry *entry, const void *value, size_t bytes, bool is_borrowed)
{
    entry->value = value;
    entry->value_bytes = bytes;
    entry->is_borrowed = is_borrowed;
    entry->has_value = true;
    entry->is_sent = false;
}

/* Returns 0 if a value of so many bytes fits the descriptor, or -EINVAL. */
static int check_bytes(const struct speadi_send_entry *entry, size_t bytes, struct spead_err *err)
{
    size_t needed;
    int ret = spead_value_bytes(entry->descriptor, 0, &needed, err);

    if (ret < 0)
        return ret;
    if (spead_descriptor_is_variable(entry->descriptor) || bytes == needed)
        return 0;
    return speadi_err_set(err, -EINVAL,
                          "item %.64s: its shape has %zu bytes, and the value has %zu",
                          spead_descriptor_name(entry->descriptor), needed, bytes);
}

/* Makes the memory of the item large enough. Returns 0 or -ENOMEM. */
static int make_own(struct speadi_send_entry *entry, size_t bytes, struct spead_err *err)
{
    uint8_t *larger;

    if (entry->own_bytes >= bytes && entry->own)
        return 0;
    larger = realloc(entry->own, bytes > 0 ? bytes : 1);
    if (!larger)
        return speadi_err_set(err, -ENOMEM, "item %.64s: no memory for a value of %zu bytes",
                              spead_descriptor_name(entry->descriptor), bytes);
    if (entry->has_value && !entry->is_borrowed)
        entry->value = larger;
    entry->own = larger;
    entry->own_bytes = bytes;
    return 0;
}

int spead_send_items_set(struct spead_send_items *items, int handle, const void *data, size_t bytes,
                         struct spead_err *err)
{
    struct speadi_send_entry *entry = entry_of(items, handle, err);
    int ret = entry ? check_bytes(entry, bytes, err) : -EINVAL;

    if (ret == 0)
        ret = make_own(entry, bytes, err);
    if (ret < 0)
        return ret;
    if (bytes > 0)
        memcpy(entry->own, data, bytes);
    take(entry, entry->own, bytes, false);
    return 0;
}

int spead_send_items_borrow(struct spead_send_items *items, int handle, const void *data,
                            size_t bytes, struct spead_err *err)
{
    struct speadi_send_entry *entry = entry_of(items, handle, err);
    int ret = entry ? check_bytes(entry, bytes, err) : -EINVAL;

    if (ret == 0)
        take(entry, data, bytes, true);
    return ret;
}

int spead_send_items_touch(struct spead_send_items *items, int handle)
{
    struct speadi_send_entry *entry = entry_of(items, handle, NULL);

    if (!entry)
        return -EINVAL;
    entry->is_sent = false;
    return 0;
}

/* Returns true if an array of so many values fits the shape. *variable becomes the length of the variable dimension. */
static bool count_fits(const struct spead_descriptor *descriptor, size_t count, uint64_t *variable)
{
    struct spead_field field = SPEAD_FIELD_INIT;
    const int64_t *shape;
    const uint32_t dimensions = spead_descriptor_shape(descriptor, &shape);
    uint64_t others = 1;

    (void)spead_descriptor_field(descriptor, 0, &field);
    for (uint32_t i = 0; i < dimensions; i++)
        others *= shape[i] >= 0 ? (uint64_t)shape[i] : 1;
    for (uint32_t i = 0; i < field.dimension_count; i++)
        others *= field.shape[i];
    *variable = others > 0 ? count / others : 0;
    if (!spead_descriptor_is_variable(descriptor))
        return count == others;
    return others > 0 ? count % others == 0 : count == 0;
}

int spead_send_items_write(struct spead_send_items *items, int handle, enum spead_ctype type,
                           const void *from, size_t count, struct spead_err *err)
{
    struct speadi_send_entry *entry = entry_of(items, handle, err);
    uint64_t variable;
    size_t bytes;
    int ret;

    if (!entry)
        return -EINVAL;
    if (spead_descriptor_field_count(entry->descriptor) > 1)
        return speadi_err_set(err, -EINVAL,
                              "item %.64s is a record: write its fields with spead_value_write(), "
                              "and give the bytes to spead_send_items_set()",
                              spead_descriptor_name(entry->descriptor));
    if (!count_fits(entry->descriptor, count, &variable)) /* this refuses it, and has the words */
        return spead_value_write(entry->descriptor, 0, type, from, count, NULL, 0, err);
    ret = spead_value_bytes(entry->descriptor, variable, &bytes, err);
    if (ret == 0)
        ret = make_own(entry, bytes, err);
    if (ret < 0)
        return ret;
    entry->has_value = entry->has_value && entry->is_borrowed;
    memset(entry->own, 0, bytes); /* the bits behind the last value */
    ret = spead_value_write(entry->descriptor, 0, type, from, count, entry->own, bytes, err);
    if (ret < 0)
        return ret;
    take(entry, entry->own, bytes, false);
    return 0;
}

void spead_send_items_make_stale(struct spead_send_items *items)
{
    for (uint32_t i = 0; i < items->count; i++) {
        struct speadi_send_entry *entry = &items->entries[items->order[i]];

        entry->is_described = entry->is_sent = false;
    }
}
