/* SPDX-License-Identifier: Apache-2.0 */
/* Gives scripted heap counters to a set of gap trackers. A script is a list of counters in the order of arrival. */
#ifndef GAP_SCRIPT_H
#define GAP_SCRIPT_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "gap_trackers.h"

#define SCRIPT_MAX 40000u
/* In a script, this value says that the sender restarts with a start item. */
#define SCRIPT_RESTART UINT64_MAX

struct gap_script {
    uint64_t counter[SCRIPT_MAX];
    size_t count;
    uint64_t step; /* as --heap-step: 0 means that the trackers learn it */
    unsigned bits;
};

/* Forgets all counters. The step shall be learned, and counters have 48 bits. */
static inline void script_begin(struct gap_script *script)
{
    script->count = 0;
    script->step = 0;
    script->bits = 48;
}

static inline void script_add(struct gap_script *script, uint64_t counter)
{
    uint64_t mask = (1ull << script->bits) - 1;

    cr_assert_lt(script->count, SCRIPT_MAX);
    script->counter[script->count++] = counter == SCRIPT_RESTART ? counter : counter & mask;
}

/* Adds `count` counters, each `step` after the one before. */
static inline void script_run(struct gap_script *script, uint64_t first, uint64_t step,
                              size_t count)
{
    for (size_t i = 0; i < count; i++)
        script_add(script, first + i * step);
}

static inline struct speadi_gap_sums script_sums(const struct gap_script *script)
{
    struct speadi_gap_trackers set;
    struct speadi_gap_sums sums;

    cr_assert_eq(speadi_gap_trackers_init(&set, 1, 1, 1, script->step), 0);
    for (size_t i = 0; i < script->count; i++)
        if (script->counter[i] == SCRIPT_RESTART)
            speadi_gap_trackers_restart(&set, 0);
        else
            speadi_gap_trackers_open(&set, 0, 0, script->counter[i], script->bits);
    sums = set.sums;
    speadi_gap_trackers_release(&set);
    return sums;
}

/* Expects exactly `expected` missing heaps. No missing heap is provisional, and every heap is understood. */
#define EXPECT_MISSING(script, expected)                                                          \
    do {                                                                                          \
        struct speadi_gap_sums sums_ = script_sums(script);                                       \
                                                                                                  \
        cr_expect_eq(sums_.missing, (uint64_t)(expected), "missing %llu",                         \
                     (unsigned long long)sums_.missing);                                          \
        cr_expect_eq(sums_.provisional, 0u, "provisional %llu",                                   \
                     (unsigned long long)sums_.provisional);                                      \
        cr_expect_eq(sums_.absent + sums_.not_understood, 0u, "absent %llu, not understood %llu", \
                     (unsigned long long)sums_.absent, (unsigned long long)sums_.not_understood); \
    } while (0)

#endif
