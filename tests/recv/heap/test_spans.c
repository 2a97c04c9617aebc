/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the spans of a heap are the ranges that were received. Method: most tests add chosen ranges. The
 * last test adds random ranges and compares the spans with a map of bytes. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include <speadline/recv.h>

#include "spans.h"

#define BYTES 64u

static struct speadi_span spans[BYTES + 1];
static uint32_t count;

static enum speadi_spans_match try(uint64_t start, uint64_t end)
{
    uint32_t at;
    enum speadi_spans_match verdict = speadi_spans_check(spans, count, start, end, &at);

    if (verdict == SPEADI_SPANS_FREE) {
        uint32_t before = count;
        bool grows = speadi_spans_grows(spans, count, at, start, end);

        count = speadi_spans_insert(spans, count, at, start, end);
        cr_assert_eq(grows, count > before);
    }
    return verdict;
}

static void expect_spans(uint32_t n, const uint64_t (*expected)[2])
{
    cr_assert_eq(count, n);
    for (uint32_t i = 0; i < n; i++) {
        cr_expect_eq(spans[i].start, expected[i][0]);
        cr_expect_eq(spans[i].end, expected[i][1]);
    }
}

#define EXPECT_SPANS(...)                                                    \
    expect_spans(sizeof((uint64_t[][2]){__VA_ARGS__}) / sizeof(uint64_t[2]), \
                 (const uint64_t[][2]){__VA_ARGS__})

static void start_with_10_20_and_30_40(void)
{
    cr_assert_eq(try(30, 40), SPEADI_SPANS_FREE);
    cr_assert_eq(try(10, 20), SPEADI_SPANS_FREE);
    EXPECT_SPANS({10, 20}, {30, 40});
}

TestSuite(spans, .init = start_with_10_20_and_30_40);

Test(spans, insert_between)
{
    cr_expect_eq(try(22, 28), SPEADI_SPANS_FREE);
    EXPECT_SPANS({10, 20}, {22, 28}, {30, 40});
}

Test(spans, merge_left)
{
    cr_expect_eq(try(20, 25), SPEADI_SPANS_FREE);
    EXPECT_SPANS({10, 25}, {30, 40});
}

Test(spans, merge_right)
{
    cr_expect_eq(try(25, 30), SPEADI_SPANS_FREE);
    EXPECT_SPANS({10, 20}, {25, 40});
}

Test(spans, merge_both)
{
    cr_expect_eq(try(20, 30), SPEADI_SPANS_FREE);
    EXPECT_SPANS({10, 40});
}

Test(spans, duplicates_change_nothing)
{
    cr_expect_eq(try(10, 20), SPEADI_SPANS_DUPLICATE);
    cr_expect_eq(try(33, 34), SPEADI_SPANS_DUPLICATE, "a part of what is there is there");
    EXPECT_SPANS({10, 20}, {30, 40});
}

Test(spans, overlaps_change_nothing)
{
    cr_expect_eq(try(5, 11), SPEADI_SPANS_OVERLAP);
    cr_expect_eq(try(19, 21), SPEADI_SPANS_OVERLAP);
    cr_expect_eq(try(5, 45), SPEADI_SPANS_OVERLAP);
    cr_expect_eq(try(15, 35), SPEADI_SPANS_OVERLAP);
    cr_expect_eq(try(39, 50), SPEADI_SPANS_OVERLAP);
    EXPECT_SPANS({10, 20}, {30, 40});
}

static enum speadi_spans_match look_up(const bool *there, uint64_t start, uint64_t end)
{
    uint64_t n = 0;

    for (uint64_t i = start; i < end; i++)
        n += there[i];
    if (n == 0)
        return SPEADI_SPANS_FREE;
    return n == end - start ? SPEADI_SPANS_DUPLICATE : SPEADI_SPANS_OVERLAP;
}

Test(spans, agree_with_a_map_of_bytes)
{
    srand(7);
    for (int round = 0; round < 500; round++) {
        bool there[BYTES] = {false};

        count = 0;
        for (int i = 0; i < 60; i++) {
            uint64_t start = (uint64_t)rand() % BYTES;
            uint64_t end = start + 1 + (uint64_t)rand() % (BYTES - start);
            enum speadi_spans_match expected;

            end = end < start + 6 ? end : start + 6;
            expected = look_up(there, start, end);
            cr_assert_eq(try(start, end), expected);
            for (uint64_t b = start; expected == SPEADI_SPANS_FREE && b < end; b++)
                there[b] = true;
        }
        for (uint32_t i = 1; i < count; i++)
            cr_assert_lt(spans[i - 1].end, spans[i].start);
    }
}

Test(spans, unite_covers_what_any_range_covered)
{
    srand(8);
    for (int round = 0; round < 500; round++) {
        bool there[BYTES + 1] = {false};
        uint64_t at = 0;

        count = 0;
        for (int i = 0; i < 30; i++) {
            uint64_t start = (uint64_t)rand() % BYTES;
            uint64_t end = start + 1 + (uint64_t)rand() % (BYTES - start);

            end = end < start + 9 ? end : start + 9;
            cr_assert(speadi_spans_unite(spans, &count, BYTES, start, end));
            for (uint64_t b = start; b < end; b++)
                there[b] = true;
        }
        for (uint32_t i = 0; i < count; at = spans[i++].end) {
            cr_assert(i == 0 || spans[i - 1].end < spans[i].start);
            for (; at < spans[i].start; at++)
                cr_assert_not(there[at]);
            for (; at < spans[i].end; at++)
                cr_assert(there[at]);
        }
        for (; at < BYTES; at++)
            cr_assert_not(there[at]);
    }
}

Test(spans, unite_needs_room_only_for_a_range_that_touches_no_other)
{
    count = 0;
    cr_assert(speadi_spans_unite(spans, &count, 2, 10, 20));
    cr_assert(speadi_spans_unite(spans, &count, 2, 40, 50));
    cr_expect_not(speadi_spans_unite(spans, &count, 2, 60, 70));
    EXPECT_SPANS({10, 20}, {40, 50});
    cr_expect(speadi_spans_unite(spans, &count, 2, 20, 40));
    EXPECT_SPANS({10, 50});
}

/* The contract of `ranges_max` in recv.h says how many bytes of ranges one packet moves at most. */
Test(spans, a_packet_moves_at_most_64_kib_with_the_default_number_of_ranges)
{
    static struct speadi_span many[SPEAD_RECV_RANGES_DEFAULT + 1];
    uint32_t at, used = 0;

    cr_expect_leq(SPEAD_RECV_RANGES_DEFAULT * sizeof *many, 64u << 10);
    for (uint64_t start = 2 * SPEAD_RECV_RANGES_DEFAULT; start > 0; start -= 2) {
        cr_assert_eq(speadi_spans_check(many, used, start, start + 1, &at), SPEADI_SPANS_FREE);
        cr_assert_eq(at, 0u, "all ranges move");
        used = speadi_spans_insert(many, used, at, start, start + 1);
    }
    cr_expect_eq(used, SPEAD_RECV_RANGES_DEFAULT);
    cr_assert_eq(speadi_spans_check(many, used, 1ull << 40, (1ull << 40) + 1, &at),
                 SPEADI_SPANS_FREE);
    cr_expect_eq(at, used, "in order nothing moves");
}
