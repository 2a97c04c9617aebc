/* What the executor and the streams know of a channel beyond its contract. */
#ifndef SPEADI_CHANNEL_INTERNAL_H
#define SPEADI_CHANNEL_INTERNAL_H

#include <speadline/channel.h>

/* How the two sides agree on the order of "published" and "about to sleep"; see docs/adr/0013. A channel
 * of many senders or receivers is always FENCED. */
enum speadi_channel_sync {
    SPEADI_SYNC_BARRIER, /* the default where the system has membarrier(2): sleeping is dear, sending cheap */
    SPEADI_SYNC_FENCED, /* the default elsewhere: for sleepers that suspend often, such as nodes */
    SPEADI_SYNC_LOCAL,  /* one thread uses both ends (others may still cancel) */
};

/* Before anything was sent. A choice that cannot be had is left as it was. */
void speadi_channel_set_sync(struct spead_channel *channel, enum speadi_channel_sync sync);

/* A caller's config, as this library knows it; see speadi_struct_read(). Its values are not checked. */
int speadi_channel_config_read(struct spead_channel_config *config,
                               const struct spead_channel_config *from, struct spead_err *err);

/* Any thread; takes no lock. */
enum spead_channel_policy speadi_channel_policy_of(const struct spead_channel *channel);
uint64_t speadi_channel_high_water(const struct spead_channel *channel); /* as in the stats */

/* How many messages can be sent now without one being refused or shed; for a channel's only sender there is no
 * less until it sends. UINT32_MAX: a send will say that nobody receives any more. 0 arms the end's descriptor, as
 * -EAGAIN does. The sender's thread. */
uint32_t speadi_sender_room(struct spead_sender *sender);

/* As spead_receiver_try_receive() (wait: spead_receiver_receive()), for whom the references are all there is to a
 * message: they are put into an array of pointers to an object type. max: up to INT32_MAX. The receiver's thread. */
int speadi_receiver_take(struct spead_receiver *receiver, void *pointers, uint32_t max, bool wait,
                         uint64_t deadline_ns);

/* Where others wait at the same side of the channel, who was woken and did not try must see to it that the next one is:
 * the change may be for any of them. */
void speadi_sender_pass_on(struct spead_sender *sender);
void speadi_receiver_pass_on(struct spead_receiver *receiver);

#endif
