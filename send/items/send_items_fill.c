/* SPDX-License-Identifier: Apache-2.0 */
/* Fills heaps with descriptors and values. What is not borrowed is copied into memory of the heap. */
#include <errno.h>
#include <string.h>

#include <speadi/err.h>

#include "heap_builder.h"
#include "send_item_entry.h"

/* What one heap gets. */
struct filling {
    struct spead_send_items *items;
    struct spead_send_heap *heap;
    enum spead_send_items_which descriptors, values;
    uint8_t *memory; /* where the next copy goes */
};

static bool is_wanted(enum spead_send_items_which which, bool is_stale)
{
    return which == SPEAD_SEND_ITEMS_ALL || (which == SPEAD_SEND_ITEMS_STALE && is_stale);
}

static bool wants_descriptor(const struct filling *filling, const struct speadi_send_entry *entry)
{
    return is_wanted(filling->descriptors, !entry->is_described);
}

static bool wants_value(const struct filling *filling, const struct speadi_send_entry *entry)
{
    return entry->has_value && is_wanted(filling->values, !entry->is_sent);
}

static struct speadi_send_entry *entry_at(const struct filling *filling, uint32_t index)
{
    return &filling->items->entries[filling->items->order[index]];
}

/* Returns how many bytes are copied. */
static size_t copied_bytes(const struct filling *filling)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < filling->items->count; i++) {
        const struct speadi_send_entry *entry = entry_at(filling, i);

        if (wants_descriptor(filling, entry))
            bytes += entry->encoded_bytes;
        if (wants_value(filling, entry) && !entry->is_borrowed)
            bytes += entry->value_bytes;
    }
    return bytes;
}

static const void *copy(struct filling *filling, const void *from, size_t bytes)
{
    uint8_t *to = filling->memory;

    if (bytes > 0)
        memcpy(to, from, bytes);
    filling->memory += bytes;
    return to;
}

static int add_descriptors(struct filling *filling)
{
    int ret = 0;

    for (uint32_t i = 0; i < filling->items->count && ret >= 0; i++) {
        const struct speadi_send_entry *entry = entry_at(filling, i);

        if (wants_descriptor(filling, entry))
            ret = spead_send_heap_add_item(filling->heap, SPEAD_ID_DESCRIPTOR,
                                           copy(filling, entry->encoded, entry->encoded_bytes),
                                           entry->encoded_bytes, false);
    }
    return ret;
}

static int add_value(struct filling *filling, const struct speadi_send_entry *entry)
{
    const void *value =
        entry->is_borrowed ? entry->value : copy(filling, entry->value, entry->value_bytes);

    return spead_send_heap_add_item(filling->heap, spead_descriptor_id(entry->descriptor), value,
                                    entry->value_bytes,
                                    spead_descriptor_allows_immediate(entry->descriptor));
}

/* Returns how many values were added, or -errno. */
static int add_values(struct filling *filling)
{
    int added = 0;

    for (uint32_t i = 0; i < filling->items->count; i++) {
        const struct speadi_send_entry *entry = entry_at(filling, i);
        int ret;

        if (!wants_value(filling, entry))
            continue;
        ret = add_value(filling, entry);
        if (ret < 0)
            return ret;
        added++;
    }
    return added;
}

/* The heap has got these: they are no longer stale. */
static void note(const struct filling *filling)
{
    for (uint32_t i = 0; i < filling->items->count; i++) {
        struct speadi_send_entry *entry = entry_at(filling, i);

        entry->is_described |= wants_descriptor(filling, entry);
        entry->is_sent |= wants_value(filling, entry);
    }
    filling->items->heaps++;
}

static int fill(struct filling *filling, struct spead_err *err)
{
    const struct spead_flavour flavour = filling->items->config.flavour;
    int ret;

    spead_send_heap_reset(filling->heap, flavour); /* the flavour is valid */
    filling->memory = speadi_send_heap_copies(filling->heap, copied_bytes(filling));
    if (!filling->memory)
        return speadi_err_set(err, -ENOMEM, "no memory for the items of a heap");
    ret = add_descriptors(filling);
    if (ret >= 0)
        ret = add_values(filling);
    if (ret >= 0)
        return ret;
    spead_send_heap_reset(filling->heap, flavour);
    return speadi_err_code(err, ret, "the items do not go into a heap of SPEAD-64-%u",
                           flavour.heap_address_bits);
}

int spead_send_items_fill(struct spead_send_items *items, struct spead_send_heap *heap,
                          enum spead_send_items_which descriptors,
                          enum spead_send_items_which values, struct spead_err *err)
{
    struct filling filling = {
        .items = items, .heap = heap, .descriptors = descriptors, .values = values};
    const uint32_t every = items->config.descriptors_every;
    int ret;

    if ((unsigned)descriptors > SPEAD_SEND_ITEMS_NONE || (unsigned)values > SPEAD_SEND_ITEMS_NONE)
        return speadi_err_set(err, -EINVAL, "unknown word for descriptors (%d) or values (%d)",
                              (int)descriptors, (int)values);
    if (descriptors == SPEAD_SEND_ITEMS_STALE && every > 0 && items->heaps % every == 0)
        filling.descriptors = SPEAD_SEND_ITEMS_ALL;
    ret = fill(&filling, err);
    if (ret >= 0)
        note(&filling);
    return ret;
}
