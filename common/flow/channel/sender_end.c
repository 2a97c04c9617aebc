/* SPDX-License-Identifier: Apache-2.0 */
/* How a sending end opens, waits for a free place, and closes. */
#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>

#include "channel_parts.h"

/* ---- Waiting ------------------------------------------------------------------------------- */

/* Returns how many free places the end finds. Unlike speadi_sender_room(), it does not arm the descriptor. Returns
 * UINT32_MAX if the channel is stopped or cancelled, because a send then fails and does not wait. */
static uint32_t room(struct spead_sender *sender)
{
    struct spead_channel *channel = sender->end.channel;
    uint64_t used;

    /* relaxed: as in try_send() */
    if (atomic_load_explicit(&channel->state, memory_order_relaxed) &
        (SPEADI_STOPPED | SPEADI_CANCELLED))
        return UINT32_MAX;
    if (!channel->shared) {
        /* RING2 acquire: as in spsc_room(). */
        sender->head_seen = atomic_load_explicit(&channel->head, memory_order_acquire);
        return channel->capacity - (uint32_t)(sender->tail - sender->head_seen);
    }
    used = speadi_shared_ring_used(channel->shared);
    return used < channel->capacity ? channel->capacity - (uint32_t)used : 0;
}

uint32_t speadi_sender_room(struct spead_sender *sender)
{
    uint32_t there;

    if (!speadi_end_polls(&sender->end))
        return room(sender);
    speadi_end_before_try(&sender->end);
    do
        there = room(sender);
    while (there == 0 && speadi_end_rearm(&sender->end));
    return there;
}

bool speadi_sender_is_stopped(const struct spead_sender *sender)
{
    /* relaxed: a thread that stopped() has woken sees the state. */
    return atomic_load_explicit(&sender->end.channel->state, memory_order_relaxed) &
           (SPEADI_STOPPED | SPEADI_CANCELLED);
}

void speadi_sender_on_stop(struct spead_sender *sender, void (*stopped)(void *arg), void *arg)
{
    struct spead_channel *channel = sender->end.channel;

    pthread_mutex_lock(&channel->control);
    sender->end.stopped = stopped;
    sender->end.stopped_arg = arg;
    /* A thread that stops the channel sets the state before it takes the lock. So either this thread sees the state, or
     * that thread sees stopped(). */
    if (speadi_sender_is_stopped(sender))
        stopped(arg);
    pthread_mutex_unlock(&channel->control);
}

int spead_sender_announce(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns)
{
    return speadi_end_announce(&sender->end, waker, now_ns);
}

bool spead_sender_retract(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns)
{
    return speadi_end_retract(&sender->end, waker, now_ns);
}

int spead_sender_fd(struct spead_sender *sender)
{
    return speadi_end_fd(&sender->end);
}

/* ---- Opening and closing ------------------------------------------------------------------- */

int spead_sender_open(struct spead_sender **out, struct spead_channel *channel, const char *name,
                      int type, struct spead_err *err)
{
    struct spead_sender *sender = calloc(1, sizeof *sender);
    int ret;

    if (!sender)
        return speadi_err_set(err, -ENOMEM, "channel \"%s\": no memory for an end",
                              spead_channel_name(channel));
    ret = speadi_end_open(&sender->end, channel, name, type, true, err);
    if (ret < 0) {
        free(sender);
        return ret;
    }
    *out = sender;
    return 0;
}

static void note_error(struct spead_channel *channel, int error)
{
    pthread_mutex_lock(&channel->control);
    if (channel->error == 0)
        channel->error = error;
    pthread_mutex_unlock(&channel->control);
}

void spead_sender_close(struct spead_sender *sender, int error)
{
    struct spead_channel *channel;

    if (!sender)
        return;
    channel = sender->end.channel;
    if (error < 0)
        note_error(channel, error);
    if (speadi_end_leave(&sender->end)) {
        speadi_channel_set_state(channel, SPEADI_ENDED);
        /* CHANNEL4 load: if this load does not see STOPPED, the last receiving end sets STOPPED later and then drains
         * the channel itself. */
        if (atomic_load(&channel->state) & SPEADI_STOPPED)
            speadi_channel_drain(channel);
    } else {
        /* Perhaps another thread has woken this end for a free place that this end has not used. So this function wakes
         * another sending end for that place. */
        speadi_wait_queue_wake_one(&channel->waiting_senders);
    }
    speadi_end_release(&sender->end);
    free(sender);
}
