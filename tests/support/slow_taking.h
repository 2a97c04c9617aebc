/* SPDX-License-Identifier: Apache-2.0 */
/* Stops a consumer in the middle of taking: it has messages out of a channel with a shared ring, and their places are
 * not free yet. */
#ifndef TEST_SLOW_TAKING_H
#define TEST_SLOW_TAKING_H

#include <stdint.h>

#include <speadline/channel.h>

/* Takes up to `max` messages, whose places stay claimed. Returns how many messages it has taken. */
uint32_t slow_taking_begin(struct spead_channel *channel, struct spead_message *messages,
                           uint32_t max);
/* Frees `count` of these places. */
void slow_taking_end(struct spead_channel *channel, uint32_t count);

/* Replaces the function that the channel calls when it sheds a message. */
void slow_taking_on_shed(struct spead_channel *channel,
                         void (*on_shed)(void *arg, const struct spead_message *message,
                                         enum spead_shed_cause cause));

#endif
