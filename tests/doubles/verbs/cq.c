/* SPDX-License-Identifier: Apache-2.0 */
/* Completion queues, ordinary and extended. */
#include "double.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WC_FLAGS_PLAIN IBV_WC_STANDARD_FLAGS

uint64_t vd_now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- Filling ------------------------------------------------------------------------------------- */

/* Marks the queue as failed after an overrun. On real hardware too, the entries of such a queue are no longer valid. */
static void fail(struct vd_cq *cq)
{
    struct vd_context *context = vd_context(cq->cq.context);

    cq->failed = true;
    vd_async_notify(
        context, (struct ibv_async_event){.element.cq = &cq->cq, .event_type = IBV_EVENT_CQ_ERR});
    for (struct vd_qp *qp = context->qps; qp; qp = qp->next)
        if (qp->qp.send_cq == &cq->cq || qp->qp.recv_cq == &cq->cq)
            qp->qp.state = IBV_QPS_ERR;
}

static void notify_if_armed(struct vd_cq *cq, const struct vd_cqe *entry)
{
    if (!cq->armed || !cq->cq.channel)
        return;
    if (cq->armed_solicited && entry->wc.status == IBV_WC_SUCCESS)
        return;
    cq->armed = false;
    vd_channel_notify(cq);
}

void vd_cq_push(struct vd_cq *cq, const struct vd_cqe *entry)
{
    uint64_t delay_us = VD_SETTING(delay_us);
    bool scripted = vd_fault("cq.overrun", NULL);
    struct vd_cqe *slot;

    if (cq->failed)
        return;
    if (scripted || cq->tail - cq->head == cq->capacity) {
        vd_refuse(0, "completion queue overrun: %u entries were not enough", cq->capacity);
        fail(cq);
        return;
    }
    slot = &cq->ring[cq->tail++ % cq->capacity];
    *slot = *entry;
    vd_cqe_write(cq, cq->tail - 1);
    if (delay_us && !slot->due_ns)
        slot->due_ns = vd_now_ns(CLOCK_MONOTONIC) + delay_us * 1000;
    VD_COUNT(completions, 1);
    if (!slot->due_ns)
        notify_if_armed(cq, slot);
}

static bool due(const struct vd_cq *cq)
{
    const struct vd_cqe *entry = &cq->ring[cq->head % cq->capacity];

    return cq->head != cq->tail && (!entry->due_ns || entry->due_ns <= vd_now_ns(CLOCK_MONOTONIC));
}

void vd_cq_notify_due(struct vd_context *context)
{
    for (struct vd_cq *cq = context->cqs; cq; cq = cq->next) {
        struct vd_cqe *entry = &cq->ring[cq->head % cq->capacity];

        if (!due(cq) || !entry->due_ns)
            continue;
        entry->due_ns = 0; /* prevents a second event for this entry */
        notify_if_armed(cq, entry);
    }
}

void vd_cq_purge(struct vd_cq *cq, const void *owner)
{
    uint64_t kept = cq->head;

    for (uint64_t i = cq->head; i != cq->tail; i++)
        if (cq->ring[i % cq->capacity].owner != owner) {
            cq->ring[kept % cq->capacity] = cq->ring[i % cq->capacity];
            vd_cqe_write(cq, kept++);
        }
    cq->tail = kept;
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static bool take(struct vd_cq *cq, struct vd_cqe *entry)
{
    if (!due(cq))
        return false;
    *entry = cq->ring[cq->head++ % cq->capacity];
    /* From now on the program may use these send slots again. */
    if (entry->send_from)
        vd_queue_retire(&entry->send_from->sq, entry->retired);
    return true;
}

int vd_poll_cq(struct ibv_cq *ibv, int count, struct ibv_wc *wcs)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_cq *cq = (struct vd_cq *)ibv;
    struct vd_cqe entry;
    int found = 0;

    if (vd_call("poll_cq"))
        return -1;
    pthread_mutex_lock(&context->lock);
    if (cq->polling)
        vd_abort("poll_cq: between start_poll and end_poll of the same queue");
    if (cq->failed)
        found = -1;
    while (found >= 0 && found < count && take(cq, &entry))
        wcs[found++] = entry.wc;
    pthread_mutex_unlock(&context->lock);
    return found;
}

int vd_req_notify_cq(struct ibv_cq *ibv, int solicited_only)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_cq *cq = (struct vd_cq *)ibv;
    int err = vd_call("req_notify_cq");

    if (err)
        return err;
    if (!ibv->channel)
        return vd_refuse(EINVAL, "req_notify_cq: the queue was made without a channel");
    /* Completions that are already in the queue send no event. So after a program has armed the queue, it must poll
     * once more. Otherwise it can sleep for ever. */
    pthread_mutex_lock(&context->lock);
    cq->armed = true;
    cq->armed_solicited = solicited_only;
    pthread_mutex_unlock(&context->lock);
    return 0;
}

/* The program has finished with the completion that it looks at. */
static void let_go(struct vd_cq *cq)
{
    if (cq->holding)
        vd_cqe_discard(cq, cq->head - 1);
    cq->holding = false;
}

static int load(struct vd_cq *cq)
{
    let_go(cq);
    cq->holding = !cq->failed && take(cq, &cq->current);
    if (!cq->holding)
        return cq->failed ? EIO : ENOENT;
    cq->ex.wr_id = cq->current.wc.wr_id;
    cq->ex.status = cq->current.wc.status;
    return 0;
}

static int start_poll(struct ibv_cq_ex *ex, struct ibv_poll_cq_attr *attr)
{
    struct vd_context *context = vd_context(ex->context);
    struct vd_cq *cq = (struct vd_cq *)ex;
    int err = vd_call("start_poll");

    if (err)
        return err;
    if (attr->comp_mask)
        return vd_refuse(EINVAL, "start_poll: comp_mask has to be 0");
    pthread_mutex_lock(&context->lock);
    if (cq->polling)
        vd_abort("start_poll: a batch is open: end_poll is missing, or two threads poll");
    if (!cq->failed && due(cq))
        err = vd_clock_page(cq);
    if (!err)
        err = load(cq);
    /* After a failure of load(), the program must not call end_poll(). */
    cq->polling = err == 0;
    pthread_mutex_unlock(&context->lock);
    return err;
}

static int next_poll(struct ibv_cq_ex *ex)
{
    struct vd_context *context = vd_context(ex->context);
    struct vd_cq *cq = (struct vd_cq *)ex;
    int err;

    pthread_mutex_lock(&context->lock);
    if (!cq->polling)
        vd_abort("next_poll: without a start_poll that succeeded");
    err = load(cq);
    pthread_mutex_unlock(&context->lock);
    return err;
}

static void end_poll(struct ibv_cq_ex *ex)
{
    struct vd_context *context = vd_context(ex->context);
    struct vd_cq *cq = (struct vd_cq *)ex;

    pthread_mutex_lock(&context->lock);
    if (!cq->polling)
        vd_abort("end_poll: without a start_poll that succeeded");
    cq->polling = false;
    let_go(cq);
    pthread_mutex_unlock(&context->lock);
}

/* Returns the current entry. The function aborts if the program did not request this field when it made the queue. In a
 * real provider, the function that reads the field would then be NULL, or it would read bytes of another field. */
static const struct vd_cqe *current(struct ibv_cq_ex *ex, uint64_t flag, const char *field)
{
    struct vd_cq *cq = (struct vd_cq *)ex;

    if (flag && !(cq->wc_flags & flag))
        vd_abort("wc_read_%s: the queue was not created with this field", field);
    if (!cq->holding)
        vd_abort("wc_read_%s: no completion is being looked at", field);
    return &cq->current;
}

static enum ibv_wc_opcode read_opcode(struct ibv_cq_ex *ex)
{
    return current(ex, 0, "opcode")->wc.opcode;
}

static uint32_t read_vendor_err(struct ibv_cq_ex *ex)
{
    return current(ex, 0, "vendor_err")->wc.vendor_err;
}

static unsigned read_wc_flags(struct ibv_cq_ex *ex)
{
    return current(ex, 0, "wc_flags")->wc.wc_flags;
}

static uint32_t read_byte_len(struct ibv_cq_ex *ex)
{
    return current(ex, IBV_WC_EX_WITH_BYTE_LEN, "byte_len")->wc.byte_len;
}

static uint32_t read_qp_num(struct ibv_cq_ex *ex)
{
    return current(ex, IBV_WC_EX_WITH_QP_NUM, "qp_num")->wc.qp_num;
}

static uint32_t read_flow_tag(struct ibv_cq_ex *ex)
{
    return current(ex, IBV_WC_EX_WITH_FLOW_TAG, "flow_tag")->flow_tag;
}

static uint64_t read_completion_ts(struct ibv_cq_ex *ex)
{
    return vd_raw_stamp(current(ex, IBV_WC_EX_WITH_COMPLETION_TIMESTAMP, "completion_ts")->time_ns);
}

static uint64_t read_wallclock(struct ibv_cq_ex *ex)
{
    return vd_wallclock(
        current(ex, IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK, "completion_wallclock_ns")
            ->time_ns);
}

/* ---- Making and destroying ----------------------------------------------------------------------- */

static uint64_t supported_wc_flags(void)
{
    uint64_t flags = WC_FLAGS_PLAIN;

    if (VD_SETTING(timestamps))
        flags |= IBV_WC_EX_WITH_COMPLETION_TIMESTAMP;
    /* Without the page, libmlx5 refuses only stamps that it would have to convert. */
    if (VD_SETTING(wallclock) && (VD_SETTING(clock_page) || VD_SETTING(real_time)))
        flags |= IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK;
    if (VD_SETTING(flow_tag))
        flags |= IBV_WC_EX_WITH_FLOW_TAG;
    return flags;
}

static void release(struct vd_cq *cq)
{
    if (cq) {
        free(cq->ring);
        free(cq->raw);
    }
    free(cq);
}

static struct vd_cq *make(struct ibv_context *ibv, const struct ibv_cq_init_attr_ex *attr)
{
    struct vd_context *context = vd_context(ibv);
    struct vd_cq *cq;

    if (attr->cqe == 0 || attr->cqe > VD_SETTING(max_cqe))
        return vd_refuse_null(EINVAL, "create_cq: %u entries: not within 1..max_cqe", attr->cqe);
    if (attr->comp_vector >= (uint32_t)ibv->num_comp_vectors)
        return vd_refuse_null(EINVAL, "create_cq: the device has no completion vector %u",
                              attr->comp_vector);
    cq = calloc(1, sizeof *cq);
    if (cq)
        cq->capacity = attr->cqe;
    if (!cq || !(cq->ring = calloc(attr->cqe, sizeof *cq->ring)) || !vd_cqe_open(cq)) {
        release(cq);
        return vd_null(ENOMEM);
    }
    cq->cq.context = ibv;
    cq->cq.channel = attr->channel;
    cq->cq.cq_context = attr->cq_context;
    cq->cq.cqe = (int)attr->cqe;
    pthread_mutex_init(&cq->cq.mutex, NULL);
    pthread_cond_init(&cq->cq.cond, NULL);
    pthread_mutex_lock(&context->lock);
    if (context->cq_count >= VD_SETTING(max_cq)) {
        pthread_mutex_unlock(&context->lock);
        release(cq);
        return vd_refuse_null(ENOMEM, "create_cq: the device has no more than max_cq");
    }
    if (attr->channel)
        attr->channel->refcnt++;
    context->cq_count++;
    cq->next = context->cqs;
    context->cqs = cq;
    pthread_mutex_unlock(&context->lock);
    VD_COUNT(cqs, 1);
    return cq;
}

VD_EXPORT struct ibv_cq *ibv_create_cq(struct ibv_context *ibv, int cqe, void *cq_context,
                                       struct ibv_comp_channel *channel, int comp_vector)
{
    struct ibv_cq_init_attr_ex attr = {.cqe = (uint32_t)(cqe > 0 ? cqe : 0),
                                       .cq_context = cq_context,
                                       .channel = channel,
                                       .comp_vector = (uint32_t)comp_vector};
    int err = vd_call("create_cq");
    struct vd_cq *cq;

    if (err)
        return vd_null(err);
    cq = make(ibv, &attr);
    return cq ? &cq->cq : NULL;
}

struct ibv_cq_ex *vd_create_cq_ex(struct ibv_context *ibv, struct ibv_cq_init_attr_ex *attr)
{
    int err = vd_call("create_cq_ex");
    struct vd_cq *cq;

    if (err)
        return vd_null(err);
    if (attr->wc_flags & ~supported_wc_flags())
        return vd_refuse_null(EOPNOTSUPP, "create_cq_ex: wc_flags %#lx are not all supported",
                              (unsigned long)attr->wc_flags);
    if (attr->comp_mask & ~(uint32_t)IBV_CQ_INIT_ATTR_MASK_FLAGS)
        return vd_refuse_null(EOPNOTSUPP, "create_cq_ex: comp_mask %#x", attr->comp_mask);
    if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) &&
        (attr->flags & ~(uint32_t)IBV_CREATE_CQ_ATTR_SINGLE_THREADED))
        return vd_refuse_null(EOPNOTSUPP, "create_cq_ex: flags %#x: overruns are never ignored",
                              attr->flags);
    cq = make(ibv, attr);
    if (!cq)
        return NULL;
    cq->extended = true;
    cq->wc_flags = attr->wc_flags;
    cq->ex.start_poll = start_poll;
    cq->ex.next_poll = next_poll;
    cq->ex.end_poll = end_poll;
    cq->ex.read_opcode = read_opcode;
    cq->ex.read_vendor_err = read_vendor_err;
    cq->ex.read_wc_flags = read_wc_flags;
    cq->ex.read_byte_len = read_byte_len;
    cq->ex.read_qp_num = read_qp_num;
    cq->ex.read_flow_tag = read_flow_tag;
    cq->ex.read_completion_ts = read_completion_ts;
    cq->ex.read_completion_wallclock_ns = read_wallclock;
    return &cq->ex;
}

VD_EXPORT int ibv_destroy_cq(struct ibv_cq *ibv)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_cq *cq = (struct vd_cq *)ibv;
    int err = vd_call("destroy_cq");

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    if (cq->users) {
        pthread_mutex_unlock(&context->lock);
        return vd_refuse(EBUSY, "destroy_cq: %u queues still report to it", cq->users);
    }
    if (cq->polling)
        vd_abort("destroy_cq: between start_poll and end_poll");
    for (struct vd_cq **at = &context->cqs; *at; at = &(*at)->next)
        if (*at == cq) {
            *at = cq->next;
            break;
        }
    context->cq_count--;
    vd_async_forget(context, cq);
    if (ibv->channel) {
        vd_channel_forget(cq);
        ibv->channel->refcnt--;
    }
    pthread_mutex_unlock(&context->lock);
    vd_wait_acked("destroy_cq", &ibv->mutex, &ibv->cond, &ibv->comp_events_completed,
                  &cq->events_read);
    vd_wait_acked("destroy_cq", &ibv->mutex, &ibv->cond, &ibv->async_events_completed,
                  &cq->async_events_read);
    pthread_mutex_destroy(&ibv->mutex);
    pthread_cond_destroy(&ibv->cond);
    release(cq);
    VD_COUNT(cqs, -1);
    return 0;
}
