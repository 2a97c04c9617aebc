/* Functions of a channel that are not public: the executor and the streams use them. */
#ifndef SPEADI_CHANNEL_INTERNAL_H
#define SPEADI_CHANNEL_INTERNAL_H

#include <speadline/channel.h>

/* How the two sides agree on the order of "a message was published" and "this side is about to sleep"; see
 * docs/adr/0013. A channel with several sending or receiving ends is always FENCED. */
enum speadi_channel_sync {
    /* The default where the system has membarrier(2): sleeping costs much CPU time, sending costs little. */
    SPEADI_SYNC_BARRIER,
    /* The default elsewhere, and the choice for users that sleep or suspend often, such as nodes. */
    SPEADI_SYNC_FENCED,
    SPEADI_SYNC_LOCAL, /* one thread uses both ends (other threads may still cancel) */
};

/* The caller must call it before anything was sent. When the channel cannot have this kind, it keeps the one it has. */
void speadi_channel_set_sync(struct spead_channel *channel, enum speadi_channel_sync sync);

/* Reads a caller's configuration by the rule of speadi_struct_read(). It does not check the values. */
int speadi_channel_config_read(struct spead_channel_config *config,
                               const struct spead_channel_config *from, struct spead_err *err);

/* Any thread may call these two functions. They take no lock. */
enum spead_channel_policy speadi_channel_policy_of(const struct spead_channel *channel);
uint64_t speadi_channel_high_water(const struct spead_channel *channel); /* as in the stats */

/* Returns how many messages can be sent now without one being refused or shed. When this is the only sending end of
 * the channel, that number does not fall until this end sends. UINT32_MAX: no receiving end is left, and a send will
 * say so. 0 arms the descriptor of the sending end, as -EAGAIN does. Only the thread that uses the sending end calls
 * it. */
uint32_t speadi_sender_room(struct spead_sender *sender);

/* As spead_receiver_try_receive(), or with `wait` as spead_receiver_receive(), for callers that need only the
 * references of the messages: it writes them into `pointers`, an array of max pointers to an object type. max is at
 * most INT32_MAX. Only the thread that uses the receiving end calls it. */
int speadi_receiver_take(struct spead_receiver *receiver, void *pointers, uint32_t max, bool wait,
                         uint64_t deadline_ns);

/* A user of an end that was woken, and that does not try to send or to receive then, must call this. It wakes the next
 * user that waits at the same side of the channel: the change that woke the first one may be useful to any of them. */
void speadi_sender_pass_on(struct spead_sender *sender);
void speadi_receiver_pass_on(struct spead_receiver *receiver);

#endif
