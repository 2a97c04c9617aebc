/* SPDX-License-Identifier: Apache-2.0 */
/* Changes the state of one sequence in a group. gap_group.h has the rules. */
#include "gap_group.h"

void speadi_gap_group_mark(struct speadi_gap_group *group, unsigned i)
{
    const struct speadi_gap_member *member = &group->member[i];

    if (member->state == SPEADI_GAP_BRANCH || member->in_doubt)
        group->open |= 1u << i;
    else
        group->open &= ~(1u << i);
}

void speadi_gap_group_release(struct speadi_gap_group *group, unsigned i)
{
    group->member[i].state = SPEADI_GAP_FREE;
    group->used &= ~(1u << i);
    group->open &= ~(1u << i);
    SPEADI_GAP_FOR_EACH(other, group->open)
    if (group->member[other].origin == i)
        group->member[other].origin = SPEADI_GAP_NONE;
}

void speadi_gap_group_retire(struct speadi_gap_group *group, unsigned i)
{
    struct speadi_gap_member *member = &group->member[i];

    if (member->state != SPEADI_GAP_LONE) {
        group->missing += speadi_gap_sequence_missing(&member->sequence) + member->gap;
        group->absent += member->sequence.absent_count;
    }
    speadi_gap_group_release(group, i);
}

void speadi_gap_group_begin_anew(struct speadi_gap_group *group, unsigned i, uint64_t counter)
{
    struct speadi_gap_member *member = &group->member[i];
    uint8_t follower = member->follower;

    speadi_gap_group_retire(group, i);
    speadi_gap_sequence_begin(&member->sequence, counter, member->sequence.step);
    member->state = SPEADI_GAP_NORMAL;
    member->gap = member->distance = member->went_on = 0;
    member->origin = SPEADI_GAP_NONE;
    member->follower = follower;
    member->counts_gap = member->in_doubt = false;
    group->used |= 1u << i;
    group->current = (uint8_t)i;
}

bool speadi_gap_group_has_silent(const struct speadi_gap_group *group, unsigned i, uint64_t heaps)
{
    const struct speadi_gap_member *member = &group->member[i];

    return group->tick - member->tick >= heaps + 8 * member->interval;
}
