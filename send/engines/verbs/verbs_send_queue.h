/* A raw packet queue pair that frames leave by, with its completion queue.
 *
 * Frames are numbered 0, 1, 2, ... as they are posted, and wr_id is the number of a request's frame: of its
 * last one, where the device makes several of it (speadi_verbs_request_id()). One request of a chain is signalled,
 * the last one: its completion settles all before it. A failure takes the queue pair to its error state, which
 * completes everything posted; after that it has to be rebuilt. All frames of a failed request count as failed,
 * though some may have left.
 * Owner thread only. */
#ifndef SPEADI_VERBS_SEND_QUEUE_H
#define SPEADI_VERBS_SEND_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/verbs_device.h>

#include "tx_done_queue.h"

struct speadi_verbs_send_options {
    uint32_t slots; /* frames posted and not settled, at most */
    uint32_t sge_max;
    int comp_vector;             /* -1: no completion events */
    uint32_t rate_kbps;          /* the device's pacing; 0: none */
    uint32_t segment_head_bytes; /* of requests that the device makes frames of; 0: none */
};

struct speadi_verbs_send_queue {
    struct speadi_verbs_device *device; /* borrowed; NULL: never opened */
    struct speadi_verbs_send_options options;
    struct ibv_comp_channel *channel; /* NULL: no completion events */
    struct ibv_cq *cq;
    struct ibv_qp *qp;

    uint64_t posted, settled;
    uint64_t signalled; /* frames up to the last signalled one */
    unsigned refusals;  /* posts in a row that found no room although no completion was awaited */
    bool failed;        /* needs a rebuild, once everything has completed */
    bool dead;          /* ... at once: there will be no completions */
    uint64_t failed_ns;
    int flush_error; /* of frames that the error state swept out */
};

#define SPEADI_VERBS_NUMBER_BITS        56 /* enough for decades */
#define SPEADI_VERBS_REQUEST_FRAMES_MAX 256u

/* wr_id of a request of so many frames, 1 to SPEADI_VERBS_REQUEST_FRAMES_MAX, the last of which has this number.
 * For one frame it is the number. */
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

/* Returns 0 or -errno with a sentence. What a failure leaves open, close() closes. */
int speadi_verbs_send_queue_open(struct speadi_verbs_send_queue *queue,
                                 struct speadi_verbs_device *device,
                                 const struct speadi_verbs_send_options *options,
                                 struct spead_err *err);
void speadi_verbs_send_queue_close(struct speadi_verbs_send_queue *queue); /* safe when zeroed */

static inline uint32_t speadi_verbs_send_queue_posted(const struct speadi_verbs_send_queue *queue)
{
    return (uint32_t)(queue->posted - queue->settled);
}

/* Posts a chain of requests of count frames, numbered from queue->posted on, whose last one is signalled. Returns
 * how many frames were taken (fewer: no room), or -errno when there is no hope. */
int speadi_verbs_send_queue_post(struct speadi_verbs_send_queue *queue, struct ibv_send_wr *first,
                                 unsigned count);

/* Settles what has completed, as far as done has room. Returns the frames settled. */
unsigned speadi_verbs_send_queue_poll(struct speadi_verbs_send_queue *queue,
                                      struct speadi_tx_done_queue *done);

/* The queue pair or its completion queue has failed, as an event says; dead: no completions will come. */
void speadi_verbs_send_queue_fail(struct speadi_verbs_send_queue *queue, bool dead);

/* True once a failed queue has nothing more to tell, or has been waited for long enough. */
bool speadi_verbs_send_queue_is_spent(const struct speadi_verbs_send_queue *queue, uint64_t now_ns);

/* Settles what is left with an error, then makes the queue pair and the completion queue anew. */
int speadi_verbs_send_queue_rebuild(struct speadi_verbs_send_queue *queue,
                                    struct speadi_tx_done_queue *done, struct spead_err *err);

/* Has everything posted complete, by error if need be; error is that of what had to be swept out. Takes
 * at most some hundred ms. */
void speadi_verbs_send_queue_drain(struct speadi_verbs_send_queue *queue,
                                   struct speadi_tx_done_queue *done, int error);

/* Arms the next completion event. Poll again before sleeping on channel->fd. */
void speadi_verbs_send_queue_arm(struct speadi_verbs_send_queue *queue);

/* Takes the events off the channel. */
void speadi_verbs_send_queue_take_events(struct speadi_verbs_send_queue *queue);

#endif
