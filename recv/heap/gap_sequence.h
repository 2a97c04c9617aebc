/* SPDX-License-Identifier: Apache-2.0 */
/* One sequence of heap counters: each counter is the one before plus a constant step.
 *
 * The sequence knows for its newest 1024 counters which of them have opened. So a heap that opens late no longer counts
 * as missing. All arithmetic is modulo a power of two, because heap counters wrap: `mask` is the largest heap counter
 * of the flavour. Only the owner thread of a stream calls these functions; none of them allocates. */
#ifndef SPEADI_GAP_SEQUENCE_H
#define SPEADI_GAP_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Width of the window in steps; a power of two. */
#define SPEADI_GAP_WINDOW 1024u
/* A jump of at least this many steps may be the beginning of another sequence. */
#define SPEADI_GAP_JUMP 16u
/* A jump stays provisional until this many more heaps of the sequence have opened. */
#define SPEADI_GAP_CONFIRM 64u
/* The longest period of a regular pattern that is looked for, and how many periods the pattern must last. */
#define SPEADI_GAP_PERIOD_MAX 16u
#define SPEADI_GAP_PERIODS    16u

enum speadi_gap_opened {
    SPEADI_GAP_AHEAD,    /* the counter is the newest one now */
    SPEADI_GAP_FILLED,   /* the counter had been skipped, or is older than the first one */
    SPEADI_GAP_REPEATED, /* the counter had opened before */
};

struct speadi_gap_sequence {
    uint64_t step;
    uint64_t newest;
    /* The position of the counter `newest`, in steps. The remainder of position / SPEADI_GAP_WINDOW is the number of
     * its bit in `window`. */
    uint64_t position;
    uint64_t span;   /* number of counters from the first to the newest */
    uint64_t opened; /* number of different counters that have opened */
    /* Number of skipped counters of absent classes; they do not count as missing. */
    uint64_t absent_count;
    /* Skipped counters that may still turn out to be the distance between two sequences. */
    uint64_t pending;
    uint64_t pending_until; /* `pending` becomes 0 when `opened` reaches this value */
    /* Counters of this sequence fall into `period` classes: position modulo period. 0 means that no class is absent. A
     * set bit r of `absent` means that class r is absent. */
    uint32_t period, absent;
    uint32_t joined; /* how many counters opened near the newest one; stops at UINT32_MAX */
    /* After a jump, two fronts are watched: the old one, which expects low_next, and the new one, which began at the
     * position high_first. */
    bool watched;
    bool low_was_last;
    uint32_t low_hits, high_hits, turns;
    uint64_t low_next, high_first;
    uint64_t check_at; /* the value of `span` at which absent classes are looked for again */
    /* The number of missing heaps when absent classes were last looked for. */
    uint64_t missing_checked;
    /* a set bit means that the counter at this position has opened */
    uint64_t window[SPEADI_GAP_WINDOW / 64];
};

/* Begins a sequence with its first counter. `step` must not be 0. */
void speadi_gap_sequence_begin(struct speadi_gap_sequence *sequence, uint64_t counter,
                               uint64_t step);

/* Returns the first counter of the sequence. */
static inline uint64_t speadi_gap_sequence_first(const struct speadi_gap_sequence *sequence,
                                                 uint64_t mask)
{
    return (sequence->newest - (sequence->span - 1) * sequence->step) & mask;
}

/* Returns the number of skipped counters that count as missing, which includes the pending ones. */
static inline uint64_t speadi_gap_sequence_missing(const struct speadi_gap_sequence *sequence)
{
    return sequence->span - sequence->opened - sequence->absent_count;
}

/* Says that the counter after `newest` has opened. */
static inline void speadi_gap_sequence_next(struct speadi_gap_sequence *sequence, uint64_t counter)
{
    uint64_t position = ++sequence->position;

    sequence->newest = counter;
    sequence->span++;
    sequence->opened++;
    sequence->joined += sequence->joined != UINT32_MAX;
    sequence->window[position % SPEADI_GAP_WINDOW / 64] |= 1ull << position % 64;
}

/* Returns how many steps lie between the newest counter and `counter`, or UINT64_MAX if `counter` does not fit the
 * step. Writes to *ahead whether `counter` is ahead of the newest one. */
uint64_t speadi_gap_sequence_distance(const struct speadi_gap_sequence *sequence, uint64_t counter,
                                      uint64_t mask, bool *ahead);

/* Says that a counter has opened that lies `steps` steps ahead of the newest counter or behind it. `steps` must be
 * below SPEADI_GAP_WINDOW, and at least 1 if the counter is ahead. */
enum speadi_gap_opened speadi_gap_sequence_open(struct speadi_gap_sequence *sequence,
                                                uint64_t counter, bool ahead, uint64_t steps);

/* Returns true if the counter `steps` steps behind the newest one has opened. */
bool speadi_gap_sequence_has(const struct speadi_gap_sequence *sequence, uint64_t steps);

/* Returns how many of the `count` counters after the newest one would count as missing if they were skipped. */
uint64_t speadi_gap_sequence_skipped(const struct speadi_gap_sequence *sequence, uint64_t count);

/* Adds `count` skipped counters in front of the first counter of the sequence: they are missing now. The absent classes
 * of the earlier sequence, `before`, go on in this sequence. */
void speadi_gap_sequence_prepend(struct speadi_gap_sequence *sequence,
                                 const struct speadi_gap_sequence *before, uint64_t count);

/* Returns true if the old front has gone on for long enough after a jump: then the jump was no loss. If the new front
 * has gone on too, there are two sequences, else the jump was a stray counter. */
bool speadi_gap_sequence_is_two(const struct speadi_gap_sequence *sequence);

/* Divides a sequence that is two. Afterwards `sequence` is the older one, and *upper is the one that began with the
 * jump. */
void speadi_gap_sequence_divide(struct speadi_gap_sequence *sequence,
                                struct speadi_gap_sequence *upper);

#endif
