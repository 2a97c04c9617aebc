/* How an end waits: announced by a node, asleep in a thread, or polled by an event loop. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <speadi/clock.h>

#include "channel_parts.h"

static struct speadi_waitroom *room_of(struct speadi_end *end)
{
    return end->is_sender ? &end->channel->senders_room : &end->channel->receivers_room;
}

static bool sender_can_go_on(const struct spead_sender *sender)
{
    const struct spead_channel *channel = sender->end.channel;

    /* WAIT2 load: the state, and room. */
    if (atomic_load(&channel->state) & (SPEADI_STOPPED | SPEADI_CANCELLED))
        return true;
    return channel->shared ? speadi_shared_ring_has_room(channel->shared, sender->full_lane)
                           : sender->tail - atomic_load(&channel->head) < channel->capacity;
}

static bool receiver_can_go_on(const struct spead_receiver *receiver)
{
    const struct spead_channel *channel = receiver->end.channel;

    /* WAIT2 load: the state, and messages. */
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

/* ---- The account of waiting ---------------------------------------------------------------- */

static void begin_wait(struct speadi_end *end, uint64_t now_ns)
{
    speadi_count(&end->waits, 1);
    /* relaxed, here and below: read only for reports */
    atomic_store_explicit(&end->waiting_since_ns, now_ns ? now_ns : speadi_clock_mono_ns(),
                          memory_order_relaxed);
}

static void end_wait(struct speadi_end *end, uint64_t now_ns)
{
    /* relaxed: our own */
    uint64_t since = atomic_load_explicit(&end->waiting_since_ns, memory_order_relaxed);

    if (since == 0)
        return;
    if (now_ns == 0)
        now_ns = speadi_clock_mono_ns();
    /* In this order a report may miss the wait for a moment, but never sees it twice. */
    atomic_store_explicit(&end->waiting_since_ns, 0, memory_order_relaxed);
    if (now_ns > since)
        speadi_count(&end->waited_ns, now_ns - since);
}

/* ---- Announcing ---------------------------------------------------------------------------- */

int speadi_end_announce(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns)
{
    struct speadi_waitroom *room = room_of(end);

    speadi_waitroom_add(room, waker); /* WAIT1 */
    speadi_before_look(end->channel);
    /* WAIT2. When the waker is gone already it has been woken, and that is as good. */
    if (can_go_on(end) && speadi_waitroom_remove(room, waker))
        return 1;
    begin_wait(end, now_ns);
    return 0;
}

bool speadi_end_retract(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns)
{
    bool removed = speadi_waitroom_remove(room_of(end), waker);

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
    struct speadi_bell bell;

    speadi_bell_init(&bell);
    speadi_bell_arm(&bell);
    if (speadi_end_announce(end, &bell.waker, 0) == 1)
        return 0;
    speadi_bell_wait(&bell, deadline_ns);
    if (speadi_end_retract(end, &bell.waker, 0))
        return -ETIMEDOUT;
    speadi_bell_wait(&bell, 0); /* it rings right now, if it has not */
    return 0;
}

int speadi_end_sleep(struct speadi_end *end, uint64_t deadline_ns)
{
    if (!speadi_end_polls(end))
        return sleep_for_once(end, deadline_ns);
    /* Armed by the try that found nothing, and stays so. */
    return speadi_bell_wait(end->bell, deadline_ns) ? 0 : -ETIMEDOUT;
}

/* ---- Event loops ---------------------------------------------------------------------------
 * The descriptor is readable whenever the bell is not both armed and silent. */

void speadi_end_settle(struct speadi_end *end)
{
    if (!end->bell->armed || !speadi_bell_has_rung(end->bell))
        return;
    speadi_end_retract(end, &end->bell->waker, 0);
    end->bell->armed = false;
}

bool speadi_end_rearm(struct speadi_end *end)
{
    struct speadi_bell *bell = end->bell;

    if (bell->armed)
        return false;
    speadi_wakeup_clear(&bell->fd);
    speadi_bell_arm(bell);
    bell->armed = speadi_end_announce(end, &bell->waker, 0) == 0;
    if (!bell->armed)
        speadi_wakeup_ring(&bell->fd);
    return !bell->armed;
}

static int open_bell(struct speadi_end *end)
{
    struct speadi_bell *bell = malloc(sizeof *bell);
    int ret;

    if (!bell)
        return -ENOMEM;
    speadi_bell_init(bell);
    ret = speadi_wakeup_open(&bell->fd);
    if (ret < 0) {
        free(bell);
        return ret;
    }
    end->bell = bell;
    return 0;
}

int speadi_end_fd(struct speadi_end *end)
{
    if (!speadi_end_polls(end)) {
        int ret = open_bell(end);

        if (ret < 0)
            return ret;
        end->plain = speadi_end_is_plain(end);
        speadi_end_rearm(end);
    }
    return end->bell->fd.fd;
}

void speadi_end_poll_no_more(struct speadi_end *end)
{
    if (!speadi_end_polls(end))
        return;
    if (end->bell->armed && !speadi_end_retract(end, &end->bell->waker, 0))
        speadi_bell_wait(end->bell, 0);
    speadi_bell_release(end->bell);
    free(end->bell);
    end->bell = NULL;
}
