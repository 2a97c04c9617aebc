/* SPDX-License-Identifier: Apache-2.0 */
/* The sequences of heap counters that take turns in one tracker, at most 32.
 *
 * A counter that is far ahead of every sequence begins a branch. The origin of the branch is the nearest sequence below
 * it. The counters between the two are missing at once, but provisionally. What the two do next decides:
 *  - The branch goes on (4 counters, each less than 16 steps from the one before), and the origin goes on too (4
 *    counters): there are two sequences. The counters between were never sent, and no longer count as missing.
 *  - The branch goes on for 64 heaps, and the origin is silent: it was an outage. The counters between are missing, and
 *    this is final.
 *  - The origin goes on for 8 heaps, and the branch does not: the branch was a stray counter, and nothing is missing.
 * Until one of these cases holds, the counters stay provisionally missing. Only the owner thread of a stream calls
 * these functions; none of them allocates, and each takes a time that is bounded by the number of sequences. */
#ifndef SPEADI_GAP_GROUP_H
#define SPEADI_GAP_GROUP_H

#include "gap_sequence.h"

#define SPEADI_GAP_SEQUENCES 32u
#define SPEADI_GAP_NONE      0xffu
/* A branch goes on if so many counters came near its newest one. */
#define SPEADI_GAP_JOINED 3u
/* Up to so many branches at a time are taken for outages. If there are more, their heaps are not understood. */
#define SPEADI_GAP_OUTAGES 2u
/* A lone sequence is part of another one if it is not longer than this and the other one passes it. */
#define SPEADI_GAP_LONE_SPAN 64u
/* An origin goes on if it has had WENT_ON heaps after the branch began. If it has had STRAY heaps and the branch has
 * not gone on, the branch is a stray counter. */
#define SPEADI_GAP_WENT_ON 4u
#define SPEADI_GAP_STRAY   8u
/* A sequence is silent after this many heaps of other sequences, plus 8 times the `interval` of the sequence. */
#define SPEADI_GAP_SILENT 1024u

enum speadi_gap_state {
    SPEADI_GAP_FREE,   /* this entry is not in use */
    SPEADI_GAP_NORMAL, /* its skipped counters are missing */
    SPEADI_GAP_BRANCH, /* its skipped counters, and those between its origin and it, are provisionally missing */
    SPEADI_GAP_LONE, /* too few counters near each other: its skipped counters are not counted */
};

struct speadi_gap_member {
    struct speadi_gap_sequence sequence;
    uint64_t tick;     /* number of the heap that opened last in this sequence */
    uint64_t interval; /* the usual number of heaps from one heap of this sequence to the next */
    uint64_t gap;      /* of a branch: number of missing heaps between the origin and the branch */
    uint64_t distance; /* of a branch: number of counters between the origin and the branch */
    uint32_t went_on;  /* how many heaps moved the origin ahead after this sequence began */
    uint8_t state;     /* enum speadi_gap_state */
    uint8_t origin;    /* SPEADI_GAP_NONE if this sequence has none */
    uint8_t follower;  /* the sequence whose heap came after the last heap of this one */
    bool counts_gap;   /* the branch began ahead of its origin */
    /* True if the group has decided that this member and its origin are two sequences, and the origin can still fall
     * silent so early that the decision was wrong. */
    bool in_doubt;
    bool learning; /* its step is not proven yet */
};

struct speadi_gap_group {
    uint64_t mask; /* the largest heap counter */
    uint64_t tick; /* number of heaps so far */
    uint32_t used; /* bit i is set if member[i] is in use */
    uint32_t open; /* bit i is set if member[i] is a branch or in doubt */
    uint8_t current;
    /* final counts of the sequences that are no longer here */
    uint64_t missing, absent, not_understood;
    struct speadi_gap_member member[SPEADI_GAP_SEQUENCES];
};

/* Runs the statement after it for each set bit i of `bits`. The statement may release members. */
#define SPEADI_GAP_FOR_EACH(i, bits)    \
    for (uint32_t left_##i = (bits), i; \
         left_##i != 0 && (i = (unsigned)__builtin_ctz(left_##i), 1); left_##i &= left_##i - 1)

struct speadi_gap_sums {
    uint64_t missing, provisional, absent, not_understood;
};

static inline void speadi_gap_group_begin(struct speadi_gap_group *group, uint64_t mask)
{
    group->mask = mask;
    group->tick = group->missing = group->absent = group->not_understood = 0;
    group->used = group->open = 0;
    group->current = 0;
}

/* The short way for a counter that is the next one of a member about which nothing is to be decided. Opens the counter
 * and returns true; then no sum has changed. Else returns false and does nothing. */
bool speadi_gap_group_advance(struct speadi_gap_group *group, uint64_t counter);

/* Opens the counter in the member that it fits best. With `learning`, only the members that are learning are
 * considered, else only the others. Returns the member, or SPEADI_GAP_NONE if no member is within 1024 steps of the
 * counter. Writes what became of the counter to *opened. */
unsigned speadi_gap_group_open(struct speadi_gap_group *group, uint64_t counter, bool learning,
                               enum speadi_gap_opened *opened);

/* Returns true if a member that is not learning is a whole number of its steps away from the counter. */
bool speadi_gap_group_fits(const struct speadi_gap_group *group, uint64_t counter);

/* Begins a sequence with this counter. If the counter fits a member, the sequence is a branch of that member and has
 * the same step. If also `counts_gap` is true and the counter is ahead of that member, the counters between are
 * missing. If the counter fits no member, the sequence has the step `step`. */
void speadi_gap_group_add(struct speadi_gap_group *group, uint64_t counter, uint64_t step,
                          bool learning, bool counts_gap);

/* Says that sequence i begins anew with this counter. What the sequence has missed before is final. */
void speadi_gap_group_begin_anew(struct speadi_gap_group *group, unsigned i, uint64_t counter);

/* Makes member i free. What it has counted is lost unless the caller has added it to the group. */
void speadi_gap_group_release(struct speadi_gap_group *group, unsigned i);

/* Ends a sequence; what it misses is final. */
void speadi_gap_group_retire(struct speadi_gap_group *group, unsigned i);

/* Drops all members that are learning, as if they had never been. */
void speadi_gap_group_drop_learning(struct speadi_gap_group *group);

/* For gap_branch.c: brings the bit of member i in `open` up to date. */
void speadi_gap_group_mark(struct speadi_gap_group *group, unsigned i);

/* Returns true if sequence i has been silent for `heaps` heaps of other sequences, plus 8 times its `interval`. */
bool speadi_gap_group_has_silent(const struct speadi_gap_group *group, unsigned i, uint64_t heaps);

/* Says that the sequence is no branch and not alone: its skipped counters are missing. */
static inline void speadi_gap_member_settle(struct speadi_gap_member *member)
{
    member->state = SPEADI_GAP_NORMAL;
    member->gap = member->distance = 0;
}

/* Says that the members that are learning have the right step. */
void speadi_gap_group_keep_learning(struct speadi_gap_group *group);

/* Returns true if every member that is not learning is silent for at least `heaps` heaps. */
bool speadi_gap_group_is_silent(const struct speadi_gap_group *group, uint64_t heaps);

struct speadi_gap_sums speadi_gap_group_sums(const struct speadi_gap_group *group);

/* Returns true if the current member is one about which nothing is to be decided. */
bool speadi_gap_group_is_calm(const struct speadi_gap_group *group);

#endif
