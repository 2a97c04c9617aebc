/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, starts, stops and closes receive queues. See verbs_queue.h. */
#include "verbs_queue.h"

#include <errno.h>

#include <speadi/err.h>

static int move(struct speadi_verbs_queue_set *set, enum ibv_qp_state state, struct spead_err *err)
{
    int error = speadi_verbs_pair_move(set->qp, set->device, state);

    return error ? speadi_verbs_failed(err, "modify_qp", set->device->report.device, error) : 0;
}

static int open_plain(struct speadi_verbs_queue_set *set,
                      const struct speadi_verbs_queue_config *config, struct spead_err *err)
{
    struct ibv_qp_init_attr attr = {
        .qp_type = IBV_QPT_RAW_PACKET,
        .cap = {.max_recv_wr = config->depth, .max_recv_sge = config->sge_max},
    };

    /* The queue pair never sends, but the verb requires a send_cq. */
    attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(set->cq[0].ex);
    set->qp = set->device->verbs->create_qp(set->device->pd, &attr);
    if (!set->qp)
        return speadi_verbs_failed(err, "create_qp", set->device->report.device, errno);
    return move(set, IBV_QPS_INIT, err);
}

/* Makes a completion queue for each of `count` queues. */
static int open_cqs(struct speadi_verbs_queue_set *set, unsigned count,
                    const struct speadi_verbs_cq_config *config, struct spead_err *err)
{
    for (; set->cq_count < count; set->cq_count++) {
        int ret = speadi_verbs_cq_open(&set->cq[set->cq_count], set->device, config, err);

        if (ret < 0) {
            speadi_verbs_cq_close(&set->cq[set->cq_count]);
            return ret;
        }
    }
    return 0;
}

/* ---- Work queues --------------------------------------------------------------------------- */

/* Makes the next work queue, with the completion queue of the same number. */
static int add_wq(struct speadi_verbs_queue_set *set, uint32_t depth, uint32_t sge_max,
                  struct mlx5dv_wq_init_attr *striding, struct spead_err *err)
{
    struct ibv_wq_init_attr attr = {
        .wq_type = IBV_WQT_RQ,
        .max_wr = depth,
        .max_sge = sge_max,
        .pd = set->device->pd,
        .cq = ibv_cq_ex_to_cq(set->cq[set->wq_count].ex),
    };
    struct ibv_context *context = set->device->context;
    struct ibv_wq *wq = striding ? set->device->mlx5->create_wq(context, &attr, striding)
                                 : ibv_create_wq(context, &attr);

    if (!wq)
        return speadi_verbs_failed(err, striding ? "mlx5dv_create_wq" : "create_wq",
                                   set->device->report.device, errno);
    set->wq[set->wq_count++] = wq;
    return 0;
}

/* Moves all work queues. If some cannot be moved, moves the others all the same. */
static int move_wqs(struct speadi_verbs_queue_set *set, enum ibv_wq_state state,
                    struct spead_err *err)
{
    struct ibv_wq_attr attr = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = state};
    int failed = 0;

    for (unsigned i = 0; i < set->wq_count; i++) {
        int error = ibv_modify_wq(set->wq[i], &attr);

        failed = failed ? failed : error;
    }
    return failed ? speadi_verbs_failed(err, "modify_wq", set->device->report.device, failed) : 0;
}

/* Makes a queue pair that distributes frames by a hash. All packets of a flow go to the same work queue, in order. If
 * there is only one work queue, the hash uses no field of the frame. */
static int make_hashed_qp(struct speadi_verbs_queue_set *set, struct spead_err *err)
{
    static uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                              0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                              0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                              0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    struct ibv_qp_init_attr_ex attr = {
        .qp_type = IBV_QPT_RAW_PACKET,
        .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH,
        .pd = set->device->pd,
        .rwq_ind_tbl = set->table,
        .rx_hash_conf = {.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
                         .rx_hash_key_len = sizeof key,
                         .rx_hash_key = key},
    };

    if (set->wq_count > 1)
        attr.rx_hash_conf.rx_hash_fields_mask = IBV_RX_HASH_SRC_IPV4 | IBV_RX_HASH_DST_IPV4 |
                                                IBV_RX_HASH_SRC_PORT_UDP | IBV_RX_HASH_DST_PORT_UDP;
    set->qp = speadi_verbs_create_qp(set->device->verbs, set->device->context, &attr);
    return set->qp ? 0
                   : speadi_verbs_failed(err, "create_qp_ex", set->device->report.device, errno);
}

/* Makes the indirection table and the queue pair, which distribute frames to the work queues. The work queues must
 * exist already. */
static int make_hash(struct speadi_verbs_queue_set *set, struct spead_err *err)
{
    struct ibv_rwq_ind_table_init_attr table = {
        .log_ind_tbl_size = (uint32_t)__builtin_ctz(set->wq_count), .ind_tbl = set->wq};
    int ret;

    set->table = ibv_create_rwq_ind_table(set->device->context, &table);
    if (!set->table)
        return speadi_verbs_failed(err, "create_rwq_ind_table", set->device->report.device, errno);
    ret = move_wqs(set, IBV_WQS_RDY, err);
    return ret < 0 ? ret : make_hashed_qp(set, err);
}

static int open_hashed(struct speadi_verbs_queue_set *set,
                       const struct speadi_verbs_queue_config *config, struct spead_err *err)
{
    for (unsigned i = 0; i < config->queues; i++) {
        int ret = add_wq(set, config->depth, config->sge_max, NULL, err);

        if (ret < 0)
            return ret;
    }
    return make_hash(set, err);
}

int speadi_verbs_queues_open(struct speadi_verbs_queue_set *set, struct speadi_verbs_device *device,
                             const struct speadi_verbs_queue_config *config, struct spead_err *err)
{
    const struct speadi_verbs_cq_config completions = {
        .entries = config->depth,
        .comp_vector = config->comp_vector,
        .clock = config->clock,
        .of_pair = config->queues <= 1,
    };
    int ret;

    *set = (struct speadi_verbs_queue_set){.device = device};
    ret = open_cqs(set, config->queues, &completions, err);
    if (ret < 0)
        return ret;
    return config->queues > 1 ? open_hashed(set, config, err) : open_plain(set, config, err);
}

/* ---- Multi-packet -------------------------------------------------------------------------- */

/* Asks libmlx5 where the entries and the doorbell of multi-packet queue number i lie in memory. */
static int find_ring(struct speadi_verbs_queue_set *set, unsigned i, struct mlx5dv_rwq *ring,
                     struct spead_err *err)
{
    struct mlx5dv_obj object = {.rwq = {.in = set->wq[i], .out = ring}};
    int error;

    *ring = (struct mlx5dv_rwq){0};
    error = set->device->mlx5->init_obj(&object, MLX5DV_OBJ_RWQ);
    if (error)
        return speadi_verbs_failed(err, "mlx5dv_init_obj", set->device->report.device, error);
    if (ring->stride != sizeof(struct mlx5_mprq_wqe))
        return speadi_err_set(err, -ENOTSUP, "verbs engine: %s has entries of %u bytes, not %zu",
                              set->device->report.device, ring->stride,
                              sizeof(struct mlx5_mprq_wqe));
    return 0;
}

int speadi_verbs_queues_open_striding(struct speadi_verbs_queue_set *set,
                                      struct speadi_verbs_device *device,
                                      const struct speadi_verbs_striding *config, unsigned queues,
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

    *set = (struct speadi_verbs_queue_set){.device = device};
    ret = open_cqs(set, queues, &completions, err);
    for (unsigned i = 0; ret == 0 && i < queues; i++) {
        ret = add_wq(set, config->entries, 1, &striding, err);
        if (ret == 0)
            ret = find_ring(set, i, &ring[i], err);
    }
    return ret < 0 ? ret : make_hash(set, err);
}

/* ---- All kinds ----------------------------------------------------------------------------- */

int speadi_verbs_queues_start(struct speadi_verbs_queue_set *set,
                              const struct speadi_rx_config *config, struct spead_err *err)
{
    /* A queue pair with an indirection table has no states. */
    int ret = set->wq_count ? 0 : move(set, IBV_QPS_RTR, err);

    return ret < 0
               ? ret
               : speadi_verbs_flows_open(&set->flows, set->qp, &set->device->report, config, err);
}

void speadi_verbs_queues_stop(struct speadi_verbs_queue_set *set)
{
    speadi_verbs_flows_close(&set->flows);
    /* Ignore the result: the queue may be in its error state already, or the device may be gone. */
    if (set->wq_count)
        (void)move_wqs(set, IBV_WQS_ERR, NULL);
    else if (set->qp)
        (void)move(set, IBV_QPS_ERR, NULL);
}

void speadi_verbs_queues_close(struct speadi_verbs_queue_set *set)
{
    speadi_verbs_flows_close(&set->flows);
    if (set->qp)
        set->device->verbs->destroy_qp(set->qp);
    set->qp = NULL;
    if (set->table)
        ibv_destroy_rwq_ind_table(set->table);
    set->table = NULL;
    while (set->wq_count > 0)
        ibv_destroy_wq(set->wq[--set->wq_count]);
    while (set->cq_count > 0)
        speadi_verbs_cq_close(&set->cq[--set->cq_count]);
}
