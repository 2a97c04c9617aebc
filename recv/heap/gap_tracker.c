/* SPDX-License-Identifier: Apache-2.0 */
/* Learns the step of a sender, and gives each counter to the sequences that are known. */
#include "gap_tracker.h"

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

void speadi_gap_tracker_init(struct speadi_gap_tracker *tracker, uint64_t step, uint64_t unit)
{
    tracker->expected = SPEADI_GAP_NO_COUNTER;
    tracker->bits = 0;
    tracker->step_is_given = step != 0;
    tracker->is_initial = step == 0;
    tracker->has_far = tracker->behind = false;
    tracker->behind_member = 0;
    tracker->behind_counter = 0;
    tracker->unit = unit;
    /* a substream gets every (unit / common divisor)-th counter of the sender */
    tracker->step = step == 0 ? 0 : step / common_divisor(step, unit) * unit;
    tracker->pause = 0;
    tracker->pause_next = SPEADI_GAP_PAUSE_MIN;
    tracker->before = (struct speadi_gap_sums){0};
    speadi_gap_step_begin(&tracker->learn, unit);
    speadi_gap_group_begin(&tracker->group, 0);
}

static uint64_t learning_not_understood(const struct speadi_gap_tracker *tracker)
{
    const struct speadi_gap_step *learn = &tracker->learn;

    if (tracker->is_initial)
        return tracker->has_far && !learn->likely ? learn->count : 0;
    if (learn->count < 2)
        return 0;
    if (!learn->likely || speadi_gap_group_is_silent(&tracker->group, SPEADI_GAP_STRAY))
        return learn->count;
    return 0;
}

struct speadi_gap_sums speadi_gap_tracker_sums(const struct speadi_gap_tracker *tracker)
{
    struct speadi_gap_sums sums = speadi_gap_group_sums(&tracker->group);

    sums.missing += tracker->before.missing;
    sums.provisional += tracker->before.provisional;
    sums.absent += tracker->before.absent;
    sums.not_understood += tracker->before.not_understood + learning_not_understood(tracker);
    return sums;
}

uint64_t speadi_gap_tracker_step(const struct speadi_gap_tracker *tracker)
{
    const struct speadi_gap_group *group = &tracker->group;

    if (tracker->is_initial && !tracker->learn.proven)
        return 0;
    return group->used >> group->current & 1 ? group->member[group->current].sequence.step : 0;
}

void speadi_gap_tracker_restart(struct speadi_gap_tracker *tracker)
{
    tracker->before = speadi_gap_tracker_sums(tracker);
    tracker->expected = SPEADI_GAP_NO_COUNTER;
    tracker->is_initial = !tracker->step_is_given;
    tracker->has_far = tracker->behind = false;
    tracker->pause = 0;
    speadi_gap_step_begin(&tracker->learn, tracker->unit);
    speadi_gap_group_begin(&tracker->group, tracker->group.mask);
}

/* ---- Restarts that only the counters show --------------------------------------------------- */

/* Notes that a heap has opened that is behind its sequence. Either this heap is late, or it is the first heap after a
 * restart of the sender. The next counter shows which of the two is true. */
static void note_behind(struct speadi_gap_tracker *tracker, unsigned member, uint64_t counter,
                        enum speadi_gap_opened opened)
{
    tracker->behind =
        opened != SPEADI_GAP_AHEAD && counter != tracker->group.member[member].sequence.newest;
    tracker->behind_was_new = opened == SPEADI_GAP_FILLED;
    tracker->behind_member = (uint8_t)member;
    tracker->behind_counter = counter;
}

/* Returns true if this counter follows the one that was behind, and at least one of the two had opened before: then
 * the sequence has begun anew. */
static bool has_begun_anew(const struct speadi_gap_tracker *tracker, uint64_t counter)
{
    const struct speadi_gap_group *group = &tracker->group;
    const struct speadi_gap_member *member = &group->member[tracker->behind_member];
    uint64_t steps;
    bool ahead;

    if (!tracker->behind || !(group->used >> tracker->behind_member & 1) ||
        member->learning != tracker->is_initial ||
        counter != ((tracker->behind_counter + member->sequence.step) & group->mask))
        return false;
    if (!tracker->behind_was_new)
        return true;
    steps = speadi_gap_sequence_distance(&member->sequence, counter, group->mask, &ahead);
    return !ahead && steps > 0 && speadi_gap_sequence_has(&member->sequence, steps);
}

/* ---- Learning ------------------------------------------------------------------------------- */

/* Gives a counter to the sequences whose step is not proven yet. */
static void open_learning(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    struct speadi_gap_group *group = &tracker->group;
    enum speadi_gap_opened opened = SPEADI_GAP_AHEAD;
    unsigned member = speadi_gap_group_open(group, counter, true, &opened);

    if (member != SPEADI_GAP_NONE) {
        note_behind(tracker, member, counter, opened);
        return;
    }
    tracker->has_far = tracker->has_far || group->used != 0;
    speadi_gap_group_add(group, counter, tracker->learn.step, true, tracker->learn.likely);
}

/* Gives all learned counters to the sequences once more, because the step is another one than was thought. */
static void replay(struct speadi_gap_tracker *tracker)
{
    speadi_gap_group_drop_learning(&tracker->group);
    tracker->has_far = false;
    for (uint32_t i = 0; i < tracker->learn.count; i++)
        open_learning(tracker, tracker->learn.arrived[i]);
}

static void end_learning(struct speadi_gap_tracker *tracker)
{
    struct speadi_gap_step *learn = &tracker->learn;

    if (learn->likely) {
        tracker->group.not_understood += tracker->is_initial ? 0 : learning_not_understood(tracker);
        tracker->is_initial = false;
        speadi_gap_group_keep_learning(&tracker->group);
        tracker->pause_next = SPEADI_GAP_PAUSE_MIN;
    } else {
        tracker->group.not_understood += learn->count;
        speadi_gap_group_drop_learning(&tracker->group);
        tracker->pause = tracker->pause_next;
        if (tracker->pause_next < SPEADI_GAP_PAUSE_MAX)
            tracker->pause_next *= 2;
    }
    tracker->has_far = false;
    speadi_gap_step_begin(learn, tracker->unit);
}

static void learn_from(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    struct speadi_gap_step *learn = &tracker->learn;
    uint64_t step = learn->step;
    bool likely = learn->likely;

    if (tracker->pause > 0) {
        tracker->pause--;
        tracker->group.not_understood++;
        return;
    }
    if (!speadi_gap_step_add(learn, counter, tracker->group.mask)) {
        open_learning(tracker, counter); /* the counter had opened before */
        return;
    }
    if (learn->step != step || learn->likely != likely)
        replay(tracker);
    else
        open_learning(tracker, counter);
    if (speadi_gap_step_is_full(learn))
        end_learning(tracker);
}

/* ---- Opening -------------------------------------------------------------------------------- */

/* Returns 1 if the heap that was behind took the place of a missing heap of the old epoch, else 0. */
static uint64_t taken_from_old(const struct speadi_gap_tracker *tracker)
{
    const struct speadi_gap_sequence *sequence =
        &tracker->group.member[tracker->behind_member].sequence;
    bool ahead;
    uint64_t steps = speadi_gap_sequence_distance(sequence, tracker->behind_counter,
                                                  tracker->group.mask, &ahead);

    return tracker->behind_was_new && sequence->position - steps >= SPEADI_GAP_WINDOW;
}

static void open_anew(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    struct speadi_gap_group *group = &tracker->group;
    uint64_t first = tracker->behind_counter;
    uint64_t missing = taken_from_old(tracker);
    enum speadi_gap_opened opened;

    if (tracker->is_initial) {
        speadi_gap_tracker_restart(tracker);
        tracker->before.missing += missing;
        learn_from(tracker, first);
        learn_from(tracker, counter);
        return;
    }
    group->missing += missing;
    speadi_gap_group_begin_anew(group, tracker->behind_member, first);
    tracker->behind = false;
    speadi_gap_group_open(group, counter, false, &opened);
}

static void open_known(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    struct speadi_gap_group *group = &tracker->group;
    enum speadi_gap_opened opened = SPEADI_GAP_AHEAD;
    unsigned member = speadi_gap_group_open(group, counter, false, &opened);

    if (member != SPEADI_GAP_NONE) {
        note_behind(tracker, member, counter, opened);
        return;
    }
    if (tracker->step_is_given || speadi_gap_group_fits(group, counter))
        speadi_gap_group_add(group, counter, tracker->step_is_given ? tracker->step : tracker->unit,
                             false, true);
    else
        learn_from(tracker, counter);
}

static void take_bits(struct speadi_gap_tracker *tracker, unsigned bits)
{
    if (tracker->bits !=
        0) { /* the sender mixes flavours, so what lies between cannot be counted */
        speadi_gap_tracker_restart(tracker);
        tracker->before.not_understood++;
    }
    tracker->bits = bits;
    tracker->group.mask = (1ull << bits) - 1;
}

bool speadi_gap_tracker_open(struct speadi_gap_tracker *tracker, uint64_t counter, unsigned bits)
{
    struct speadi_gap_group *group = &tracker->group;
    bool has_changed = true;

    if (bits != tracker->bits)
        take_bits(tracker, bits);
    if (has_begun_anew(tracker, counter)) {
        open_anew(tracker, counter);
    } else {
        tracker->behind = false;
        if (tracker->is_initial)
            learn_from(tracker, counter);
        else if (speadi_gap_group_advance(group, counter))
            has_changed = false;
        else
            open_known(tracker, counter);
    }
    tracker->expected = SPEADI_GAP_NO_COUNTER;
    if (!tracker->is_initial && !tracker->behind && speadi_gap_group_is_calm(group)) {
        const struct speadi_gap_sequence *sequence = &group->member[group->current].sequence;

        tracker->expected = (sequence->newest + sequence->step) & group->mask;
    }
    return has_changed;
}
