/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what an update has changed, and the counts of what it could not use. */
#include <speadi/err.h>

#include "item_group_parts.h"

static uint64_t *count_of(struct spead_item_group_stats *stats, enum spead_item_change_kind kind)
{
    if (kind == SPEAD_ITEM_DESCRIPTOR_REFUSED)
        return &stats->descriptors_refused;
    return kind == SPEAD_ITEM_VALUE_REFUSED ? &stats->values_refused : &stats->values_dropped;
}

void speadi_group_refusal(struct spead_item_group *group, uint64_t id,
                          enum spead_item_change_kind kind, const struct spead_err *err)
{
    const uint32_t before = group->change_count;

    ++*count_of(&group->stats, kind);
    speadi_group_change(group, id, kind);
    if (group->change_count == before)
        return;
    group->changes[before].error = err->code;
    if (group->sentence_count == SPEAD_ITEM_GROUP_SENTENCES)
        return;
    group->sentences[group->sentence_count] = *err;
    group->sentence_of[group->sentence_count++] = before;
}

size_t spead_item_group_changes(const struct spead_item_group *group,
                                const struct spead_item_change **changes)
{
    if (changes)
        *changes = group->changes;
    return group->change_count;
}

const char *spead_item_group_sentence(const struct spead_item_group *group, size_t change)
{
    for (uint32_t i = 0; i < group->sentence_count; i++)
        if (group->sentence_of[i] == change)
            return group->sentences[i].text;
    return "";
}
