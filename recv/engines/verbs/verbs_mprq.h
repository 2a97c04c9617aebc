/* The memory of a multi-packet receive queue (mlx5): a ring of large entries. The NIC fills an entry stride by stride
 * with many frames. The engine lends each frame where it lies. It posts an entry again when the NIC has used all of it
 * and the core has given back all frames in it. */
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
    struct mlx5dv_rwq ring; /* ring of the queue that is open now */
    /* Entries posted and entries used up, counted since begin(). They wrap. The NIC owns posted - used entries. */
    uint32_t posted, used;
    uint32_t strides; /* strides that are already used in the entry that the NIC fills now */
};

/* The frame that a completion reports. */
struct speadi_verbs_piece {
    const uint8_t *data; /* NULL: the completion brings no frame; see speadi_mprq_take() */
    uint32_t bytes;
};

/* Allocates and registers the entries. Together they have about buffer_bytes bytes. The options give the sizes of
 * strides and entries as log2; if an option is 0, the function chooses the size. It keeps both sizes within the limits
 * of the device. The completion queue has an entry for every stride, because it must never overrun. Returns 0 or -errno
 * with a sentence. The caller calls close() after a failure too. */
int speadi_mprq_open(struct speadi_mprq *mprq, struct speadi_verbs_device *device,
                     uint32_t buffer_bytes, const struct spead_recv_verbs_config *options,
                     uint32_t frame_bytes, struct spead_err *err);
void speadi_mprq_close(struct speadi_mprq *mprq); /* does nothing if zeroed */

/* Opens a queue on this memory and posts all entries. Returns 0 or -errno with a sentence. */
int speadi_mprq_begin(struct speadi_mprq *mprq, struct speadi_verbs_queue *queue,
                      struct spead_err *err);

/* Returns the frame of the next completion. `packed` is the length field of that completion. data is NULL in two cases:
 * with bytes 0 the completion only fills up an entry; with bytes not 0 it contradicts the state of the ring, and the
 * queue must be replaced. */
struct speadi_verbs_piece speadi_mprq_take(struct speadi_mprq *mprq, uint32_t packed);

/* Posts the entries that were used up. The caller makes sure that no frame is lent. */
void speadi_mprq_refill(struct speadi_mprq *mprq);

#endif
