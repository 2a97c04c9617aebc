/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a receive queue, and replaces it by another one. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

#include "rx_verbs.h"

static int open_queues(struct speadi_verbs_engine *e, struct spead_err *err)
{
    const struct speadi_verbs_queue_config config = {
        .depth = e->depth,
        .sge_max = e->overlong ? speadi_max_u32(e->sge_max, SPEADI_VERBS_SPILL_PIECES) : e->sge_max,
        .comp_vector = e->options.comp_vector,
        .clock = e->options.clock,
        .queues = e->queue_count,
    };

    return speadi_verbs_queues_open(&e->set, &e->device, &config, err);
}

/* Says in each queue to which objects of the device its receives are posted. */
static void connect_queues(struct speadi_verbs_engine *e)
{
    for (unsigned i = 0; i < e->queue_count; i++) {
        struct speadi_verbs_queue *queue = &e->queue[i];

        queue->qp = e->set.qp;
        queue->wq = i < e->set.wq_count ? e->set.wq[i] : NULL;
        queue->failed = false;
        queue->posted = 0;
        queue->slots.has_spill = e->overlong;
    }
}

/* Posts slots to each queue. If a post fails, sets e->failed, and the queue starts with the slots that were posted before.
 * Returns an error if none was posted to a queue. */
static int fill_slots(struct speadi_verbs_engine *e, struct spead_err *err)
{
    for (unsigned i = 0; i < e->queue_count; i++) {
        speadi_verbs_refill(e, &e->queue[i]);
        if (e->queue[i].posted == 0)
            return speadi_verbs_failed(err, "post_recv", e->device.report.device, EIO);
    }
    return 0;
}

static int begin_slots(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = open_queues(e, err);

    connect_queues(e);
    return ret < 0 ? ret : fill_slots(e, err);
}

static int begin_striding(struct speadi_verbs_engine *e, struct spead_err *err)
{
    struct speadi_verbs_striding shape = e->queue[0].mprq.shape; /* of all queues */
    struct mlx5dv_rwq ring[SPEADI_RX_QUEUES_MAX];
    int ret;

    shape.clock = e->options.clock;
    ret = speadi_verbs_queues_open_striding(&e->set, &e->device, &shape, e->queue_count, ring, err);
    connect_queues(e);
    for (unsigned i = 0; ret == 0 && i < e->queue_count; i++)
        ret = speadi_mprq_begin(&e->queue[i].mprq, &ring[i], err);
    return ret;
}

int speadi_verbs_queues_begin(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = e->is_striding ? begin_striding(e, err) : begin_slots(e, err);

    if (ret == 0)
        ret = speadi_verbs_queues_start(&e->set, &e->config, err);
    if (ret < 0)
        return ret;
    e->stamp = e->set.cq[0].stamp;
    for (unsigned i = 0; e->stamp == SPEADI_STAMP_TICKS && i < e->queue_count; i++)
        if (!e->queue[i].clock.context)
            speadi_verbs_clock_init(&e->queue[i].clock, &e->device);
    return 0;
}

/* Ends all reservations of a queue. The caller must have closed it, so the device does not write into any range any
 * more. */
static void end_reservations(struct speadi_verbs_queue *queue)
{
    speadi_verbs_slots_reclaim(&queue->slots);
    queue->posted = 0;
    queue->ends_all = queue->arrival_next < queue->arrival_count;
    if (!queue->ends_all)
        queue->ended = queue->accepted;
}

void speadi_verbs_queues_end(struct speadi_verbs_engine *e)
{
    speadi_verbs_queues_close(&e->set);
    for (unsigned i = 0; i < e->queue_count; i++) {
        e->queue[i].qp = NULL;
        e->queue[i].wq = NULL;
        end_reservations(&e->queue[i]);
    }
}

/* Stops the queues, keeps the frames that they received, and closes them. Frames that have landed in reserved ranges are
 * kept. */
static void retire_queues(struct speadi_verbs_engine *e)
{
    speadi_verbs_queues_stop(&e->set);
    speadi_verbs_drain(e);
    speadi_verbs_queues_end(e);
}

/* Logs only the 1st, 2nd, 4th, 8th, ... failure, because the queue may fail with every packet. */
static void say_replaced(const struct speadi_verbs_engine *e, uint64_t ns)
{
    if (speadi_is_power_of_two(e->rebuilds))
        speadi_log_line(
            &e->log, SPEAD_LOG_WARNING,
            "verbs engine: the receive queue%s of %s failed and was made anew in %.3f ms, "
            "%.3f ms of it until the old one was flushed (%llu times by now); packets "
            "were lost",
            e->outage.culprit, e->device.report.device, (double)ns * 1e-6,
            (double)e->outage.flush_ns * 1e-6, (unsigned long long)e->rebuilds);
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

    speadi_verbs_queues_end(e);
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

/* Notes which of several queues has failed. */
static void note_culprit(struct speadi_verbs_engine *e)
{
    e->outage.culprit[0] = 0;
    for (unsigned i = 0; e->queue_count > 1 && i < e->queue_count; i++)
        if (e->queue[i].failed) {
            snprintf(e->outage.culprit, sizeof e->outage.culprit, " %u (of %u)", i, e->queue_count);
            return;
        }
}

static void close_failed(struct speadi_verbs_engine *e)
{
    note_culprit(e);
    if (e->is_striding)
        speadi_verbs_queues_end(e); /* poll() has lent all frames of these queues */
    else
        retire_queues(e);
}

void speadi_verbs_queues_replace(struct speadi_verbs_engine *e)
{
    struct speadi_verbs_outage *outage = &e->outage;
    uint64_t now = speadi_clock_mono_ns();
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
    ret = speadi_verbs_queues_begin(e, &err);
    if (ret < 0) {
        wait_or_end(e, ret, &err);
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
