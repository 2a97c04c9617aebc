/* Functions of a channel that are not public: the executor and the streams use them. */
#ifndef SPEADI_CHANNEL_INTERNAL_H
#define SPEADI_CHANNEL_INTERNAL_H

#include <speadline/channel.h>

/* How the two sides of a channel agree on the order of two events: one side has published a message, and the other side
 * is about to sleep. See docs/adr/0013. A channel with several sending or receiving ends is always FENCED. */
enum speadi_channel_sync {
    /* The default where the system has membarrier(2): sleeping costs much CPU time, sending costs little. */
    SPEADI_SYNC_BARRIER,
    /* The default elsewhere, and the choice for users that sleep or suspend often, such as nodes. */
    SPEADI_SYNC_FENCED,
    SPEADI_SYNC_LOCAL, /* one thread uses both ends (other threads may still cancel) */
};

/* Sets how the two sides of the channel agree. The caller must do this before the first message is sent. A channel that
 * cannot have this kind keeps its present kind. */
void speadi_channel_set_sync(struct spead_channel *channel, enum speadi_channel_sync sync);

/* Reads a caller's configuration by the rule of speadi_struct_read(). It does not check the values. */
int speadi_channel_config_read(struct spead_channel_config *config,
                               const struct spead_channel_config *from, struct spead_err *err);

/* Any thread may call these two functions. They take no lock. */
enum spead_channel_policy speadi_channel_policy_of(const struct spead_channel *channel);
/* Any thread. Returns the value that the statistics call high_water. */
uint64_t speadi_channel_high_water(const struct spead_channel *channel);

/* Returns how many messages can be sent now without one being refused or shed. When this is the only sending end of the
 * channel, that number does not fall until this end sends. Returns UINT32_MAX when no receiving end is left: a send
 * will report that. When the function returns 0, it also arms the descriptor of the sending end, as a send that returns
 * -EAGAIN does. Only the thread that uses the sending end calls it. */
uint32_t speadi_sender_room(struct spead_sender *sender);

/* Receives messages for a caller that needs only the object references in them. The function writes these references
 * into `pointers`, an array of max pointers to an object type. Without `wait` it behaves as
 * spead_receiver_try_receive(), with `wait` as spead_receiver_receive(). max is at most INT32_MAX. Only the thread that
 * uses the receiving end calls it. */
int speadi_receiver_take(struct spead_receiver *receiver, void *pointers, uint32_t max, bool wait,
                         uint64_t deadline_ns);

/* Wakes the next user that waits at the same side of the channel. If a user of an end was woken and then does not try
 * to send or to receive, it must call this function: the change that woke this user may be useful to any other user
 * that waits. */
void speadi_sender_pass_on(struct spead_sender *sender);
void speadi_receiver_pass_on(struct spead_receiver *receiver);

#endif
