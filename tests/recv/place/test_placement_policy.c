/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: placement is switched off when it costs more than it saves, and is switched on again later, by the rule in
 * placement_policy.h. Method: the test only gives the policy counts of packets and of breaks. A break is a packet that
 * did not continue the packet before it. */
#include <criterion/criterion.h>

#include "placement_policy.h"

#define PACKETS SPEADI_PLACEMENT_REVIEW_PACKETS

static struct speadi_placement_policy policy;
static uint64_t packets;

/* Updates the policy after some more packets. `share` says which fraction of these packets were breaks: 0 means none,
 * and 1 means all. */
static bool update(double share, unsigned window)
{
    packets += PACKETS;
    policy.breaks = (uint64_t)(share * PACKETS);
    cr_assert(speadi_placement_policy_is_due(&policy, packets));
    return speadi_placement_policy_update(&policy, packets, window);
}

Test(placement_policy, goes_off_where_half_of_the_packets_would_be_moved)
{
    cr_expect_not(update(0, 64));
    cr_expect_not(update(0.0105, 64));
    cr_expect(update(0.0115, 64), "1 - (1-p)^64 is more than a half from 1.08 %% on");
    cr_expect(policy.off);
}

Test(placement_policy, a_short_window_bears_more)
{
    cr_expect_not(update(0.09, 7));
    cr_expect(update(0.10, 7));
}

Test(placement_policy, comes_back_at_half_of_the_bound)
{
    cr_expect(update(0.02, 64));
    cr_expect_not(update(0.0065, 64));
    cr_expect(policy.off, "just below the bound it stays off");
    cr_expect(update(0.005, 64));
    cr_expect_not(policy.off);
}

Test(placement_policy, a_bound_that_was_asked_for_holds_for_any_window)
{
    policy.loss_max = 0.001;
    cr_expect_not(update(0.0009, 1));
    cr_expect(update(0.0012, 1));
    cr_expect_not(update(0.0007, 1));
    cr_expect(update(0.0004, 1));
}

Test(placement_policy, one_is_never_off)
{
    policy.loss_max = 1;
    cr_expect_not(update(1, 64));
    cr_expect_not(policy.off);
}

Test(placement_policy, every_packet_out_of_order_is_off)
{
    cr_expect(update(1, 1));
}

Test(placement_policy, few_packets_are_no_measure)
{
    cr_expect_not(speadi_placement_policy_is_due(&policy, PACKETS - 1));
    cr_expect(speadi_placement_policy_is_due(&policy, PACKETS));
}
