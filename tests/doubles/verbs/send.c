/* SPDX-License-Identifier: Apache-2.0 */
/* Sending: which requests post_send() refuses, how the double gathers a frame, and how completions free slots of the
 * queue. */
#include "double.h"

#include <errno.h>
#include <string.h>

enum { ETHERNET_BYTES = 14, VLAN_BYTES = 4, INLINE_HEADER_BYTES = 18 };

#define FLAGS_KNOWN \
    (IBV_SEND_FENCE | IBV_SEND_SIGNALED | IBV_SEND_SOLICITED | IBV_SEND_INLINE | IBV_SEND_IP_CSUM)

/* ---- Requests that are refused immediately ------------------------------------------------------ */

static size_t payload_bytes(const struct ibv_send_wr *wr)
{
    size_t bytes = 0;

    for (int i = 0; i < wr->num_sge; i++)
        bytes += wr->sg_list[i].length;
    return bytes;
}

static int check_tso(const struct vd_qp *qp, const struct ibv_send_wr *wr)
{
    if (!qp->tso_header_max)
        return vd_refuse(EINVAL, "post_send: the queue pair was made without a TSO header");
    if (wr->tso.hdr_sz < ETHERNET_BYTES || wr->tso.hdr_sz > qp->tso_header_max)
        return vd_refuse(EINVAL, "post_send: %u bytes of TSO header, of at most %u", wr->tso.hdr_sz,
                         qp->tso_header_max);
    if (!wr->tso.mss || wr->tso.hdr_sz + payload_bytes(wr) > VD_SETTING(max_tso))
        return vd_refuse(EINVAL, "post_send: a TSO segment size of 0, or more than max_tso bytes");
    return 0;
}

/* Refuses a request whose first bytes the CPU cannot read. With mlx5 the CPU copies the beginning of a frame into the
 * ring, from the address in the request. So with an address that only the device can read, the program would crash on
 * mlx5. */
static int check_header(const struct vd_qp *qp, const struct ibv_send_wr *wr)
{
    struct vd_context *context = vd_context(qp->qp.context);
    size_t seen = 0;

    for (int i = 0; i < wr->num_sge && seen < INLINE_HEADER_BYTES; i++) {
        const struct vd_mr *mr = context->mrs[wr->sg_list[i].lkey % VD_MR_COUNT_MAX];

        if (mr && (mr->mapping || mr->iova != (uintptr_t)mr->mr.addr))
            return vd_refuse(EFAULT,
                             "post_send: the first %d bytes have to be host memory at "
                             "their own address",
                             INLINE_HEADER_BYTES);
        seen += wr->sg_list[i].length;
    }
    return 0;
}

static int check_form(const struct vd_qp *qp, const struct ibv_send_wr *wr)
{
    if (wr->num_sge < 0 || (unsigned)wr->num_sge > qp->sq.sge_max)
        return vd_refuse(EINVAL, "post_send: %d entries, of at most %u", wr->num_sge,
                         qp->sq.sge_max);
    if (wr->send_flags & ~(unsigned)FLAGS_KNOWN)
        return vd_refuse(EINVAL, "post_send: flags %#x", wr->send_flags);
    if ((wr->send_flags & IBV_SEND_IP_CSUM) && !VD_SETTING(ip_csum))
        return vd_refuse(EINVAL, "post_send: the device computes no checksums");
    if (wr->opcode == IBV_WR_TSO)
        return check_tso(qp, wr);
    if (wr->opcode != IBV_WR_SEND)
        return vd_refuse(EINVAL, "post_send: opcode %d on a raw packet queue pair", wr->opcode);
    if (!(wr->send_flags & IBV_SEND_INLINE))
        return check_header(qp, wr);
    if (payload_bytes(wr) > qp->inline_max)
        return vd_refuse(ENOMEM, "post_send: %zu inline bytes, of at most %u", payload_bytes(wr),
                         qp->inline_max);
    return 0;
}

static int check(const struct vd_qp *qp, const struct ibv_send_wr *wr)
{
    if (qp->qp.state != IBV_QPS_RTS && qp->qp.state != IBV_QPS_ERR)
        return vd_refuse(EINVAL, "post_send: the queue pair is not ready to send");
    if (!vd_queue_full(&qp->sq))
        return check_form(qp, wr);
    if (qp->unsignalled == qp->sq.capacity)
        return vd_refuse(ENOMEM,
                         "post_send: all %u slots hold unsignalled requests: nothing will "
                         "ever free one",
                         qp->sq.capacity);
    return vd_refuse(ENOMEM, "post_send: all %u slots wait for completions to be polled",
                     qp->sq.capacity);
}

/* ---- Frames -------------------------------------------------------------------------------------- */

static bool append(struct vd_frame *frame, const struct ibv_send_wr *wr, const struct vd_work *work)
{
    for (int i = 0; i < wr->num_sge; i++) {
        const struct ibv_sge *sge = &wr->sg_list[i];
        uint8_t *to = frame->bytes + frame->length;

        if (sge->length > sizeof frame->bytes - frame->length)
            return false;
        if (wr->send_flags & IBV_SEND_INLINE)
            memcpy(to, (void *)(uintptr_t)sge->addr, sge->length);
        else
            vd_mr_read(to, work->mrs[i], sge->addr, sge->length);
        frame->length += sge->length;
    }
    return true;
}

static enum ibv_wc_status transmit(struct vd_context *context, unsigned flags)
{
    struct vd_frame *frame = &context->tx_frame;

    if (frame->length < ETHERNET_BYTES || frame->length > context->mtu + VD_ETHERNET_EXTRA) {
        vd_refuse(EMSGSIZE, "post_send: a frame of %zu bytes where the MTU is %u", frame->length,
                  context->mtu);
        return IBV_WC_LOC_LEN_ERR;
    }
    if (flags & IBV_SEND_IP_CSUM)
        vd_checksums_fill(frame->bytes, frame->length);
    return vd_network_send(context) ? IBV_WC_GENERAL_ERR : IBV_WC_SUCCESS;
}

/* Writes the IP length of a segment, as the device does. The UDP length in the header stays unchanged. */
static void fit_ip_length(struct vd_frame *frame)
{
    size_t at = ETHERNET_BYTES;

    if (frame->bytes[12] == 0x81)
        at += VLAN_BYTES;
    if (frame->bytes[at] >> 4 == 4) {
        frame->bytes[at + 2] = (uint8_t)((frame->length - at) >> 8);
        frame->bytes[at + 3] = (uint8_t)(frame->length - at);
    } else {
        frame->bytes[at + 4] = (uint8_t)((frame->length - at - 40) >> 8);
        frame->bytes[at + 5] = (uint8_t)(frame->length - at - 40);
    }
}

static enum ibv_wc_status transmit_segments(struct vd_context *context,
                                            const struct ibv_send_wr *wr,
                                            const struct vd_work *work)
{
    /* This variable is static, because a frame is too large for the stack. */
    static _Thread_local struct vd_frame whole;
    struct vd_frame *frame = &context->tx_frame;
    enum ibv_wc_status status = IBV_WC_SUCCESS;

    whole.length = 0;
    if (!append(&whole, wr, work))
        return IBV_WC_LOC_LEN_ERR;
    for (size_t at = 0; at < whole.length && status == IBV_WC_SUCCESS; at += wr->tso.mss) {
        size_t part = whole.length - at < wr->tso.mss ? whole.length - at : wr->tso.mss;

        memcpy(frame->bytes, wr->tso.hdr, wr->tso.hdr_sz);
        memcpy(frame->bytes + wr->tso.hdr_sz, whole.bytes + at, part);
        frame->length = wr->tso.hdr_sz + part;
        fit_ip_length(frame);
        status = transmit(context, IBV_SEND_IP_CSUM);
    }
    return status;
}

static enum ibv_wc_status execute(struct vd_qp *qp, const struct ibv_send_wr *wr,
                                  const struct vd_work *work)
{
    struct vd_context *context = vd_context(qp->qp.context);

    if (qp->qp.state == IBV_QPS_ERR)
        return IBV_WC_WR_FLUSH_ERR;
    for (unsigned i = 0; i < work->sge_count; i++)
        if (!work->mrs[i])
            return IBV_WC_LOC_PROT_ERR;
    if (wr->opcode == IBV_WR_TSO)
        return transmit_segments(context, wr, work);
    context->tx_frame.length = 0;
    if (!append(&context->tx_frame, wr, work))
        return IBV_WC_LOC_LEN_ERR;
    return transmit(context, wr->send_flags);
}

/* ---- Posting ------------------------------------------------------------------------------------- */

static void complete(struct vd_qp *qp, const struct ibv_send_wr *wr, enum ibv_wc_status status)
{
    struct vd_cqe entry = {.owner = qp, .send_from = qp, .retired = qp->unsignalled};

    /* The completion of a send does not contain a length. So this code leaves the wrong values of vd_wc_failed() in all
     * other fields. */
    entry.wc = vd_wc_failed(wr->wr_id, status, qp->qp.qp_num);
    entry.time_ns = vd_now_ns(CLOCK_REALTIME);
    if (status == IBV_WC_SUCCESS) {
        entry.wc.opcode = wr->opcode == IBV_WR_TSO ? IBV_WC_TSO : IBV_WC_SEND;
        entry.wc.vendor_err = 0;
        entry.wc.wc_flags = 0;
    }
    qp->unsignalled = 0;
    vd_cq_push((struct vd_cq *)qp->qp.send_cq, &entry);
}

static void post(struct vd_qp *qp, const struct ibv_send_wr *wr)
{
    bool by_reference = !(wr->send_flags & IBV_SEND_INLINE);
    struct vd_work *work = &qp->sq.ring[qp->sq.tail % qp->sq.capacity];
    enum ibv_wc_status status;
    long scripted;

    vd_queue_add(&qp->sq, vd_context(qp->qp.context), qp->qp.pd, wr->wr_id, wr->sg_list,
                 by_reference ? (unsigned)wr->num_sge : 0, false);
    qp->unsignalled++;
    status = execute(qp, wr, work);
    if (status == IBV_WC_SUCCESS && vd_fault("tx.status", &scripted))
        status = scripted > 0 ? (enum ibv_wc_status)scripted : IBV_WC_GENERAL_ERR;
    if (status == IBV_WC_SUCCESS && !qp->signal_all && !(wr->send_flags & IBV_SEND_SIGNALED))
        return;
    complete(qp, wr, status);
    if (status != IBV_WC_SUCCESS && qp->qp.state != IBV_QPS_ERR)
        vd_qp_to_error(qp, false);
}

int vd_post_send(struct ibv_qp *ibv, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_qp *qp = (struct vd_qp *)ibv;
    int err = vd_call("post_send");

    pthread_mutex_lock(&context->lock);
    for (; wr; wr = wr->next) {
        if (!err)
            err = check(qp, wr);
        if (err) {
            *bad = wr;
            break;
        }
        post(qp, wr);
    }
    pthread_mutex_unlock(&context->lock);
    return err;
}
