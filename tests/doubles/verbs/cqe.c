/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a completion queue as mlx5 lays them out in memory. A program may read them by mlx5dv_init_obj(). It
 * may read an entry as long as it looks at the completion of that entry; then the double overwrites the entry. */
#include "double.h"

#include <endian.h>
#include <infiniband/mlx5dv.h>
#include <stdlib.h>
#include <string.h>

static size_t entry_bytes(const struct vd_cq *cq)
{
    return cq->raw_bytes / cq->raw_count;
}

static uint8_t *entry_at(const struct vd_cq *cq, uint64_t index)
{
    return cq->raw +
           (size_t)((index + VD_SETTING(cqe_shift)) & (cq->raw_count - 1)) * entry_bytes(cq);
}

bool vd_cqe_open(struct vd_cq *cq)
{
    cq->raw_count = 1;
    while (cq->raw_count <= cq->capacity)
        cq->raw_count <<= 1;
    cq->raw_bytes = (size_t)cq->raw_count * (size_t)VD_SETTING(cqe_bytes);
    cq->raw = aligned_alloc(64, cq->raw_bytes);
    if (cq->raw)
        memset(cq->raw, VD_POISON, cq->raw_bytes);
    return cq->raw;
}

void vd_cqe_write(struct vd_cq *cq, uint64_t index)
{
    const struct vd_cqe *from = &cq->ring[index % cq->capacity];
    uint8_t *to = entry_at(cq, index);
    struct mlx5_cqe64 entry;

    if (from->wc.status != IBV_WC_SUCCESS)
        return;
    memset(&entry, VD_POISON, sizeof entry);
    entry.hds_ip_ext = from->sums_right ? MLX5_CQE_L3_OK | MLX5_CQE_L4_OK : MLX5_CQE_L3_OK;
    entry.byte_cnt = htobe32(from->wc.byte_len);
    entry.timestamp = htobe64(vd_raw_stamp(from->time_ns));
    /* An entry of 128 bytes has its fields in its second half. */
    memcpy(to + entry_bytes(cq) - sizeof entry, &entry, sizeof entry);
}

void vd_cqe_discard(struct vd_cq *cq, uint64_t index)
{
    memset(entry_at(cq, index), VD_POISON, entry_bytes(cq));
}

VD_EXPORT int vdouble_cq_entries(struct ibv_cq *ibv, void **entries, uint32_t *count,
                                 uint32_t *bytes)
{
    struct vd_cq *cq = (struct vd_cq *)ibv;

    *entries = cq->raw;
    *count = cq->raw_count;
    *bytes = (uint32_t)entry_bytes(cq);
    return 0;
}
