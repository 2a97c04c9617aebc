/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the entries of a completion queue. See verbs_cqe.h. */
#include "verbs_cqe.h"

/* Asks libmlx5 where the entries of the completion queue lie. Returns false if it does not say. */
static bool find_entries(struct speadi_verbs_cqes *cqes, const struct speadi_verbs_device *device,
                         struct ibv_cq_ex *cq)
{
    struct mlx5dv_cq ring = {0};
    struct mlx5dv_obj object = {.cq = {.in = ibv_cq_ex_to_cq(cq), .out = &ring}};
    const uint32_t bytes = sizeof(struct mlx5_cqe64);

    if (!device->mlx5 || device->mlx5->init_obj(&object, MLX5DV_OBJ_CQ) != 0 || !ring.buf ||
        ring.cqe_cnt == 0 || ring.cqe_size < bytes)
        return false;
    /* An entry may have 128 bytes. The fields are at its end. */
    cqes->first = cqes->next = (const uint8_t *)ring.buf + ring.cqe_size - bytes;
    cqes->step = ring.cqe_size;
    cqes->end = cqes->first + (size_t)ring.cqe_cnt * ring.cqe_size;
    return true;
}

void speadi_verbs_cqes_open(struct speadi_verbs_cqes *cqes,
                            const struct speadi_verbs_device *device, struct ibv_cq_ex *cq,
                            bool of_pair)
{
    *cqes = (struct speadi_verbs_cqes){0};
    if (!device->report.checksum)
        return;
    cqes->v6 = find_entries(cqes, device, cq);
    cqes->v4 = cqes->v6 || of_pair;
}

bool speadi_verbs_cqes_agree(struct speadi_verbs_cqes *cqes, struct ibv_cq_ex *cq, bool has_ticks)
{
    const struct mlx5_cqe64 *entry = (const struct mlx5_cqe64 *)(const void *)cqes->next;

    if (!entry || (be32toh(entry->byte_cnt) == ibv_wc_read_byte_len(cq) &&
                   (!has_ticks || be64toh(entry->timestamp) == ibv_wc_read_completion_ts(cq))))
        return true;
    cqes->next = NULL;
    return false;
}
