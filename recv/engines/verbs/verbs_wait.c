/* SPDX-License-Identifier: Apache-2.0 */
/* The operation `wait` of the verbs receive engine: it reads the events of the device, and sleeps until a queue has a
 * completion. */
#include <poll.h>

#include <speadi/clock.h>

#include "rx_verbs.h"

/* How often the owner thread reads the events of the device if it polls and never sleeps. */
#define EVENTS_EVERY_NS 10000000u

/* Tells whether frames are kept that no burst has lent. After an error, and while no queue can be opened, the engine still
 * lends them. */
static bool has_kept(const struct speadi_verbs_engine *e)
{
    uint32_t kept = 0;

    for (unsigned i = 0; i < e->queue_count; i++)
        kept += e->queue[i].arrival_count;
    return kept > 0;
}

/* Without completion events the owner thread never sleeps. It reads the events of the device here, every 10 ms. */
static void poll_events(struct speadi_verbs_engine *e)
{
    uint64_t now = speadi_clock_mono_ns();

    if (now - e->events_ns < EVENTS_EVERY_NS)
        return;
    e->events_ns = now;
    speadi_verbs_read_events(e);
    speadi_wake_fd_clear(&e->wake_fd);
}

static void sleep_until(struct speadi_verbs_engine *e, uint64_t deadline_ns)
{
    int fds[SPEADI_RX_QUEUES_MAX + 2];
    unsigned count = 0;

    for (unsigned i = 0; i < e->set.cq_count; i++)
        fds[count++] = e->set.cq[i].channel->fd;
    fds[count++] = e->device.context->async_fd;
    fds[count] = speadi_interface_watch_fd(&e->joins.interfaces);
    count += fds[count] >= 0;
    e->sleeps++;
    speadi_wake_fd_wait(&e->wake_fd, fds, count, POLLIN, deadline_ns);
    for (unsigned i = 0; i < e->set.cq_count; i++)
        speadi_verbs_cq_take_events(&e->set.cq[i]);
    speadi_verbs_read_events(e);
}

static bool is_armed(const struct speadi_verbs_engine *e)
{
    bool armed = true;

    for (unsigned i = 0; i < e->set.cq_count; i++)
        armed = armed && e->set.cq[i].armed;
    return armed;
}

static void arm(struct speadi_verbs_engine *e)
{
    for (unsigned i = 0; i < e->queue_count; i++)
        if (speadi_verbs_cq_arm(e->queue[i].cq) < 0)
            speadi_verbs_note_failure(e, &e->queue[i]);
}

void speadi_verbs_wait(struct speadi_verbs_engine *e, uint64_t deadline_ns)
{
    if (e->error || has_kept(e))
        return;
    if (e->failed) {
        speadi_verbs_wait_for_retry(e, deadline_ns);
        return;
    }
    if (!e->set.cq[0].channel) {
        poll_events(e);
        return;
    }
    if (e->empty_polls < e->options.max_poll)
        return;
    if (is_armed(e) && e->looked) {
        sleep_until(e, deadline_ns);
        return;
    }
    /* A completion that came before speadi_verbs_cq_arm() gives no event. So the core must call poll() once more before
     * this thread sleeps; poll() sets `looked`. */
    e->looked = false;
    arm(e);
}
