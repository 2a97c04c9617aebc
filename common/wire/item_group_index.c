/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the items of a group by identifier and by name. */
#include <string.h>

#include "item_group_parts.h"

/* A table uses the upper half of the hash (keyed_hash.h). */
static uint32_t hash_id(const struct speadi_group_index *index, uint64_t id)
{
    return (uint32_t)(speadi_keyed_hash(&index->key, id, 0) >> 32) & index->mask;
}

static uint32_t hash_name(const struct speadi_group_index *index, const char *name)
{
    uint64_t hash = 0, word;

    for (size_t left = strlen(name); left > 0;) {
        const size_t bytes = left < sizeof word ? left : sizeof word;

        word = 0;
        memcpy(&word, name, bytes);
        hash = speadi_keyed_hash(&index->key, hash, word);
        name += bytes;
        left -= bytes;
    }
    return (uint32_t)(hash >> 32) & index->mask;
}

uint32_t speadi_group_by_id(const struct spead_item_group *group, uint64_t id)
{
    const struct speadi_group_index *index = &group->by_id;
    uint32_t at = hash_id(index, id);

    for (; index->slots[at] != 0; at = (at + 1) & index->mask)
        if (group->entries[index->slots[at] - 1].id == id)
            return index->slots[at] - 1;
    return UINT32_MAX;
}

uint32_t speadi_group_by_name(const struct spead_item_group *group, const char *name)
{
    const struct speadi_group_index *index = &group->by_name;
    uint32_t at = hash_name(index, name);

    for (; index->slots[at] != 0; at = (at + 1) & index->mask)
        if (strcmp(spead_descriptor_name(group->entries[index->slots[at] - 1].descriptor), name) ==
            0)
            return index->slots[at] - 1;
    return UINT32_MAX;
}

static void insert(struct speadi_group_index *index, uint32_t at, uint32_t entry)
{
    while (index->slots[at] != 0)
        at = (at + 1) & index->mask;
    index->slots[at] = entry + 1;
}

void speadi_group_index_add(struct spead_item_group *group, uint32_t index)
{
    const struct speadi_group_entry *entry = &group->entries[index];

    insert(&group->by_id, hash_id(&group->by_id, entry->id), index);
    insert(&group->by_name, hash_name(&group->by_name, spead_descriptor_name(entry->descriptor)),
           index);
}

void speadi_group_index_fill(struct spead_item_group *group)
{
    const size_t bytes = ((size_t)group->by_id.mask + 1) * sizeof *group->by_id.slots;

    memset(group->by_id.slots, 0, bytes);
    memset(group->by_name.slots, 0, bytes);
    for (uint32_t i = 0; i < group->count; i++)
        speadi_group_index_add(group, i);
}
