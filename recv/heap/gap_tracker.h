/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the heap counters that one sender skipped in one substream, that is, the heaps of which no packet ever came.
 *
 * The tracker learns the step between counters, unless the user gave it, and which sequences take turns. It never makes
 * up a number: it reports what it cannot understand.
 *  - missing: skipped counters of the sequences that are understood. It includes the provisional ones, and falls when a
 *    skipped counter opens late, or when a jump proves to be another sequence.
 *  - provisional: the part of `missing` that a later heap may still explain; see gap_group.h.
 *  - absent: counters that were skipped regularly (every n-th one, n up to 16). Either these heaps were never sent, or
 *    all of them were lost. They are not part of `missing`.
 *  - not_understood: heaps that opened outside of every sequence that is understood. The counters that were skipped
 *    between these heaps cannot be counted. This number may fall when the heaps become understood; a heap may be
 *    counted twice.
 * A loss that the rules can see leaves at least one of `missing`, `absent` and `not_understood` above 0. What is lost
 * before the first heap or after the last heap of a sequence cannot be seen at all. If a loss is so regular from the
 * first heap on that one step explains all counters, it cannot be seen either, unless the user gives the step.
 *
 * Heaps that carry a start or stop item (control heaps) must not be given to a tracker, because their counters need not
 * belong to the sequence. Only the owner thread of a stream calls these functions. None of them allocates, and the time
 * of each is bounded whatever the counters are. */
#ifndef SPEADI_GAP_TRACKER_H
#define SPEADI_GAP_TRACKER_H

#include "gap_group.h"
#include "gap_step.h"

/* The value of `expected` when the next counter must not take the short path. No heap counter has this value. */
#define SPEADI_GAP_NO_COUNTER UINT64_MAX
/* After 64 heaps without a step, the tracker lets PAUSE_MIN heaps pass before it tries to learn again. This number
 * doubles with each failure, up to PAUSE_MAX. */
#define SPEADI_GAP_PAUSE_MIN 64u
#define SPEADI_GAP_PAUSE_MAX 4096u

struct speadi_gap_tracker {
    /* The counter that the short path takes: the newest one of the current sequence plus its step. */
    uint64_t expected;
    uint32_t bits; /* number of bits of a heap counter; 0 before the first heap */
    bool step_is_given;
    bool is_initial; /* no step is proven yet in this epoch */
    bool has_far;    /* while learning, a jump came that cannot be counted yet */
    /* The counter that opened last, `behind_counter`, is behind the newest counter of behind_member. */
    bool behind;
    bool behind_was_new; /* behind_counter had not opened before */
    uint8_t behind_member;
    uint64_t behind_counter;
    uint64_t step; /* the step that the user gave, or that a former epoch learned */
    uint64_t unit; /* each step is a multiple of it: the number of substreams */
    uint64_t pause, pause_next;
    struct speadi_gap_sums before; /* what former epochs have left */
    struct speadi_gap_step learn;
    struct speadi_gap_group group;
};

/* Makes a tracker of a substream that gets every unit-th counter. `step` is the step of the sender, or 0 if the tracker
 * shall learn it. */
void speadi_gap_tracker_init(struct speadi_gap_tracker *tracker, uint64_t step, uint64_t unit);

/* Says that a heap with this counter has opened. `bits` is the number of bits in a heap counter of its flavour, 1
 * to 63. Returns true if speadi_gap_tracker_sums() may have changed. */
bool speadi_gap_tracker_open(struct speadi_gap_tracker *tracker, uint64_t counter, unsigned bits);

/* Says that a heap whose counter is tracker->expected has opened. Its counter must have tracker->bits bits. */
static inline void speadi_gap_tracker_next(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    struct speadi_gap_group *group = &tracker->group;
    struct speadi_gap_member *member = &group->member[group->current];

    member->tick = ++group->tick;
    speadi_gap_sequence_next(&member->sequence, counter);
    tracker->expected = (counter + member->sequence.step) & group->mask;
}

/* Says that the sender restarts. The next counter begins a new epoch; what the old one has missed stays counted. */
void speadi_gap_tracker_restart(struct speadi_gap_tracker *tracker);

struct speadi_gap_sums speadi_gap_tracker_sums(const struct speadi_gap_tracker *tracker);

/* Returns the step of the sequence in which a heap opened last, in counters of this substream, or 0 if no step is
 * proven. */
uint64_t speadi_gap_tracker_step(const struct speadi_gap_tracker *tracker);

#endif
