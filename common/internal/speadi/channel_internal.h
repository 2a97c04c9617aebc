/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of a channel that are not public: the executor and the streams use them. */
#ifndef SPEADI_CHANNEL_INTERNAL_H
#define SPEADI_CHANNEL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/channel.h>

#include <speadi/wake_fd.h>

/* One side of a channel can publish a message at the moment when the other side is about to sleep. The values of this
 * enum say how the two sides agree which of the two events came first. See docs/adr/0013. A channel with several
 * sending or receiving ends is always FENCED. */
enum speadi_channel_sync {
    /* The default if the system has membarrier(2). With this kind, a sleep costs much CPU time, and a send costs
     * little. */
    SPEADI_SYNC_BARRIER,
    /* The default on other systems. Users that sleep or suspend often, such as nodes, choose this kind too. */
    SPEADI_SYNC_FENCED,
    SPEADI_SYNC_LOCAL, /* One thread uses both ends. Other threads may still cancel the channel. */
};

/* Sets the kind of agreement between the two sides of the channel. The caller must do this before the first message is
 * sent. If the channel cannot have this kind, it keeps its present kind. */
void speadi_channel_set_sync(struct spead_channel *channel, enum speadi_channel_sync sync);

/* Reads a caller's configuration. The rule of speadi_struct_read() for structs of older and newer callers applies. The
 * function does not check the values. */
int speadi_channel_config_read(struct spead_channel_config *config,
                               const struct spead_channel_config *from, struct spead_err *err);

/* Returns the policy of the channel. Any thread may call this function. It takes no lock. */
enum spead_on_full speadi_channel_policy_of(const struct spead_channel *channel);
/* Returns the largest number of messages that have been in the channel at one time. This is `high_water` of the
 * statistics. Any thread may call this function. It takes no lock. */
uint64_t speadi_channel_high_water(const struct spead_channel *channel);

/* Returns how many messages the channel accepts now without refusing or shedding any of them. When this is the only
 * sending end of the channel, that number does not fall until this end sends. Returns UINT32_MAX when no receiving end
 * is left: the next send then reports that. When the function returns 0, it also arms the descriptor of the sending
 * end, as a send that returns -EAGAIN does. Only the thread that uses the sending end may call it. */
uint32_t speadi_sender_room(struct spead_sender *sender);

/* Returns true if every send at this end fails: the last receiving end has closed, or the channel was cancelled. Any
 * thread may call it. */
bool speadi_sender_is_stopped(const struct spead_sender *sender);

/* Makes the channel call stopped(arg) when sends at this end begin to fail, also if the end does not wait. If sends
 * fail already, it calls stopped() at once. stopped() runs on the thread that stops the channel, with the lock of the
 * channel held, so it must be short and must not use the channel. It is not called any more once the end is closed. */
void speadi_sender_on_stop(struct spead_sender *sender, void (*stopped)(void *arg), void *arg);

/* Sleeps until the channel no longer has exactly `room` free places, until wake_fd is signalled, or until deadline_ns
 * has passed (CLOCK_MONOTONIC; UINT64_MAX means no limit). It is for a user that limits more than the number of
 * messages: such a user must sometimes wait although places are free. The function may also return earlier. It returns
 * false without a sleep if the channel has several sending or receiving ends, or if the sending end has a descriptor.
 * Only the thread that uses the sending end may call it. */
bool speadi_sender_sleep_at(struct spead_sender *sender, uint32_t room,
                            const struct speadi_wake_fd *wake_fd, uint64_t deadline_ns);

/* Sheds the messages as the policy drop-newest does in a full channel. It does so even if the channel has room. The
 * references of the messages pass to the channel. Only the thread that uses the sending end may call it. */
void speadi_sender_shed(struct spead_sender *sender, const struct spead_message *messages,
                        uint32_t count);

/* Sheds the message that has waited longest, as the policy drop-oldest does when the channel is full. Returns false if
 * no message waits, or if the channel has another policy. Only the thread that uses the sending end may call it. */
bool speadi_sender_shed_oldest(struct spead_sender *sender);

/* Returns the argument that the channel passes to on_shed(), and the capacity of the channel in *capacity. Any thread
 * may call it. */
void *speadi_channel_shed_arg(const struct spead_channel *channel, uint32_t *capacity);

/* Receives messages for a caller that needs only the object references in them. The function writes these references
 * into `pointers`, an array of max pointers to an object type. When `wait` is false, it behaves as
 * spead_receiver_try_receive(). When `wait` is true, it behaves as spead_receiver_receive(). max is at most INT32_MAX.
 * Only the thread that uses the receiving end may call it. */
int speadi_receiver_take(struct spead_receiver *receiver, void *pointers, uint32_t max, bool wait,
                         uint64_t deadline_ns);

/* Messages where they lie in the channel. Only the thread that uses the end may call these functions.
 *
 * speadi_receiver_peek() points *messages at up to `max` messages that come next, and returns how many lie there in a
 * row; or it returns what spead_receiver_try_receive() returns if it takes none. The caller may change these messages.
 * They stay in the channel: speadi_receiver_advance() takes the first `count` of them out, with their references. If the
 * end closes before, the channel sheds them.
 *
 * speadi_sender_reserve() points *slots at up to `max` free places in a row, and returns how many they are, or what
 * spead_sender_try_send() returns if it accepts none. speadi_sender_commit() sends the messages that the caller has
 * written into the first `count` places. The other places stay free.
 *
 * Not every end can do that: only in a channel with one end on each side, one lane and no histogram, whose sending end
 * waits when it is full, and no end that has a descriptor. The _can_ functions say whether this end can; the answer does
 * not change. */
bool speadi_receiver_can_peek(const struct spead_receiver *receiver);
int speadi_receiver_peek(struct spead_receiver *receiver, struct spead_message **messages,
                         uint32_t max);
void speadi_receiver_advance(struct spead_receiver *receiver, uint32_t count);
bool speadi_sender_can_reserve(const struct spead_sender *sender);
int speadi_sender_reserve(struct spead_sender *sender, struct spead_message **slots, uint32_t max);
void speadi_sender_commit(struct spead_sender *sender, uint32_t count);

/* Wakes the next user that waits at the same side of the channel. A user that was woken, and then does not send or
 * receive, must call this function. The reason: another waiting user can need the place or the message that caused the
 * wake-up. */
void speadi_sender_pass_on(struct spead_sender *sender);
void speadi_receiver_pass_on(struct spead_receiver *receiver);

#endif
