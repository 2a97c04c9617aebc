/* SPDX-License-Identifier: Apache-2.0 */
/* Queues of posted work, and how a receive queue takes a frame. */
#include "double.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int vd_queue_init(struct vd_queue *queue, unsigned capacity, unsigned sge_max)
{
    *queue = (struct vd_queue){.capacity = capacity, .sge_max = sge_max};
    if (capacity && !(queue->ring = calloc(capacity, sizeof *queue->ring)))
        return ENOMEM;
    return 0;
}

void vd_queue_retire(struct vd_queue *queue, unsigned count)
{
    for (; count > 0; count--) {
        struct vd_work *work = &queue->ring[queue->head++ % queue->capacity];

        for (unsigned i = 0; i < work->sge_count; i++)
            if (work->mrs[i])
                vd_mr_unuse(work->mrs[i]);
    }
}

void vd_queue_release(struct vd_queue *queue)
{
    vd_queue_retire(queue, (unsigned)(queue->tail - queue->head));
    free(queue->ring);
    *queue = (struct vd_queue){0};
}

/* Adds work to a queue. The function does not fail if an address is wrong. Like hardware, the double finds this mistake
 * only when it uses the address. */
void vd_queue_add(struct vd_queue *queue, struct vd_context *context, const struct ibv_pd *pd,
                  uint64_t wr_id, const struct ibv_sge *sges, unsigned count, bool write)
{
    struct vd_work *work = &queue->ring[queue->tail++ % queue->capacity];

    work->wr_id = wr_id;
    work->sge_count = count;
    for (unsigned i = 0; i < count; i++) {
        work->sges[i] = sges[i];
        work->mrs[i] = vd_mr_resolve(context, pd, &sges[i], write);
        if (!work->mrs[i])
            continue;
        work->mrs[i]->users++;
        if (write)
            vd_mr_poison(work->mrs[i], sges[i].addr, sges[i].length);
    }
}

int vd_queue_post_recv(struct vd_queue *queue, struct vd_context *context, const struct ibv_pd *pd,
                       const char *verb, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
    int err = 0;

    for (; wr; wr = wr->next) {
        if (vd_queue_full(queue))
            err = vd_refuse(ENOMEM, "%s: all %u slots are posted", verb, queue->capacity);
        else if (wr->num_sge < 1 || (unsigned)wr->num_sge > queue->sge_max)
            err = vd_refuse(EINVAL, "%s: %d scatter entries: not within 1..%u", verb, wr->num_sge,
                            queue->sge_max);
        if (err) {
            *bad = wr;
            return err;
        }
        vd_queue_add(queue, context, pd, wr->wr_id, wr->sg_list, (unsigned)wr->num_sge, true);
    }
    return 0;
}

static enum ibv_wc_status scatter(const struct vd_work *work, const uint8_t *frame, size_t length)
{
    size_t done = 0;

    for (unsigned i = 0; i < work->sge_count && done < length; i++) {
        size_t part = length - done;

        if (part > work->sges[i].length)
            part = work->sges[i].length;
        if (!work->mrs[i] || work->mrs[i]->gone)
            return IBV_WC_LOC_PROT_ERR;
        vd_mr_write(work->mrs[i], work->sges[i].addr, frame + done, part);
        done += part;
    }
    return done == length ? IBV_WC_SUCCESS : IBV_WC_LOC_LEN_ERR;
}

/* Makes a completion with an error. Only the four fields that are set here are valid. The function fills all other
 * fields with wrong values, so that a test notices their use. */
struct ibv_wc vd_wc_failed(uint64_t wr_id, enum ibv_wc_status status, uint32_t number)
{
    struct ibv_wc wc;

    memset(&wc, VD_POISON, sizeof wc);
    wc.wr_id = wr_id;
    wc.status = status;
    wc.vendor_err = 0x22;
    wc.qp_num = number;
    return wc;
}

/* libmlx5 sets the flag only for IPv4, and only if the receive was posted to a queue pair. */
static unsigned flags_of(const struct vd_queue *queue, const struct vd_arrival *arrival)
{
    return arrival->sums_right && arrival->key.ip_version == 4 && !queue->of_work_queue
               ? IBV_WC_IP_CSUM_OK
               : 0;
}

enum ibv_wc_status vd_queue_receive(struct vd_queue *queue, struct vd_cq *cq, uint32_t number,
                                    const void *owner, const struct vd_arrival *arrival)
{
    struct vd_work *work = &queue->ring[queue->head % queue->capacity];
    enum ibv_wc_status status = scatter(work, arrival->frame, arrival->length);
    struct vd_cqe entry = {.time_ns = arrival->time_ns,
                           .flow_tag = arrival->flow_tag,
                           .sums_right = arrival->sums_right,
                           .owner = owner};
    long scripted;

    if (status == IBV_WC_SUCCESS && vd_fault("rx.status", &scripted))
        status = scripted > 0 ? (enum ibv_wc_status)scripted : IBV_WC_GENERAL_ERR;
    if (status != IBV_WC_SUCCESS)
        entry.wc = vd_wc_failed(work->wr_id, status, number);
    else
        entry.wc = (struct ibv_wc){.wr_id = work->wr_id,
                                   .opcode = IBV_WC_RECV,
                                   .byte_len = (uint32_t)arrival->length,
                                   .qp_num = number,
                                   .wc_flags = flags_of(queue, arrival)};
    vd_queue_retire(queue, 1);
    vd_cq_push(cq, &entry);
    return status;
}

void vd_queue_flush_recv(struct vd_queue *queue, struct vd_cq *cq, uint32_t number,
                         const void *owner)
{
    uint64_t flush_us = VD_SETTING(flush_us);
    uint64_t due_ns = flush_us ? vd_now_ns(CLOCK_MONOTONIC) + flush_us * 1000 : 0;

    while (queue->head != queue->tail) {
        const struct vd_work *work = &queue->ring[queue->head % queue->capacity];

        vd_cq_push(cq,
                   &(struct vd_cqe){.wc = vd_wc_failed(work->wr_id, IBV_WC_WR_FLUSH_ERR, number),
                                    .owner = owner,
                                    .due_ns = due_ns});
        vd_queue_retire(queue, 1);
    }
}
