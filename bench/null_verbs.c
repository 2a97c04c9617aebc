/* SPDX-License-Identifier: Apache-2.0 */
/* The null device: a libibverbs with one device, "null0". The device belongs to the first interface that is not the
 * loopback interface. The device completes every request immediately and moves no data, so a bench measures only the
 * code of the program. The device does not check requests; the verbs double (tests/doubles/verbs) checks them. The
 * environment variable SPEADLINE_LIBIBVERBS tells the program to load this library. */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#include "null_verbs.h"

#undef ibv_reg_mr
#undef ibv_query_port

enum { RING = 1 << 15 }; /* the largest number of completions that can wait for a poll */

struct null_cq {
    struct ibv_cq cq;
    uint64_t ring[RING]; /* the wr_id of each completed request */
    unsigned head, tail;
};

struct null_context {
    struct ibv_device device;
    /* A pipe that stays empty. Its reading end is the event descriptor of the device. */
    int events[2];
    /* This must be the last member, because a later libibverbs makes it longer. */
    struct verbs_context verbs;
};

static struct null_context *the_context;

/* ---- The data path -------------------------------------------------------------------------------- */

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
    struct null_cq *cq = (struct null_cq *)qp->send_cq;

    (void)bad;
    for (; wr; wr = wr->next)
        if (wr->send_flags & IBV_SEND_SIGNALED)
            cq->ring[cq->tail++ % RING] = wr->wr_id;
    return 0;
}

static int poll_cq(struct ibv_cq *ibv, int count, struct ibv_wc *wc)
{
    struct null_cq *cq = (struct null_cq *)ibv;
    int found = 0;

    for (; found < count && cq->head != cq->tail; found++) {
        wc[found].wr_id = cq->ring[cq->head++ % RING];
        wc[found].status = IBV_WC_SUCCESS;
    }
    return found;
}

static int req_notify_cq(struct ibv_cq *cq, int solicited)
{
    (void)cq, (void)solicited;
    return 0;
}

/* ---- The device ------------------------------------------------------------------------------------- */

static struct ibv_device null_device = {
    .node_type = IBV_NODE_CA, .transport_type = IBV_TRANSPORT_IB, .name = "null0"};

struct ibv_device **ibv_get_device_list(int *count)
{
    struct ibv_device **list = calloc(2, sizeof *list);

    if (list)
        list[0] = &null_device;
    if (count)
        *count = list ? 1 : 0;
    return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
    free(list);
}

const char *ibv_get_device_name(struct ibv_device *device)
{
    return device->name;
}

/* The device stamps with a counter of 1 GHz, which stands still. */
static int query_device_ex(struct ibv_context *context,
                           const struct ibv_query_device_ex_input *input,
                           struct ibv_device_attr_ex *attr, size_t bytes)
{
    (void)input, (void)bytes;
    *attr = (struct ibv_device_attr_ex){.completion_timestamp_mask = UINT64_MAX,
                                        .hca_core_clock = 1000000};
    return ibv_query_device(context, &attr->orig_attr);
}

static int query_rt_values(struct ibv_context *context, struct ibv_values_ex *values)
{
    (void)context;
    values->raw_clock = (struct timespec){0};
    return 0;
}

struct ibv_context *ibv_open_device(struct ibv_device *device)
{
    struct null_context *context = calloc(1, sizeof *context);

    if (!context || pipe(context->events) < 0) {
        free(context);
        return NULL;
    }
    context->verbs.sz = sizeof context->verbs;
    context->verbs.context = (struct ibv_context){
        .device = device,
        .async_fd = context->events[0],
        .num_comp_vectors = 1,
        .abi_compat = __VERBS_ABI_IS_EXTENDED,
        .ops = {.poll_cq = poll_cq,
                .post_send = post_send,
                .post_recv = null_post_recv,
                .req_notify_cq = req_notify_cq},
    };
    context->verbs.create_cq_ex = null_create_cq_ex;
    context->verbs.query_device_ex = query_device_ex;
    context->verbs.query_rt_values = query_rt_values;
    context->verbs.ibv_create_flow = null_create_flow;
    context->verbs.ibv_destroy_flow = null_destroy_flow;
    null_wq_install(&context->verbs);
    the_context = context;
    return &context->verbs.context;
}

int ibv_close_device(struct ibv_context *context)
{
    (void)context;
    close(the_context->events[0]);
    close(the_context->events[1]);
    free(the_context);
    return 0;
}

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr)
{
    (void)context;
    *attr = (struct ibv_device_attr){
        .max_qp_wr = RING,
        .max_cqe = RING,
        .max_sge = 30,
        .max_mr_size = UINT64_MAX,
        .phys_port_cnt = 1,
        .device_cap_flags = IBV_DEVICE_MANAGED_FLOW_STEERING | IBV_DEVICE_RAW_IP_CSUM,
    };
    return 0;
}

int ibv_query_port(struct ibv_context *context, uint8_t port, struct _compat_ibv_port_attr *compat)
{
    struct ibv_port_attr attr = {.state = IBV_PORT_ACTIVE, .link_layer = IBV_LINK_LAYER_ETHERNET};

    (void)context, (void)port;
    memcpy(compat, &attr, offsetof(struct ibv_port_attr, port_cap_flags2));
    return 0;
}

int ibv_query_gid(struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid)
{
    (void)context, (void)port, (void)index, (void)gid;
    return -1;
}

static unsigned first_interface(void)
{
    struct if_nameindex *all = if_nameindex();
    unsigned found = 0;

    for (struct if_nameindex *at = all; at && at->if_index && !found; at++)
        if (strcmp(at->if_name, "lo") != 0)
            found = at->if_index;
    if_freenameindex(all);
    return found;
}

ssize_t _ibv_query_gid_table(struct ibv_context *context, struct ibv_gid_entry *entries, size_t max,
                             uint32_t flags, size_t entry_bytes)
{
    (void)context, (void)max, (void)flags, (void)entry_bytes;
    entries[0] = (struct ibv_gid_entry){
        .port_num = 1, .gid_type = IBV_GID_TYPE_ROCE_V2, .ndev_ifindex = first_interface()};
    return 1;
}

int ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event)
{
    (void)context, (void)event;
    errno = EAGAIN;
    return -1;
}

void ibv_ack_async_event(struct ibv_async_event *event)
{
    (void)event;
}

/* ---- Objects ---------------------------------------------------------------------------------------- */

struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
    struct ibv_pd *pd = calloc(1, sizeof *pd);

    if (pd)
        pd->context = context;
    return pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
    free(pd);
    return 0;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *data, size_t bytes, int access)
{
    struct ibv_mr *mr = calloc(1, sizeof *mr);

    (void)access;
    if (mr)
        *mr = (struct ibv_mr){.context = pd->context, .pd = pd, .addr = data, .length = bytes};
    return mr;
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
    free(mr);
    return 0;
}

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *context)
{
    struct ibv_comp_channel *channel = calloc(1, sizeof *channel);

    if (channel)
        *channel = (struct ibv_comp_channel){.context = context, .fd = dup(context->async_fd)};
    return channel;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *channel)
{
    close(channel->fd);
    free(channel);
    return 0;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *context, int cqe, void *cq_context,
                             struct ibv_comp_channel *channel, int comp_vector)
{
    struct null_cq *cq = calloc(1, sizeof *cq);

    (void)comp_vector;
    if (cq)
        cq->cq = (struct ibv_cq){
            .context = context, .channel = channel, .cq_context = cq_context, .cqe = cqe};
    return cq ? &cq->cq : NULL;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
    free(cq);
    return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **cq_context)
{
    (void)channel, (void)cq, (void)cq_context;
    errno = EAGAIN;
    return -1;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned count)
{
    (void)cq, (void)count;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
    struct ibv_qp *qp = calloc(1, sizeof *qp);

    if (qp)
        *qp = (struct ibv_qp){.context = pd->context,
                              .pd = pd,
                              .send_cq = attr->send_cq,
                              .recv_cq = attr->recv_cq,
                              .qp_type = attr->qp_type};
    return qp;
}

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
    (void)mask;
    qp->state = attr->qp_state;
    return 0;
}

int ibv_destroy_qp(struct ibv_qp *qp)
{
    free(qp);
    return 0;
}

const char *ibv_wc_status_str(enum ibv_wc_status status)
{
    (void)status;
    return "";
}

const char *ibv_event_type_str(enum ibv_event_type type)
{
    (void)type;
    return "";
}
