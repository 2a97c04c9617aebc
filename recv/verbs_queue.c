/* See verbs_queue.h. */
#include "verbs_queue.h"

#include <errno.h>

#include <speadi/err.h>

static int move(struct speadi_verbs_queue *queue, enum ibv_qp_state state, struct spead_err *err)
{
    struct ibv_qp_attr attr = {.qp_state = state, .port_num = queue->device->report.port};
    int mask = IBV_QP_STATE | (state == IBV_QPS_INIT ? IBV_QP_PORT : 0);
    int error = queue->device->verbs->modify_qp(queue->qp, &attr, mask);

    return error ? speadi_verbs_failed(err, "modify_qp", queue->device->report.device, error) : 0;
}

int speadi_verbs_queue_open(struct speadi_verbs_queue *queue, struct speadi_verbs_device *device,
                            const struct speadi_verbs_queue_config *config, struct spead_err *err)
{
    struct ibv_qp_init_attr attr = {
        .qp_type = IBV_QPT_RAW_PACKET,
        .cap = {.max_recv_wr = config->depth, .max_recv_sge = config->sge_max},
    };
    int ret;

    *queue = (struct speadi_verbs_queue){.device = device};
    ret = speadi_verbs_cq_open(&queue->cq, device, config->depth, config->comp_vector, err);
    if (ret < 0)
        return ret;
    attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(queue->cq.ex); /* nothing is ever sent */
    queue->qp = device->verbs->create_qp(device->pd, &attr);
    if (!queue->qp)
        return speadi_verbs_failed(err, "create_qp", device->report.device, errno);
    return move(queue, IBV_QPS_INIT, err);
}

/* ---- Multi-packet -------------------------------------------------------------------------- */

static int make_wq(struct speadi_verbs_queue *queue, const struct speadi_verbs_striding *config,
                   struct spead_err *err)
{
    struct ibv_wq_init_attr attr = {
        .wq_type = IBV_WQT_RQ,
        .max_wr = config->entries,
        .max_sge = 1,
        .pd = queue->device->pd,
        .cq = ibv_cq_ex_to_cq(queue->cq.ex),
    };
    struct mlx5dv_wq_init_attr striding = {
        .comp_mask = MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ,
        .striding_rq_attrs = {.single_stride_log_num_of_bytes = config->stride_log,
                              .single_wqe_log_num_of_strides = config->strides_log},
    };
    struct ibv_rwq_ind_table_init_attr table = {.ind_tbl = &queue->wq};
    struct ibv_wq_attr ready = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = IBV_WQS_RDY};
    const char *device = queue->device->report.device;
    int error;

    queue->wq = queue->device->mlx5->create_wq(queue->device->context, &attr, &striding);
    if (!queue->wq)
        return speadi_verbs_failed(err, "mlx5dv_create_wq", device, errno);
    queue->table = ibv_create_rwq_ind_table(queue->device->context, &table);
    if (!queue->table)
        return speadi_verbs_failed(err, "create_rwq_ind_table", device, errno);
    error = ibv_modify_wq(queue->wq, &ready);
    return error ? speadi_verbs_failed(err, "modify_wq", device, error) : 0;
}

/* Where a multi-packet queue's entries and doorbell lie. */
static int find_ring(struct speadi_verbs_queue *queue, struct mlx5dv_rwq *ring,
                     struct spead_err *err)
{
    struct mlx5dv_obj object = {.rwq = {.in = queue->wq, .out = ring}};
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

/* A hash over nothing: all frames go to the one queue of the table. */
static int make_hashed_qp(struct speadi_verbs_queue *queue, struct spead_err *err)
{
    static uint8_t key[40];
    struct ibv_qp_init_attr_ex attr = {
        .qp_type = IBV_QPT_RAW_PACKET,
        .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH,
        .pd = queue->device->pd,
        .rwq_ind_tbl = queue->table,
        .rx_hash_conf = {.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
                         .rx_hash_key_len = sizeof key,
                         .rx_hash_key = key},
    };

    queue->qp = speadi_verbs_create_qp(queue->device->verbs, queue->device->context, &attr);
    return queue->qp
               ? 0
               : speadi_verbs_failed(err, "create_qp_ex", queue->device->report.device, errno);
}

int speadi_verbs_queue_open_striding(struct speadi_verbs_queue *queue,
                                     struct speadi_verbs_device *device,
                                     const struct speadi_verbs_striding *config,
                                     struct mlx5dv_rwq *ring, struct spead_err *err)
{
    int ret;

    *queue = (struct speadi_verbs_queue){.device = device};
    ret = speadi_verbs_cq_open(&queue->cq, device, config->completions, config->comp_vector, err);
    if (ret == 0)
        ret = make_wq(queue, config, err);
    if (ret == 0)
        ret = find_ring(queue, ring, err);
    if (ret == 0)
        ret = make_hashed_qp(queue, err);
    return ret;
}

/* ---- Both kinds ---------------------------------------------------------------------------- */

int speadi_verbs_queue_start(struct speadi_verbs_queue *queue,
                             const struct speadi_rx_config *config, struct spead_err *err)
{
    int ret = queue->wq ? 0 : move(queue, IBV_QPS_RTR, err); /* with a table there are no states */

    return ret < 0 ? ret
                   : speadi_verbs_flows_open(&queue->flows, queue->qp, &queue->device->report,
                                             config, err);
}

void speadi_verbs_queue_stop(struct speadi_verbs_queue *queue)
{
    speadi_verbs_flows_close(&queue->flows);
    if (queue->qp && !queue->wq)
        (void)move(queue, IBV_QPS_ERR, NULL); /* it may be there already, or the device gone */
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
    if (queue->wq)
        ibv_destroy_wq(queue->wq);
    queue->wq = NULL;
    if (queue->device)
        speadi_verbs_cq_close(&queue->cq);
}
