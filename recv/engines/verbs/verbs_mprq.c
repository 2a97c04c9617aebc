/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the shape of a multi-packet queue, posts its entries, and finds the frames in them. See verbs_mprq.h. */
#include "verbs_mprq.h"

#include <endian.h>
#include <errno.h>

#include <speadi/device_order.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

#define STRIDE_LOG  8u  /* strides of 256 bytes; a frame wastes half a stride on average */
#define ENTRY_LOG   18u /* entries of 256 KiB */
#define ENTRIES_MIN 4u  /* the NIC fills one entry, the core reads one, two are in reserve */

#define STRIDES_LOG_MAX 14u /* a completion counts strides in 15 bits */

static void choose_shape(struct speadi_mprq *mprq, uint32_t buffer_bytes,
                         const struct spead_recv_verbs_config *options)
{
    const struct speadi_verbs_report *report = &mprq->device->report;
    struct speadi_verbs_striding *shape = &mprq->shape;
    uint32_t entry_log = options->mprq_entry_log ? options->mprq_entry_log : ENTRY_LOG;

    shape->stride_log =
        speadi_clamp_u32(options->mprq_stride_log ? options->mprq_stride_log : STRIDE_LOG,
                         report->mprq.stride_log_min, report->mprq.stride_log_max);
    shape->strides_log =
        speadi_clamp_u32(entry_log > shape->stride_log ? entry_log - shape->stride_log : 0,
                         report->mprq.strides_log_min,
                         speadi_clamp_u32(report->mprq.strides_log_max, 0, STRIDES_LOG_MAX));
    for (shape->entries = ENTRIES_MIN;
         (uint64_t)shape->entries * 2 * speadi_mprq_entry_bytes(mprq) <= buffer_bytes &&
         shape->entries * 2 <= report->max_qp_wr &&
         (uint64_t)shape->entries * 2 << shape->strides_log <= report->max_cqe;)
        shape->entries *= 2;
    shape->completions = shape->entries << shape->strides_log;
    shape->comp_vector = options->comp_vector;
    shape->clock = options->clock;
}

int speadi_mprq_open(struct speadi_mprq *mprq, struct speadi_verbs_device *device,
                     uint32_t buffer_bytes, const struct spead_recv_verbs_config *options,
                     uint32_t frame_bytes, struct spead_err *err)
{
    const struct speadi_verbs_striding *shape = &mprq->shape;

    *mprq = (struct speadi_mprq){.device = device};
    choose_shape(mprq, buffer_bytes, options);
    if (shape->completions > device->report.max_cqe || shape->entries > device->report.max_qp_wr ||
        frame_bytes > speadi_mprq_entry_bytes(mprq))
        return speadi_err_field(
            err, -ENOTSUP, "verbs.mprq",
            ": a multi-packet queue of %u entries of %u strides exceeds verbs device %s (max_cqe "
            "%u, max_qp_wr %u); use off",
            shape->entries, 1u << shape->strides_log, device->report.device, device->report.max_cqe,
            device->report.max_qp_wr);
    return speadi_verbs_arena_register(&mprq->arena, &mprq->memory, device,
                                       (size_t)shape->entries * speadi_mprq_entry_bytes(mprq), true,
                                       err);
}

void speadi_mprq_close(struct speadi_mprq *mprq)
{
    if (mprq->device)
        speadi_verbs_deregister(mprq->device, &mprq->memory);
    speadi_verbs_arena_destroy(&mprq->arena);
}

static void post(struct speadi_mprq *mprq)
{
    uint32_t index = mprq->posted & (mprq->shape.entries - 1);
    struct mlx5_mprq_wqe *entry =
        (struct mlx5_mprq_wqe *)mprq->ring.buf + (mprq->posted & (mprq->ring.wqe_cnt - 1));

    entry->dseg.byte_count = htobe32(speadi_mprq_entry_bytes(mprq));
    entry->dseg.lkey = htobe32(mprq->memory.key);
    entry->dseg.addr =
        htobe64(mprq->memory.address + (uint64_t)index * speadi_mprq_entry_bytes(mprq));
    mprq->posted++;
}

void speadi_mprq_refill(struct speadi_mprq *mprq, uint32_t end)
{
    uint32_t before = mprq->posted;

    while (mprq->posted - end < mprq->shape.entries)
        post(mprq);
    if (mprq->posted == before)
        return;
    /* DOORBELL1 device: the NIC reads the entries after it has seen the doorbell, so the barrier makes the entries
     * visible to it first. The release store does the same for the thread of a software device. */
    speadi_before_doorbell();
    __atomic_store_n(mprq->ring.dbrec, htobe32(mprq->posted & SPEADI_MPRQ_LENGTH_MASK),
                     __ATOMIC_RELEASE);
}

int speadi_mprq_begin(struct speadi_mprq *mprq, const struct mlx5dv_rwq *ring,
                      struct spead_err *err)
{
    mprq->ring = *ring;
    mprq->posted = mprq->used = mprq->strides = 0;
    mprq->entry = mprq->arena.data;
    if (mprq->ring.wqe_cnt < mprq->shape.entries)
        return speadi_err_set(err, -EIO, "verbs device %s: a ring of %u entries, not %u",
                              mprq->device->report.device, mprq->ring.wqe_cnt, mprq->shape.entries);
    speadi_mprq_refill(mprq, 0);
    return 0;
}

double speadi_mprq_fill(const struct speadi_mprq *mprq)
{
    double strides = (double)(1u << mprq->shape.strides_log);

    return 1 - (mprq->posted - mprq->used - mprq->strides / strides) / mprq->shape.entries;
}
