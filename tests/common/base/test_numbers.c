/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: rounding and powers of two are right at the ends of their ranges, where a mistake would make memory too
 * small. */
#include <criterion/criterion.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>

Test(numbers, the_smaller_and_the_larger_of_two)
{
    cr_expect_eq(speadi_min_u32(0, UINT32_MAX), 0);
    cr_expect_eq(speadi_min_u64(UINT64_MAX, 7), 7);
    cr_expect_eq(speadi_max_u32(0, UINT32_MAX), UINT32_MAX);
    cr_expect_eq(speadi_clamp_u32(1, 2, 4), 2);
    cr_expect_eq(speadi_clamp_u32(3, 2, 4), 3);
    cr_expect_eq(speadi_clamp_u32(5, 2, 4), 4);
}

Test(numbers, what_is_rounded_up_is_a_multiple_and_not_smaller)
{
    cr_expect_eq(speadi_round_up(0, 64), 0);
    cr_expect_eq(speadi_round_up(1, 64), 64);
    cr_expect_eq(speadi_round_up(64, 64), 64);
    cr_expect_eq(speadi_round_up(65, 64), 128);
    cr_expect_eq(speadi_round_up(10, 3), 12, "any unit will do");
    cr_expect_lt(speadi_round_up(SIZE_MAX - 1, 64), SIZE_MAX - 1, "too large: it shows");
    cr_expect_eq(speadi_divide_up(0, 10), 0);
    cr_expect_eq(speadi_divide_up(10, 10), 1);
    cr_expect_eq(speadi_divide_up(11, 10), 2);
}

Test(numbers, powers_of_two)
{
    cr_expect(speadi_is_power_of_two(0));
    cr_expect(speadi_is_power_of_two(1));
    cr_expect(speadi_is_power_of_two(UINT64_C(1) << 63));
    cr_expect_not(speadi_is_power_of_two(12));
    cr_expect_eq(speadi_power_of_two_from(0), 1);
    cr_expect_eq(speadi_power_of_two_from(5), 8);
    cr_expect_eq(speadi_power_of_two_from(8), 8);
    cr_expect_eq(speadi_power_of_two_up_to(1), 1);
    cr_expect_eq(speadi_power_of_two_up_to(7), 4);
    cr_expect_eq(speadi_power_of_two_up_to(8), 8);
    cr_expect_eq(speadi_power_of_two_up_to(UINT32_MAX), UINT32_C(1) << 31);
}

Test(numbers, memory_in_lines_begins_on_one)
{
    void *memory = speadi_alloc_lines(1);

    cr_assert_not_null(memory);
    cr_expect_eq((uintptr_t)memory % SPEADI_CACHE_LINE, 0);
    free(memory);
}
