/* SPDX-License-Identifier: Apache-2.0 */
/* Functions for the receive engine and for the send engine: they make the channel for completion events, and they
 * change the state of a queue pair. */
#include <speadi/verbs_device.h>

#include <errno.h>
#include <fcntl.h>

#include <speadi/err.h>

int speadi_verbs_channel_open(struct ibv_comp_channel **channel, struct speadi_verbs_device *device,
                              struct spead_err *err)
{
    int flags;

    *channel = device->verbs->create_comp_channel(device->context);
    if (!*channel)
        return speadi_verbs_failed(err, "create_comp_channel", device->report.device, errno);
    flags = fcntl((*channel)->fd, F_GETFL);
    if (flags < 0 || fcntl((*channel)->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl((*channel)->fd, F_SETFD, FD_CLOEXEC) < 0)
        return speadi_err_errno(err, "verbs device %s: cannot set up the completion channel",
                                device->report.device);
    return 0;
}

bool speadi_verbs_channel_clear(struct ibv_comp_channel *channel,
                                struct speadi_verbs_device *device)
{
    struct ibv_cq *cq;
    void *context;
    bool any = false;

    while (device->verbs->get_cq_event(channel, &cq, &context) == 0) {
        device->verbs->ack_cq_events(cq, 1);
        any = true;
    }
    return any;
}

int speadi_verbs_pair_move(struct ibv_qp *qp, struct speadi_verbs_device *device,
                           enum ibv_qp_state state)
{
    struct ibv_qp_attr attr = {.qp_state = state, .port_num = device->report.port};
    int mask = IBV_QP_STATE | (state == IBV_QPS_INIT ? IBV_QP_PORT : 0);

    return device->verbs->modify_qp(qp, &attr, mask);
}
