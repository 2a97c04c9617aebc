/* Memory of a multi-packet receive queue (mlx5): a ring of large entries that the NIC fills stride by stride, many
 * frames to an entry. Frames are lent where they lie; an entry is posted again when all of it was used and
 * all that was lent of it has come back. */
#ifndef SPEADI_VERBS_MPRQ_H
#define SPEADI_VERBS_MPRQ_H

#include <speadline/verbs.h>

#include <speadi/verbs_device.h>

#include "verbs_queue.h"

struct speadi_mprq {
    struct speadi_verbs_device *device;
    struct speadi_verbs_arena arena;
    struct speadi_verbs_memory memory;
    struct speadi_verbs_striding shape;
    struct mlx5dv_rwq ring; /* of the queue that is open now */
    uint32_t posted, used;  /* entries, counted on and on: the NIC has posted - used */
    uint32_t strides;       /* used of the entry it is filling */
};

/* What a completion says. */
struct speadi_verbs_piece {
    const uint8_t *data; /* NULL: no frame, an entry was filled up */
    uint32_t bytes;
};

/* Entries for about buffer_bytes: strides and entries of the sizes asked for (log2; 0: chosen), within what the
 * device can do. No more strides than completions can be waiting: a queue for them must never overrun.
 * Returns 0 or -errno with a sentence; what was made by then is for close(). */
int speadi_mprq_open(struct speadi_mprq *mprq, struct speadi_verbs_device *device,
                     uint32_t buffer_bytes, const struct spead_recv_verbs_config *options,
                     uint32_t frame_bytes, struct spead_err *err);
void speadi_mprq_close(struct speadi_mprq *mprq); /* safe when zeroed */

/* Another queue with this memory: all of it is posted. */
int speadi_mprq_begin(struct speadi_mprq *mprq, struct speadi_verbs_queue *queue,
                      struct spead_err *err);

/* The frame of the next completion, whose length field is `packed`. Data is NULL, bytes not 0 when what it says
 * cannot be: the queue is broken. */
struct speadi_verbs_piece speadi_mprq_take(struct speadi_mprq *mprq, uint32_t packed);

/* Nothing is lent: posts what was used up. */
void speadi_mprq_refill(struct speadi_mprq *mprq);

#endif
