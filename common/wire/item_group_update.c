/* SPDX-License-Identifier: Apache-2.0 */
/* Takes heaps into a group: first their descriptors, then their values. */
#include <errno.h>
#include <inttypes.h>

#include <speadi/err.h>
#include <speadi/heap_view.h>
#include <speadi/packet.h>
#include <speadline/value.h>

#include "item_group_parts.h"

/* ---- Descriptors ----------------------------------------------------------------------------- */

/* A descriptor is an addressed item. */
static bool has_descriptors(const struct spead_heap *heap)
{
    const unsigned bits = heap->heap_address_bits;

    for (uint32_t i = 0; i < heap->item_count; i++)
        if (heap->pointers[i] >> bits == SPEAD_ID_DESCRIPTOR)
            return true;
    return false;
}

static void take_descriptors(struct spead_item_group *group, const struct spead_heap *heap)
{
    struct spead_descriptor *descriptor;
    struct spead_err err;
    size_t at = 0;
    int ret;

    while ((ret = spead_heap_next_descriptor(heap, &at, group->config.bug_compat, &descriptor,
                                             &err)) != -ENOENT) {
        if (ret < 0)
            speadi_group_refusal(group, 0, SPEAD_ITEM_DESCRIPTOR_REFUSED, &err);
        if (ret < 0 && ret != -EBADMSG)
            return; /* the position has not moved: the next call would fail in the same way */
        if (ret < 0)
            continue;
        if (speadi_group_describe(group, descriptor, &err) < 0)
            speadi_group_refusal(group, spead_descriptor_id(descriptor),
                                 SPEAD_ITEM_DESCRIPTOR_REFUSED, &err);
        spead_descriptor_unref(descriptor);
    }
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void refuse_value(struct spead_item_group *group, const struct speadi_group_entry *entry,
                         struct spead_item item)
{
    struct spead_view view;
    struct spead_err err;

    if (spead_item_view(&view, &item, entry->descriptor, 0, &err) == 0)
        speadi_err_set(&err, -EBADMSG,
                       "item 0x%" PRIx64 " (%.64s) is shorter than the %zu bytes of its descriptor",
                       item.id, spead_descriptor_name(entry->descriptor), entry->bytes_min);
    speadi_group_refusal(group, item.id, SPEAD_ITEM_VALUE_REFUSED, &err);
}

/* Gives a value to the entry. */
__attribute__((always_inline)) static inline void take_value(struct spead_item_group *group,
                                                             struct speadi_group_entry *entry,
                                                             struct spead_item item,
                                                             uint64_t counter)
{
    if (entry->taken != group->update)
        speadi_group_change(group, item.id, SPEAD_ITEM_UPDATED);
    else
        group->repeated++;
    speadi_group_leave(group, entry);
    entry->shown.value = item;
    entry->shown.has_value = true;
    entry->shown.version++;
    entry->shown.heap_counter = counter;
    entry->taken = group->update;
    entry->lies_in_heap = !item.is_immediate;
}

static int note_not_described(struct spead_item_group *group, uint64_t id)
{
    group->stats.not_described++;
    speadi_group_change(group, id, SPEAD_ITEM_NOT_DESCRIBED);
    return 0;
}

/* Takes one item, whose value has `bytes` bytes. Returns 1 if an item of the group got it as its value, else 0. **guess is the entry that is tried first; then *guess moves on to the guess for the next item. */
__attribute__((always_inline)) static inline int take_item(struct spead_item_group *group,
                                                           struct speadi_group_entry ***guess,
                                                           struct spead_item item, size_t bytes,
                                                           uint64_t counter)
{
    struct speadi_group_entry *entry = **guess;

    if (item.id <= SPEAD_ID_STREAM_CONTROL)
        return 0;
    if (entry->id != item.id) {
        const uint32_t index = speadi_group_by_id(group, item.id);

        if (index == UINT32_MAX)
            return note_not_described(group, item.id);
        entry = **guess = &group->entries[index];
    }
    *guess = &entry->next;
    if (bytes < entry->bytes_min) {
        refuse_value(group, entry, item);
        return 0;
    }
    take_value(group, entry, item, counter);
    return 1;
}

/* The three functions below take the items of a heap: the immediate items, which come first; the other ones; and the
 * other ones of a heap in which NULL pointers end some items. Each returns how many values it has taken. */

static int take_immediate(struct spead_item_group *group, const struct spead_heap *heap,
                          struct speadi_group_entry ***guess_at, uint32_t *at)
{
    const unsigned bits = heap->heap_address_bits;
    const uint64_t counter = heap->counter;
    const uint64_t *pointers = heap->pointers;
    const uint32_t count = heap->item_count;
    struct speadi_group_entry **guess = *guess_at;
    int updated = 0;
    uint32_t i = 0;

    for (; i < count && speadi_pointer_is_immediate(pointers[i]); i++) {
        const struct spead_item item = {
            .id = speadi_pointer_id(pointers[i], bits),
            .is_immediate = true,
            .value = speadi_pointer_value(pointers[i], bits),
        };

        updated += take_item(group, &guess, item, bits / 8, counter);
    }
    *guess_at = guess;
    *at = i;
    return updated;
}

static int take_addressed(struct spead_item_group *group, const struct spead_heap *heap,
                          struct speadi_group_entry **guess, uint32_t i)
{
    const unsigned bits = heap->heap_address_bits;
    const uint8_t *payload = spead_heap_payload(heap);
    const uint64_t counter = heap->counter;
    const uint64_t *pointers = heap->pointers;
    const uint32_t count = heap->item_count;
    uint64_t start, end = i < count ? speadi_pointer_value(pointers[i], bits) : 0;
    int updated = 0;

    for (; i < count; i++) {
        struct spead_item item = {.id = pointers[i] >> bits};

        start = end; /* an item ends where the next one begins */
        end = i + 1 < count ? speadi_pointer_value(pointers[i + 1], bits) : heap->length;
        item.value = start;
        item.data = payload ? payload + start : NULL;
        item.bytes = (size_t)(end - start);
        updated += take_item(group, &guess, item, item.bytes, counter);
    }
    return updated;
}

static int take_with_markers(struct spead_item_group *group, const struct spead_heap *heap,
                             struct speadi_group_entry **guess, uint32_t i)
{
    int updated = 0;

    for (; i < heap->item_count; i++) {
        struct spead_item item;

        (void)spead_heap_item(heap, i, &item);
        updated += take_item(group, &guess, item, item.bytes, heap->counter);
    }
    return updated;
}

/* Returns how many items of the group got a value. */
static int take_values(struct spead_item_group *group, const struct spead_heap *heap)
{
    struct speadi_group_entry **guess = &group->first;
    uint32_t at;
    const int immediate = take_immediate(group, heap, &guess, &at);
    const int addressed = heap->pointer_count > heap->item_count
                              ? take_with_markers(group, heap, guess, at)
                              : take_addressed(group, heap, guess, at);

    group->in_new +=
        (uint32_t)addressed; /* speadi_group_leave() has subtracted what was replaced at once */
    return immediate + addressed - (int)group->repeated;
}

/* An incomplete heap has only immediate items: says which items of the group got no value. */
static void name_not_arrived(struct spead_item_group *group)
{
    group->stats.incomplete_heaps++;
    for (uint32_t i = 0; i < group->count; i++) {
        if (group->entries[i].taken == group->update)
            continue;
        group->stats.not_arrived++;
        speadi_group_change(group, group->entries[i].id, SPEAD_ITEM_NOT_ARRIVED);
    }
}

/* ---- Whose heap is held ------------------------------------------------------------------------ */

/* Copies the values that lie in the heap of this update. */
static void keep_values_of(struct spead_item_group *group, uint64_t update, uint32_t count)
{
    for (uint32_t i = 0; i < group->count && count > 0; i++) {
        if (!group->entries[i].lies_in_heap || group->entries[i].taken != update)
            continue;
        speadi_group_keep_value(group, &group->entries[i]);
        count--;
    }
}

/* The group holds this heap from now on, or none. */
static void hold(struct spead_item_group *group, struct spead_heap *heap)
{
    spead_heap_unref(group->heap);
    group->heap = heap ? spead_heap_ref(heap) : NULL;
    group->held_update = heap ? group->update : 0;
    group->in_held = group->in_new;
    group->in_new = 0;
}

static void settle(struct spead_item_group *group, struct spead_heap *heap)
{
    if (group->config.copy_values) {
        keep_values_of(group, group->update, group->in_new);
        group->in_new = 0;
    }
    if (group->in_new == 0) { /* no value lies in the new heap, so the old one may stay */
        if (group->heap && group->in_held == 0)
            hold(group, NULL);
        return;
    }
    if (group->in_held > 0)
        keep_values_of(group, group->held_update, group->in_held);
    hold(group, heap);
}

int spead_item_group_update(struct spead_item_group *group, struct spead_heap *heap)
{
    int updated;

    group->update++;
    group->change_count = group->sentence_count = group->repeated = 0;
    if (has_descriptors(heap))
        take_descriptors(group, heap);
    updated = take_values(group, heap);
    group->stats.values += (uint64_t)updated;
    if (!heap->complete)
        name_not_arrived(group);
    settle(group, heap);
    return updated;
}

void spead_item_group_drop_values(struct spead_item_group *group)
{
    group->change_count = group->sentence_count = 0;
    for (uint32_t i = 0; i < group->count; i++)
        speadi_group_forget_value(group, &group->entries[i]);
    hold(group, NULL);
}
