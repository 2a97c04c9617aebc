/* SPDX-License-Identifier: Apache-2.0 */
/* See verbs_completion.h. */
#include "verbs_completion.h"

#include <errno.h>

#include <speadi/clock.h>
#include <speadi/err.h>

void speadi_verbs_check_entries(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    struct speadi_verbs_cq *cq = queue->cq;

    if (speadi_verbs_cqes_agree(&cq->cqes, cq->ex, speadi_verbs_has_ticks(cq)))
        return;
    speadi_log_line(&e->log, SPEAD_LOG_WARNING,
                    "verbs engine: %s: the entries of the completion queue are not what libmlx5 "
                    "says; the CPU checks UDP checksums (--verbs-checksum trust: nobody)",
                    e->device.report.device);
}

uint64_t speadi_verbs_device_time(const struct speadi_verbs_cq *cq, uint64_t ticks)
{
    return cq->stamp == SPEADI_STAMP_REAL_TIME ? speadi_verbs_real_time_ns(ticks)
                                               : ibv_wc_read_completion_wallclock_ns(cq->ex);
}

void speadi_verbs_take_answer(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                              int answer)
{
    if (answer == EBUSY) {
        e->looked = false; /* there are completions, so wait() must not sleep */
        return;
    }
    /* the completion queue has overrun, or the device is gone */
    speadi_verbs_note_failure(e, queue);
    if (answer != EINVAL || queue->cq->stamp != SPEADI_STAMP_WALLCLOCK)
        return;
    e->options.clock = SPEAD_VERBS_CLOCK_AUTO;
    speadi_log_line(&e->log, SPEAD_LOG_WARNING,
                    "verbs engine: %s does not give its clock; from now on times are UTC",
                    e->device.report.device);
}

void speadi_verbs_take_failed(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                              struct speadi_rx_burst *burst)
{
    struct speadi_verbs_cq *cq = queue->cq;
    const struct speadi_verbs_slot *slot = speadi_verbs_retire(queue);
    bool overlong = cq->ex->status == IBV_WC_LOC_LEN_ERR;

    speadi_verbs_cqes_next(&cq->cqes);
    if (burst)
        speadi_verbs_end_reservation(e, queue, slot);
    if (overlong)
        speadi_verbs_note_overlong(e);
    if (!overlong) {
        speadi_verbs_note_failure(e, queue);
        speadi_verbs_slots_free(&queue->slots, (uint32_t)cq->ex->wr_id);
    } else if (burst) {
        speadi_verbs_lend_overlong(e, queue, (uint32_t)cq->ex->wr_id, burst);
    } else {
        queue->arrival[queue->arrival_count++] =
            (struct speadi_verbs_arrival){.slot = (uint32_t)cq->ex->wr_id, .overlong = true};
    }
}

void speadi_verbs_take_failed_piece(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue)
{
    speadi_verbs_cqes_next(&queue->cq->cqes);
    speadi_verbs_note_failure(e, queue);
}

uint64_t speadi_verbs_host_time(const struct speadi_verbs_engine *e)
{
    return e->stamp == SPEADI_STAMP_HOST ? speadi_clock_utc_ns() : 0;
}
