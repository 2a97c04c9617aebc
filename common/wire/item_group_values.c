/* SPDX-License-Identifier: Apache-2.0 */
/* Where the values of a group lie: in the heap that brought them, or in memory of the group. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "item_group_parts.h"

static void free_copy(struct spead_item_group *group, struct speadi_group_entry *entry)
{
    free(entry->copy);
    group->stats.memory_bytes -= entry->copy_bytes;
    entry->copy = NULL;
    entry->copy_bytes = 0;
}

int speadi_group_charge(struct spead_item_group *group, size_t bytes)
{
    const uint64_t limit = group->config.memory_bytes_max;

    for (uint32_t i = 0; i < group->count && bytes > limit - group->stats.memory_bytes; i++) {
        struct speadi_group_entry *entry = &group->entries[i];

        if (entry->copy && entry->shown.value.data != entry->copy)
            free_copy(group, entry);
    }
    if (bytes > limit - group->stats.memory_bytes)
        return -ENOSPC;
    group->stats.memory_bytes += bytes;
    return 0;
}

void speadi_group_forget_value(struct spead_item_group *group, struct speadi_group_entry *entry)
{
    speadi_group_leave(group, entry);
    entry->shown.has_value = false;
    entry->shown.value = (struct spead_item){0};
    free_copy(group, entry);
}

/* Makes the memory of the entry large enough. Returns 0, -ENOSPC or -ENOMEM. */
static int make_copy(struct spead_item_group *group, struct speadi_group_entry *entry, size_t bytes)
{
    int ret;

    if (entry->copy_bytes >= bytes)
        return 0;
    free_copy(group, entry);
    ret = speadi_group_charge(group, bytes);
    if (ret < 0)
        return ret;
    entry->copy = malloc(bytes);
    if (!entry->copy) {
        group->stats.memory_bytes -= bytes;
        return -ENOMEM;
    }
    entry->copy_bytes = bytes;
    return 0;
}

static void drop(struct spead_item_group *group, struct speadi_group_entry *entry, int code)
{
    const char *name = spead_descriptor_name(entry->descriptor);
    struct spead_err err;

    if (code == -ENOTSUP)
        speadi_err_set(&err, code,
                       "item %.64s: its value lies in memory that the CPU cannot touch, so it "
                       "cannot outlive its heap",
                       name);
    else if (code == -ENOSPC)
        speadi_err_set(&err, code,
                       "item %.64s: no room to keep its value of %zu bytes: the group has "
                       "memory_bytes_max %" PRIu64,
                       name, entry->shown.value.bytes, group->config.memory_bytes_max);
    else
        speadi_err_set(&err, code, "item %.64s: no memory to keep its value of %zu bytes", name,
                       entry->shown.value.bytes);
    speadi_group_forget_value(group, entry);
    speadi_group_refusal(group, entry->id, SPEAD_ITEM_VALUE_DROPPED, &err);
}

void speadi_group_keep_value(struct spead_item_group *group, struct speadi_group_entry *entry)
{
    struct spead_item *value = &entry->shown.value;
    int ret = value->data ? make_copy(group, entry, value->bytes) : -ENOTSUP;

    if (ret < 0) {
        drop(group, entry, ret);
        return;
    }
    memcpy(entry->copy, value->data, value->bytes);
    value->data = entry->copy;
    speadi_group_leave(group, entry);
    group->stats.values_copied++;
    group->stats.bytes_copied += value->bytes;
}
