/* SPDX-License-Identifier: Apache-2.0 */
/* Work queues to which a receive hash spreads frames: ordinary queues, and the multi-packet queues of mlx5. */
#include "double.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_BYTES = 32, ENTRY_SEGMENT = 16, RING_ALIGNMENT = 4096 };
enum { STRIDE_LOG_MIN = 6, STRIDE_LOG_MAX = 13, STRIDES_LOG_MIN = 9, STRIDES_LOG_MAX = 16 };

#define FILLER UINT32_C(0x80000000)

/* ---- Making -------------------------------------------------------------------------------------- */

static int post_recv(struct ibv_wq *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_wq *wq = (struct vd_wq *)ibv;
    int err = vd_call("post_wq_recv");

    pthread_mutex_lock(&context->lock);
    if (!err && (wq->striding || ibv->state == IBV_WQS_ERR))
        err = vd_refuse(EINVAL, "post_wq_recv: the queue is multi-packet or in ERR");
    if (err)
        *bad = wr;
    else
        err = vd_queue_post_recv(&wq->queue, context, ibv->pd, "post_wq_recv", wr, bad);
    pthread_mutex_unlock(&context->lock);
    return err;
}

static int check(const struct ibv_wq_init_attr *attr)
{
    if (!VD_SETTING(rss))
        return vd_refuse(EOPNOTSUPP, "create_wq: the device has no receive hashing");
    if (attr->wq_type != IBV_WQT_RQ || attr->comp_mask || !attr->cq || !attr->pd)
        return vd_refuse(EINVAL, "create_wq: a receive queue with a completion queue and a "
                                 "protection domain, comp_mask 0");
    if (attr->max_wr == 0 || attr->max_wr > VD_SETTING(max_qp_wr))
        return vd_refuse(EINVAL, "create_wq: %u entries: not within 1..max_qp_wr", attr->max_wr);
    if (attr->max_sge == 0 || attr->max_sge > VD_SETTING(max_sge))
        return vd_refuse(EINVAL, "create_wq: %u scatter entries: not within 1..max_sge",
                         attr->max_sge);
    return 0;
}

static void release(struct vd_wq *wq)
{
    vd_queue_release(&wq->queue);
    free(wq->entries);
    free(wq->fetched);
    free(wq->doorbell);
    free(wq);
}

static bool make_ring(struct vd_wq *wq, uint32_t entries, const struct vd_striding *striding)
{
    size_t bytes;

    wq->striding = true;
    wq->stride_log = striding->stride_log;
    wq->strides_log = striding->strides_log;
    wq->entry_count = 1;
    while (wq->entry_count < entries)
        wq->entry_count <<= 1;
    bytes = ((size_t)wq->entry_count * ENTRY_BYTES + RING_ALIGNMENT - 1) &
            ~(size_t)(RING_ALIGNMENT - 1);
    wq->entries = aligned_alloc(RING_ALIGNMENT, bytes);
    wq->fetched = malloc(bytes);
    wq->doorbell = calloc(1, 64);
    if (wq->entries)
        memset(wq->entries, VD_POISON, bytes);
    return wq->entries && wq->fetched && wq->doorbell;
}

static struct ibv_wq *make(struct ibv_context *ibv, const struct ibv_wq_init_attr *attr,
                           const struct vd_striding *striding)
{
    struct vd_context *context = vd_context(ibv);
    struct vd_wq *wq = calloc(1, sizeof *wq);

    if (!wq)
        return vd_null(ENOMEM);
    if (striding ? !make_ring(wq, attr->max_wr, striding)
                 : vd_queue_init(&wq->queue, attr->max_wr, attr->max_sge)) {
        release(wq);
        return vd_null(ENOMEM);
    }
    wq->queue.of_work_queue = true;
    wq->wq.context = ibv;
    wq->wq.wq_context = attr->wq_context;
    wq->wq.pd = attr->pd;
    wq->wq.cq = attr->cq;
    wq->wq.wq_type = attr->wq_type;
    wq->wq.post_recv = post_recv;
    pthread_mutex_init(&wq->wq.mutex, NULL);
    pthread_cond_init(&wq->wq.cond, NULL);
    pthread_mutex_lock(&context->lock);
    wq->wq.wq_num = wq->wq.handle = vd_next_number();
    ((struct vd_pd *)attr->pd)->users++;
    ((struct vd_cq *)attr->cq)->users++;
    context->wq_count++;
    pthread_mutex_unlock(&context->lock);
    VD_COUNT(wqs, 1);
    return &wq->wq;
}

struct ibv_wq *vd_create_wq(struct ibv_context *ibv, struct ibv_wq_init_attr *attr)
{
    int err = vd_call("create_wq");

    if (!err)
        err = check(attr);
    return err ? vd_null(err) : make(ibv, attr, NULL);
}

VD_EXPORT struct ibv_wq *vdouble_create_striding_wq(struct ibv_context *ibv,
                                                    struct ibv_wq_init_attr *attr,
                                                    const struct vd_striding *striding)
{
    int err = check(attr);

    if (!err && !vdouble_has_striding())
        err = vd_refuse(EOPNOTSUPP, "mlx5dv_create_wq: the device has no multi-packet queue");
    if (!err &&
        (striding->stride_log < STRIDE_LOG_MIN || striding->stride_log > STRIDE_LOG_MAX ||
         striding->strides_log < STRIDES_LOG_MIN || striding->strides_log > STRIDES_LOG_MAX))
        err = vd_refuse(EINVAL, "mlx5dv_create_wq: 2^%u strides of 2^%u bytes",
                        striding->strides_log, striding->stride_log);
    if (!err && attr->max_sge != 1)
        err = vd_refuse(EINVAL, "mlx5dv_create_wq: a multi-packet entry has one scatter entry");
    return err ? vd_null(err) : make(ibv, attr, striding);
}

VD_EXPORT int vdouble_striding_ring(struct ibv_wq *ibv, void **entries, __be32 **doorbell,
                                    uint32_t *count)
{
    struct vd_wq *wq = (struct vd_wq *)ibv;

    if (!wq->striding)
        return vd_refuse(EINVAL, "mlx5dv_init_obj: not a multi-packet queue");
    *entries = wq->entries;
    *doorbell = wq->doorbell;
    *count = wq->entry_count;
    return 0;
}

/* ---- States and end ------------------------------------------------------------------------------ */

/* A driver sets the doorbell record to zero when the queue becomes ready. What was announced before is forgotten. */
static void clear_ring(struct vd_wq *wq)
{
    wq->known = wq->consumed = 0;
    wq->strides_used = 0;
    if (wq->striding)
        __atomic_store_n(wq->doorbell, 0, __ATOMIC_RELEASE);
}

static void empty(struct vd_wq *wq)
{
    vd_queue_retire(&wq->queue, (unsigned)(wq->queue.tail - wq->queue.head));
    vd_cq_purge((struct vd_cq *)wq->wq.cq, wq);
    clear_ring(wq);
}

static int move(struct vd_wq *wq, enum ibv_wq_state to)
{
    enum ibv_wq_state from = wq->wq.state;

    if (to == IBV_WQS_RESET)
        empty(wq);
    else if (to == IBV_WQS_ERR && from != IBV_WQS_RESET)
        vd_queue_flush_recv(&wq->queue, (struct vd_cq *)wq->wq.cq, wq->wq.wq_num, wq);
    else if (to == IBV_WQS_RDY && from == IBV_WQS_RESET)
        clear_ring(wq);
    else
        return vd_refuse(EINVAL, "modify_wq: from state %d to %d", from, to);
    wq->wq.state = to;
    return 0;
}

int vd_modify_wq(struct ibv_wq *ibv, struct ibv_wq_attr *attr)
{
    struct vd_context *context = vd_context(ibv->context);
    int err = vd_call("modify_wq");

    if (err)
        return err;
    if (attr->attr_mask != IBV_WQ_ATTR_STATE)
        return vd_refuse(EOPNOTSUPP, "modify_wq: mask %#x: only the state can be changed",
                         attr->attr_mask);
    pthread_mutex_lock(&context->lock);
    err = move((struct vd_wq *)ibv, attr->wq_state);
    pthread_mutex_unlock(&context->lock);
    return err;
}

int vd_destroy_wq(struct ibv_wq *ibv)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_wq *wq = (struct vd_wq *)ibv;
    int err = vd_call("destroy_wq");
    unsigned users;

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    users = wq->users;
    if (!users) {
        empty(wq);
        vd_async_forget(context, wq);
        ((struct vd_pd *)ibv->pd)->users--;
        ((struct vd_cq *)ibv->cq)->users--;
        context->wq_count--;
    }
    pthread_mutex_unlock(&context->lock);
    if (users)
        return vd_refuse(EBUSY, "destroy_wq: an indirection table still names it");
    vd_wait_acked("destroy_wq", &ibv->mutex, &ibv->cond, &ibv->events_completed,
                  &wq->async_events_read);
    pthread_mutex_destroy(&ibv->mutex);
    pthread_cond_destroy(&ibv->cond);
    release(wq);
    VD_COUNT(wqs, -1);
    return 0;
}

/* ---- Indirection tables -------------------------------------------------------------------------- */

struct ibv_rwq_ind_table *vd_create_ind_table(struct ibv_context *ibv,
                                              struct ibv_rwq_ind_table_init_attr *attr)
{
    struct vd_context *context = vd_context(ibv);
    struct vd_ind_table *table;
    int err = vd_call("create_rwq_ind_table");
    unsigned count;

    if (err)
        return vd_null(err);
    if (attr->log_ind_tbl_size > 7 || attr->comp_mask)
        return vd_refuse_null(EINVAL, "create_rwq_ind_table: 2^%u entries, comp_mask %#x",
                              attr->log_ind_tbl_size, attr->comp_mask);
    count = 1u << attr->log_ind_tbl_size;
    table = calloc(1, sizeof *table + count * sizeof table->wqs[0]);
    if (!table)
        return vd_null(ENOMEM);
    table->table.context = ibv;
    table->table.ind_tbl_num = (int)count;
    table->count = count;
    pthread_mutex_lock(&context->lock);
    for (unsigned i = 0; i < count; i++) {
        table->wqs[i] = (struct vd_wq *)attr->ind_tbl[i];
        table->wqs[i]->users++;
    }
    context->ind_table_count++;
    pthread_mutex_unlock(&context->lock);
    VD_COUNT(ind_tables, 1);
    return &table->table;
}

int vd_destroy_ind_table(struct ibv_rwq_ind_table *ibv)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_ind_table *table = (struct vd_ind_table *)ibv;
    int err = vd_call("destroy_rwq_ind_table");
    unsigned users;

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    users = table->users;
    for (unsigned i = 0; !users && i < table->count; i++)
        table->wqs[i]->users--;
    if (!users)
        context->ind_table_count--;
    pthread_mutex_unlock(&context->lock);
    if (users)
        return vd_refuse(EBUSY, "destroy_rwq_ind_table: a queue pair still uses it");
    free(table);
    VD_COUNT(ind_tables, -1);
    return 0;
}

/* ---- Receiving into strides ---------------------------------------------------------------------- */

static void tell_fatal(struct vd_wq *wq)
{
    vd_async_notify(
        vd_context(wq->wq.context),
        (struct ibv_async_event){.element.wq = &wq->wq, .event_type = IBV_EVENT_WQ_FATAL});
}

static void fail(struct vd_wq *wq, enum ibv_wc_status status, const char *why)
{
    vd_refuse(EINVAL, "multi-packet queue: %s", why);
    wq->wq.state = IBV_WQS_ERR;
    vd_cq_push(
        (struct vd_cq *)wq->wq.cq,
        &(struct vd_cqe){.wc = vd_wc_failed(wq->consumed, status, wq->wq.wq_num), .owner = wq});
    tell_fatal(wq);
}

/* Puts a completion on the completion queue. `packed` is the length field of the completion. It contains the number of
 * bytes (16 bits), the number of strides (15 bits), and one bit that is set if the strides are only filler. */
static void report(struct vd_wq *wq, uint32_t packed, const struct vd_arrival *arrival)
{
    struct vd_cqe entry = {.time_ns = arrival->time_ns,
                           .flow_tag = arrival->flow_tag,
                           .sums_right = arrival->sums_right,
                           .owner = wq};

    entry.wc = (struct ibv_wc){
        .wr_id = wq->consumed, .opcode = IBV_WC_RECV, .byte_len = packed, .qp_num = wq->wq.wq_num};
    vd_cq_push((struct vd_cq *)wq->wq.cq, &entry);
}

static void use_strides(struct vd_wq *wq, uint32_t count)
{
    wq->strides_used += count;
    if (wq->strides_used == 1u << wq->strides_log) {
        wq->strides_used = 0;
        wq->consumed++;
    }
}

/* Copies the entries that the doorbell has announced since the last look. What the program writes later into these
 * entries has no effect. */
static void fetch(struct vd_wq *wq, uint16_t head)
{
    for (; wq->known != head; wq->known++) {
        const size_t at = (size_t)(wq->known & (wq->entry_count - 1)) * ENTRY_BYTES;

        memcpy(wq->fetched + at, wq->entries + at, ENTRY_BYTES);
    }
}

/* Returns the number of entries that the doorbell has announced and that the queue has not yet used up. Returns a
 * negative number after an error. */
static int announced(struct vd_wq *wq)
{
    /* Acquire pairs with the release store of the program to the doorbell. The program wrote the entries before that
     * store. */
    uint16_t head = (uint16_t)be32toh(__atomic_load_n(wq->doorbell, __ATOMIC_ACQUIRE));
    uint16_t count = (uint16_t)(head - wq->consumed);

    if (count <= wq->entry_count) {
        fetch(wq, head);
        return count;
    }
    fail(wq, IBV_WC_LOC_QP_OP_ERR, "the doorbell announces more entries than the ring has");
    return -1;
}

/* Returns the memory of the entry that is in use now, or NULL if the entry is wrong. */
static struct vd_mr *current_entry(struct vd_wq *wq, struct ibv_sge *sge)
{
    const uint8_t *entry =
        wq->fetched + (size_t)(wq->consumed & (wq->entry_count - 1)) * ENTRY_BYTES + ENTRY_SEGMENT;
    uint32_t bytes, lkey;
    uint64_t address;
    struct vd_mr *mr;

    memcpy(&bytes, entry, sizeof bytes);
    memcpy(&lkey, entry + 4, sizeof lkey);
    memcpy(&address, entry + 8, sizeof address);
    *sge = (struct ibv_sge){be64toh(address), be32toh(bytes), be32toh(lkey)};
    if (sge->length != UINT32_C(1) << (wq->stride_log + wq->strides_log)) {
        fail(wq, IBV_WC_LOC_LEN_ERR, "an entry's length is not that of its strides");
        return NULL;
    }
    mr = vd_mr_resolve(vd_context(wq->wq.context), wq->wq.pd, sge, true);
    if (!mr)
        fail(wq, IBV_WC_LOC_PROT_ERR, "an entry's memory is not registered for writing");
    return mr;
}

static bool receive_striding(struct vd_wq *wq, const struct vd_arrival *arrival)
{
    uint32_t strides = 1u << wq->strides_log;
    uint32_t need = (uint32_t)((arrival->length + (1u << wq->stride_log) - 1) >> wq->stride_log);
    struct ibv_sge sge;
    struct vd_mr *mr;
    long scripted;

    while (announced(wq) > 0 && wq->strides_used + need > strides) {
        report(wq, (strides - wq->strides_used) << 16 | FILLER, arrival);
        use_strides(wq, strides - wq->strides_used);
    }
    if (announced(wq) <= 0)
        return false;
    mr = current_entry(wq, &sge);
    if (!mr)
        return false;
    if (vd_fault("rx.status", &scripted)) {
        fail(wq, scripted > 0 ? (enum ibv_wc_status)scripted : IBV_WC_GENERAL_ERR,
             "a completion failed by the script");
        return true;
    }
    if (wq->strides_used == 0)
        vd_mr_poison(mr, sge.addr, sge.length);
    vd_mr_write(mr, sge.addr + ((uint64_t)wq->strides_used << wq->stride_log), arrival->frame,
                arrival->length);
    report(wq, (uint32_t)arrival->length | need << 16, arrival);
    use_strides(wq, need);
    return true;
}

static bool receive(struct vd_wq *wq, const struct vd_arrival *arrival)
{
    enum ibv_wc_status status;

    if (wq->wq.state != IBV_WQS_RDY)
        return false;
    if (vd_fault("qp.fatal", NULL)) {
        move(wq, IBV_WQS_ERR);
        tell_fatal(wq);
        return false;
    }
    if (wq->striding)
        return receive_striding(wq, arrival);
    if (wq->queue.head == wq->queue.tail)
        return false;
    status = vd_queue_receive(&wq->queue, (struct vd_cq *)wq->wq.cq, wq->wq.wq_num, wq, arrival);
    if (status != IBV_WC_SUCCESS && (status != IBV_WC_LOC_LEN_ERR || VD_SETTING(len_err_fatal)))
        move(wq, IBV_WQS_ERR);
    return true;
}

bool vd_wq_receive(struct vd_wq *wq, const struct vd_arrival *arrival)
{
    if (receive(wq, arrival))
        return true;
    vd_count_out_of_buffer(wq->wq.wq_num);
    return false;
}
