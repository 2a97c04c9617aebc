/* Goal: if no packet of a heap came, the tracker sees that its heap counter was skipped, and counts the heap as
 * missing. Method: the test opens heaps with given counters and compares the count. */
#include <criterion/criterion.h>

#include "gap_tracker.h"

static uint64_t missing(uint64_t step, const uint64_t *counters, size_t count)
{
    struct speadi_gap_tracker tracker;

    speadi_gap_tracker_init(&tracker, step);
    for (size_t i = 0; i < count; i++)
        speadi_gap_tracker_open(&tracker, counters[i]);
    return speadi_gap_tracker_missing(&tracker);
}

#define MISSING(step, ...)                         \
    missing(step, (const uint64_t[]){__VA_ARGS__}, \
            sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

Test(gap_tracker, counts_skipped_counters)
{
    cr_expect_eq(MISSING(1, 5), 0u);
    cr_expect_eq(MISSING(1, 5, 6, 7), 0u);
    cr_expect_eq(MISSING(1, 5, 7), 1u);
    cr_expect_eq(MISSING(1, 5, 5000), 4994u);
}

Test(gap_tracker, a_heap_that_opens_late_is_taken_back)
{
    cr_expect_eq(MISSING(1, 1, 3, 2), 0u);
    cr_expect_eq(MISSING(1, 1, 1000, 2), 997u);
    cr_expect_eq(MISSING(1, 5, 4), 0u, "also before the first one");
    cr_expect_eq(MISSING(1, 5, 3), 1u);
}

Test(gap_tracker, steps_are_the_senders)
{
    cr_expect_eq(MISSING(4, 2, 6, 14), 1u);
    cr_expect_eq(MISSING(4, 2, 6, 7, 10), 0u, "a counter that does not fit the step is left out");
    cr_expect_eq(MISSING(0, 1, 100), 0u, "without a step nothing is counted");
}

Test(gap_tracker, a_restarted_sender_is_no_loss)
{
    cr_expect_eq(MISSING(1, 1, 3, 1, 2, 3), 1u, "the counter came before");
    cr_expect_eq(MISSING(1, 5000, 5002, 1, 2), 1u, "older than the window");
    cr_expect_eq(MISSING(1, 1, 3, 1ull << 40), 1u, "too far ahead");
    cr_expect_eq(MISSING(1, UINT64_MAX - 1, UINT64_MAX, 0, 1), 0u, "the counter wraps");
}

Test(gap_tracker, a_heap_that_opens_twice_is_no_loss)
{
    cr_expect_eq(MISSING(1, 1, 2, 3, 4, 5, 2, 6, 7), 0u, "a late packet is no restart");
    cr_expect_eq(MISSING(1, 1, 2, 3, 4, 5, 2, 6, 3, 7), 0u, "nor are two that are not adjacent");
    cr_expect_eq(MISSING(1, 1, 2, 3, 3, 4, 5), 0u, "nor is the newest counter again");
    cr_expect_eq(MISSING(1, 1, 2, 4, 2, 5, 6), 1u, "and what was missing stays missing");
}

Test(gap_tracker, the_window_is_exact_to_its_edge)
{
    cr_expect_eq(MISSING(1, 0, 1024, 1), 1022u, "1023 back is inside");
    cr_expect_eq(MISSING(1, 0, 1025, 1), 1024u, "1024 back begins a new epoch");
    cr_expect_eq(MISSING(1, 0, 2000, 1999, 1999), 1998u, "and forgets nothing that was missing");
}
