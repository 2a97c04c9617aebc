/* SPDX-License-Identifier: Apache-2.0 */
/* The multi-packet receive queue of the null device, and the functions of libmlx5 that this queue needs. The
 * environment variable SPEADLINE_LIBMLX5 must name the same file as SPEADLINE_LIBIBVERBS. The program fills a ring with
 * entries and writes their number to the doorbell. The device reads as many entries as the doorbell says. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include <infiniband/mlx5dv.h>

#include "null_verbs.h"

#define STRIDES_AT 16
#define FILLER     0x80000000u

struct null_wq {
    struct ibv_wq wq; /* the first member, because programs get the address of this member */
    struct mlx5_mprq_wqe *entry;
    __be32 doorbell;
    uint16_t consumed; /* how many entries are used up; wraps around at 16 bits */
    uint32_t entries, strides_used;
    uint32_t stride_log, strides_log;
};

uint8_t *null_wq_take(struct ibv_wq *ibv, uint32_t frame_bytes, uint32_t *packed)
{
    struct null_wq *wq = (struct null_wq *)ibv;
    const struct mlx5_mprq_wqe *entry = &wq->entry[wq->consumed & (wq->entries - 1)];
    uint32_t strides = (frame_bytes + (1u << wq->stride_log) - 1) >> wq->stride_log;
    uint32_t left = (1u << wq->strides_log) - wq->strides_used;
    uint8_t *to = (uint8_t *)(uintptr_t)be64toh(entry->dseg.addr) +
                  ((size_t)wq->strides_used << wq->stride_log);

    *packed = 0;
    /* This acquire pairs with the release store by which the program writes the doorbell. */
    if ((uint16_t)be32toh(__atomic_load_n(&wq->doorbell, __ATOMIC_ACQUIRE)) == wq->consumed)
        return NULL;
    *packed = strides <= left ? frame_bytes | strides << STRIDES_AT : FILLER | left << STRIDES_AT;
    wq->strides_used += strides <= left ? strides : left;
    if (wq->strides_used == 1u << wq->strides_log) {
        wq->strides_used = 0;
        wq->consumed++;
    }
    return strides <= left ? to : NULL;
}

/* ---- libmlx5 ---------------------------------------------------------------------------------------- */

bool mlx5dv_is_supported(struct ibv_device *device)
{
    (void)device;
    return true;
}

int mlx5dv_query_device(struct ibv_context *context, struct mlx5dv_context *attr)
{
    (void)context;
    attr->comp_mask = MLX5DV_CONTEXT_MASK_STRIDING_RQ;
    attr->striding_rq_caps =
        (struct mlx5dv_striding_rq_caps){.min_single_stride_log_num_of_bytes = 6,
                                         .max_single_stride_log_num_of_bytes = 13,
                                         .min_single_wqe_log_num_of_strides = 9,
                                         .max_single_wqe_log_num_of_strides = 16,
                                         .supported_qpts = 1 << IBV_QPT_RAW_PACKET};
    return 0;
}

struct ibv_wq *mlx5dv_create_wq(struct ibv_context *context, struct ibv_wq_init_attr *attr,
                                struct mlx5dv_wq_init_attr *mlx5)
{
    struct null_wq *wq = calloc(1, sizeof *wq);

    if (!wq)
        return NULL;
    *wq = (struct null_wq){
        .wq = {.context = context, .pd = attr->pd, .cq = attr->cq},
        .entry = calloc(attr->max_wr, sizeof *wq->entry),
        .entries = attr->max_wr,
        .stride_log = mlx5->striding_rq_attrs.single_stride_log_num_of_bytes,
        .strides_log = mlx5->striding_rq_attrs.single_wqe_log_num_of_strides,
    };
    if (!wq->entry) {
        free(wq);
        return NULL;
    }
    null_cq_fill_from(attr->cq, &wq->wq);
    return &wq->wq;
}

int mlx5dv_init_obj(struct mlx5dv_obj *object, uint64_t type)
{
    struct null_wq *wq = (struct null_wq *)object->rwq.in;

    if (type == MLX5DV_OBJ_CQ) {
        null_cq_entries(object->cq.in, object->cq.out);
        return 0;
    }
    if (type != MLX5DV_OBJ_RWQ)
        return EOPNOTSUPP;
    *object->rwq.out = (struct mlx5dv_rwq){.buf = wq->entry,
                                           .dbrec = &wq->doorbell,
                                           .wqe_cnt = wq->entries,
                                           .stride = sizeof *wq->entry};
    return 0;
}

/* ---- Work queues ------------------------------------------------------------------------------------ */

static int modify_wq(struct ibv_wq *wq, struct ibv_wq_attr *attr)
{
    wq->state = attr->wq_state;
    return 0;
}

static int destroy_wq(struct ibv_wq *ibv)
{
    struct null_wq *wq = (struct null_wq *)ibv;

    free(wq->entry);
    free(wq);
    return 0;
}

static struct ibv_rwq_ind_table *create_table(struct ibv_context *context,
                                              struct ibv_rwq_ind_table_init_attr *attr)
{
    struct ibv_rwq_ind_table *table = calloc(1, sizeof *table);

    (void)attr;
    if (table)
        table->context = context;
    return table;
}

static int destroy_table(struct ibv_rwq_ind_table *table)
{
    free(table);
    return 0;
}

static struct ibv_qp *create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr)
{
    struct ibv_qp *qp = calloc(1, sizeof *qp);

    if (qp)
        *qp = (struct ibv_qp){.context = context, .pd = attr->pd, .qp_type = attr->qp_type};
    return qp;
}

void null_wq_install(struct verbs_context *verbs)
{
    verbs->modify_wq = modify_wq;
    verbs->destroy_wq = destroy_wq;
    verbs->create_rwq_ind_table = create_table;
    verbs->destroy_rwq_ind_table = destroy_table;
    verbs->create_qp_ex = create_qp_ex;
}
