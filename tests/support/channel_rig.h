/* For tests: a channel with one end on each side, and messages that differ in their sequence. */
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

/* Creates the channel and opens both ends: open() for messages of type PLAIN, open_any() for messages of any type. They
 * abort the test program on failure. */
struct channel_rig channel_rig_open(const struct spead_channel_config *config);
struct channel_rig channel_rig_open_any(const struct spead_channel_config *config);

/* Closes the ends that are not NULL, and gives up the channel. */
void channel_rig_close(struct channel_rig *rig);

/* Returns a config with this form, policy and capacity, sample_n = 1, and the defaults for all other fields. */
struct spead_channel_config channel_rig_config(enum spead_channel_form form,
                                               enum spead_channel_policy policy, uint32_t capacity);

/* Opens a rig with the policy BLOCK. */
struct channel_rig channel_rig_open_form(enum spead_channel_form form, uint32_t capacity);

/* A loop over all four forms; `form` is the loop variable. */
#define EACH_FORM(form) \
    for (enum spead_channel_form form = SPEAD_CHANNEL_SPSC; form <= SPEAD_CHANNEL_MPMC; form++)

/* Sends `count` messages with sequence first, first + 1, ... in one call of try_send(). Returns the result of the
 * call. */
int channel_rig_send(struct spead_sender *sender, uint64_t first, uint32_t count);
/* The same for one message with a priority. */
int channel_rig_send_to_lane(struct spead_sender *sender, uint64_t sequence, uint8_t priority);

/* Receives up to `max` messages in one call of try_receive(). Returns the result of the call, or -EBADMSG if their
 * sequences are not first, first + 1, ... */
int channel_rig_receive(struct spead_receiver *receiver, uint64_t first, uint32_t max);

/* Receives one message and returns its sequence, or the error. */
int channel_rig_receive_one(struct spead_receiver *receiver);

struct spead_channel_stats channel_rig_stats(struct spead_channel *channel);

/* True if poll(2) finds the descriptor readable now. */
bool channel_rig_is_readable(int fd);

/* True if sent = received + all shed + depth. */
bool channel_rig_adds_up(const struct spead_channel_stats *stats);

#endif
