/* SPDX-License-Identifier: Apache-2.0 */
/* See verbs_send_queue.h. */
#include "verbs_send_queue.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include <speadi/clock.h>
#include <speadi/err.h>

enum { POLL_BATCH = 16, REFUSALS_MAX = 100 };

/* how long the engine waits for the requests of a failed queue to complete */
#define FLUSH_NS 1000000000u
/* how long the engine waits for posted frames when the stream ends */
#define DRAIN_NS        200000000u
#define DRAIN_PERIOD_NS 50000

/* ---- Making ------------------------------------------------------------------------------- */

static int failed_verb(const struct speadi_verbs_send_queue *queue, struct spead_err *err,
                       const char *verb, int code)
{
    return speadi_verbs_failed(err, verb, queue->device->report.device, code);
}

/* No capability says whether the device takes the size of a burst. So the function tries, and then leaves burst and
 * frame size to the device. */
static int set_rate(struct speadi_verbs_send_queue *queue, struct spead_err *err)
{
    struct ibv_qp_rate_limit_attr limit = {.rate_limit = queue->options.rate_kbps,
                                           .max_burst_sz = queue->options.rate_burst_bytes,
                                           .typical_pkt_sz = queue->options.rate_frame_bytes};
    int code;

    if (limit.rate_limit == 0)
        return 0;
    code = ibv_modify_qp_rate_limit(queue->qp, &limit);
    if (code == EINVAL || code == EOPNOTSUPP) {
        limit.max_burst_sz = limit.typical_pkt_sz = 0;
        code = ibv_modify_qp_rate_limit(queue->qp, &limit);
    }
    if (code == 0)
        return 0;
    return speadi_err_field(
        err, -code, "hardware_rate",
        ": %.40s cannot pace at %u kbit/s (modify_qp_rate_limit: errno %d); without it the "
        "software paces",
        queue->device->report.device, limit.rate_limit, code);
}

static int make_plain_pair(struct speadi_verbs_send_queue *queue, struct spead_err *err)
{
    struct ibv_qp_init_attr attr = {
        .send_cq = queue->cq,
        .recv_cq = queue->cq,
        .cap = {.max_send_wr = queue->options.slots, .max_send_sge = queue->options.sge_max},
        .qp_type = IBV_QPT_RAW_PACKET,
    };

    queue->qp = queue->device->verbs->create_qp(queue->device->pd, &attr);
    return queue->qp ? 0 : failed_verb(queue, err, "create_qp", errno);
}

static int make_segmenting_pair(struct speadi_verbs_send_queue *queue, struct spead_err *err)
{
    struct ibv_qp_init_attr_ex attr = {
        .send_cq = queue->cq,
        .recv_cq = queue->cq,
        .cap = {.max_send_wr = queue->options.slots, .max_send_sge = queue->options.sge_max},
        .qp_type = IBV_QPT_RAW_PACKET,
        .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_MAX_TSO_HEADER,
        .pd = queue->device->pd,
        .max_tso_header = (uint16_t)queue->options.segment_head_bytes,
    };
    int code;

    queue->qp = speadi_verbs_create_qp(queue->device->verbs, queue->device->context, &attr);
    if (queue->qp)
        return 0;
    code = errno;
    if (code == EPERM)
        return failed_verb(queue, err, "create_qp_ex", code);
    return speadi_err_field(
        err, -code, "hardware_tso",
        ": %.40s makes no queue for requests of %u pieces and a head of %u bytes, not even for %u "
        "of them (create_qp_ex: errno %d): do without it",
        queue->device->report.device, attr.cap.max_send_sge, queue->options.segment_head_bytes,
        attr.cap.max_send_wr, code);
}

/* Makes a completion queue and a queue pair of options.slots requests. */
static int make_pair(struct speadi_verbs_send_queue *queue, struct spead_err *err)
{
    const struct speadi_verbs *verbs = queue->device->verbs;
    const struct speadi_verbs_send_options *options = &queue->options;

    queue->cq =
        verbs->create_cq(queue->device->context, (int)options->slots, NULL, queue->channel,
                         options->comp_vector > 0 && queue->channel ? options->comp_vector : 0);
    if (!queue->cq)
        return failed_verb(queue, err, "create_cq", errno);
    return options->segment_head_bytes ? make_segmenting_pair(queue, err)
                                       : make_plain_pair(queue, err);
}

/* Moves the new queue pair to the state in which it sends. */
static int make_ready(struct speadi_verbs_send_queue *queue, struct spead_err *err)
{
    static const enum ibv_qp_state steps[] = {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS};
    int code;

    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++)
        if ((code = speadi_verbs_pair_move(queue->qp, queue->device, steps[i])) != 0)
            return failed_verb(queue, err, "modify_qp", code);
    return set_rate(queue, err);
}

/* Destroys the queue pair first, because a completion queue cannot be destroyed while a queue pair uses it. */
static void destroy_queues(struct speadi_verbs_send_queue *queue)
{
    int code = 0;

    if (queue->qp)
        code = queue->device->verbs->destroy_qp(queue->qp);
    assert(code != EBUSY);
    queue->qp = NULL;
    if (queue->cq)
        code = queue->device->verbs->destroy_cq(queue->cq);
    assert(code != EBUSY);
    /* The code is ignored here. Any error other than EBUSY means that the device and its queues are gone. */
    (void)code;
    queue->cq = NULL;
}

/* Makes a completion queue and a queue pair of as many requests as the device allows, but of at most options.slots. The
 * limit of a device is one of memory: the number that it reports (max_qp_wr) counts pieces of 64 bytes, and a request
 * takes several of them. How many it takes is known to the driver alone, so the function tries. */
static int make_largest_pair(struct speadi_verbs_send_queue *queue, struct spead_err *err)
{
    struct spead_err refusal = {0};
    int ret = make_pair(queue, &refusal);

    while ((ret == -EINVAL || ret == -ENOMEM) && queue->options.slots > 1) {
        destroy_queues(queue);
        queue->options.slots /= 2;
        ret = make_pair(queue, &refusal);
    }
    if (ret < 0 && err)
        *err = refusal;
    return ret;
}

int speadi_verbs_send_queue_open(struct speadi_verbs_send_queue *queue,
                                 struct speadi_verbs_device *device,
                                 const struct speadi_verbs_send_options *options,
                                 struct spead_err *err)
{
    int ret = 0;

    *queue = (struct speadi_verbs_send_queue){
        .device = device, .options = *options, .flush_error = -EIO};
    if (options->comp_vector >= 0)
        ret = speadi_verbs_channel_open(&queue->channel, device, err);
    if (ret == 0)
        ret = make_largest_pair(queue, err);
    return ret < 0 ? ret : make_ready(queue, err);
}

void speadi_verbs_send_queue_close(struct speadi_verbs_send_queue *queue)
{
    if (!queue->device)
        return;
    if (queue->channel && queue->cq)
        speadi_verbs_send_queue_take_events(queue);
    destroy_queues(queue);
    if (queue->channel)
        queue->device->verbs->destroy_comp_channel(queue->channel);
    queue->channel = NULL;
    queue->device = NULL;
}

/* ---- Posting and completions ---------------------------------------------------------------- */

/* Returns how many frames the chain carries before the request `bad`. */
static unsigned count_before(const struct ibv_send_wr *first, const struct ibv_send_wr *bad)
{
    unsigned count = 0;

    for (; first && first != bad; first = first->next)
        count += speadi_verbs_request_frames(first->wr_id);
    return count;
}

int speadi_verbs_send_queue_post(struct speadi_verbs_send_queue *queue, struct ibv_send_wr *first,
                                 unsigned count)
{
    struct ibv_send_wr *bad = NULL;
    int code = ibv_post_send(queue->qp, first, &bad);

    if (code == 0) {
        queue->posted += count;
        queue->signalled = queue->posted;
        queue->refusals = 0;
        return (int)count;
    }
    count = count_before(first, bad);
    queue->posted += count;
    /* If the queue has accepted some frames, this function now returns their number. The next call then begins with the
     * request `bad` and returns the error. */
    if (code != ENOMEM)
        return count ? (int)count : -code;
    /* A full queue has space again after the next completion. If no completion is due, the queue will probably never
     * have space. So after REFUSALS_MAX refusals this function returns the error. */
    if (queue->signalled <= queue->completed && ++queue->refusals > REFUSALS_MAX)
        return -code;
    return (int)count;
}

void speadi_verbs_send_queue_fail(struct speadi_verbs_send_queue *queue, bool dead)
{
    if (!queue->failed)
        queue->failed_ns = speadi_clock_mono_ns();
    queue->failed = true;
    queue->dead |= dead;
}

static int error_of(const struct speadi_verbs_send_queue *queue, enum ibv_wc_status status)
{
    switch (status) {
    case IBV_WC_WR_FLUSH_ERR:
        return queue->flush_error;
    case IBV_WC_LOC_LEN_ERR:
        return -EMSGSIZE;
    case IBV_WC_LOC_PROT_ERR:
        return -EFAULT;
    default:
        return -EIO;
    }
}

/* Handles the completion of a request. All frames that were posted before this request have been sent, so they complete
 * too. Returns how many frames completed. */
static unsigned take_completion(struct speadi_verbs_send_queue *queue,
                                struct speadi_tx_done_queue *done, const struct ibv_wc *wc)
{
    const uint64_t end = speadi_verbs_request_number(wc->wr_id) + 1;
    const uint64_t frames = end - queue->completed;
    const uint32_t own = speadi_verbs_request_frames(wc->wr_id);

    assert(frames >= own && frames <= queue->posted - queue->completed);
    queue->completed = end;
    if (wc->status == IBV_WC_SUCCESS) {
        speadi_tx_done_put(done, (uint32_t)frames, 0);
        return (unsigned)frames;
    }
    if (frames > own)
        speadi_tx_done_put(done, (uint32_t)frames - own, 0);
    speadi_tx_done_put(done, own, error_of(queue, wc->status));
    speadi_verbs_send_queue_fail(queue, false);
    return (unsigned)frames;
}

unsigned speadi_verbs_send_queue_poll(struct speadi_verbs_send_queue *queue,
                                      struct speadi_tx_done_queue *done)
{
    struct ibv_wc wc[POLL_BATCH];
    unsigned completed = 0;
    int count;

    if (queue->posted == queue->completed || queue->dead)
        return 0;
    do {
        if (!speadi_tx_done_has_room(done, 2 * POLL_BATCH))
            break;
        count = ibv_poll_cq(queue->cq, POLL_BATCH, wc);
        if (count < 0)
            speadi_verbs_send_queue_fail(queue, true);
        for (int i = 0; i < count; i++)
            completed += take_completion(queue, done, &wc[i]);
    } while (count == POLL_BATCH);
    return completed;
}

/* ---- Failures and the end ------------------------------------------------------------------- */

bool speadi_verbs_send_queue_may_rebuild(const struct speadi_verbs_send_queue *queue,
                                         uint64_t now_ns)
{
    return queue->dead || queue->posted == queue->completed || now_ns - queue->failed_ns > FLUSH_NS;
}

static void complete_rest(struct speadi_verbs_send_queue *queue, struct speadi_tx_done_queue *done)
{
    if (queue->posted != queue->completed)
        speadi_tx_done_put(done, speadi_verbs_send_queue_posted(queue), queue->flush_error);
    queue->completed = queue->posted;
}

int speadi_verbs_send_queue_rebuild(struct speadi_verbs_send_queue *queue,
                                    struct speadi_tx_done_queue *done, struct spead_err *err)
{
    int ret;

    if (queue->channel && queue->cq)
        speadi_verbs_send_queue_take_events(queue);
    destroy_queues(queue);
    complete_rest(queue, done);
    queue->failed = queue->dead = false;
    queue->signalled = queue->posted;
    ret = make_pair(queue, err);
    return ret < 0 ? ret : make_ready(queue, err);
}

static void poll_until_completed(struct speadi_verbs_send_queue *queue,
                                 struct speadi_tx_done_queue *done, uint64_t bound_ns)
{
    static const struct timespec period = {.tv_nsec = DRAIN_PERIOD_NS};
    const uint64_t deadline_ns = speadi_clock_mono_ns() + bound_ns;

    for (;;) {
        speadi_verbs_send_queue_poll(queue, done);
        if (queue->posted == queue->completed || queue->dead ||
            speadi_clock_mono_ns() > deadline_ns)
            return;
        nanosleep(&period, NULL);
    }
}

void speadi_verbs_send_queue_drain(struct speadi_verbs_send_queue *queue,
                                   struct speadi_tx_done_queue *done, int error)
{
    if (!queue->qp || queue->posted == queue->completed)
        return;
    poll_until_completed(queue, done, DRAIN_NS);
    if (queue->posted == queue->completed)
        return;
    queue->flush_error = error;
    /* If this move into the error state fails, the frames stop nevertheless, because destroy_queues() below destroys
     * the queue. */
    if (!queue->failed)
        speadi_verbs_pair_move(queue->qp, queue->device, IBV_QPS_ERR);
    speadi_verbs_send_queue_fail(queue, false);
    poll_until_completed(queue, done, DRAIN_NS);
    if (queue->posted != queue->completed)
        destroy_queues(queue); /* after this the device reads none of the frames */
    complete_rest(queue, done);
    queue->flush_error = -EIO;
}

/* ---- Events ----------------------------------------------------------------------------------- */

void speadi_verbs_send_queue_arm(struct speadi_verbs_send_queue *queue)
{
    if (ibv_req_notify_cq(queue->cq, 0) != 0)
        speadi_verbs_send_queue_fail(queue, true);
}

void speadi_verbs_send_queue_take_events(struct speadi_verbs_send_queue *queue)
{
    speadi_verbs_channel_clear(queue->channel, queue->device);
}
