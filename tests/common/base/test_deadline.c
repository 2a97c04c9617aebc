/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: deadlines are made from durations, and a duration in the place of a deadline is noticed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/deadline.h>

Test(deadline, comes_its_duration_after_now)
{
    uint64_t before = speadi_clock_mono_ns(), deadline = spead_deadline_after_ns(5000),
             later = spead_deadline_after_ms(2);

    cr_expect_geq(deadline, before + 5000);
    cr_expect_leq(deadline, speadi_clock_mono_ns() + 5000);
    cr_expect_geq(later, before + 2000000);
    cr_expect_leq(later, speadi_clock_mono_ns() + 2000000);
}

Test(deadline, that_does_not_fit_is_the_largest_number)
{
    cr_expect_eq(spead_deadline_after_ns(UINT64_MAX), UINT64_MAX);
    cr_expect_eq(spead_deadline_after_ms(UINT64_MAX), UINT64_MAX);
    cr_expect_eq(spead_deadline_after_ms(UINT64_MAX / 1000000 + 1), UINT64_MAX);
}

Test(deadline, before_the_library_was_loaded_is_a_duration)
{
    struct spead_err err = {0};

    cr_expect(speadi_deadline_is_duration(SPEAD_DEADLINE_NOW + 1));
    cr_expect(speadi_deadline_is_duration(speadi_deadline_least_ns - 1));
    cr_expect_eq(speadi_deadline_check(1000000000, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "spead_deadline_after_ns()"), "%s", err.text);
}

Test(deadline, that_has_passed_in_this_process_is_a_deadline)
{
    cr_expect_not(speadi_deadline_is_duration(speadi_deadline_least_ns));
    cr_expect_not(speadi_deadline_is_duration(SPEAD_DEADLINE_NOW));
    cr_expect_not(speadi_deadline_is_duration(SPEAD_DEADLINE_NEVER));
    cr_expect_eq(speadi_deadline_check(spead_deadline_after_ns(0), NULL), 0);
}

/* A process that enters a time namespace can find its clock set back. */
Test(deadline, is_not_refused_when_the_clock_was_set_back)
{
    speadi_deadline_least_ns = speadi_clock_mono_ns() + UINT64_C(3600000000000);
    cr_expect_not(speadi_deadline_is_duration(speadi_clock_mono_ns()));
}
