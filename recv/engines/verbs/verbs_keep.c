/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the frames of a verbs queue that cannot be lent yet, also those of a queue that is stopped. */
#include <errno.h>
#include <string.h>

#include <speadi/clock.h>

#include "rx_verbs.h"
#include "verbs_completion.h"

/* How long the engine waits until a stopped queue has flushed its receives. A device that takes longer counts as
 * gone. */
#define DRAIN_LIMIT_NS 100000000u

/* Describes the frame of the current completion. If the device has no clock, `now` is the time of the frame. */
static inline struct speadi_verbs_arrival arrival_of(struct speadi_verbs_queue *queue, uint64_t now,
                                                     bool direct)
{
    struct speadi_verbs_cq *cq = queue->cq;
    const struct speadi_verbs_said said = speadi_verbs_read_completion(cq, direct);

    return (struct speadi_verbs_arrival){
        .slot = (uint32_t)cq->ex->wr_id,
        .bytes = said.bytes,
        .time_ns = speadi_verbs_frame_time(queue, cq, &said, now, direct),
        .sums = said.sums,
    };
}

/* ---- Keeping ------------------------------------------------------------------------------- */

/* Keeps the frame of the current completion of a multi-packet queue. */
static void keep_piece(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                       uint64_t now)
{
    struct speadi_verbs_cq *cq = queue->cq;
    uint32_t entry = queue->mprq.used;
    const struct speadi_verbs_said said = speadi_verbs_read_completion(cq, false);
    const struct speadi_verbs_piece piece = speadi_mprq_take(&queue->mprq, said.bytes);

    if (!piece.data) {
        if (piece.bytes > 0)
            speadi_verbs_note_failure(e, queue);
        return;
    }
    queue->arrival[queue->arrival_count++] = (struct speadi_verbs_arrival){
        .data = piece.data,
        .slot = entry,
        .bytes = piece.bytes,
        .time_ns = speadi_verbs_frame_time(queue, cq, &said, now, false),
        .sums = said.sums,
    };
}

static void keep_slot(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue, uint64_t now)
{
    if (queue->cq->ex->status != IBV_WC_SUCCESS) {
        speadi_verbs_take_failed(e, queue, NULL);
        return;
    }
    queue->arrival[queue->arrival_count++] = arrival_of(queue, now, false);
    speadi_verbs_retire(queue);
}

/* Keeps all frames that have completed. Returns the last answer of the completion queue, which is ENOENT when the
 * completion queue is empty. After a failure of a multi-packet queue nobody knows where the next frame lies, so the
 * function then stops. */
static int keep_all(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue, uint64_t now)
{
    struct speadi_verbs_cq *cq = queue->cq;
    int ret = speadi_verbs_cq_start_poll(cq);

    if (ret != 0)
        return ret;
    do {
        if (!e->is_striding)
            keep_slot(e, queue, now);
        else if (cq->ex->status == IBV_WC_SUCCESS)
            keep_piece(e, queue, now);
        else
            speadi_verbs_take_failed_piece(e, queue);
        ret = e->is_striding && queue->failed ? ENOENT : ibv_next_poll(cq->ex);
    } while (ret == 0);
    ibv_end_poll(cq->ex);
    return ret;
}

/* Moves the kept frames that are not lent yet to the beginning of the array. */
static void compact(struct speadi_verbs_queue *queue)
{
    queue->arrival_count -= queue->arrival_next;
    memmove(queue->arrival, queue->arrival + queue->arrival_next,
            queue->arrival_count * sizeof *queue->arrival);
    queue->arrival_next = 0;
}

void speadi_verbs_keep(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    int answer;

    compact(queue);
    answer = keep_all(e, queue, speadi_verbs_host_time(e));
    if (answer != ENOENT)
        speadi_verbs_take_answer(e, queue, answer);
}

/* ---- Draining ------------------------------------------------------------------------------ */

/* Drains one queue, until this time. */
static void drain(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                  uint64_t deadline)
{
    int answer;

    compact(queue);
    if (!queue->cq->ex)
        return;
    do
        answer = keep_all(e, queue, 0);
    while ((answer == ENOENT || answer == EBUSY) && queue->posted > 0 &&
           speadi_clock_mono_ns() < deadline);
}

void speadi_verbs_drain(struct speadi_verbs_engine *e)
{
    const uint64_t deadline = speadi_clock_mono_ns() + DRAIN_LIMIT_NS;

    for (unsigned i = 0; i < e->queue_count; i++)
        drain(e, &e->queue[i], deadline);
}
