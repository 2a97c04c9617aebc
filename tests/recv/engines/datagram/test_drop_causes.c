/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: drops at our sockets get the cause that the counters of the namespace prove, and no other. Method: the test
 * makes the differences of the counters by hand. */
#include <criterion/criterion.h>

#include <drop_causes.h>

static struct speadi_drop_causes causes;

/* Our sockets have dropped `drops` datagrams. Meanwhile three counters of the namespace have grown: the one of wrong
 * checksums by `checksum`, the one of full buffers by `buffer`, and InErrors by the sum of `checksum`, `buffer` and
 * `filtered`. */
static void explain(uint64_t drops, uint64_t checksum, uint64_t buffer, uint64_t filtered)
{
    struct speadi_udp_errors grown = {
        .checksum = checksum, .buffer = buffer, .all = checksum + buffer + filtered};

    speadi_drop_causes_explain(&causes, drops, &grown);
}

static void expect(uint64_t checksum, uint64_t buffer, uint64_t filtered)
{
    cr_expect_eq(causes.checksum, checksum, "checksum %lu", causes.checksum);
    cr_expect_eq(causes.buffer, buffer, "buffer %lu", causes.buffer);
    cr_expect_eq(causes.filtered, filtered, "filtered %lu", causes.filtered);
}

Test(drop_causes, each_cause_is_known_when_only_our_sockets_drop)
{
    causes.filters = true;
    explain(6, 1, 2, 3);
    expect(1, 2, 3);
    explain(5, 0, 5, 0);
    expect(1, 7, 3);
}

Test(drop_causes, drops_of_other_sockets_are_not_ours)
{
    explain(0, 3, 4, 5);
    expect(0, 0, 0);
}

Test(drop_causes, a_single_cause_is_ours_although_others_have_dropped_too)
{
    explain(2, 9, 0, 0);
    expect(2, 0, 0);
}

/* The namespace shows 14 drops, and 10 of them are ours. At most 4 of our drops are wrong checksums, so at least 6 are
 * full buffers. */
Test(drop_causes, only_what_other_causes_cannot_explain_is_certain)
{
    explain(10, 4, 10, 0);
    expect(0, 6, 0);
}

Test(drop_causes, without_a_filter_nothing_was_filtered)
{
    explain(3, 0, 0, 3);
    expect(0, 0, 0);
}

/* The kernel can count a drop at the socket before it counts the drop in the namespace. */
Test(drop_causes, a_drop_that_the_namespace_shows_later_gets_its_cause_then)
{
    explain(5, 3, 0, 0);
    expect(3, 0, 0);
    explain(0, 0, 2, 0);
    expect(3, 2, 0);
}

Test(drop_causes, a_drop_that_is_never_shown_does_not_take_the_cause_of_a_later_one)
{
    explain(5, 0, 0, 0);
    explain(0, 0, 0, 0);
    explain(0, 0, 5, 0);
    expect(0, 0, 0);
}
