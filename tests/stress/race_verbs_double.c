/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: several threads of a verbs program may use the double at the same time. One thread posts receives and polls,
 * one thread sends, and the device has its own thread. If the double itself had a race, it would look like a race of
 * the engine.
 * Method: there are two hosts. The far host sends as fast as its completions allow. The near host sleeps on its
 * channel, polls and posts again. A third thread reads counters and changes settings. */
#include "netns.h"
#include "verbs/control.h"

#include <arpa/inet.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 5000, DEPTH = 64, SLOT_BYTES = 2048, FRAME_BYTES = 200, PORT = 7161 };

struct host {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_comp_channel *channel;
    struct ibv_cq *send_cq, *recv_cq;
    struct ibv_qp *qp;
    struct ibv_mr *mr;
    struct ibv_flow *flow;
    uint8_t *memory;
};

static atomic_bool all_sent, over;

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s: %s\n", what, vdouble_last_refusal());
    exit(1);
}

static void open_host(struct host *host, const char *device)
{
    struct ibv_device **list = ibv_get_device_list(NULL);
    struct ibv_qp_init_attr attr = {.cap = {DEPTH, DEPTH, 1, 1, 0}, .qp_type = IBV_QPT_RAW_PACKET};

    for (int i = 0; list[i]; i++)
        if (!strcmp(ibv_get_device_name(list[i]), device))
            host->context = ibv_open_device(list[i]);
    ibv_free_device_list(list);
    must(host->context, device);
    host->pd = ibv_alloc_pd(host->context);
    host->channel = ibv_create_comp_channel(host->context);
    host->send_cq = ibv_create_cq(host->context, DEPTH, NULL, NULL, 0);
    host->recv_cq = ibv_create_cq(host->context, 2 * DEPTH, NULL, host->channel, 0);
    host->memory = aligned_alloc(4096, DEPTH * SLOT_BYTES);
    host->mr = ibv_reg_mr(host->pd, host->memory, DEPTH * SLOT_BYTES, IBV_ACCESS_LOCAL_WRITE);
    attr.send_cq = host->send_cq;
    attr.recv_cq = host->recv_cq;
    host->qp = ibv_create_qp(host->pd, &attr);
    must(host->qp && host->mr, "host");
    for (enum ibv_qp_state state = IBV_QPS_INIT; state <= IBV_QPS_RTS; state++) {
        struct ibv_qp_attr step = {.qp_state = state, .port_num = 1};

        must(!ibv_modify_qp(host->qp, &step,
                            IBV_QP_STATE | (state == IBV_QPS_INIT ? IBV_QP_PORT : 0)),
             "modify_qp");
    }
}

static void close_host(struct host *host)
{
    must(!host->flow || !ibv_destroy_flow(host->flow), "destroy_flow");
    must(!ibv_destroy_qp(host->qp), "destroy_qp");
    must(!ibv_dereg_mr(host->mr), "dereg_mr");
    must(!ibv_destroy_cq(host->recv_cq) && !ibv_destroy_cq(host->send_cq), "destroy_cq");
    must(!ibv_destroy_comp_channel(host->channel), "destroy_comp_channel");
    must(!ibv_dealloc_pd(host->pd), "dealloc_pd");
    must(!ibv_close_device(host->context), "close_device");
    free(host->memory);
}

static void post(struct host *host, uint64_t slot)
{
    struct ibv_sge sge = {(uintptr_t)(host->memory + slot * SLOT_BYTES), SLOT_BYTES,
                          host->mr->lkey};
    struct ibv_recv_wr wr = {.wr_id = slot, .sg_list = &sge, .num_sge = 1}, *bad;

    must(!ibv_post_recv(host->qp, &wr, &bad), "post_recv");
}

static void steer(struct host *host)
{
    struct {
        struct ibv_flow_attr attr;
        struct ibv_flow_spec_eth eth;
    } __attribute__((packed, aligned(4)))
    rule = {.attr = {.size = sizeof rule, .num_of_specs = 1, .port = 1},
            .eth = {.type = IBV_FLOW_SPEC_ETH,
                    .size = sizeof rule.eth,
                    /* 0x88b5 is the EtherType for local experiments. */
                    .val = {.ether_type = htons(0x88b5)},
                    .mask = {.ether_type = 0xffff}}};

    host->flow = ibv_create_flow(host->qp, (void *)&rule);
    must(host->flow, "create_flow");
}

static void *send_all(void *arg)
{
    struct host *host = arg;
    struct ibv_wc wc;

    memset(host->memory, 0xff, 12);
    host->memory[12] = 0x88;
    host->memory[13] = 0xb5;
    for (int i = 0; i < FRAMES; i++) {
        struct ibv_sge sge = {(uintptr_t)host->memory, FRAME_BYTES, host->mr->lkey};
        struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND}, *bad;

        if (i % 16 == 15)
            wr.send_flags = IBV_SEND_SIGNALED;
        must(!ibv_post_send(host->qp, &wr, &bad), "post_send");
        while (i % 16 == 15 && ibv_poll_cq(host->send_cq, 1, &wc) == 0)
            ;
    }
    /* Relaxed is enough, because the flag publishes no other data: the frames travel through the device. */
    atomic_store_explicit(&all_sent, true, memory_order_relaxed);
    return NULL;
}

static void *meddle(void *arg)
{
    struct vdouble_counters counters;

    /* Relaxed is enough, because the flag only ends the loop. */
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        vdouble_counters(&counters);
        vdouble_script("poison=0");
        vdouble_script("poison=1");
        poll(NULL, 0, 1);
    }
    return arg;
}

/* Receives until the sender has ended and no frame has arrived for a while. Returns how many frames arrived. */
static unsigned receive_all(struct host *host)
{
    struct pollfd channel = {host->channel->fd, POLLIN, 0};
    unsigned count = 0;
    struct ibv_wc wc;
    struct ibv_cq *cq;
    void *unused;

    for (;;) {
        must(!ibv_req_notify_cq(host->recv_cq, 0), "req_notify_cq");
        while (ibv_poll_cq(host->recv_cq, 1, &wc) > 0) {
            must(wc.status == IBV_WC_SUCCESS && wc.byte_len == FRAME_BYTES, "receive completion");
            post(host, wc.wr_id);
            count++;
        }
        if (poll(&channel, 1, 500) == 0) {
            if (atomic_load_explicit(&all_sent, memory_order_relaxed))
                return count;
            continue;
        }
        must(!ibv_get_cq_event(host->channel, &cq, &unused), "get_cq_event");
        ibv_ack_cq_events(cq, 1);
    }
}

int main(void)
{
    struct host near = {0}, far = {0};
    struct vdouble_counters counters;
    struct test_netns_pair pair;
    pthread_t sender, meddler;
    const char *reason;
    unsigned count;

    if (!test_netns_pair(&pair, 1500, &reason)) {
        printf("skipped: %s\n", reason);
        return 77;
    }
    open_host(&near, "vd_" TEST_NEAR_INTERFACE);
    for (uint64_t slot = 0; slot < DEPTH; slot++)
        post(&near, slot);
    steer(&near);
    test_netns_move(pair.far);
    open_host(&far, "vd_" TEST_FAR_INTERFACE);
    must(!pthread_create(&meddler, NULL, meddle, NULL), "pthread_create");
    must(!pthread_create(&sender, NULL, send_all, &far), "pthread_create");
    count = receive_all(&near);
    pthread_join(sender, NULL);
    atomic_store_explicit(&over, true, memory_order_relaxed);
    pthread_join(meddler, NULL);
    vdouble_counters(&counters);
    close_host(&near);
    close_host(&far);
    printf("%u of %d frames received, %lu without a buffer\n", count, FRAMES,
           (unsigned long)counters.rx_out_of_buffer);
    return counters.tx_frames >= FRAMES && count > 0 && count == counters.rx_delivered ? 0 : 1;
}
