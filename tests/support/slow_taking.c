/* SPDX-License-Identifier: Apache-2.0 */
/* See slow_taking.h. */
#include "slow_taking.h"

#include "channel_parts.h"

uint32_t slow_taking_begin(struct spead_channel *channel, struct spead_message *messages,
                           uint32_t max)
{
    return speadi_shared_ring_pop(channel->shared, 0, messages, max, false);
}

void slow_taking_end(struct spead_channel *channel, uint32_t count)
{
    speadi_shared_ring_unclaim(channel->shared, count);
}

void slow_taking_on_shed(struct spead_channel *channel,
                         void (*on_shed)(void *arg, const struct spead_message *message,
                                         enum spead_shed_cause cause))
{
    channel->on_shed = on_shed;
}
