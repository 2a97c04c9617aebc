/* SPDX-License-Identifier: Apache-2.0 */
/* The library libmlx5.so.1 of the verbs double. It has the functions that a multi-packet receive queue needs. */
#include "double.h"

#include <errno.h>
#include <infiniband/mlx5dv.h>
#include <string.h>

enum { ENTRY_BYTES = 32 };
static_assert(ENTRY_BYTES == sizeof(struct mlx5_mprq_wqe), "the ring's stride");

VD_EXPORT bool mlx5dv_is_supported(struct ibv_device *device)
{
    (void)device;
    return vdouble_is_mlx5();
}

/* Reports the properties of the device. Before the call, the bits of comp_mask say which fields the caller wants. After
 * the call, they say which fields the function has filled in. */
VD_EXPORT int mlx5dv_query_device(struct ibv_context *context, struct mlx5dv_context *out)
{
    uint64_t asked = out->comp_mask;
    int err = vdouble_call("mlx5dv_query_device");

    (void)context;
    if (err)
        return err;
    if (!vdouble_is_mlx5())
        return EOPNOTSUPP;
    out->version = 0;
    out->flags = MLX5DV_CONTEXT_FLAGS_CQE_V1 | MLX5DV_CONTEXT_FLAGS_MPW_ALLOWED |
                 MLX5DV_CONTEXT_FLAGS_ENHANCED_MPW;
    if (vdouble_is_real_time())
        out->flags |= MLX5DV_CONTEXT_FLAGS_REAL_TIME_TS;
    out->comp_mask = 0;
    if ((asked & MLX5DV_CONTEXT_MASK_STRIDING_RQ) && vdouble_has_striding()) {
        out->comp_mask |= MLX5DV_CONTEXT_MASK_STRIDING_RQ;
        out->striding_rq_caps =
            (struct mlx5dv_striding_rq_caps){.min_single_stride_log_num_of_bytes = 6,
                                             .max_single_stride_log_num_of_bytes = 13,
                                             .min_single_wqe_log_num_of_strides = 9,
                                             .max_single_wqe_log_num_of_strides = 16,
                                             .supported_qpts = 1 << IBV_QPT_RAW_PACKET};
    }
    return 0;
}

VD_EXPORT struct ibv_wq *mlx5dv_create_wq(struct ibv_context *context,
                                          struct ibv_wq_init_attr *attr,
                                          struct mlx5dv_wq_init_attr *extra)
{
    struct vd_striding striding = {extra->striding_rq_attrs.single_stride_log_num_of_bytes,
                                   extra->striding_rq_attrs.single_wqe_log_num_of_strides};
    int err = vdouble_call("mlx5dv_create_wq");

    if (!err && (extra->comp_mask != MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ ||
                 extra->striding_rq_attrs.two_byte_shift_en))
        err = EOPNOTSUPP;
    if (!err)
        return vdouble_create_striding_wq(context, attr, &striding);
    errno = err;
    return NULL;
}

VD_EXPORT int mlx5dv_init_obj(struct mlx5dv_obj *object, uint64_t type)
{
    struct mlx5dv_rwq *out = object->rwq.out;
    int err = vdouble_call("mlx5dv_init_obj");

    if (err)
        return err;
    if (type == MLX5DV_OBJ_CQ) {
        struct mlx5dv_cq *cq = object->cq.out;

        cq->comp_mask = 0;
        return vdouble_cq_entries(object->cq.in, &cq->buf, &cq->cqe_cnt, &cq->cqe_size);
    }
    if (type != MLX5DV_OBJ_RWQ)
        return EOPNOTSUPP;
    out->comp_mask = 0;
    out->stride = ENTRY_BYTES;
    return vdouble_striding_ring(object->rwq.in, &out->buf, &out->dbrec, &out->wqe_cnt);
}
