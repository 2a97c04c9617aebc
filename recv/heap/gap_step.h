/* SPDX-License-Identifier: Apache-2.0 */
/* Learns the step of heap counters from the first heaps of a sender, or from heaps that fit no known sequence.
 *
 * It keeps up to 64 different counters in the order of their arrival, and the same counters sorted. For each counter it
 * notes the distance to the next smaller counter that had come before. The distance that is noted most often is the
 * step, under the rules that gap_step.c states. This works with several sequences that take turns as well, because the
 * next smaller counter belongs to the same sequence. Only the owner thread of a stream calls these functions; none of
 * them allocates. A call takes a time that is proportional to the number of counters. */
#ifndef SPEADI_GAP_STEP_H
#define SPEADI_GAP_STEP_H

#include <stdbool.h>
#include <stdint.h>

#define SPEADI_GAP_LEARN 64u
/* A distance must have been noted this often before it is taken for the step. */
#define SPEADI_GAP_STEP_VOTES 4u

struct speadi_gap_step {
    uint32_t count;          /* number of counters */
    uint32_t distance_count; /* number of entries of `distance` and `votes` */
    uint32_t late;           /* number of counters that arrived when a larger one had come */
    uint64_t unit;           /* every step is a multiple of this value: the number of substreams */
    uint64_t step; /* the step that the counters show; equal to `unit` before anything is known */
    bool proven;   /* the rules of gap_step.c hold for `step` */
    bool likely;   /* at least two counters have the distance `step` to the next smaller one */
    uint64_t arrived[SPEADI_GAP_LEARN];  /* in the order of arrival */
    uint64_t sorted[SPEADI_GAP_LEARN];   /* by their distance from the first one, modulo the mask */
    uint64_t distance[SPEADI_GAP_LEARN]; /* the distances that were noted */
    uint32_t votes[SPEADI_GAP_LEARN];    /* how often each of them was noted */
};

/* Begins anew. `unit` must not be 0. */
static inline void speadi_gap_step_begin(struct speadi_gap_step *learn, uint64_t unit)
{
    learn->count = learn->distance_count = learn->late = 0;
    learn->unit = learn->step = unit;
    learn->proven = learn->likely = false;
}

/* Adds a counter and decides again. Returns false if the counter was known already. The table must not be full. */
bool speadi_gap_step_add(struct speadi_gap_step *learn, uint64_t counter, uint64_t mask);

static inline bool speadi_gap_step_is_full(const struct speadi_gap_step *learn)
{
    return learn->count == SPEADI_GAP_LEARN;
}

#endif
