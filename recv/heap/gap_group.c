/* SPDX-License-Identifier: Apache-2.0 */
/* Decides for each counter to which sequence it belongs. */
#include "gap_group.h"

#include "gap_branch.h"

/* When the nearest member is searched, a lone member counts as this many steps farther away. */
#define LONE_DISTANCE 64u

/* ---- Room for a sequence -------------------------------------------------------------------- */

/* Drops every sequence that has not gone on. Nobody knows what their heaps were. */
static void drop_unproven(struct speadi_gap_group *group)
{
    SPEADI_GAP_FOR_EACH(i, group->used)
    {
        const struct speadi_gap_member *member = &group->member[i];

        if (member->state == SPEADI_GAP_NORMAL || member->sequence.joined >= SPEADI_GAP_JOINED)
            continue;
        if (!member->learning)
            group->not_understood += member->sequence.opened;
        speadi_gap_group_release(group, i);
    }
}

static unsigned take_member(struct speadi_gap_group *group)
{
    SPEADI_GAP_FOR_EACH(i, group->used)
    if (group->member[i].state == SPEADI_GAP_NORMAL && !group->member[i].in_doubt &&
        !group->member[i].learning && speadi_gap_group_has_silent(group, i, SPEADI_GAP_SILENT))
        speadi_gap_group_retire(group, i);
    if (group->used == UINT32_MAX)
        drop_unproven(group);
    if (group->used == UINT32_MAX)
        return SPEADI_GAP_NONE;
    return (unsigned)__builtin_ctz(~group->used);
}

/* Returns the member that the counter branches off: the nearest one below, else the current one if the counter fits it,
 * else any that it fits. */
static unsigned origin_of(const struct speadi_gap_group *group, uint64_t counter, bool learning,
                          bool *ahead)
{
    uint64_t nearest = UINT64_MAX;
    unsigned found = SPEADI_GAP_NONE;

    *ahead = false;
    SPEADI_GAP_FOR_EACH(i, group->used)
    {
        const struct speadi_gap_member *member = &group->member[i];
        uint64_t up = (counter - member->sequence.newest) & group->mask;
        bool is_ahead;

        if (member->state == SPEADI_GAP_LONE || member->learning != learning ||
            speadi_gap_sequence_distance(&member->sequence, counter, group->mask, &is_ahead) ==
                UINT64_MAX)
            continue;
        if (is_ahead && up < nearest) {
            nearest = up;
            found = i;
            *ahead = true;
        } else if (!*ahead && (found == SPEADI_GAP_NONE || i == group->current)) {
            found = i;
        }
    }
    return found;
}

bool speadi_gap_group_fits(const struct speadi_gap_group *group, uint64_t counter)
{
    bool ahead;

    return origin_of(group, counter, false, &ahead) != SPEADI_GAP_NONE;
}

void speadi_gap_group_add(struct speadi_gap_group *group, uint64_t counter, uint64_t step,
                          bool learning, bool counts_gap)
{
    unsigned i = take_member(group), origin;
    struct speadi_gap_member *member;
    bool ahead, is_first = group->used == 0;

    group->tick++;
    if (i == SPEADI_GAP_NONE) {
        group->not_understood += !learning;
        return;
    }
    origin = origin_of(group, counter, learning, &ahead);
    member = &group->member[i];
    if (origin != SPEADI_GAP_NONE)
        step = group->member[origin].sequence.step;
    speadi_gap_sequence_begin(&member->sequence, counter, step);
    member->tick = group->tick;
    member->interval = 0;
    member->gap = member->distance = member->went_on = 0;
    member->origin = (uint8_t)origin;
    member->follower = (uint8_t)i;
    member->counts_gap = ahead && counts_gap;
    member->in_doubt = false;
    member->learning = learning;
    member->state = is_first                    ? SPEADI_GAP_NORMAL
                    : origin == SPEADI_GAP_NONE ? SPEADI_GAP_LONE
                                                : SPEADI_GAP_BRANCH;
    speadi_gap_branch_measure(group, member);
    group->used |= 1u << i;
    speadi_gap_group_mark(group, i);
    if (!is_first)
        group->member[group->current].follower = (uint8_t)i;
    group->current = (uint8_t)i;
    speadi_gap_branch_decide(group, i);
}

/* ---- Opening -------------------------------------------------------------------------------- */

static bool is_next(const struct speadi_gap_group *group, unsigned i, uint64_t counter)
{
    const struct speadi_gap_sequence *sequence = &group->member[i].sequence;

    return group->used >> i & 1 && ((sequence->newest + sequence->step) & group->mask) == counter;
}

static bool is_calm(const struct speadi_gap_group *group, unsigned i)
{
    const struct speadi_gap_sequence *sequence = &group->member[i].sequence;

    return group->open == 0 && sequence->absent == 0 && sequence->pending == 0 &&
           !sequence->watched;
}

static unsigned next_member(const struct speadi_gap_group *group, uint64_t counter)
{
    unsigned follower = group->member[group->current].follower;

    if (group->used == 0)
        return SPEADI_GAP_NONE;
    if (is_next(group, group->current, counter))
        return group->current;
    if (group->used >> group->current & 1 && is_next(group, follower, counter))
        return follower;
    SPEADI_GAP_FOR_EACH(i, group->used)
    if (is_next(group, i, counter))
        return i;
    return SPEADI_GAP_NONE;
}

bool speadi_gap_group_advance(struct speadi_gap_group *group, uint64_t counter)
{
    unsigned i = next_member(group, counter);
    struct speadi_gap_member *member;

    if (i == SPEADI_GAP_NONE || !is_calm(group, i) || group->member[i].learning ||
        group->member[i].state != SPEADI_GAP_NORMAL)
        return false;
    member = &group->member[i];
    speadi_gap_sequence_next(&member->sequence, counter);
    group->tick++;
    member->interval = (7 * member->interval + group->tick - member->tick + 7) / 8;
    member->tick = group->tick;
    group->member[group->current].follower = (uint8_t)i;
    group->current = (uint8_t)i;
    return true;
}

/* Divides a member that has gone on at two fronts after a jump into two members. */
static void divide(struct speadi_gap_group *group, unsigned i)
{
    unsigned upper = take_member(group);
    struct speadi_gap_member *member;

    if (upper == SPEADI_GAP_NONE || !(group->used >> i & 1))
        return;
    member = &group->member[upper];
    *member = group->member[i];
    speadi_gap_sequence_divide(&group->member[i].sequence, &member->sequence);
    speadi_gap_member_settle(member);
    member->follower = (uint8_t)upper;
    member->went_on = 0;
    if (member->sequence.joined >= SPEADI_GAP_JOINED) {
        member->origin = (uint8_t)i;
        member->counts_gap = member->in_doubt = true;
    } else {
        member->state = SPEADI_GAP_LONE;
        member->origin = SPEADI_GAP_NONE;
        member->counts_gap = member->in_doubt = false;
    }
    group->used |= 1u << upper;
    speadi_gap_group_mark(group, upper);
}

static void note_opened(struct speadi_gap_group *group, unsigned i, bool moved_ahead)
{
    struct speadi_gap_member *member = &group->member[i];
    uint64_t since = ++group->tick - member->tick;

    member->interval = since > member->interval ? since : (7 * member->interval + since) / 8;
    member->tick = group->tick;
    if (group->current != i)
        group->member[group->current].follower = (uint8_t)i;
    group->current = (uint8_t)i;
    if (member->state == SPEADI_GAP_LONE && member->sequence.joined >= SPEADI_GAP_JOINED)
        speadi_gap_member_settle(member);
    if (group->open == 0)
        return;
    SPEADI_GAP_FOR_EACH(other, group->open)
    group->member[other].went_on += moved_ahead && group->member[other].origin == i;
    speadi_gap_branch_decide(group, i);
}

static unsigned nearest_member(const struct speadi_gap_group *group, uint64_t counter,
                               bool learning, uint64_t *steps, bool *ahead)
{
    unsigned found = SPEADI_GAP_NONE;
    uint64_t nearest = UINT64_MAX;

    SPEADI_GAP_FOR_EACH(i, group->used)
    {
        const struct speadi_gap_member *member = &group->member[i];
        bool is_ahead;
        uint64_t distance, weight;

        if (learning != member->learning)
            continue;
        distance = speadi_gap_sequence_distance(&member->sequence, counter, group->mask, &is_ahead);
        if (distance >= SPEADI_GAP_WINDOW)
            continue;
        weight = distance + (member->state == SPEADI_GAP_LONE ? LONE_DISTANCE : 0);
        if (weight < nearest || (weight == nearest && i == group->current)) {
            found = i;
            nearest = weight;
            *steps = distance;
            *ahead = is_ahead;
        }
    }
    return found;
}

/* Sequence i has skipped some counters. If they opened as lone ones before, they were early, not stray. */
static void take_lone(struct speadi_gap_group *group, unsigned i, uint64_t steps)
{
    struct speadi_gap_sequence *sequence = &group->member[i].sequence;

    SPEADI_GAP_FOR_EACH(other, group->used)
    {
        const struct speadi_gap_member *lone = &group->member[other];
        uint64_t distance, base;
        bool ahead;

        if (lone->state != SPEADI_GAP_LONE || lone->sequence.step != sequence->step ||
            lone->sequence.span > SPEADI_GAP_LONE_SPAN)
            continue;
        base = speadi_gap_sequence_distance(sequence, lone->sequence.newest, group->mask, &ahead);
        if (ahead || base == 0 || base >= steps)
            continue;
        for (uint64_t back = 0; back < lone->sequence.span; back++) {
            distance = base + back;
            if (speadi_gap_sequence_has(&lone->sequence, back) && distance < SPEADI_GAP_WINDOW)
                speadi_gap_sequence_open(sequence, 0, false, distance);
        }
        speadi_gap_group_release(group, other);
    }
}

unsigned speadi_gap_group_open(struct speadi_gap_group *group, uint64_t counter, bool learning,
                               enum speadi_gap_opened *opened)
{
    unsigned i = next_member(group, counter);
    struct speadi_gap_sequence *sequence;
    uint64_t steps = 1;
    bool ahead = true;

    /* a lone counter may have been early, and a sequence near it may reach it now */
    if (i == SPEADI_GAP_NONE || learning != group->member[i].learning ||
        group->member[i].state == SPEADI_GAP_LONE)
        i = nearest_member(group, counter, learning, &steps, &ahead);
    if (i == SPEADI_GAP_NONE)
        return i;
    sequence = &group->member[i].sequence;
    *opened = speadi_gap_sequence_open(sequence, counter, ahead, steps);
    if (*opened == SPEADI_GAP_AHEAD && steps > 1 && group->member[i].state == SPEADI_GAP_NORMAL)
        take_lone(group, i, steps);
    if (*opened != SPEADI_GAP_REPEATED && speadi_gap_sequence_is_two(sequence))
        divide(group, i);
    note_opened(group, i, *opened == SPEADI_GAP_AHEAD);
    return i;
}

bool speadi_gap_group_is_calm(const struct speadi_gap_group *group)
{
    const struct speadi_gap_member *member = &group->member[group->current];

    return group->used >> group->current & 1 && is_calm(group, group->current) &&
           !member->learning && member->state == SPEADI_GAP_NORMAL;
}

/* ---- The learning members, and the sums ----------------------------------------------------- */

void speadi_gap_group_drop_learning(struct speadi_gap_group *group)
{
    SPEADI_GAP_FOR_EACH(i, group->used)
    if (group->member[i].learning)
        speadi_gap_group_release(group, i);
}

void speadi_gap_group_keep_learning(struct speadi_gap_group *group)
{
    SPEADI_GAP_FOR_EACH(i, group->used)
    group->member[i].learning = false;
}

bool speadi_gap_group_is_silent(const struct speadi_gap_group *group, uint64_t heaps)
{
    SPEADI_GAP_FOR_EACH(i, group->used)
    if (!group->member[i].learning && !speadi_gap_group_has_silent(group, i, heaps))
        return false;
    return true;
}

struct speadi_gap_sums speadi_gap_group_sums(const struct speadi_gap_group *group)
{
    struct speadi_gap_sums sums = {.missing = group->missing,
                                   .absent = group->absent,
                                   .not_understood = group->not_understood};
    uint64_t gap = 0, gap_heaps = 0;
    unsigned gaps = 0;

    SPEADI_GAP_FOR_EACH(i, group->used)
    {
        const struct speadi_gap_member *member = &group->member[i];
        uint64_t missing = speadi_gap_sequence_missing(&member->sequence);

        if (member->state == SPEADI_GAP_LONE) {
            sums.not_understood += missing > 0 ? member->sequence.opened : 0;
            continue;
        }
        sums.missing += missing;
        sums.provisional += member->state == SPEADI_GAP_BRANCH ? missing : member->sequence.pending;
        sums.absent += member->sequence.absent_count;
        gap += member->gap;
        gap_heaps += member->gap > 0 ? member->sequence.opened : 0;
        gaps += member->gap > 0;
    }
    if (gaps > SPEADI_GAP_OUTAGES) {
        sums.not_understood += gap_heaps;
    } else {
        sums.missing += gap;
        sums.provisional += gap;
    }
    return sums;
}
