/* SPDX-License-Identifier: Apache-2.0 */
/* One completion of a receive queue: what it says of its frame, and what follows from it. verbs_harvest.c lends the
 * frames, and verbs_keep.c keeps those that cannot be lent yet. Only the owner thread calls these functions. */
#ifndef SPEADI_VERBS_COMPLETION_H
#define SPEADI_VERBS_COMPLETION_H

#include "rx_verbs.h"

/* ---- verbs_completion.c --------------------------------------------------------------------- */

/* Compares the entries in memory with the completions that libibverbs reports. If they differ, the CPU checks the
 * checksums from now on, except where the user trusts the frames anyway. */
void speadi_verbs_check_entries(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue);

/* Returns the time of a frame by the clock of the device. Only users who ask for that clock pay for this call. */
uint64_t speadi_verbs_device_time(const struct speadi_verbs_cq *cq, uint64_t ticks);

/* Handles an answer of the completion queue that is neither a completion nor "empty". */
void speadi_verbs_take_answer(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                              int answer);

/* Handles a completion that failed. Only its slot and its status are valid. After a frame that was too long, the queue
 * may go on or may stop, depending on the firmware. If it stops, the other receives complete as flushed. If burst is
 * NULL, the function keeps the frame in queue->arrival, and the engine lends it later. */
void speadi_verbs_take_failed(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                              struct speadi_rx_burst *burst);

/* Handles a completion of a multi-packet queue that failed. The queue has failed then. */
void speadi_verbs_take_failed_piece(struct speadi_verbs_engine *e,
                                    struct speadi_verbs_queue *queue);

/* Returns the time of the host if no frame has a time of its own, else 0. */
uint64_t speadi_verbs_host_time(const struct speadi_verbs_engine *e);

/* ---- Inline -------------------------------------------------------------------------------- */

/* Ends the reservations up to that of this slot, if it has one. */
static inline void speadi_verbs_end_reservation(const struct speadi_verbs_engine *e,
                                                struct speadi_verbs_queue *queue,
                                                const struct speadi_verbs_slot *slot)
{
    if (slot->place != SPEADI_RX_UNPLACED && slot->place >= queue->ended)
        queue->ended = slot->place + e->queue_count;
}

/* The queue was made with the raw time stamps of the device. */
static inline bool speadi_verbs_has_ticks(const struct speadi_verbs_cq *cq)
{
    return cq->stamp == SPEADI_STAMP_TICKS || cq->stamp == SPEADI_STAMP_REAL_TIME;
}

/* Returns true if the engine reads the entries of the completion queue, and their stamps are the counter of the device.
 * So it is with an mlx5 and the default options. The loops of verbs_harvest.c are compiled twice, once for this case:
 * then nothing is looked up for each packet that is the same for all. */
static inline bool speadi_verbs_is_direct(const struct speadi_verbs_cq *cq)
{
    return cq->cqes.next && cq->stamp == SPEADI_STAMP_TICKS;
}

/* Returns what the current completion says. `direct` is the answer of speadi_verbs_is_direct(), or false. */
static inline struct speadi_verbs_said speadi_verbs_read_completion(struct speadi_verbs_cq *cq,
                                                                    bool direct)
{
    return direct || cq->cqes.next
               ? speadi_verbs_said_by_entry(&cq->cqes)
               : speadi_verbs_said_by_library(&cq->cqes, cq->ex, speadi_verbs_has_ticks(cq));
}

/* Returns the time of a frame. `now` is the time at which the engine reads the burst. */
static inline uint64_t speadi_verbs_frame_time(struct speadi_verbs_queue *queue,
                                               const struct speadi_verbs_cq *cq,
                                               const struct speadi_verbs_said *said, uint64_t now,
                                               bool direct)
{
    if (direct || cq->stamp == SPEADI_STAMP_TICKS)
        return speadi_verbs_clock_ns(&queue->clock, said->ticks);
    return speadi_verbs_stamp_is_utc(cq->stamp) ? now : speadi_verbs_device_time(cq, said->ticks);
}

/* Returns the slot of the current completion, and records that the slot is no longer posted. */
static inline struct speadi_verbs_slot *speadi_verbs_retire(struct speadi_verbs_queue *queue)
{
    struct speadi_verbs_slot *slot = &queue->slots.slot[queue->cq->ex->wr_id];

    queue->posted--;
    slot->is_posted = false;
    return slot;
}

#endif
