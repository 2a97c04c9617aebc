/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a receive queue, and replaces it by another one. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

#include "rx_verbs.h"

static int open_queue(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                      struct spead_err *err)
{
    const struct speadi_verbs_queue_config config = {
        .depth = e->depth,
        .sge_max = e->overlong ? speadi_max_u32(e->sge_max, SPEADI_VERBS_SPILL_PIECES) : e->sge_max,
        .comp_vector = e->options.comp_vector,
        .clock = e->options.clock,
        .wqs = e->options.queues,
    };

    return speadi_verbs_queue_open(queue, &e->device, &config, err);
}

/* Posts slots to the new queue and starts it. If a post fails, sets e->failed and starts the queue with the slots that
 * were posted before. Returns an error if none was posted. */
static int fill_and_start(struct speadi_verbs_engine *e, struct spead_err *err)
{
    speadi_verbs_refill(e);
    if (e->posted == 0)
        return speadi_verbs_failed(err, "post_recv", e->device.report.device, EIO);
    return speadi_verbs_queue_start(&e->queue, &e->config, err);
}

static int begin_striding(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = speadi_mprq_begin(&e->mprq, &e->queue, err);

    return ret < 0 ? ret : speadi_verbs_queue_start(&e->queue, &e->config, err);
}

static int begin_slots(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = open_queue(e, &e->queue, err);

    e->slots.has_spill = e->overlong;
    e->posted = 0;
    memset(e->wq_posted, 0, sizeof e->wq_posted);
    return ret < 0 ? ret : fill_and_start(e, err);
}

int speadi_verbs_queue_begin(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = e->is_striding ? begin_striding(e, err) : begin_slots(e, err);

    if (ret == 0 && e->queue.cq.stamp == SPEADI_STAMP_TICKS && !e->clock.context)
        speadi_verbs_clock_init(&e->clock, &e->device);
    return ret;
}

/* Ends all reservations. The caller must have closed the queue, so the device does not write into any range any more. */
static void end_reservations(struct speadi_verbs_engine *e)
{
    speadi_verbs_slots_reclaim(&e->slots);
    e->posted = 0;
    e->ends_all = e->arrival_next < e->arrival_count;
    if (!e->ends_all)
        e->ended = e->accepted;
}

/* Stops the queue, keeps the frames that it received, and closes it. Frames that have landed in reserved ranges are
 * kept. */
static void retire_queue(struct speadi_verbs_engine *e)
{
    speadi_verbs_queue_stop(&e->queue);
    speadi_verbs_drain(e);
    speadi_verbs_queue_close(&e->queue);
    end_reservations(e);
}

void speadi_verbs_queue_end(struct speadi_verbs_engine *e)
{
    speadi_verbs_queue_close(&e->queue);
    end_reservations(e);
}

/* Logs only the 1st, 2nd, 4th, 8th, ... failure, because the queue may fail with every packet. */
static void say_replaced(const struct speadi_verbs_engine *e, uint64_t ns)
{
    if (speadi_is_power_of_two(e->rebuilds))
        speadi_log_line(
            &e->log, SPEAD_LOG_WARNING,
            "verbs engine: the receive queue of %s failed and was made anew in %.3f ms, "
            "%.3f ms of it until the old one was flushed (%llu times by now); packets "
            "were lost",
            e->device.report.device, (double)ns * 1e-6, (double)e->outage.flush_ns * 1e-6,
            (unsigned long long)e->rebuilds);
}

static bool is_transient(int ret)
{
    return ret == -ENOMEM || ret == -EAGAIN || ret == -EBUSY || ret == -EINTR;
}

/* Handles that no queue could be opened in the place of the failed one. Short of memory, the device or the kernel may
 * open one a little later, and the stream has lost no more by then than by the failure. */
static void wait_or_end(struct speadi_verbs_engine *e, int ret, const struct spead_err *err)
{
    struct speadi_verbs_outage *outage = &e->outage;
    uint64_t now = speadi_clock_mono_ns(), lasts = now - outage->begin_ns;

    speadi_verbs_queue_end(e);
    if (!is_transient(ret) || lasts >= outage->limit_ns) {
        e->error = ret;
        speadi_log_line(&e->log, SPEAD_LOG_WARNING,
                        "verbs engine: the receive queue failed and cannot be made anew (%.3f s "
                        "have passed): %s",
                        (double)lasts * 1e-9, err->text);
        return;
    }
    e->failed = true;
    e->rebuild_failures++;
    outage->pause_ns = outage->pause_ns
                           ? speadi_min_u64(2 * outage->pause_ns, SPEADI_VERBS_RETRY_MOST_NS)
                           : SPEADI_VERBS_RETRY_FIRST_NS;
    outage->retry_ns = now + outage->pause_ns;
    if (outage->said)
        return;
    outage->said = true;
    speadi_log_line(
        &e->log, SPEAD_LOG_WARNING,
        "verbs engine: the receive queue failed and cannot be made anew yet; the engine "
        "tries again for %.0f s, and packets are lost meanwhile: %s",
        (double)outage->limit_ns * 1e-9, err->text);
}

static void close_failed(struct speadi_verbs_engine *e)
{
    if (e->is_striding)
        speadi_verbs_queue_close(&e->queue); /* poll() has lent all frames of this queue */
    else
        retire_queue(e);
}

void speadi_verbs_queue_replace(struct speadi_verbs_engine *e)
{
    struct speadi_verbs_outage *outage = &e->outage;
    uint64_t now = speadi_clock_mono_ns();
    const enum speadi_verbs_stamp stamp = e->queue.cq.stamp;
    struct spead_err err = {0};
    int ret;

    if (outage->begin_ns != 0 && now < outage->retry_ns)
        return;
    if (outage->begin_ns == 0) {
        outage->begin_ns = now;
        close_failed(e);
        outage->flush_ns = speadi_clock_mono_ns() - now;
    }
    /* An event of the closed queue may still be unread. If the next queue gets the same address, it would look like an
     * event of that queue. */
    speadi_verbs_read_events(e);
    if (e->error)
        return;
    e->failed = false;
    ret = speadi_verbs_queue_begin(e, &err);
    if (ret < 0) {
        wait_or_end(e, ret, &err);
        e->queue.cq.stamp = stamp; /* the kept frames have times of this clock */
        return;
    }
    now = speadi_clock_mono_ns() - outage->begin_ns;
    e->rebuild_ns += now;
    e->rebuilds++;
    outage->begin_ns = outage->pause_ns = 0;
    say_replaced(e, now);
}

void speadi_verbs_wait_for_retry(struct speadi_verbs_engine *e, uint64_t deadline_ns)
{
    const int fd = e->device.context->async_fd;

    if (e->outage.begin_ns == 0)
        return;
    e->sleeps++;
    speadi_wake_fd_wait(&e->wake_fd, &fd, 1, POLLIN,
                        speadi_min_u64(deadline_ns, e->outage.retry_ns));
    speadi_verbs_read_events(e);
}
