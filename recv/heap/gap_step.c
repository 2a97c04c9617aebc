/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which step the counters show.
 *
 * The rules, in their order:
 *  1. If one distance was noted at least 4 times and by at least half of the counters, it is the step. If a smaller
 *     distance was noted at least three quarters as often, the smaller one is the step.
 *  2. If at least 4 and at least a quarter of the sorted counters are larger by `unit` than the counter before them,
 *     the step is `unit`.
 *  3. If one distance was noted at least 4 times, and all counters differ by multiples of this distance, it is the
 *     step.
 *  4. If the table is full, all counters lie within a window of 1024 steps, and at least a quarter of them came after
 *     a larger one, heaps are out of order. The step is the greatest value that divides all distances.
 *  5. Else nothing is proven. */
#include "gap_step.h"

#include <string.h>

#include "gap_sequence.h"

static void vote(struct speadi_gap_step *learn, uint64_t distance)
{
    uint32_t i = 0;

    while (i < learn->distance_count && learn->distance[i] != distance)
        i++;
    if (i == learn->distance_count) {
        learn->distance[i] = distance;
        learn->votes[i] = 0;
        learn->distance_count++;
    }
    learn->votes[i]++;
}

/* Returns the number of the entry with most votes; a smaller distance with at least three quarters as many votes is
 * preferred. */
static uint32_t best_vote(const struct speadi_gap_step *learn, uint32_t *most)
{
    uint32_t best = 0;

    *most = 0;
    for (uint32_t i = 0; i < learn->distance_count; i++)
        if (learn->votes[i] > *most)
            *most = learn->votes[i];
    for (uint32_t i = 0; i < learn->distance_count; i++)
        if (4 * learn->votes[i] >= 3 * *most &&
            (4 * learn->votes[best] < 3 * *most || learn->distance[i] < learn->distance[best]))
            best = i;
    return best;
}

/* Returns how many of the sorted counters are larger by `distance` than the counter before them. */
static uint32_t followed(const struct speadi_gap_step *learn, uint64_t distance)
{
    uint32_t found = 0;

    for (uint32_t i = 1; i < learn->count; i++)
        found += learn->sorted[i] - learn->sorted[i - 1] == distance;
    return found;
}

/* Returns the greatest step of counters that are out of order, or 0 if rule 4 does not hold. */
static uint64_t step_out_of_order(const struct speadi_gap_step *learn)
{
    uint64_t divisor = 0, range = learn->sorted[learn->count - 1] - learn->sorted[0];

    if (!speadi_gap_step_is_full(learn) || 4 * learn->late < learn->count)
        return 0;
    for (uint32_t i = 1; i < learn->count; i++) {
        uint64_t a = learn->sorted[i] - learn->sorted[i - 1];

        while (a != 0) { /* Euclid's algorithm */
            uint64_t rest = divisor % a;

            divisor = a;
            a = rest;
        }
    }
    return range / divisor < SPEADI_GAP_WINDOW ? divisor : 0;
}

static bool all_are_multiples(const struct speadi_gap_step *learn, uint64_t distance)
{
    for (uint32_t i = 1; i < learn->count; i++)
        if ((learn->sorted[i] - learn->sorted[0]) % distance != 0)
            return false;
    return true;
}

static void decide(struct speadi_gap_step *learn)
{
    uint32_t n = learn->count - 1, most, best = best_vote(learn, &most), units;
    uint64_t distance = learn->distance[best];

    learn->step = learn->unit;
    learn->proven = true;
    if (most >= SPEADI_GAP_STEP_VOTES && 2 * most >= n) {
        learn->step = distance;
        learn->likely = true;
        return;
    }
    units = followed(learn, learn->unit);
    learn->likely = units >= 2;
    if (units >= SPEADI_GAP_STEP_VOTES && 4 * units >= n)
        return;
    if (most >= SPEADI_GAP_STEP_VOTES && all_are_multiples(learn, distance)) {
        learn->step = distance;
        learn->likely = true;
        return;
    }
    distance = step_out_of_order(learn);
    if (distance != 0) {
        learn->step = distance;
        learn->likely = true;
        return;
    }
    learn->likely = learn->likely && 4 * units >= n;
    learn->proven = false;
}

bool speadi_gap_step_add(struct speadi_gap_step *learn, uint64_t counter, uint64_t mask)
{
    uint64_t first = learn->count > 0 ? learn->arrived[0] : counter;
    uint64_t value = (counter - first + mask / 2 + 1) & mask;
    uint32_t at = learn->count;

    while (at > 0 && learn->sorted[at - 1] > value)
        at--;
    if (at > 0 && learn->sorted[at - 1] == value)
        return false;
    learn->late += at < learn->count;
    memmove(learn->sorted + at + 1, learn->sorted + at,
            (learn->count - at) * sizeof *learn->sorted);
    learn->sorted[at] = value;
    learn->arrived[learn->count++] = counter;
    if (learn->count == 1)
        return true;
    vote(learn, at > 0 ? value - learn->sorted[at - 1] : learn->sorted[1] - value);
    decide(learn);
    return true;
}
