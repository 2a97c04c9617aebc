/* See verbs_queue.h. */
#include "verbs_queue.h"

#include <errno.h>

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

int speadi_verbs_queue_start(struct speadi_verbs_queue *queue,
                             const struct speadi_rx_config *config, struct spead_err *err)
{
    int ret = move(queue, IBV_QPS_RTR, err);

    return ret < 0 ? ret
                   : speadi_verbs_flows_open(&queue->flows, queue->qp, &queue->device->report,
                                             config, err);
}

void speadi_verbs_queue_stop(struct speadi_verbs_queue *queue)
{
    speadi_verbs_flows_close(&queue->flows);
    if (queue->qp)
        (void)move(queue, IBV_QPS_ERR, NULL); /* it may be there already, or the device gone */
}

void speadi_verbs_queue_close(struct speadi_verbs_queue *queue)
{
    speadi_verbs_flows_close(&queue->flows);
    if (queue->qp)
        queue->device->verbs->destroy_qp(queue->qp);
    queue->qp = NULL;
    if (queue->device)
        speadi_verbs_cq_close(&queue->cq);
}
