/* SPDX-License-Identifier: Apache-2.0 */
/* Decides for each jump of the counters whether it was a loss. */
#include "gap_branch.h"

void speadi_gap_branch_measure(struct speadi_gap_group *group, struct speadi_gap_member *branch)
{
    const struct speadi_gap_sequence *origin;
    uint64_t first, distance;
    bool ahead;

    if (!branch->counts_gap || branch->origin == SPEADI_GAP_NONE)
        return;
    origin = &group->member[branch->origin].sequence;
    first = speadi_gap_sequence_first(&branch->sequence, group->mask);
    distance = speadi_gap_sequence_distance(origin, first, group->mask, &ahead);
    branch->distance = ahead && distance != UINT64_MAX ? distance - 1 : 0;
    branch->gap = speadi_gap_sequence_skipped(origin, branch->distance);
}

/* The origin is silent, and the branch has gone on: what lies between was lost. */
static void confirm_loss(struct speadi_gap_group *group, struct speadi_gap_member *branch)
{
    unsigned origin = branch->origin;

    if (origin == SPEADI_GAP_NONE) {
        group->missing += branch->gap;
    } else if (branch->counts_gap) {
        speadi_gap_sequence_prepend(&branch->sequence, &group->member[origin].sequence,
                                    branch->distance);
    }
    speadi_gap_member_settle(branch);
    branch->origin = SPEADI_GAP_NONE;
    if (origin != SPEADI_GAP_NONE)
        speadi_gap_group_retire(group, origin);
}

static void decide_branch(struct speadi_gap_group *group, struct speadi_gap_member *branch)
{
    bool goes_on = branch->sequence.joined >= SPEADI_GAP_JOINED;

    speadi_gap_branch_measure(group, branch);
    if (goes_on && branch->went_on >= SPEADI_GAP_WENT_ON) {
        speadi_gap_member_settle(branch);
        branch->in_doubt = branch->origin != SPEADI_GAP_NONE && branch->counts_gap;
    } else if (!goes_on && branch->went_on >= SPEADI_GAP_STRAY) {
        branch->state = SPEADI_GAP_LONE;
        branch->gap = 0;
        branch->origin = SPEADI_GAP_NONE;
    } else if (goes_on && branch->sequence.opened >= SPEADI_GAP_CONFIRM &&
               (branch->origin == SPEADI_GAP_NONE ||
                speadi_gap_group_has_silent(group, branch->origin, SPEADI_GAP_CONFIRM))) {
        confirm_loss(group, branch);
    }
}

/* If the origin falls silent soon after the two were told apart, its last heaps may have been late heaps before an
 * outage. */
static void decide_doubt(struct speadi_gap_group *group, struct speadi_gap_member *member)
{
    if (member->origin != SPEADI_GAP_NONE && member->went_on < SPEADI_GAP_WINDOW) {
        if (!speadi_gap_group_has_silent(group, member->origin, SPEADI_GAP_SILENT))
            return;
        group->not_understood += member->went_on;
    }
    member->in_doubt = false;
    member->origin = SPEADI_GAP_NONE;
}

void speadi_gap_branch_decide(struct speadi_gap_group *group, unsigned changed)
{
    SPEADI_GAP_FOR_EACH(i, group->open)
    {
        struct speadi_gap_member *member = &group->member[i];

        if (member->state == SPEADI_GAP_FREE || (i != changed && member->origin != changed))
            continue;
        if (member->state == SPEADI_GAP_BRANCH)
            decide_branch(group, member);
        if (member->state == SPEADI_GAP_NORMAL && member->in_doubt)
            decide_doubt(group, member);
        if (member->state != SPEADI_GAP_FREE)
            speadi_gap_group_mark(group, i);
    }
}
