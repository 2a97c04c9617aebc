/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, starts, stops and closes receive queues. See verbs_queue.h. */
#include "verbs_queue.h"

#include <errno.h>

#include <speadi/err.h>

static int move(struct speadi_verbs_queue *queue, enum ibv_qp_state state, struct spead_err *err)
{
    int error = speadi_verbs_pair_move(queue->qp, queue->device, state);

    return error ? speadi_verbs_failed(err, "modify_qp", queue->device->report.device, error) : 0;
}

static int open_plain(struct speadi_verbs_queue *queue,
                      const struct speadi_verbs_queue_config *config, struct spead_err *err)
{
    struct ibv_qp_init_attr attr = {
        .qp_type = IBV_QPT_RAW_PACKET,
        .cap = {.max_recv_wr = config->depth, .max_recv_sge = config->sge_max},
    };

    /* The queue pair never sends, but the verb requires a send_cq. */
    attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(queue->cq.ex);
    queue->qp = queue->device->verbs->create_qp(queue->device->pd, &attr);
    if (!queue->qp)
        return speadi_verbs_failed(err, "create_qp", queue->device->report.device, errno);
    return move(queue, IBV_QPS_INIT, err);
}

/* ---- Work queues --------------------------------------------------------------------------- */

static int add_wq(struct speadi_verbs_queue *queue, uint32_t depth, uint32_t sge_max,
                  struct mlx5dv_wq_init_attr *striding, struct spead_err *err)
{
    struct ibv_wq_init_attr attr = {
        .wq_type = IBV_WQT_RQ,
        .max_wr = depth,
        .max_sge = sge_max,
        .pd = queue->device->pd,
        .cq = ibv_cq_ex_to_cq(queue->cq.ex),
    };
    struct ibv_context *context = queue->device->context;
    struct ibv_wq *wq = striding ? queue->device->mlx5->create_wq(context, &attr, striding)
                                 : ibv_create_wq(context, &attr);

    if (!wq)
        return speadi_verbs_failed(err, striding ? "mlx5dv_create_wq" : "create_wq",
                                   queue->device->report.device, errno);
    queue->wq[queue->wq_count++] = wq;
    return 0;
}

static int move_wqs(struct speadi_verbs_queue *queue, enum ibv_wq_state state,
                    struct spead_err *err)
{
    struct ibv_wq_attr attr = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = state};

    for (unsigned i = 0; i < queue->wq_count; i++) {
        int error = ibv_modify_wq(queue->wq[i], &attr);

        if (error)
            return speadi_verbs_failed(err, "modify_wq", queue->device->report.device, error);
    }
    return 0;
}

/* Makes a queue pair that distributes frames by a hash. All packets of a flow go to the same work queue, in order. If
 * there is only one work queue, the hash uses no field of the frame. */
static int make_hashed_qp(struct speadi_verbs_queue *queue, struct spead_err *err)
{
    static uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                              0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                              0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                              0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    struct ibv_qp_init_attr_ex attr = {
        .qp_type = IBV_QPT_RAW_PACKET,
        .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH,
        .pd = queue->device->pd,
        .rwq_ind_tbl = queue->table,
        .rx_hash_conf = {.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
                         .rx_hash_key_len = sizeof key,
                         .rx_hash_key = key},
    };

    if (queue->wq_count > 1)
        attr.rx_hash_conf.rx_hash_fields_mask = IBV_RX_HASH_SRC_IPV4 | IBV_RX_HASH_DST_IPV4 |
                                                IBV_RX_HASH_SRC_PORT_UDP | IBV_RX_HASH_DST_PORT_UDP;
    queue->qp = speadi_verbs_create_qp(queue->device->verbs, queue->device->context, &attr);
    return queue->qp
               ? 0
               : speadi_verbs_failed(err, "create_qp_ex", queue->device->report.device, errno);
}

/* Makes the indirection table and the queue pair, which distribute frames to the work queues. The work queues must
 * exist already. */
static int make_hash(struct speadi_verbs_queue *queue, struct spead_err *err)
{
    struct ibv_rwq_ind_table_init_attr table = {
        .log_ind_tbl_size = (uint32_t)__builtin_ctz(queue->wq_count), .ind_tbl = queue->wq};
    int ret;

    queue->table = ibv_create_rwq_ind_table(queue->device->context, &table);
    if (!queue->table)
        return speadi_verbs_failed(err, "create_rwq_ind_table", queue->device->report.device,
                                   errno);
    ret = move_wqs(queue, IBV_WQS_RDY, err);
    return ret < 0 ? ret : make_hashed_qp(queue, err);
}

static int open_hashed(struct speadi_verbs_queue *queue,
                       const struct speadi_verbs_queue_config *config, struct spead_err *err)
{
    for (unsigned i = 0; i < config->wqs; i++) {
        int ret = add_wq(queue, config->depth / config->wqs, config->sge_max, NULL, err);

        if (ret < 0)
            return ret;
    }
    return make_hash(queue, err);
}

int speadi_verbs_queue_open(struct speadi_verbs_queue *queue, struct speadi_verbs_device *device,
                            const struct speadi_verbs_queue_config *config, struct spead_err *err)
{
    const struct speadi_verbs_cq_config completions = {
        .entries = config->depth,
        .comp_vector = config->comp_vector,
        .clock = config->clock,
        .of_pair = config->wqs <= 1,
    };
    int ret;

    *queue = (struct speadi_verbs_queue){.device = device};
    ret = speadi_verbs_cq_open(&queue->cq, device, &completions, err);
    if (ret < 0)
        return ret;
    return config->wqs > 1 ? open_hashed(queue, config, err) : open_plain(queue, config, err);
}

/* ---- Multi-packet -------------------------------------------------------------------------- */

/* Asks libmlx5 where the entries and the doorbell of a multi-packet queue lie in memory. */
static int find_ring(struct speadi_verbs_queue *queue, struct mlx5dv_rwq *ring,
                     struct spead_err *err)
{
    struct mlx5dv_obj object = {.rwq = {.in = queue->wq[0], .out = ring}};
    int error;

    *ring = (struct mlx5dv_rwq){0};
    error = queue->device->mlx5->init_obj(&object, MLX5DV_OBJ_RWQ);
    if (error)
        return speadi_verbs_failed(err, "mlx5dv_init_obj", queue->device->report.device, error);
    if (ring->stride != sizeof(struct mlx5_mprq_wqe))
        return speadi_err_set(err, -ENOTSUP, "verbs engine: %s has entries of %u bytes, not %zu",
                              queue->device->report.device, ring->stride,
                              sizeof(struct mlx5_mprq_wqe));
    return 0;
}

int speadi_verbs_queue_open_striding(struct speadi_verbs_queue *queue,
                                     struct speadi_verbs_device *device,
                                     const struct speadi_verbs_striding *config,
                                     struct mlx5dv_rwq *ring, struct spead_err *err)
{
    struct mlx5dv_wq_init_attr striding = {
        .comp_mask = MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ,
        .striding_rq_attrs = {.single_stride_log_num_of_bytes = config->stride_log,
                              .single_wqe_log_num_of_strides = config->strides_log},
    };
    const struct speadi_verbs_cq_config completions = {
        .entries = config->completions,
        .comp_vector = config->comp_vector,
        .clock = config->clock,
    };
    int ret;

    *queue = (struct speadi_verbs_queue){.device = device};
    ret = speadi_verbs_cq_open(&queue->cq, device, &completions, err);
    if (ret == 0)
        ret = add_wq(queue, config->entries, 1, &striding, err);
    if (ret == 0)
        ret = find_ring(queue, ring, err);
    return ret < 0 ? ret : make_hash(queue, err);
}

/* ---- All kinds ----------------------------------------------------------------------------- */

int speadi_verbs_queue_start(struct speadi_verbs_queue *queue,
                             const struct speadi_rx_config *config, struct spead_err *err)
{
    /* A queue pair with an indirection table has no states. */
    int ret = queue->wq_count ? 0 : move(queue, IBV_QPS_RTR, err);

    return ret < 0 ? ret
                   : speadi_verbs_flows_open(&queue->flows, queue->qp, &queue->device->report,
                                             config, err);
}

void speadi_verbs_queue_stop(struct speadi_verbs_queue *queue)
{
    speadi_verbs_flows_close(&queue->flows);
    /* Ignore the result: the queue may be in its error state already, or the device may be gone. */
    if (queue->wq_count)
        (void)move_wqs(queue, IBV_WQS_ERR, NULL);
    else if (queue->qp)
        (void)move(queue, IBV_QPS_ERR, NULL);
}

void speadi_verbs_queue_close(struct speadi_verbs_queue *queue)
{
    speadi_verbs_flows_close(&queue->flows);
    if (queue->qp)
        queue->device->verbs->destroy_qp(queue->qp);
    queue->qp = NULL;
    if (queue->table)
        ibv_destroy_rwq_ind_table(queue->table);
    queue->table = NULL;
    while (queue->wq_count > 0)
        ibv_destroy_wq(queue->wq[--queue->wq_count]);
    if (queue->device)
        speadi_verbs_cq_close(&queue->cq);
}
