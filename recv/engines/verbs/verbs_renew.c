/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a receive queue, and replaces it by another one. */
#include <errno.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#include "rx_verbs.h"

static int open_queue(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                      struct spead_err *err)
{
    const struct speadi_verbs_queue_config config = {
        .depth = e->depth,
        .sge_max = e->attached ? SPEADI_VERBS_PIECES : 1,
        .comp_vector = e->options.comp_vector,
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

    e->queue_number++;
    e->posted = 0;
    memset(e->wq_posted, 0, sizeof e->wq_posted);
    return ret < 0 ? ret : fill_and_start(e, err);
}

int speadi_verbs_queue_begin(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = e->is_striding ? begin_striding(e, err) : begin_slots(e, err);

    if (ret == 0 && e->queue.cq.stamp == SPEADI_STAMP_TICKS)
        speadi_verbs_clock_init(&e->clock, &e->device);
    return ret;
}

/* Stops the queue, keeps the frames that it received, and closes it. All reservations end here. Frames that have landed
 * in reserved ranges are kept, and the device will not write into any range of the old queue any more. */
static void retire_queue(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                         uint32_t queue_number)
{
    speadi_verbs_queue_stop(queue);
    speadi_verbs_drain(e, queue, queue_number);
    speadi_verbs_queue_close(queue);
    speadi_verbs_slots_reclaim(&e->slots, queue_number);
    e->ended = e->accepted;
}

void speadi_verbs_queue_replace(struct speadi_verbs_engine *e)
{
    struct spead_err err = {0};
    int ret;

    if (e->is_striding)
        speadi_verbs_queue_close(&e->queue); /* poll() has lent all frames of this queue */
    else
        retire_queue(e, &e->queue, e->queue_number);
    e->failed = false;
    ret = speadi_verbs_queue_begin(e, &err);
    if (ret < 0) {
        e->error = ret;
        speadi_log_line(&e->log, SPEAD_LOG_WARNING,
                        "verbs engine: the receive queue failed and cannot be made anew: %s",
                        err.text);
        return;
    }
    e->rebuilds++;
    /* Log only the 1st, 2nd, 4th, 8th, ... failure, because the queue may fail with every packet. */
    if (!speadi_is_power_of_two(e->rebuilds))
        return;
    speadi_log_line(
        &e->log, SPEAD_LOG_WARNING,
        "verbs engine: the receive queue of %s failed and was made anew (%llu times by now); "
        "packets were lost",
        e->device.report.device, (unsigned long long)e->rebuilds);
}

/* The function makes the flow rules of the new queue before it removes the flow rules of the old queue. A frame that
 * arrives between these two steps arrives twice, but no frame is lost. */
void speadi_verbs_queue_take_back(struct speadi_verbs_engine *e)
{
    struct speadi_verbs_queue old = e->queue;
    uint32_t old_number = e->queue_number;
    struct spead_err err = {0};
    int ret;

    e->queue = (struct speadi_verbs_queue){0};
    e->placing = true; /* post only `window` slots: the old queue still has the others */
    ret = speadi_verbs_queue_begin(e, &err);
    if (ret < 0) {
        speadi_log_line(&e->log, SPEAD_LOG_WARNING, "verbs engine: no second queue: %s", err.text);
        speadi_verbs_queue_close(&e->queue);
        speadi_verbs_slots_reclaim(&e->slots, e->queue_number);
    }
    retire_queue(e, &old, old_number);
    e->failed = ret < 0;
}
