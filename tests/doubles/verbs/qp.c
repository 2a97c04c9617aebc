/* SPDX-License-Identifier: Apache-2.0 */
/* Queue pairs: how they are made, their states, how they receive, and how they are destroyed. */
#include "double.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CREATE_KNOWN                                                                         \
    (IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_CREATE_FLAGS | IBV_QP_INIT_ATTR_MAX_TSO_HEADER | \
     IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH)

/* ---- Creation ------------------------------------------------------------------------------------ */

static int check_caps(const struct ibv_qp_cap *cap)
{
    if (cap->max_send_wr > VD_SETTING(max_qp_wr) || cap->max_recv_wr > VD_SETTING(max_qp_wr))
        return vd_refuse(EINVAL, "create_qp: %u sends, %u receives: more than max_qp_wr",
                         cap->max_send_wr, cap->max_recv_wr);
    if (cap->max_send_sge > VD_SETTING(max_sge) || cap->max_recv_sge > VD_SETTING(max_sge))
        return vd_refuse(EINVAL, "create_qp: %u and %u entries a request: more than max_sge",
                         cap->max_send_sge, cap->max_recv_sge);
    if (cap->max_inline_data > VD_SETTING(max_inline))
        return vd_refuse(EINVAL, "create_qp: %u inline bytes: more than max_inline",
                         cap->max_inline_data);
    return 0;
}

enum { SEGMENT_BYTES = 16, BLOCK_BYTES = 64, INLINE_HEAD_BYTES = 4 };

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Checks the memory of the send queue as libmlx5 and the kernel do. A request has two segments, its TSO header, and its
 * entries or its inline bytes. It takes whole blocks. The queue takes a power of two of blocks, and max_qp_wr limits
 * the blocks. */
static int check_send_blocks(const struct ibv_qp_init_attr_ex *attr)
{
    const bool segments = attr->comp_mask & IBV_QP_INIT_ATTR_MAX_TSO_HEADER;
    const uint64_t head = segments ? round_up(attr->max_tso_header, SEGMENT_BYTES) : 0;
    const uint64_t entries = (uint64_t)attr->cap.max_send_sge * SEGMENT_BYTES;
    const uint64_t bytes_inline =
        attr->cap.max_inline_data
            ? round_up(attr->cap.max_inline_data + INLINE_HEAD_BYTES, SEGMENT_BYTES)
            : 0;
    const uint64_t request = round_up(
        2 * SEGMENT_BYTES + head + (entries > bytes_inline ? entries : bytes_inline), BLOCK_BYTES);
    uint64_t blocks = 1;

    while (blocks * BLOCK_BYTES < attr->cap.max_send_wr * request)
        blocks *= 2;
    if (attr->cap.max_send_wr == 0 || blocks <= VD_SETTING(max_qp_wr))
        return 0;
    return vd_refuse(EINVAL,
                     "create_qp: %u sends of %lu bytes take %lu blocks of %d bytes: more than "
                     "max_qp_wr",
                     attr->cap.max_send_wr, (unsigned long)request, (unsigned long)blocks,
                     BLOCK_BYTES);
}

static int check_hash(const struct ibv_qp_init_attr_ex *attr)
{
    const struct ibv_rx_hash_conf *hash = &attr->rx_hash_conf;

    if (!(attr->comp_mask & IBV_QP_INIT_ATTR_IND_TABLE))
        return 0;
    if (!VD_SETTING(rss))
        return vd_refuse(EOPNOTSUPP, "create_qp_ex: the device has no receive hashing");
    if (!(attr->comp_mask & IBV_QP_INIT_ATTR_RX_HASH))
        return vd_refuse(EINVAL, "create_qp_ex: an indirection table needs a hash");
    if (hash->rx_hash_function != IBV_RX_HASH_FUNC_TOEPLITZ || hash->rx_hash_key_len != 40)
        return vd_refuse(EINVAL, "create_qp_ex: the hash has to be Toeplitz with a 40-byte key");
    if (attr->cap.max_recv_wr || attr->recv_cq)
        return vd_refuse(EINVAL, "create_qp_ex: with an indirection table the queue pair itself "
                                 "receives nothing");
    return 0;
}

static int check_tso(const struct ibv_qp_init_attr_ex *attr)
{
    if (!(attr->comp_mask & IBV_QP_INIT_ATTR_MAX_TSO_HEADER))
        return 0;
    if (!VD_SETTING(max_tso))
        return vd_refuse(EOPNOTSUPP, "create_qp_ex: the device does not segment");
    if (attr->max_tso_header > VD_SETTING(max_tso_header))
        return vd_refuse(EINVAL, "create_qp_ex: %u bytes of TSO header: more than %lu",
                         attr->max_tso_header, (unsigned long)VD_SETTING(max_tso_header));
    return 0;
}

static int check_create(struct vd_context *context, const struct ibv_qp_init_attr_ex *attr)
{
    bool hashed = attr->comp_mask & IBV_QP_INIT_ATTR_IND_TABLE;
    int err;

    if (!(attr->comp_mask & IBV_QP_INIT_ATTR_PD) || (attr->comp_mask & ~(unsigned)CREATE_KNOWN))
        return vd_refuse(EOPNOTSUPP, "create_qp_ex: comp_mask %#x", attr->comp_mask);
    if (attr->qp_type != IBV_QPT_RAW_PACKET || attr->srq)
        return vd_refuse(EOPNOTSUPP,
                         "create_qp: only raw packet queue pairs, without shared queues");
    if ((attr->comp_mask & IBV_QP_INIT_ATTR_CREATE_FLAGS) && attr->create_flags)
        return vd_refuse(EOPNOTSUPP, "create_qp_ex: create_flags %#x", attr->create_flags);
    if (!VD_SETTING(net_raw) || context->packet_fd < 0)
        return vd_refuse(EPERM, "create_qp: raw packets need CAP_NET_RAW");
    if (!hashed && (!attr->send_cq || !attr->recv_cq))
        return vd_refuse(EINVAL, "create_qp: both completion queues have to be given");
    err = check_caps(&attr->cap);
    if (!err)
        err = check_hash(attr);
    if (!err)
        err = check_tso(attr);
    return err ? err : check_send_blocks(attr);
}

/* With stale_events=1: the queue pair that was destroyed last. The next one gets its address. */
static _Atomic(struct vd_qp *) last_destroyed;

static struct vd_qp *allocate(void)
{
    struct vd_qp *qp = atomic_exchange(&last_destroyed, NULL);

    if (!qp)
        return calloc(1, sizeof *qp);
    memset(qp, 0, sizeof *qp);
    return qp;
}

static struct vd_qp *build(struct ibv_context *ibv, const struct ibv_qp_init_attr_ex *attr)
{
    struct vd_qp *qp = allocate();

    if (!qp)
        return NULL;
    if (vd_queue_init(&qp->sq, attr->cap.max_send_wr, attr->cap.max_send_sge) ||
        vd_queue_init(&qp->rq, attr->cap.max_recv_wr, attr->cap.max_recv_sge)) {
        vd_queue_release(&qp->sq);
        free(qp);
        return NULL;
    }
    qp->qp.context = ibv;
    qp->qp.qp_context = attr->qp_context;
    qp->qp.pd = attr->pd;
    qp->qp.send_cq = attr->send_cq;
    qp->qp.recv_cq = attr->recv_cq;
    qp->qp.qp_type = attr->qp_type;
    qp->inline_max = attr->cap.max_inline_data;
    qp->signal_all = attr->sq_sig_all;
    if (attr->comp_mask & IBV_QP_INIT_ATTR_MAX_TSO_HEADER)
        qp->tso_header_max = attr->max_tso_header;
    if (attr->comp_mask & IBV_QP_INIT_ATTR_IND_TABLE) {
        qp->ind_table = (struct vd_ind_table *)attr->rwq_ind_tbl;
        memcpy(qp->hash_key, attr->rx_hash_conf.rx_hash_key, sizeof qp->hash_key);
        qp->hash_fields = attr->rx_hash_conf.rx_hash_fields_mask;
        /* A queue pair with an indirection table is always in this state. */
        qp->qp.state = IBV_QPS_RTS;
    }
    pthread_mutex_init(&qp->qp.mutex, NULL);
    pthread_cond_init(&qp->qp.cond, NULL);
    return qp;
}

static void use(struct vd_qp *qp, int step)
{
    ((struct vd_pd *)qp->qp.pd)->users += (unsigned)step;
    if (qp->qp.send_cq)
        ((struct vd_cq *)qp->qp.send_cq)->users += (unsigned)step;
    if (qp->qp.recv_cq)
        ((struct vd_cq *)qp->qp.recv_cq)->users += (unsigned)step;
    if (qp->ind_table)
        qp->ind_table->users += (unsigned)step;
}

static void destroy(struct vd_qp *qp)
{
    vd_queue_release(&qp->sq);
    vd_queue_release(&qp->rq);
    if (VD_SETTING(stale_events)) {
        free(atomic_exchange(&last_destroyed, qp));
        return;
    }
    pthread_mutex_destroy(&qp->qp.mutex);
    pthread_cond_destroy(&qp->qp.cond);
    free(qp);
}

static struct ibv_qp *create(struct ibv_context *ibv, const struct ibv_qp_init_attr_ex *attr)
{
    struct vd_context *context = vd_context(ibv);
    int err = check_create(context, attr);
    struct vd_qp *qp;

    if (err)
        return vd_null(err);
    qp = build(ibv, attr);
    if (!qp)
        return vd_null(ENOMEM);
    pthread_mutex_lock(&context->lock);
    if (context->qp_count >= VD_SETTING(max_qp)) {
        pthread_mutex_unlock(&context->lock);
        destroy(qp);
        return vd_refuse_null(ENOMEM, "create_qp: the device has no more than max_qp");
    }
    context->qp_count++;
    qp->qp.qp_num = qp->qp.handle = vd_next_number();
    use(qp, 1);
    qp->next = context->qps;
    context->qps = qp;
    pthread_mutex_unlock(&context->lock);
    VD_COUNT(qps, 1);
    return &qp->qp;
}

VD_EXPORT struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
    struct ibv_qp_init_attr_ex ex = {.qp_context = attr->qp_context,
                                     .send_cq = attr->send_cq,
                                     .recv_cq = attr->recv_cq,
                                     .srq = attr->srq,
                                     .cap = attr->cap,
                                     .qp_type = attr->qp_type,
                                     .sq_sig_all = attr->sq_sig_all,
                                     .comp_mask = IBV_QP_INIT_ATTR_PD,
                                     .pd = pd};
    int err = vd_call("create_qp");

    return err ? vd_null(err) : create(pd->context, &ex);
}

struct ibv_qp *vd_create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr)
{
    int err = vd_call("create_qp_ex");

    return err ? vd_null(err) : create(context, attr);
}

VD_EXPORT int ibv_destroy_qp(struct ibv_qp *ibv)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_qp *qp = (struct vd_qp *)ibv;
    int err = vd_call("destroy_qp");

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    for (struct vd_flow *flow = context->flows; flow; flow = flow->next)
        if (flow->qp == qp) {
            pthread_mutex_unlock(&context->lock);
            return vd_refuse(EBUSY, "destroy_qp: a flow rule still leads to it");
        }
    for (struct vd_qp **at = &context->qps; *at; at = &(*at)->next)
        if (*at == qp) {
            *at = qp->next;
            break;
        }
    if (ibv->send_cq)
        vd_cq_purge((struct vd_cq *)ibv->send_cq, qp);
    if (ibv->recv_cq)
        vd_cq_purge((struct vd_cq *)ibv->recv_cq, qp);
    if (!VD_SETTING(stale_events))
        vd_async_forget(context, qp);
    use(qp, -1);
    context->qp_count--;
    pthread_mutex_unlock(&context->lock);
    vd_wait_acked("destroy_qp", &ibv->mutex, &ibv->cond, &ibv->events_completed,
                  &qp->async_events_read);
    pthread_mutex_lock(&context->lock);
    vd_queue_retire(&qp->sq, (unsigned)(qp->sq.tail - qp->sq.head));
    vd_queue_retire(&qp->rq, (unsigned)(qp->rq.tail - qp->rq.head));
    pthread_mutex_unlock(&context->lock);
    destroy(qp);
    VD_COUNT(qps, -1);
    return 0;
}

/* ---- States -------------------------------------------------------------------------------------- */

void vd_qp_to_error(struct vd_qp *qp, bool tell)
{
    if (qp->qp.state == IBV_QPS_RESET)
        return;
    qp->qp.state = IBV_QPS_ERR;
    if (qp->qp.recv_cq)
        vd_queue_flush_recv(&qp->rq, (struct vd_cq *)qp->qp.recv_cq, qp->qp.qp_num, qp);
    if (tell)
        vd_async_notify(
            vd_context(qp->qp.context),
            (struct ibv_async_event){.element.qp = &qp->qp, .event_type = IBV_EVENT_QP_FATAL});
}

static void to_reset(struct vd_qp *qp)
{
    qp->qp.state = IBV_QPS_RESET;
    vd_queue_retire(&qp->sq, (unsigned)(qp->sq.tail - qp->sq.head));
    vd_queue_retire(&qp->rq, (unsigned)(qp->rq.tail - qp->rq.head));
    qp->unsignalled = 0;
    vd_cq_purge((struct vd_cq *)qp->qp.send_cq, qp);
    vd_cq_purge((struct vd_cq *)qp->qp.recv_cq, qp);
}

/* Checks that the program gives exactly the attributes that a raw packet queue pair needs for this change of state. */
static int check_step(enum ibv_qp_state from, const struct ibv_qp_attr *attr, int mask)
{
    int rest = mask & ~IBV_QP_STATE;

    if (!(mask & IBV_QP_STATE))
        return vd_refuse(EOPNOTSUPP, "modify_qp: mask %#x: only the state can be changed", mask);
    switch (attr->qp_state) {
    case IBV_QPS_RESET:
    case IBV_QPS_ERR:
        if (rest == 0)
            return 0;
        break;
    case IBV_QPS_INIT:
        if (from == IBV_QPS_RESET && rest == IBV_QP_PORT && attr->port_num == 1)
            return 0;
        break;
    case IBV_QPS_RTR:
        if (from == IBV_QPS_INIT && rest == 0)
            return 0;
        break;
    case IBV_QPS_RTS:
        if (from == IBV_QPS_RTR && rest == 0)
            return 0;
        break;
    default:
        break;
    }
    return vd_refuse(EINVAL, "modify_qp: from state %d to %d with mask %#x, port %u", from,
                     attr->qp_state, mask, mask & IBV_QP_PORT ? attr->port_num : 0);
}

VD_EXPORT int ibv_modify_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_qp *qp = (struct vd_qp *)ibv;
    int err = vd_call("modify_qp");

    if (err)
        return err;
    if (qp->ind_table)
        return vd_refuse(EOPNOTSUPP, "modify_qp: with an indirection table there are no states");
    pthread_mutex_lock(&context->lock);
    err = check_step(ibv->state, attr, mask);
    if (!err && attr->qp_state == IBV_QPS_RESET)
        to_reset(qp);
    else if (!err && attr->qp_state == IBV_QPS_ERR)
        vd_qp_to_error(qp, false);
    else if (!err)
        ibv->state = attr->qp_state;
    pthread_mutex_unlock(&context->lock);
    return err;
}

VD_EXPORT int ibv_query_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask,
                           struct ibv_qp_init_attr *init)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_qp *qp = (struct vd_qp *)ibv;
    int err = vd_call("query_qp");

    /* This verb is allowed to fill in more attributes than the program asked for. So it ignores `mask`. */
    (void)mask;
    if (err)
        return err;
    memset(attr, 0, sizeof *attr);
    pthread_mutex_lock(&context->lock);
    attr->qp_state = attr->cur_qp_state = ibv->state;
    pthread_mutex_unlock(&context->lock);
    attr->port_num = 1;
    attr->cap = (struct ibv_qp_cap){qp->sq.capacity, qp->rq.capacity, qp->sq.sge_max,
                                    qp->rq.sge_max, qp->inline_max};
    *init = (struct ibv_qp_init_attr){.qp_context = ibv->qp_context,
                                      .send_cq = ibv->send_cq,
                                      .recv_cq = ibv->recv_cq,
                                      .cap = attr->cap,
                                      .qp_type = ibv->qp_type,
                                      .sq_sig_all = qp->signal_all};
    return 0;
}

/* Checks the rate and accepts it. The double then sends without pacing, because it does not model speed. */
int vd_modify_qp_rate_limit(struct ibv_qp *ibv, struct ibv_qp_rate_limit_attr *attr)
{
    struct vd_context *context = vd_context(ibv->context);
    int err = vd_call("modify_qp_rate_limit");
    enum ibv_qp_state state;

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    state = ibv->state;
    pthread_mutex_unlock(&context->lock);
    if (!VD_SETTING(pacing))
        return vd_refuse(EOPNOTSUPP, "modify_qp_rate_limit: the device does not pace");
    if (state != IBV_QPS_RTS)
        return vd_refuse(EINVAL, "modify_qp_rate_limit: the queue pair is not in RTS");
    if (attr->comp_mask || attr->rate_limit > 400000000)
        return vd_refuse(EINVAL, "modify_qp_rate_limit: %u kbit/s is out of range",
                         attr->rate_limit);
    if ((attr->max_burst_sz || attr->typical_pkt_sz) && !VD_SETTING(pacing_burst))
        return vd_refuse(EINVAL, "modify_qp_rate_limit: the device takes no burst or packet size");
    if (attr->typical_pkt_sz > context->mtu + VD_ETHERNET_EXTRA ||
        (attr->max_burst_sz && attr->max_burst_sz < attr->typical_pkt_sz))
        return vd_refuse(EINVAL,
                         "modify_qp_rate_limit: packets of %u bytes, bursts of %u bytes, MTU %u",
                         attr->typical_pkt_sz, attr->max_burst_sz, context->mtu);
    vd_note_rate(
        &(struct vdouble_rate){attr->rate_limit, attr->max_burst_sz, attr->typical_pkt_sz});
    return 0;
}

/* ---- Receiving ----------------------------------------------------------------------------------- */

int vd_post_recv(struct ibv_qp *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_qp *qp = (struct vd_qp *)ibv;
    int err = vd_call("post_recv");

    pthread_mutex_lock(&context->lock);
    if (!err && (ibv->state == IBV_QPS_RESET || qp->ind_table))
        err =
            vd_refuse(EINVAL, "post_recv: the queue pair is in RESET, or has work queues instead");
    if (err)
        *bad = wr;
    else
        err = vd_queue_post_recv(&qp->rq, context, ibv->pd, "post_recv", wr, bad);
    if (ibv->state == IBV_QPS_ERR)
        vd_queue_flush_recv(&qp->rq, (struct vd_cq *)ibv->recv_cq, ibv->qp_num, qp);
    pthread_mutex_unlock(&context->lock);
    return err;
}

bool vd_qp_receive(struct vd_qp *qp, const struct vd_arrival *arrival)
{
    struct vd_ind_table *table = qp->ind_table;
    enum ibv_wc_status status;

    if (qp->qp.state != IBV_QPS_RTR && qp->qp.state != IBV_QPS_RTS) {
        vd_count_out_of_buffer(qp->qp.qp_num);
        return false;
    }
    if (table) {
        uint32_t hash = vd_toeplitz(qp->hash_key, qp->hash_fields, &arrival->key);

        return vd_wq_receive(table->wqs[hash % table->count], arrival);
    }
    if (qp->rq.head == qp->rq.tail) {
        vd_count_out_of_buffer(qp->qp.qp_num);
        return false;
    }
    if (vd_fault("qp.fatal", NULL)) {
        vd_qp_to_error(qp, true);
        return false;
    }
    status = vd_queue_receive(&qp->rq, (struct vd_cq *)qp->qp.recv_cq, qp->qp.qp_num, qp, arrival);
    if (status != IBV_WC_SUCCESS && (status != IBV_WC_LOC_LEN_ERR || VD_SETTING(len_err_fatal)))
        vd_qp_to_error(qp, false);
    return true;
}
