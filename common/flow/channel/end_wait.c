/* SPDX-License-Identifier: Apache-2.0 */
/* The three ways in which an end waits: a node announces its waker, a thread sleeps, an event loop polls a
 * descriptor. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <speadi/clock.h>

#include "channel_parts.h"

static struct speadi_wait_queue *queue_of(struct speadi_end *end)
{
    return end->is_sender ? &end->channel->waiting_senders : &end->channel->waiting_receivers;
}

static bool sender_can_go_on(const struct spead_sender *sender)
{
    const struct spead_channel *channel = sender->end.channel;

    /* WAIT2 load: the first load reads the state, the second load reads how many places are free. */
    if (atomic_load(&channel->state) & (SPEADI_STOPPED | SPEADI_CANCELLED))
        return true;
    return channel->shared ? speadi_shared_ring_has_room(channel->shared, sender->full_lane)
                           : sender->tail - atomic_load(&channel->head) < channel->capacity;
}

static bool receiver_can_go_on(const struct spead_receiver *receiver)
{
    const struct spead_channel *channel = receiver->end.channel;

    /* WAIT2 load: the first load reads the state, the second load reads how many messages are there. */
    if (atomic_load(&channel->state) & (SPEADI_ENDED | SPEADI_CANCELLED))
        return true;
    return channel->shared ? speadi_shared_ring_has_message(channel->shared)
                           : atomic_load(&channel->tail) != receiver->head;
}

static bool can_go_on(const struct speadi_end *end)
{
    return end->is_sender ? sender_can_go_on((const struct spead_sender *)end)
                          : receiver_can_go_on((const struct spead_receiver *)end);
}

/* ---- Time spent waiting --------------------------------------------------------------------- */

static void begin_wait(struct speadi_end *end, uint64_t now_ns)
{
    speadi_counter_add(&end->waits, 1);
    /* relaxed: the value is only reported. */
    atomic_store_explicit(&end->waiting_since_ns, now_ns ? now_ns : speadi_clock_mono_ns(),
                          memory_order_relaxed);
}

static void end_wait(struct speadi_end *end, uint64_t now_ns)
{
    /* relaxed: only this thread writes this field, and the values are only reported. */
    uint64_t since = atomic_load_explicit(&end->waiting_since_ns, memory_order_relaxed);

    if (since == 0)
        return;
    if (now_ns == 0)
        now_ns = speadi_clock_mono_ns();
    /* The order of the two stores matters. Another thread can read the statistics between the two stores. That thread
     * then does not see this wait, but no thread ever counts the wait twice. */
    atomic_store_explicit(&end->waiting_since_ns, 0, memory_order_relaxed);
    if (now_ns > since)
        speadi_counter_add(&end->waited_ns, now_ns - since);
}

/* ---- Announcing ---------------------------------------------------------------------------- */

int speadi_end_announce(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns)
{
    struct speadi_wait_queue *queue = queue_of(end);

    speadi_wait_queue_add(queue, waker); /* WAIT1 */
    speadi_before_look(end->channel);
    /* This is the last look at the channel (WAIT2). If the end can go on, this function takes the waker out of the
     * queue again and returns 1. If the waker is no longer in the queue, another thread has called wake() or is calling
     * it. This function then returns 0, as it does when a wake comes later. */
    if (can_go_on(end) && speadi_wait_queue_remove(queue, waker))
        return 1;
    begin_wait(end, now_ns);
    return 0;
}

bool speadi_end_retract(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns)
{
    bool removed = speadi_wait_queue_remove(queue_of(end), waker);

    end_wait(end, now_ns);
    return removed;
}

void speadi_end_woken(struct speadi_end *end, uint64_t now_ns)
{
    end_wait(end, now_ns);
}

/* ---- Threads ------------------------------------------------------------------------------- */

static int sleep_for_once(struct speadi_end *end, uint64_t deadline_ns)
{
    struct speadi_thread_waker thread_waker;

    speadi_thread_waker_init(&thread_waker);
    speadi_thread_waker_arm(&thread_waker);
    if (speadi_end_announce(end, &thread_waker.waker, 0) == 1)
        return 0;
    speadi_thread_waker_wait(&thread_waker, deadline_ns);
    if (speadi_end_retract(end, &thread_waker.waker, 0))
        return -ETIMEDOUT;
    /* The waker was no longer in the queue, so another thread has called wake() or is calling it. Wait until that call
     * has ended, because it uses thread_waker, which lies on the stack of this function. */
    speadi_thread_waker_wait(&thread_waker, 0);
    return 0;
}

int speadi_end_sleep(struct speadi_end *end, uint64_t deadline_ns)
{
    if (!speadi_end_polls(end))
        return sleep_for_once(end, deadline_ns);
    /* The thread waker is already armed. speadi_end_rearm() has armed it, after the end had found nothing to do. It
     * stays armed after a timeout. */
    return speadi_thread_waker_wait(end->thread_waker, deadline_ns) ? 0 : -ETIMEDOUT;
}

/* Returns true if the ring no longer has exactly `room` free places, or if a send would fail. */
static bool has_changed(const struct spead_sender *sender, uint32_t room)
{
    const struct spead_channel *channel = sender->end.channel;

    /* WAIT2 load: as in sender_can_go_on() */
    return (atomic_load(&channel->state) & (SPEADI_STOPPED | SPEADI_CANCELLED)) != 0 ||
           channel->capacity - (sender->tail - atomic_load(&channel->head)) != room;
}

bool speadi_sender_sleep_at(struct spead_sender *sender, uint32_t room,
                            const struct speadi_wake_fd *wake_fd, uint64_t deadline_ns)
{
    struct speadi_end *end = &sender->end;
    struct speadi_thread_waker thread_waker;

    if (end->channel->shared || speadi_end_polls(end))
        return false;
    speadi_thread_waker_init(&thread_waker);
    thread_waker.fd = *wake_fd;
    speadi_thread_waker_arm(&thread_waker);
    speadi_wait_queue_add(queue_of(end), &thread_waker.waker); /* WAIT1 */
    speadi_before_look(end->channel);
    if (!has_changed(sender, room)) {
        begin_wait(end, 0);
        speadi_wake_fd_wait(wake_fd, NULL, 0, 0, deadline_ns);
    }
    /* If the waker is no longer in the queue, another thread uses it until wake() has ended, as in sleep_for_once(). */
    if (!speadi_end_retract(end, &thread_waker.waker, 0))
        speadi_thread_waker_wait(&thread_waker, 0);
    return true;
}

/* ---- Event loops ---------------------------------------------------------------------------
 * The descriptor is not readable from the time when the thread waker is armed until wake() is called. At all other
 * times it is readable. */

void speadi_end_before_try(struct speadi_end *end)
{
    if (!end->thread_waker->armed)
        return;
    /* The descriptor is readable already, and would stay readable until wake() has ended. Until then this thread must
     * not look at the descriptor again and again: if this thread has a real-time priority, the thread in wake() would
     * not run. */
    if (speadi_thread_waker_is_being_called(end->thread_waker))
        speadi_thread_waker_wait(end->thread_waker, 0);
    if (!speadi_thread_waker_was_called(end->thread_waker))
        return;
    speadi_end_retract(end, &end->thread_waker->waker, 0);
    end->thread_waker->armed = false;
}

bool speadi_end_rearm(struct speadi_end *end)
{
    struct speadi_thread_waker *thread_waker = end->thread_waker;

    if (thread_waker->armed)
        return false;
    speadi_wake_fd_clear(&thread_waker->fd);
    speadi_thread_waker_arm(thread_waker);
    thread_waker->armed = speadi_end_announce(end, &thread_waker->waker, 0) == 0;
    if (!thread_waker->armed)
        speadi_wake_fd_signal(&thread_waker->fd);
    return !thread_waker->armed;
}

static int open_thread_waker(struct speadi_end *end)
{
    struct speadi_thread_waker *thread_waker = malloc(sizeof *thread_waker);
    int ret;

    if (!thread_waker)
        return -ENOMEM;
    speadi_thread_waker_init(thread_waker);
    ret = speadi_wake_fd_open(&thread_waker->fd);
    if (ret < 0) {
        free(thread_waker);
        return ret;
    }
    end->thread_waker = thread_waker;
    return 0;
}

int speadi_end_fd(struct speadi_end *end)
{
    if (!speadi_end_polls(end)) {
        int ret = open_thread_waker(end);

        if (ret < 0)
            return ret;
        end->plain = speadi_end_is_plain(end);
        speadi_end_rearm(end);
    }
    return end->thread_waker->fd.fd;
}

void speadi_end_close_fd(struct speadi_end *end)
{
    if (!speadi_end_polls(end))
        return;
    if (end->thread_waker->armed && !speadi_end_retract(end, &end->thread_waker->waker, 0))
        speadi_thread_waker_wait(end->thread_waker, 0);
    speadi_thread_waker_release(end->thread_waker);
    free(end->thread_waker);
    end->thread_waker = NULL;
}
