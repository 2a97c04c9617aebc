/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether placing pays. */
#include "placement_policy.h"

static bool is_too_much(const struct speadi_placement_policy *policy, double loss, unsigned window)
{
    double kept = 1;

    if (policy->loss_max > 0)
        return loss > policy->loss_max;
    if (loss >= 1)
        return true;
    for (unsigned i = 0; i < window; i++)
        kept *= 1 - loss;
    return kept < 0.5;
}

bool speadi_placement_policy_update(struct speadi_placement_policy *policy, uint64_t packets,
                                    unsigned window)
{
    bool was_off = policy->off;

    policy->loss = (double)policy->breaks / (double)(packets - policy->packets);
    policy->packets = packets;
    policy->breaks = 0;
    policy->off = is_too_much(policy, was_off ? 2 * policy->loss : policy->loss, window);
    return policy->off != was_off;
}
