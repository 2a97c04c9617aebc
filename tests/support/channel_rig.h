/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a channel with one sending end and one receiving end. Each message has a sequence number of its own. */
#ifndef SPEADLINE_TESTS_CHANNEL_RIG_H
#define SPEADLINE_TESTS_CHANNEL_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>

struct channel_rig {
    struct spead_channel *channel;
    struct spead_sender *sender;
    struct spead_receiver *receiver;
};

/* Both functions create a channel and open its two ends. channel_rig_open() opens them for messages of type PLAIN,
 * channel_rig_open_any() for messages of any type. On failure they abort the test program. */
struct channel_rig channel_rig_open(const struct spead_channel_config *config);
struct channel_rig channel_rig_open_any(const struct spead_channel_config *config);

/* Closes the ends that are not NULL, and releases the rig's reference to the channel. */
void channel_rig_close(struct channel_rig *rig);

/* Returns a configuration with this form, policy and capacity, with sample_n = 1, and with the defaults for all other
 * fields. */
struct spead_channel_config channel_rig_config(enum spead_channel_form form,
                                               enum spead_on_full policy, uint32_t capacity);

/* Opens a rig with the policy BLOCK. */
struct channel_rig channel_rig_open_form(enum spead_channel_form form, uint32_t capacity);

/* The head of a loop over all four forms of a channel; `form` is the loop variable. */
#define EACH_FORM(form) \
    for (enum spead_channel_form form = SPEAD_CHANNEL_SPSC; form <= SPEAD_CHANNEL_MPMC; form++)

/* Sends `count` messages in one call of try_send(). Their sequence numbers are `first`, `first` + 1 and so on. Returns
 * the result of the call. */
int channel_rig_send(struct spead_sender *sender, uint64_t first, uint32_t count);
/* Sends one message with this sequence number and this priority. Returns the result of try_send(). */
int channel_rig_send_to_lane(struct spead_sender *sender, uint64_t sequence, uint8_t priority);

/* Receives up to `max` messages in one call of try_receive(). Returns -EBADMSG if the sequence numbers of the messages
 * are not `first`, `first` + 1 and so on. Otherwise returns the result of the call. */
int channel_rig_receive(struct spead_receiver *receiver, uint64_t first, uint32_t max);

/* Receives one message. Returns its sequence number, or the error of the receive. */
int channel_rig_receive_one(struct spead_receiver *receiver);

struct spead_channel_stats channel_rig_stats(struct spead_channel *channel);

/* Returns true if poll(2) finds the descriptor readable now. */
bool channel_rig_is_readable(int fd);

/* Returns true if every sent message is counted exactly once: as received, as shed, or as a message that is still in
 * the channel (depth). */
bool channel_rig_adds_up(const struct spead_channel_stats *stats);

#endif
