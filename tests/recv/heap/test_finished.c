/* Goal: the stream remembers for a second that a heap has ended, and how it has ended. Method: time is an argument of
 * the functions, so the test lets time pass without waiting. */
#include <criterion/criterion.h>

#include "finished.h"

#define SECOND SPEADI_FINISHED_FORGET_NS

static struct speadi_finished finished;

static void open_two_substreams_of_three(void)
{
    cr_assert_eq(speadi_finished_init(&finished, 2, 3), 0);
}

static void release(void)
{
    speadi_finished_release(&finished);
}

TestSuite(finished, .init = open_two_substreams_of_three, .fini = release);

static bool knows(uint64_t counter, uint64_t now_ns)
{
    return speadi_finished_find(&finished, counter, now_ns) != NULL;
}

Test(finished, tells_complete_from_incomplete)
{
    speadi_finished_add(&finished, 2, true, 0, 10);
    speadi_finished_add(&finished, 4, false, 7, 10);
    cr_expect(speadi_finished_find(&finished, 2, 11)->complete);
    cr_expect_not(speadi_finished_find(&finished, 4, 11)->complete);
    cr_expect_eq(speadi_finished_find(&finished, 4, 11)->missing, 7u);
    cr_expect_not(knows(6, 11));
}

Test(finished, each_substream_remembers_its_last_heaps)
{
    for (uint64_t counter = 0; counter <= 8; counter += 2)
        speadi_finished_add(&finished, counter, true, 0, 0);
    speadi_finished_add(&finished, 1, true, 0, 0);
    cr_expect_not(knows(0, 0));
    cr_expect_not(knows(2, 0));
    cr_expect(knows(4, 0) && knows(6, 0) && knows(8, 0));
    cr_expect(knows(1, 0), "the other substream's heaps must not push it out");
}

Test(finished, forgets_after_a_second)
{
    speadi_finished_add(&finished, 1, true, 0, 5);
    cr_expect(knows(1, 5 + SECOND));
    cr_expect_not(knows(1, 6 + SECOND));
}

Test(finished, a_counter_that_ends_again_is_remembered_anew)
{
    speadi_finished_add(&finished, 1, true, 0, 0);
    speadi_finished_add(&finished, 1, false, 0, 2 * SECOND);
    cr_expect_not(speadi_finished_find(&finished, 1, 2 * SECOND)->complete);
    /* Heap 1 has ended twice, so it has two entries. The heaps 3, 5 and 7 must get the places of both entries. */
    for (uint64_t counter = 3; counter <= 7; counter += 2)
        speadi_finished_add(&finished, counter, true, 0, 2 * SECOND);
    cr_expect_not(knows(1, 2 * SECOND));
    cr_expect(knows(3, 2 * SECOND) && knows(5, 2 * SECOND) && knows(7, 2 * SECOND));
}

Test(finished, forgets_everything_when_told)
{
    for (uint64_t counter = 0; counter < 6; counter++)
        speadi_finished_add(&finished, counter, true, 0, 0);
    speadi_finished_forget(&finished);
    for (uint64_t counter = 0; counter < 6; counter++)
        cr_expect_not(knows(counter, 0));
    speadi_finished_add(&finished, 3, true, 0, 0);
    cr_expect(knows(3, 0));
}
