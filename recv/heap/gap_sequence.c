/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the skipped counters of one sequence. */
#include "gap_sequence.h"

#include <string.h>

/* A front goes on with a counter that is at most this many steps away from the front. */
#define FRONT_WIDTH 4u
/* How often each of two fronts must go on, and how often they must take turns. */
#define FRONT_HITS  8u
#define FRONT_TURNS 4u

static void set_bit(struct speadi_gap_sequence *sequence, uint64_t position)
{
    sequence->window[position % SPEADI_GAP_WINDOW / 64] |= 1ull << position % 64;
}

static void clear_bit(struct speadi_gap_sequence *sequence, uint64_t position)
{
    sequence->window[position % SPEADI_GAP_WINDOW / 64] &= ~(1ull << position % 64);
}

static bool bit_is_set(const struct speadi_gap_sequence *sequence, uint64_t position)
{
    return sequence->window[position % SPEADI_GAP_WINDOW / 64] >> position % 64 & 1;
}

void speadi_gap_sequence_begin(struct speadi_gap_sequence *sequence, uint64_t counter,
                               uint64_t step)
{
    *sequence = (struct speadi_gap_sequence){
        .step = step,
        .newest = counter,
        .position = SPEADI_GAP_WINDOW, /* so that no older position is below zero */
        .span = 1,
        .opened = 1,
        .check_at = 2 * SPEADI_GAP_PERIODS,
    };
    set_bit(sequence, sequence->position);
}

uint64_t speadi_gap_sequence_distance(const struct speadi_gap_sequence *sequence, uint64_t counter,
                                      uint64_t mask, bool *ahead)
{
    uint64_t up = (counter - sequence->newest) & mask, down = (sequence->newest - counter) & mask;
    uint64_t distance = up <= down ? up : down;

    *ahead = up <= down && up > 0;
    if (sequence->step == 1)
        return distance;
    return distance % sequence->step == 0 ? distance / sequence->step : UINT64_MAX;
}

/* Returns how many of the `count` positions from `position` on are in an absent class. */
static uint64_t absent_among(uint32_t period, uint32_t absent, uint64_t position, uint64_t count)
{
    uint64_t found;

    if (absent == 0)
        return 0;
    found = count / period * (uint64_t)__builtin_popcount(absent);
    for (uint64_t i = 0; i < count % period; i++)
        found += absent >> (position + i) % period & 1;
    return found;
}

/* Returns true if the position is in an absent class. If so, the class is absent no longer. */
static bool absent_came(struct speadi_gap_sequence *sequence, uint64_t position)
{
    uint32_t bit;

    if (sequence->absent == 0)
        return false;
    bit = 1u << position % sequence->period;
    if (!(sequence->absent & bit))
        return false;
    sequence->absent &= ~bit;
    return true;
}

/* Watches whether the sequence goes on at two fronts. A heap that opens elsewhere shows that heaps are out of order.
 * Then the watch ends until the next jump. */
static void watch_fronts(struct speadi_gap_sequence *sequence, bool ahead, uint64_t steps)
{
    uint64_t at = sequence->position - (ahead ? 0 : steps);
    bool low = !ahead && at + FRONT_WIDTH >= sequence->low_next &&
               at <= sequence->low_next + FRONT_WIDTH && at < sequence->high_first;
    bool high = (ahead && steps <= FRONT_WIDTH) || (!ahead && steps <= FRONT_WIDTH);

    if ((!low && !high) || sequence->position - sequence->high_first >= SPEADI_GAP_WINDOW) {
        sequence->watched = false;
        return;
    }
    if (low) {
        sequence->low_hits++;
        if (at >= sequence->low_next)
            sequence->low_next = at + 1;
        sequence->pending_until = sequence->opened + SPEADI_GAP_CONFIRM;
    } else {
        sequence->high_hits++;
    }
    sequence->turns += low != sequence->low_was_last;
    sequence->low_was_last = low;
}

/* Begins to watch whether the sequence goes on at two fronts: from the position low_next on, and from high_first on.
 * `skipped` counters lie between. */
static void begin_watch(struct speadi_gap_sequence *sequence, uint64_t low_next,
                        uint64_t high_first, uint64_t skipped)
{
    sequence->pending += skipped;
    sequence->pending_until = sequence->opened + SPEADI_GAP_CONFIRM;
    sequence->watched = true;
    sequence->low_was_last = false;
    sequence->low_hits = sequence->high_hits = sequence->turns = 0;
    sequence->low_next = low_next;
    sequence->high_first = high_first;
}

static void move_ahead(struct speadi_gap_sequence *sequence, uint64_t counter, uint64_t steps)
{
    for (uint64_t i = 1; i < steps; i++)
        clear_bit(sequence, sequence->position + i);
    sequence->absent_count +=
        absent_among(sequence->period, sequence->absent, sequence->position + 1, steps - 1);
    sequence->position += steps;
    sequence->newest = counter;
    sequence->span += steps;
    sequence->opened++;
    absent_came(sequence, sequence->position);
    set_bit(sequence, sequence->position);
}

static void fill(struct speadi_gap_sequence *sequence, uint64_t steps)
{
    uint64_t at = sequence->position - steps;

    if (steps >= sequence->span) {
        sequence->absent_count +=
            absent_among(sequence->period, sequence->absent, at + 1, steps - sequence->span);
        absent_came(sequence, at);
        sequence->span = steps + 1;
    } else if (absent_came(sequence, at)) {
        sequence->absent_count--;
    }
    sequence->opened++;
    set_bit(sequence, at);
    /* the class of a late heap may have come back already */
    if (sequence->absent_count > sequence->span - sequence->opened)
        sequence->absent_count = sequence->span - sequence->opened;
}

/* ---- Classes of which no counter ever opened ------------------------------------------------ */

/* Returns 64 bits of the window, from `position` on. */
static uint64_t bits_from(const struct speadi_gap_sequence *sequence, uint64_t position)
{
    const unsigned words = SPEADI_GAP_WINDOW / 64;
    unsigned word = (unsigned)(position % SPEADI_GAP_WINDOW / 64), shift = position % 64;
    uint64_t low = sequence->window[word] >> shift;

    return shift == 0 ? low : low | sequence->window[(word + 1) % words] << (64 - shift);
}

/* Returns the classes modulo `period` of which no counter opened in the newest SPEADI_GAP_PERIODS periods. Returns 0 if
 * less than three quarters of the counters of the other classes opened in these periods. */
static uint32_t absent_classes(const struct speadi_gap_sequence *sequence, unsigned period)
{
    uint64_t first = sequence->position + 1 - (uint64_t)period * SPEADI_GAP_PERIODS;
    uint32_t all = (1u << period) - 1, seen = 0, absent = 0;
    unsigned opened = 0, present;

    for (uint64_t at = first; at <= sequence->position; at += period) {
        uint32_t bits = (uint32_t)bits_from(sequence, at) & all;

        seen |= bits;
        opened += (unsigned)__builtin_popcount(bits);
    }
    for (unsigned r = 0; r < period; r++) /* bit r of `seen` belongs to the position first + r */
        if (!(seen >> r & 1))
            absent |= 1u << (first + r) % period;
    present = period - (unsigned)__builtin_popcount(absent);
    return 4 * opened >= 3 * present * SPEADI_GAP_PERIODS ? absent : 0;
}

/* Counts skipped counters of the absent classes as absent and no longer as missing. For each class the function goes
 * back to the last counter of the class that opened. */
static void excuse_absent(struct speadi_gap_sequence *sequence)
{
    uint32_t left = sequence->absent;

    for (uint64_t i = 0; i < SPEADI_GAP_WINDOW && i < sequence->span && left != 0; i++) {
        uint64_t at = sequence->position - i;
        uint32_t bit = 1u << at % sequence->period;

        if (bit_is_set(sequence, at))
            left &= ~bit;
        else
            sequence->absent_count += (left & bit) != 0;
    }
}

static void find_absent(struct speadi_gap_sequence *sequence)
{
    uint64_t missing = speadi_gap_sequence_missing(sequence), since = sequence->missing_checked;

    sequence->check_at = sequence->span + 2 * SPEADI_GAP_PERIODS;
    sequence->missing_checked = missing;
    if (missing < SPEADI_GAP_PERIODS || missing < since + 2)
        return; /* an absent class skips at least so many counters */
    for (unsigned period = 2; period <= SPEADI_GAP_PERIOD_MAX; period++) {
        if (sequence->span < (uint64_t)period * SPEADI_GAP_PERIODS)
            return;
        sequence->absent = absent_classes(sequence, period);
        if (sequence->absent == 0)
            continue;
        sequence->period = period;
        excuse_absent(sequence);
        return;
    }
}

/* ---- Opening -------------------------------------------------------------------------------- */

bool speadi_gap_sequence_has(const struct speadi_gap_sequence *sequence, uint64_t steps)
{
    return steps < sequence->span && steps < SPEADI_GAP_WINDOW &&
           bit_is_set(sequence, sequence->position - steps);
}

enum speadi_gap_opened speadi_gap_sequence_open(struct speadi_gap_sequence *sequence,
                                                uint64_t counter, bool ahead, uint64_t steps)
{
    uint64_t span = sequence->span;

    if (!ahead && steps < sequence->span && bit_is_set(sequence, sequence->position - steps)) {
        sequence->watched = false;
        return SPEADI_GAP_REPEATED;
    }
    if (ahead)
        move_ahead(sequence, counter, steps);
    else
        fill(sequence, steps);
    sequence->joined += steps < SPEADI_GAP_JUMP && sequence->joined != UINT32_MAX;
    if (sequence->watched)
        watch_fronts(sequence, ahead, steps);
    if (ahead && steps >= SPEADI_GAP_JUMP)
        begin_watch(sequence, sequence->position - steps + 1, sequence->position, steps - 1);
    else if (!ahead && steps >= span + SPEADI_GAP_JUMP - 1)
        begin_watch(sequence, sequence->position - steps + 1, sequence->position - span + 1,
                    steps - span);
    if (sequence->absent == 0 && sequence->span >= sequence->check_at &&
        speadi_gap_sequence_missing(sequence) > 0)
        find_absent(sequence);
    if (sequence->opened >= sequence->pending_until)
        sequence->pending = 0;
    if (sequence->pending > speadi_gap_sequence_missing(sequence))
        sequence->pending = speadi_gap_sequence_missing(sequence);
    return ahead ? SPEADI_GAP_AHEAD : SPEADI_GAP_FILLED;
}

uint64_t speadi_gap_sequence_skipped(const struct speadi_gap_sequence *sequence, uint64_t count)
{
    return count - absent_among(sequence->period, sequence->absent, sequence->position + 1, count);
}

void speadi_gap_sequence_prepend(struct speadi_gap_sequence *sequence,
                                 const struct speadi_gap_sequence *before, uint64_t count)
{
    uint64_t first = sequence->position + 1 - sequence->span, shift;

    if (before->absent != 0 && sequence->absent == 0 && sequence->span <= SPEADI_GAP_WINDOW) {
        /* the class that the position `first` has in the sequence `before`, less the one it has here */
        shift = (before->position + count + 1) % before->period + before->period -
                first % before->period;
        sequence->period = before->period;
        for (unsigned r = 0; r < before->period; r++)
            if (before->absent >> (r + shift) % before->period & 1)
                sequence->absent |= 1u << r;
        for (uint64_t at = first; at <= sequence->position; at++)
            if (bit_is_set(sequence, at))
                sequence->absent &= ~(1u << at % sequence->period);
        sequence->absent_count =
            absent_among(sequence->period, sequence->absent, first, sequence->span);
    }
    sequence->span += count;
    sequence->absent_count += count - speadi_gap_sequence_skipped(before, count);
}

/* ---- Two sequences in one ------------------------------------------------------------------- */

bool speadi_gap_sequence_is_two(const struct speadi_gap_sequence *sequence)
{
    return sequence->watched && sequence->low_hits >= FRONT_HITS &&
           (sequence->high_hits == 0 ||
            (sequence->high_hits >= FRONT_HITS && sequence->turns >= FRONT_TURNS));
}

void speadi_gap_sequence_divide(struct speadi_gap_sequence *sequence,
                                struct speadi_gap_sequence *upper)
{
    uint64_t low = sequence->low_next - 1, above = sequence->position - low, absent;

    *upper = *sequence;
    upper->span = sequence->position - sequence->high_first + 1;
    upper->opened = upper->absent_count = 0;
    for (uint64_t i = 0; i < SPEADI_GAP_WINDOW; i++) {
        uint64_t at = sequence->position - i;

        if (i >= upper->span)
            clear_bit(upper, at);
        else if (bit_is_set(upper, at))
            upper->opened++;
        else if (upper->absent != 0)
            upper->absent_count += upper->absent >> at % upper->period & 1;
        /* in the older sequence this bit now stands for an older position, which shall not count as skipped */
        if (i < above)
            set_bit(sequence, at);
    }
    absent = absent_among(sequence->period, sequence->absent, low + 1, above);
    upper->pending = 0;
    upper->watched = false;
    upper->check_at = upper->span + 2 * SPEADI_GAP_PERIODS;
    upper->joined = sequence->high_hits;
    sequence->absent_count -= absent < sequence->absent_count ? absent : sequence->absent_count;
    sequence->span -= above;
    sequence->opened -= upper->opened;
    if (sequence->absent_count > sequence->span - sequence->opened)
        sequence->absent_count = sequence->span - sequence->opened;
    sequence->newest -= above * sequence->step;
    sequence->position = low;
    sequence->pending = 0;
    sequence->watched = false;
    sequence->check_at = sequence->span + SPEADI_GAP_WINDOW;
}
