/* A channel with one end on each side, and messages that can be told apart. */
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

/* Aborts the test program when it cannot be made. */
struct channel_rig channel_rig_open(const struct spead_channel_config *config);
struct channel_rig channel_rig_open_any(const struct spead_channel_config *config); /* type */
void channel_rig_close(struct channel_rig *rig); /* what is still open */

struct spead_channel_config channel_rig_config(enum spead_channel_form form,
                                               enum spead_channel_policy policy, uint32_t capacity);

/* One that blocks. */
struct channel_rig channel_rig_open_form(enum spead_channel_form form, uint32_t capacity);

/* Over all four forms, as a loop variable. */
#define EACH_FORM(form) \
    for (enum spead_channel_form form = SPEAD_CHANNEL_SPSC; form <= SPEAD_CHANNEL_MPMC; form++)

/* Sends count messages with sequence first, first + 1, ... in one call; returns what it answered. */
int channel_rig_send(struct spead_sender *sender, uint64_t first, uint32_t count);
int channel_rig_send_to_lane(struct spead_sender *sender, uint64_t sequence, uint8_t priority);

/* Receives up to max and checks that their sequences are first, first + 1, ...: the number, the error, or
 * -EBADMSG when one is another. */
int channel_rig_receive(struct spead_receiver *receiver, uint64_t first, uint32_t max);

/* Receives one and returns its sequence, or the error. */
int channel_rig_receive_one(struct spead_receiver *receiver);

struct spead_channel_stats channel_rig_stats(struct spead_channel *channel);

bool channel_rig_is_readable(int fd); /* now */

/* sent = received + shed + left. */
bool channel_rig_adds_up(const struct spead_channel_stats *stats);

#endif
