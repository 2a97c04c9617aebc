/* SPDX-License-Identifier: Apache-2.0 */
/* Makes item groups, adds and replaces their items, and finds them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>
#include <speadline/value.h>

#include "item_group_parts.h"

enum { ITEMS_MOST = 65536 };

/* ---- Making and freeing ---------------------------------------------------------------------- */

static int read_config(struct spead_item_group_config *own,
                       const struct spead_item_group_config *config, struct spead_err *err)
{
    static const struct spead_item_group_config defaults = SPEAD_ITEM_GROUP_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "item group",
        .init = "SPEAD_ITEM_GROUP_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_item_group_config, reserved),
    };
    int ret = speadi_struct_read(own, config ? config : &defaults, &kind, err);

    if (ret < 0)
        return ret;
    if (own->items_max < 1 || own->items_max > ITEMS_MOST)
        return speadi_err_range(err, "items_max", own->items_max, 1, ITEMS_MOST);
    if (own->bug_compat > SPEAD_BUG_COMPAT_PYSPEAD_0_5_2)
        return speadi_err_range(err, "bug_compat", own->bug_compat, 0,
                                SPEAD_BUG_COMPAT_PYSPEAD_0_5_2);
    return 0;
}

static int make_tables(struct spead_item_group *group)
{
    uint32_t slots = 4;

    while (slots < 2 * group->config.items_max)
        slots *= 2;
    group->changes_max = 3 * group->config.items_max + 16;
    group->by_id.mask = group->by_name.mask = slots - 1;
    speadi_hash_key_init(&group->by_id.key);
    speadi_hash_key_init(&group->by_name.key);
    group->by_id.slots = calloc(slots, sizeof *group->by_id.slots);
    group->by_name.slots = calloc(slots, sizeof *group->by_name.slots);
    group->entries = group->first = calloc(group->config.items_max, sizeof *group->entries);
    group->changes = calloc(group->changes_max, sizeof *group->changes);
    return group->by_id.slots && group->by_name.slots && group->entries && group->changes ? 0
                                                                                          : -ENOMEM;
}

int spead_item_group_create(struct spead_item_group **out,
                            const struct spead_item_group_config *config, struct spead_err *err)
{
    struct spead_item_group *group = calloc(1, sizeof *group);
    int ret = group ? read_config(&group->config, config, err)
                    : speadi_err_set(err, -ENOMEM, "out of memory");

    if (ret == 0 && make_tables(group) < 0)
        ret = speadi_err_set(err, -ENOMEM, "no memory for a group of %" PRIu32 " items",
                             group->config.items_max);
    if (ret < 0) {
        spead_item_group_destroy(group);
        return ret;
    }
    *out = group;
    return 0;
}

void spead_item_group_destroy(struct spead_item_group *group)
{
    if (!group)
        return;
    for (uint32_t i = 0; i < group->count; i++) {
        spead_descriptor_unref(group->entries[i].descriptor);
        free(group->entries[i].copy);
    }
    spead_heap_unref(group->heap);
    free(group->by_id.slots);
    free(group->by_name.slots);
    free(group->entries);
    free(group->changes);
    free(group);
}

/* ---- Describing items ------------------------------------------------------------------------ */

/* Takes the descriptor and the value away from an entry. The entry is then empty. */
static void clear(struct spead_item_group *group, struct speadi_group_entry *entry)
{
    speadi_group_forget_value(group, entry);
    group->stats.memory_bytes -= spead_descriptor_memory_bytes(entry->descriptor);
    spead_descriptor_unref(entry->descriptor);
    entry->descriptor = NULL;
}

static void remove_entry(struct spead_item_group *group, uint32_t index)
{
    clear(group, &group->entries[index]);
    group->count--;
    memmove(&group->entries[index], &group->entries[index + 1],
            (group->count - index) * sizeof *group->entries);
    group->entries[group->count] = (struct speadi_group_entry){.id = 0};
}

static void fill(struct spead_item_group *group, struct speadi_group_entry *entry,
                 struct spead_descriptor *descriptor, uint64_t version)
{
    *entry = (struct speadi_group_entry){
        .descriptor = spead_descriptor_ref(descriptor),
        .id = spead_descriptor_id(descriptor),
        .next = group->entries,
        .shown = {.descriptor = descriptor, .version = version},
    };
    if (spead_value_bytes(descriptor, 0, &entry->bytes_min, NULL) < 0)
        entry->bytes_min = SIZE_MAX;
}

/* Puts the descriptor into the entry at `same`, or behind all others. The entry `other`, which has its name, goes. The
 * memory is charged already. */
static void put(struct spead_item_group *group, struct spead_descriptor *descriptor, uint32_t same,
                uint32_t other)
{
    uint64_t version = 0;
    bool is_new = same == UINT32_MAX, is_renamed = other != UINT32_MAX;

    if (same != UINT32_MAX) {
        struct speadi_group_entry *entry = &group->entries[same];

        version = entry->shown.version;
        is_renamed |= strcmp(spead_descriptor_name(entry->descriptor),
                             spead_descriptor_name(descriptor)) != 0;
        clear(group, entry);
    }
    if (other != UINT32_MAX) {
        if (version < group->entries[other].shown.version)
            version = group->entries[other].shown.version;
        remove_entry(group, other);
        same -= same != UINT32_MAX && other < same;
    }
    fill(group, &group->entries[is_new ? group->count++ : same], descriptor, version + 1);
    if (is_renamed)
        speadi_group_index_fill(group);
    else if (is_new)
        speadi_group_index_add(group, group->count - 1);
}

static int refuse_full(struct spead_item_group *group, const struct spead_descriptor *descriptor,
                       struct spead_err *err)
{
    return speadi_err_set(err, -ENOSPC,
                          "item 0x%" PRIx64 " (%.64s): the group has items_max %" PRIu32 " items",
                          spead_descriptor_id(descriptor), spead_descriptor_name(descriptor),
                          group->config.items_max);
}

int speadi_group_describe(struct spead_item_group *group, struct spead_descriptor *descriptor,
                          struct spead_err *err)
{
    const uint64_t id = spead_descriptor_id(descriptor);
    const uint32_t same = speadi_group_by_id(group, id);
    uint32_t other = speadi_group_by_name(group, spead_descriptor_name(descriptor));
    uint64_t removed;

    if (same != UINT32_MAX && spead_descriptor_equal(group->entries[same].descriptor, descriptor))
        return 0;
    if (id <= SPEAD_ID_STREAM_CONTROL)
        return speadi_err_set(err, -EINVAL,
                              "item 0x%" PRIx64 " (%.64s): the protocol reserves this identifier",
                              id, spead_descriptor_name(descriptor));
    if (other == same)
        other = UINT32_MAX;
    if (same == UINT32_MAX && other == UINT32_MAX && group->count == group->config.items_max)
        return refuse_full(group, descriptor, err);
    if (speadi_group_charge(group, spead_descriptor_memory_bytes(descriptor)) < 0)
        return speadi_err_set(err, -ENOSPC,
                              "item 0x%" PRIx64 " (%.64s): its descriptor does not fit into "
                              "memory_bytes_max %" PRIu64,
                              id, spead_descriptor_name(descriptor),
                              group->config.memory_bytes_max);
    removed = other != UINT32_MAX ? spead_descriptor_id(group->entries[other].descriptor) : 0;
    put(group, descriptor, same, other);
    if (removed != 0)
        speadi_group_change(group, removed, SPEAD_ITEM_REMOVED);
    speadi_group_change(group, id,
                        same == UINT32_MAX ? SPEAD_ITEM_DESCRIBED : SPEAD_ITEM_REDESCRIBED);
    group->stats.descriptors++;
    return 0;
}

int spead_item_group_add(struct spead_item_group *group, struct spead_descriptor *descriptor,
                         struct spead_err *err)
{
    group->change_count = group->sentence_count = 0;
    return speadi_group_describe(group, descriptor, err);
}

/* ---- Reading --------------------------------------------------------------------------------- */

const struct spead_group_item *spead_item_group_at(const struct spead_item_group *group,
                                                   size_t index)
{
    return index < group->count ? &group->entries[index].shown : NULL;
}

const struct spead_group_item *spead_item_group_find(const struct spead_item_group *group,
                                                     const char *name)
{
    return spead_item_group_at(group, speadi_group_by_name(group, name));
}

const struct spead_group_item *spead_item_group_find_id(const struct spead_item_group *group,
                                                        uint64_t id)
{
    return spead_item_group_at(group, speadi_group_by_id(group, id));
}

int64_t spead_item_group_read(const struct spead_item_group *group, const char *name,
                              enum spead_ctype type, void *to, size_t max, struct spead_err *err)
{
    const struct spead_group_item *item = spead_item_group_find(group, name);
    size_t count;
    int ret;

    if (!item)
        return speadi_err_set(err, -ENOENT, "the group has no item \"%.64s\"", name);
    if (!item->has_value)
        return speadi_err_set(err, -ENOENT, "item \"%.64s\" has no value yet", name);
    ret = spead_item_read(&item->value, item->descriptor, 0, type, to, max, &count, err);
    return ret < 0 ? ret : (int64_t)count;
}

size_t spead_item_group_count(const struct spead_item_group *group)
{
    return group->count;
}

void spead_item_group_stats(const struct spead_item_group *group,
                            struct spead_item_group_stats *stats)
{
    struct spead_item_group_stats own = group->stats;

    own.items = group->count;
    own.heaps = group->update;
    speadi_struct_write(stats, &own, sizeof own);
}
