/* SPDX-License-Identifier: Apache-2.0 */
/* The raw packet queue pair that sends the frames, with its completion queue.
 *
 * Frames are numbered 0, 1, 2, ... in the order in which they are posted. The wr_id of a request contains the number of
 * the last frame of the request, and how many frames the request has (speadi_verbs_request_id()). Only the last request
 * of a chain is signalled. Its completion completes all earlier frames too.
 *
 * After a failure the queue pair is in its error state, in which the device completes all posted requests. After that
 * the engine rebuilds the queue pair. All frames of a failed request count as failed, although the device has perhaps
 * sent some of them.
 *
 * Only the owner thread calls these functions. */
#ifndef SPEADI_VERBS_SEND_QUEUE_H
#define SPEADI_VERBS_SEND_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/verbs_device.h>

#include "tx_done_queue.h"

struct speadi_verbs_send_options {
    /* The largest number of frames that are posted and not completed. open() makes it smaller if the device makes no
     * queue of this length. */
    uint32_t slots;
    uint32_t sge_max;
    int comp_vector;    /* -1 means that there are no completion events */
    uint32_t rate_kbps; /* the device paces at this rate; 0 means that it does not pace */
    /* The longest burst and the size of nearly all frames, in bytes, for a device that paces and takes them. */
    uint32_t rate_burst_bytes;
    uint16_t rate_frame_bytes;
    /* The largest size of the head of a run (verbs_runs.h), in bytes. A head is the Ethernet, IP and UDP header. This
     * is 0 if there are no runs. */
    uint32_t segment_head_bytes;
};

struct speadi_verbs_send_queue {
    struct speadi_verbs_device *device; /* borrowed; NULL if the queue is not open */
    struct speadi_verbs_send_options options;
    struct ibv_comp_channel *channel; /* NULL if there are no completion events */
    struct ibv_cq *cq;
    struct ibv_qp *qp;

    uint64_t posted, completed; /* how many frames have been posted and completed since open() */
    uint64_t signalled;         /* the value of `posted` after the last signalled request */
    /* how many consecutive posts the queue has refused when no completion was due */
    unsigned refusals;
    /* true if the queue must be rebuilt after all posted frames have completed */
    bool failed;
    /* true if the queue must be rebuilt immediately, because no completion will come */
    bool dead;
    uint64_t failed_ns; /* when the queue failed */
    int flush_error;    /* the -errno with which flushed frames complete */
};

#define SPEADI_VERBS_NUMBER_BITS        56 /* bits for the number of a frame: enough for decades */
#define SPEADI_VERBS_REQUEST_FRAMES_MAX 256u

/* Returns the wr_id of a request. `number` is the number of the last frame of the request. `frames` is how many frames
 * the request has, from 1 to SPEADI_VERBS_REQUEST_FRAMES_MAX. The wr_id of a request of one frame is the number of this
 * frame. */
static inline uint64_t speadi_verbs_request_id(uint64_t number, uint32_t frames)
{
    return number | (uint64_t)(frames - 1) << SPEADI_VERBS_NUMBER_BITS;
}

static inline uint64_t speadi_verbs_request_number(uint64_t wr_id)
{
    return wr_id & ((UINT64_C(1) << SPEADI_VERBS_NUMBER_BITS) - 1);
}

static inline uint32_t speadi_verbs_request_frames(uint64_t wr_id)
{
    return (uint32_t)(wr_id >> SPEADI_VERBS_NUMBER_BITS) + 1;
}

/* Makes the queue pair and its completion queue. Returns 0 or -errno with a sentence. The caller must call close()
 * after a failure too. */
int speadi_verbs_send_queue_open(struct speadi_verbs_send_queue *queue,
                                 struct speadi_verbs_device *device,
                                 const struct speadi_verbs_send_options *options,
                                 struct spead_err *err);

/* Destroys the queue pair and its completion queue. Does nothing if *queue is zeroed. */
void speadi_verbs_send_queue_close(struct speadi_verbs_send_queue *queue);

/* Returns how many frames are posted and not completed. */
static inline uint32_t speadi_verbs_send_queue_posted(const struct speadi_verbs_send_queue *queue)
{
    return (uint32_t)(queue->posted - queue->completed);
}

/* Posts a chain of requests, which carries `count` frames. The first of these frames has the number queue->posted, and
 * the last request of the chain is signalled. Returns how many frames the queue has accepted. When the queue is full,
 * these are fewer than `count`. Returns -errno when the queue will not accept frames any more. */
int speadi_verbs_send_queue_post(struct speadi_verbs_send_queue *queue, struct ibv_send_wr *first,
                                 unsigned count);

/* Polls the device completions and puts them into `done`, until no completion is left or `done` has no space. Returns
 * how many frames have completed. */
unsigned speadi_verbs_send_queue_poll(struct speadi_verbs_send_queue *queue,
                                      struct speadi_tx_done_queue *done);

/* Records that the queue pair or its completion queue has failed. `dead` is true if no completion will come any
 * more. */
void speadi_verbs_send_queue_fail(struct speadi_verbs_send_queue *queue, bool dead);

/* Returns true when a failed queue is allowed to be rebuilt. One of three conditions is enough: all posted frames have
 * completed, no completion will come any more, or one second has passed after the failure. */
bool speadi_verbs_send_queue_may_rebuild(const struct speadi_verbs_send_queue *queue,
                                         uint64_t now_ns);

/* Completes the remaining frames with an error, destroys the queue pair and the completion queue, and makes new ones.
 * Returns 0 or -errno with a sentence. */
int speadi_verbs_send_queue_rebuild(struct speadi_verbs_send_queue *queue,
                                    struct speadi_tx_done_queue *done, struct spead_err *err);

/* Waits until all posted frames have completed. If they do not complete in time, the function moves the queue pair into
 * its error state, and completes the remaining frames with `error`, which is a -errno. The function blocks for at most
 * 400 ms. */
void speadi_verbs_send_queue_drain(struct speadi_verbs_send_queue *queue,
                                   struct speadi_tx_done_queue *done, int error);

/* Asks the device for an event at the next completion. The caller must poll once more before it sleeps on channel->fd,
 * because a completion that came before this call gives no event. */
void speadi_verbs_send_queue_arm(struct speadi_verbs_send_queue *queue);

/* Reads and acknowledges the events that the channel holds. */
void speadi_verbs_send_queue_take_events(struct speadi_verbs_send_queue *queue);

#endif
