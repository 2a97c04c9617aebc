/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream lets packets coalesce for the right time before it reads them, at every rate that matters.
 * Method: the rule is a pure function. The test gives rates to this function, so the test need not sleep. */
#include <criterion/criterion.h>

#include "coalesce.h"

#define SECOND_NS  1000000000u
#define LONGEST_NS 200000u
/* One eighth of this buffer holds 16 trains of 64 KiB. So a sleep must end before more than 16 trains have come. */
#define BUFFER (8u << 20)

static uint64_t sleep_at(uint32_t buffer_bytes, uint64_t messages_per_s)
{
    struct speadi_coalesce coalesce;

    speadi_coalesce_init(&coalesce, LONGEST_NS, buffer_bytes);
    speadi_coalesce_observe(&coalesce, messages_per_s, SECOND_NS);
    return coalesce.sleep_ns;
}

Test(coalesce, a_slow_source_wakes_the_reader_at_once)
{
    cr_expect_eq(sleep_at(BUFFER, 0), 0);
    cr_expect_eq(sleep_at(BUFFER, 1), 0);
    cr_expect_eq(sleep_at(BUFFER, 14999), 0);
}

Test(coalesce, from_three_messages_a_sleep_on_it_sleeps)
{
    cr_expect_eq(sleep_at(BUFFER, 15000), LONGEST_NS);
    cr_expect_eq(sleep_at(BUFFER, 80000), LONGEST_NS);
}

Test(coalesce, no_more_comes_during_a_sleep_than_an_eighth_of_the_buffer)
{
    cr_expect_eq(sleep_at(BUFFER, 160000), SECOND_NS / 10000);
    cr_expect_eq(sleep_at(BUFFER, 1600000), SECOND_NS / 100000);
}

Test(coalesce, a_buffer_without_room_for_trains_is_read_at_once)
{
    /* 425984 bytes is the largest socket buffer that a kernel with default settings allows. */
    cr_expect_eq(sleep_at(425984, 30000), 0);
    cr_expect_eq(sleep_at(0, 30000), 0);
}

Test(coalesce, a_source_that_pauses_is_slow_again)
{
    struct speadi_coalesce coalesce;

    speadi_coalesce_init(&coalesce, LONGEST_NS, BUFFER);
    speadi_coalesce_observe(&coalesce, 30, 1000000);
    cr_expect_eq(coalesce.sleep_ns, LONGEST_NS);
    speadi_coalesce_observe(&coalesce, 30, SECOND_NS);
    cr_expect_eq(coalesce.sleep_ns, 0);
}

Test(coalesce, none_is_allowed_where_the_limit_is_zero)
{
    struct speadi_coalesce coalesce;

    speadi_coalesce_init(&coalesce, 0, BUFFER);
    speadi_coalesce_observe(&coalesce, 1000, 1000000);
    cr_expect_eq(coalesce.sleep_ns, 0);
}
