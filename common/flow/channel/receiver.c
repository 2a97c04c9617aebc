/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end of a channel. It gets the messages, the highest lane first, and after them the end of stream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/deadline.h>
#include <speadi/err.h>

#include "channel_parts.h"
#include "taking.h"

/* The number of messages in an array on the stack of take_from_messages(). */
#define TAKE_MAX 32u

/* When several receiving ends wait, a message wakes only one of them. After the woken end has taken messages, it calls
 * this function. The function wakes the next end if there is another message. */
static void pass_on(struct spead_channel *channel)
{
    if (channel->waiting_receivers.many &&
        speadi_wait_queue_is_waiting(&channel->waiting_receivers) &&
        speadi_shared_ring_has_message(channel->shared))
        speadi_wait_queue_wake_first(&channel->waiting_receivers);
}

void speadi_receiver_pass_on(struct spead_receiver *receiver)
{
    pass_on(receiver->end.channel);
}

static uint32_t take(struct spead_receiver *receiver, struct spead_channel *channel,
                     struct spead_message *messages, uint32_t max)
{
    uint32_t taken;

    if (channel->shared) {
        taken = speadi_shared_take(channel, messages, max, true);
        speadi_counter_add(&receiver->end.moved, taken);
    } else {
        taken = speadi_spsc_take(receiver, channel, messages, max, true);
    }
    if (taken > 0) {
        speadi_wait_queue_wake_one(&channel->waiting_senders); /* WAIT1 */
        pass_on(channel);
    }
    return taken;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static int try_receive(struct spead_receiver *receiver, struct spead_message *messages,
                       uint32_t max)
{
    struct spead_channel *channel = receiver->end.channel;
    uint32_t taken;

    /* relaxed: a cancel that is not seen yet is seen at the next call. */
    if (__builtin_expect(
            atomic_load_explicit(&channel->state, memory_order_relaxed) & SPEADI_CANCELLED, 0))
        return -ECANCELED;
    if (max == 0)
        return 0;
    taken = take(receiver, channel, messages, max);
    /* CHANNEL1 acquire: a message can have come after the first call of take() and before ENDED was set. The second
     * call of take() sees every message that was ever sent. */
    if (taken == 0 && atomic_load_explicit(&channel->state, memory_order_acquire) & SPEADI_ENDED) {
        taken = take(receiver, channel, messages, max);
        if (taken == 0)
            /* relaxed: CHANNEL1 gives the order. */
            return atomic_load_explicit(&channel->end, memory_order_relaxed);
    }
    return taken > 0 ? (int)taken : -EAGAIN;
}

/* The short path: receives at an end that has `plain` set. Returns how many messages it has taken, or -ECANCELED. If it
 * returns 0, the caller must call try_receive_any(). */
static inline int try_receive_plain(struct spead_receiver *receiver, struct spead_message *messages,
                                    uint32_t max)
{
    struct spead_channel *channel = receiver->end.channel;
    uint32_t taken;

    /* relaxed: a cancel that is not seen yet is seen at the next call. */
    if (__builtin_expect(
            atomic_load_explicit(&channel->state, memory_order_relaxed) & SPEADI_CANCELLED, 0))
        return -ECANCELED;
    taken = speadi_spsc_take(receiver, channel, messages, max, false);
    if (taken > 0)
        speadi_wait_queue_wake_single(&channel->waiting_senders); /* WAIT1 */
    return (int)taken;
}

/* Receives at an end of any kind. The function is not inlined, so that the short path need not save registers for the
 * call. */
static __attribute__((noinline)) int try_receive_any(struct spead_receiver *receiver,
                                                     struct spead_message *messages, uint32_t max)
{
    int ret;

    if (max > INT32_MAX)
        max = INT32_MAX;
    if (!speadi_end_polls(&receiver->end))
        return try_receive(receiver, messages, max);
    speadi_end_before_try(&receiver->end);
    do
        ret = try_receive(receiver, messages, max);
    while (ret == -EAGAIN && speadi_end_rearm(&receiver->end));
    return ret;
}

int spead_receiver_try_receive(struct spead_receiver *receiver, struct spead_message *messages,
                               uint32_t max)
{
    if (__builtin_expect(receiver->end.plain, 1)) {
        int ret = try_receive_plain(receiver, messages, max);

        if (__builtin_expect(ret != 0, 1))
            return ret;
    }
    return try_receive_any(receiver, messages, max);
}

int spead_receiver_receive(struct spead_receiver *receiver, struct spead_message *messages,
                           uint32_t max, uint64_t deadline_ns)
{
    int ret;

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    while ((ret = spead_receiver_try_receive(receiver, messages, max)) == -EAGAIN) {
        ret = speadi_end_sleep(&receiver->end, deadline_ns);
        if (ret < 0)
            return ret;
    }
    return ret;
}

/* ---- Receiving only the references ---------------------------------------------------------- */

/* Stores the reference of a message as a pointer at the address `to`. It copies the bytes of the pointer, because the
 * array of the caller has pointers of another type, and C does not allow a store through a void ** there. */
static inline void put_reference(void *to, const struct spead_message *message)
{
    const void *reference = (const void *)(uintptr_t)message->reference;

    memcpy(to, &reference, sizeof reference);
}

/* Receives messages at an end of any kind, with or without waiting, and stores their references. The function is not
 * inlined, so that the short path need not save registers for the call. */
static __attribute__((noinline)) int take_from_messages(struct spead_receiver *receiver,
                                                        void *pointers, uint32_t max, bool wait,
                                                        uint64_t deadline_ns)
{
    struct spead_message messages[TAKE_MAX];
    uint32_t count = max < TAKE_MAX ? max : TAKE_MAX;
    int ret = wait ? spead_receiver_receive(receiver, messages, count, deadline_ns)
                   : spead_receiver_try_receive(receiver, messages, count);

    for (int i = 0; i < ret; i++)
        put_reference((char *)pointers + (size_t)i * sizeof(void *), &messages[i]);
    return ret;
}

static __attribute__((noinline)) int wake_and_return(struct spead_channel *channel, uint64_t count)
{
    speadi_wait_queue_wake_first(&channel->waiting_senders);
    return (int)count;
}

int speadi_receiver_take(struct spead_receiver *receiver, void *pointers, uint32_t max, bool wait,
                         uint64_t deadline_ns)
{
    struct spead_channel *channel = receiver->end.channel;
    uint64_t head = receiver->head, there = receiver->tail_seen - head, end;
    char *to = pointers;

    /* relaxed: a cancel that is not seen yet is seen at the next call. */
    if (__builtin_expect(!receiver->end.plain ||
                             atomic_load_explicit(&channel->state, memory_order_relaxed) &
                                 SPEADI_CANCELLED,
                         0))
        return take_from_messages(receiver, pointers, max, wait, deadline_ns);
    if (there < max)
        there = speadi_spsc_look(receiver, channel);
    if (there > max)
        there = max;
    if (__builtin_expect(there == 0, 0))
        return take_from_messages(receiver, pointers, max, wait, deadline_ns);
    end = head + there;
    for (; head != end; to += sizeof(void *))
        put_reference(to, &channel->slots[head++ & channel->mask]);
    receiver->head = end;
    speadi_publish_index(channel, &channel->head, end); /* RING2, WAIT2 */
    if (__builtin_expect(speadi_wait_queue_has_single(&channel->waiting_senders), 0)) /* WAIT1 */
        return wake_and_return(channel, there);
    return (int)there;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

int spead_receiver_announce(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns)
{
    return speadi_end_announce(&receiver->end, waker, now_ns);
}

bool spead_receiver_retract(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns)
{
    return speadi_end_retract(&receiver->end, waker, now_ns);
}

int spead_receiver_fd(struct spead_receiver *receiver)
{
    return speadi_end_fd(&receiver->end);
}

/* ---- Opening and closing ------------------------------------------------------------------- */

int spead_receiver_open(struct spead_receiver **out, struct spead_channel *channel,
                        const char *name, int type, struct spead_err *err)
{
    struct spead_receiver *receiver = calloc(1, sizeof *receiver);
    int ret;

    if (!receiver)
        return speadi_err_set(err, -ENOMEM, "channel \"%s\": no memory for an end",
                              spead_channel_name(channel));
    ret = speadi_end_open(&receiver->end, channel, name, type, false, err);
    if (ret < 0) {
        free(receiver);
        return ret;
    }
    *out = receiver;
    return 0;
}

void spead_receiver_close(struct spead_receiver *receiver)
{
    struct spead_channel *channel;

    if (!receiver)
        return;
    channel = receiver->end.channel;
    if (speadi_end_leave(&receiver->end)) {
        speadi_channel_set_state(channel, SPEADI_STOPPED);
        speadi_channel_drain(channel);
    } else {
        /* Perhaps another thread has woken this end for a message that this end has not taken. So this function wakes
         * another receiving end for that message. */
        speadi_wait_queue_wake_one(&channel->waiting_receivers);
    }
    speadi_end_release(&receiver->end);
    free(receiver);
}
