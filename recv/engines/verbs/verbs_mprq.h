/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a multi-packet receive queue (mlx5): a ring of large entries. The NIC fills an entry stride by stride
 * with many frames. The engine lends each frame where it lies. The engine posts an entry again when the NIC has used up
 * the entry and the core has given back all its frames. */
#ifndef SPEADI_VERBS_MPRQ_H
#define SPEADI_VERBS_MPRQ_H

#include <speadline/verbs.h>

#include <speadi/verbs_device.h>

#include "verbs_queue.h"

/* The length field of a completion has three parts: the number of bytes of the frame, the number of its strides, and a
 * bit. The bit is set when the completion brings no frame and only fills up an entry. */
#define SPEADI_MPRQ_LENGTH_MASK 0xffffu
#define SPEADI_MPRQ_STRIDES_AT  16
#define SPEADI_MPRQ_FILLER      0x80000000u

struct speadi_mprq {
    struct speadi_verbs_device *device;
    struct speadi_verbs_arena arena;
    struct speadi_verbs_memory memory;
    struct speadi_verbs_striding shape;
    struct mlx5dv_rwq ring; /* addresses of the ring of the queue that is open now */
    /* How many entries were posted and how many the NIC has used up, counted from speadi_mprq_begin(). Both numbers
     * wrap at 2^32. The NIC owns (posted - used) entries now. */
    uint32_t posted, used;
    uint32_t strides;     /* number of strides already used in the entry that the NIC fills now */
    const uint8_t *entry; /* the memory of this entry */
};

static inline uint32_t speadi_mprq_entry_bytes(const struct speadi_mprq *mprq)
{
    return 1u << (mprq->shape.stride_log + mprq->shape.strides_log);
}

/* The frame that a completion reports. */
struct speadi_verbs_piece {
    const uint8_t *data; /* NULL if the completion brings no frame; see speadi_mprq_take() */
    uint32_t bytes;
};

/* Allocates and registers the entries. Together they have about buffer_bytes bytes. The sizes of strides and entries
 * are powers of two. Each option gives the exponent of a size; if the option is 0, the function chooses the size. It
 * keeps both sizes within the limits of the device. The completion queue must never overrun, so it has room for one
 * completion of every stride. Returns 0 or -errno with a sentence. The caller must call close() even after a
 * failure. */
int speadi_mprq_open(struct speadi_mprq *mprq, struct speadi_verbs_device *device,
                     uint32_t buffer_bytes, const struct spead_recv_verbs_config *options,
                     uint32_t frame_bytes, struct spead_err *err);
void speadi_mprq_close(struct speadi_mprq *mprq); /* does nothing if *mprq is zeroed */

/* Posts all entries to a queue that was opened, and whose entries and doorbell lie at these addresses. Returns 0 or -errno
 * with a sentence. */
int speadi_mprq_begin(struct speadi_mprq *mprq, const struct mlx5dv_rwq *ring,
                      struct spead_err *err);

/* Goes on to the next entry, because the NIC has used up the current one. */
static inline void speadi_mprq_next_entry(struct speadi_mprq *mprq)
{
    mprq->strides = 0;
    mprq->used++;
    mprq->entry = mprq->arena.data +
                  (size_t)(mprq->used & (mprq->shape.entries - 1)) * speadi_mprq_entry_bytes(mprq);
}

/* Returns the frame of the next completion, which lies in entry number mprq->used. `packed` is the length field of that
 * completion. If `data` of the result is NULL and `bytes` is 0, the completion only fills up an entry. If `data` is
 * NULL and `bytes` is not 0, the completion contradicts the state of the ring, and the caller must replace the
 * queue. */
static inline struct speadi_verbs_piece speadi_mprq_take(struct speadi_mprq *mprq, uint32_t packed)
{
    const uint32_t stride_log = mprq->shape.stride_log, strides_max = 1u << mprq->shape.strides_log;
    const uint32_t bytes = packed & SPEADI_MPRQ_LENGTH_MASK;
    const uint32_t strides = packed >> SPEADI_MPRQ_STRIDES_AT & 0x7fffu, begin = mprq->strides;
    const bool filler = packed & SPEADI_MPRQ_FILLER;
    const uint8_t *data;

    if (__builtin_expect(strides == 0 || begin + strides > strides_max ||
                             (!filler && bytes > strides << stride_log),
                         0))
        return (struct speadi_verbs_piece){.bytes = 1};
    data = mprq->entry + ((size_t)begin << stride_log);
    mprq->strides = begin + strides;
    if (__builtin_expect(begin + strides == strides_max, 0))
        speadi_mprq_next_entry(mprq);
    if (__builtin_expect(filler, 0))
        return (struct speadi_verbs_piece){0};
    return (struct speadi_verbs_piece){.data = data, .bytes = bytes};
}

/* Posts again the used-up entries that come before entry number `end`. `end` is at most mprq->used. The caller must
 * make sure that no frame of these entries is lent or kept. */
void speadi_mprq_refill(struct speadi_mprq *mprq, uint32_t end);

/* Returns which part of the strides the NIC has used up, 0 to 1. Only completions that speadi_mprq_take() has read
 * count. */
double speadi_mprq_fill(const struct speadi_mprq *mprq);

#endif
