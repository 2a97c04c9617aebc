/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: one cause writes one line a second, and no line is left out without a word. */
#include <criterion/criterion.h>

#include <speadi/log_pause.h>

#define SECOND 1000000000ull

TestSuite(log_pause);

Test(log_pause, a_line_is_said_once_a_second_with_the_number_of_those_left_out)
{
    struct speadi_log_pause pause = {0};
    char rest[SPEADI_LOG_PAUSE_TEXT_MAX];

    cr_assert(speadi_log_pause_ends(&pause, 5 * SECOND, rest));
    cr_expect_str_eq(rest, "");
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not(speadi_log_pause_ends(&pause, 6 * SECOND - 1, rest));
    cr_assert(speadi_log_pause_ends(&pause, 6 * SECOND, rest));
    cr_expect_str_eq(rest, " (3 more like this were left out)");
    cr_assert(speadi_log_pause_ends(&pause, 8 * SECOND, rest));
    cr_expect_str_eq(rest, "");
}

Test(log_pause, the_longest_text_fits)
{
    struct speadi_log_pause pause = {.unsaid = UINT64_MAX};
    char rest[SPEADI_LOG_PAUSE_TEXT_MAX];

    cr_assert(speadi_log_pause_ends(&pause, 0, rest));
    cr_expect_str_eq(rest, " (18446744073709551615 more like this were left out)");
}
