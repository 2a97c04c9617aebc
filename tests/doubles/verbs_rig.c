/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMORY_BYTES (2 * RIG_DEPTH * RIG_SLOT_BYTES)

/* How many times a wait sleeps for one millisecond before the test fails. Only a failing test waits that long. */
enum { WAIT_STEPS = 5000 };

static const uint8_t group_mac[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};

static struct ibv_context *open_device(const char *interface)
{
    struct ibv_device **list = ibv_get_device_list(NULL);
    struct ibv_context *context = NULL;
    char name[64];

    snprintf(name, sizeof name, "vd_%s", interface);
    for (int i = 0; list && list[i] && !context; i++)
        if (!strcmp(ibv_get_device_name(list[i]), name))
            context = ibv_open_device(list[i]);
    if (list)
        ibv_free_device_list(list);
    return context;
}

struct ibv_qp *rig_make_qp(struct rig_host *host, struct rig_options options)
{
    unsigned depth = options.depth ? options.depth : RIG_DEPTH;
    unsigned sge_max = options.sge_max ? options.sge_max : 4;
    struct ibv_qp_init_attr_ex attr = {
        .send_cq = host->send_cq,
        .recv_cq = host->recv_cq,
        .cap = {depth, depth, sge_max, sge_max, options.inline_max},
        .qp_type = IBV_QPT_RAW_PACKET,
        .comp_mask = IBV_QP_INIT_ATTR_PD,
        .pd = host->pd,
    };

    if (options.tso_header_max) {
        attr.comp_mask |= IBV_QP_INIT_ATTR_MAX_TSO_HEADER;
        attr.max_tso_header = (uint16_t)options.tso_header_max;
    }
    return ibv_create_qp_ex(host->context, &attr);
}

int rig_move_qp(struct ibv_qp *qp, enum ibv_qp_state state)
{
    struct ibv_qp_attr attr = {.qp_state = state, .port_num = 1};

    return ibv_modify_qp(qp, &attr, IBV_QP_STATE | (state == IBV_QPS_INIT ? IBV_QP_PORT : 0));
}

void rig_ready(struct rig_host *host)
{
    cr_assert_eq(rig_move_qp(host->qp, IBV_QPS_INIT), 0);
    cr_assert_eq(rig_move_qp(host->qp, IBV_QPS_RTR), 0);
    cr_assert_eq(rig_move_qp(host->qp, IBV_QPS_RTS), 0);
}

void rig_open_host(struct rig_host *host, int network, const char *interface,
                   struct rig_options options)
{
    unsigned depth = options.depth ? options.depth : RIG_DEPTH;
    uint32_t cqe = options.cqe ? options.cqe : 4 * depth;

    test_netns_move(network);
    host->network = network;
    host->context = open_device(interface);
    cr_assert(host->context, "no device for %s: %s", interface, strerror(errno));
    host->pd = ibv_alloc_pd(host->context);
    host->channel = ibv_create_comp_channel(host->context);
    host->send_cq = ibv_create_cq(host->context, (int)cqe, NULL, NULL, 0);
    if (options.extended) {
        struct ibv_cq_init_attr_ex attr = {
            .cqe = cqe, .channel = host->channel, .wc_flags = options.wc_flags};

        host->recv_ex = ibv_create_cq_ex(host->context, &attr);
        cr_assert(host->recv_ex, "%s", vdouble_last_refusal());
        host->recv_cq = ibv_cq_ex_to_cq(host->recv_ex);
    } else {
        host->recv_cq = ibv_create_cq(host->context, (int)cqe, host, host->channel, 0);
    }
    host->memory = aligned_alloc(4096, MEMORY_BYTES);
    host->mr = ibv_reg_mr(host->pd, host->memory, MEMORY_BYTES, IBV_ACCESS_LOCAL_WRITE);
    host->qp = rig_make_qp(host, options);
    cr_assert(host->pd && host->channel && host->send_cq && host->recv_cq && host->mr && host->qp,
              "%s", vdouble_last_refusal());
}

void rig_open(struct rig *rig, int hosts, struct rig_options options)
{
    const char *reason;

    memset(rig, 0, sizeof *rig);
    if (!test_netns_pair(&rig->pair, RIG_MTU, &reason))
        cr_skip_test("%s", reason);
    if (hosts > 1)
        rig_open_host(&rig->far, rig->pair.far, TEST_FAR_INTERFACE, options);
    rig_open_host(&rig->near, rig->pair.near, TEST_NEAR_INTERFACE, options);
}

void rig_close_host(struct rig_host *host)
{
    if (!host->context)
        return;
    if (host->flow)
        cr_assert_eq(ibv_destroy_flow(host->flow), 0);
    if (host->qp)
        cr_assert_eq(ibv_destroy_qp(host->qp), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_dereg_mr(host->mr), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_destroy_cq(host->recv_cq), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_destroy_cq(host->send_cq), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_destroy_comp_channel(host->channel), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_dealloc_pd(host->pd), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_close_device(host->context), 0, "%s", vdouble_last_refusal());
    free(host->memory);
}

void rig_close(struct rig *rig)
{
    struct vdouble_counters left;

    rig_close_host(&rig->near);
    rig_close_host(&rig->far);
    left = rig_counters();
    cr_assert_eq(left.contexts + left.pds + left.mrs + left.channels + left.cqs + left.qps +
                     left.flows + left.wqs + left.ind_tables,
                 0, "objects are alive");
}

void rig_steer(struct rig_host *host)
{
    struct {
        struct ibv_flow_attr attr;
        struct ibv_flow_spec_eth eth;
        struct ibv_flow_spec_ipv4 ip;
        struct ibv_flow_spec_tcp_udp udp;
    } __attribute__((packed, aligned(4))) rule = {
        .attr = {.type = IBV_FLOW_ATTR_NORMAL, .size = sizeof rule, .num_of_specs = 3, .port = 1},
        .eth = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof rule.eth},
        .ip = {.type = IBV_FLOW_SPEC_IPV4, .size = sizeof rule.ip},
        .udp = {.type = IBV_FLOW_SPEC_UDP,
                .size = sizeof rule.udp,
                .val = {.dst_port = htons(RIG_PORT)},
                .mask = {.dst_port = 0xffff}},
    };

    host->flow = ibv_create_flow(host->qp, (void *)&rule);
    cr_assert(host->flow, "%s", vdouble_last_refusal());
}

uint8_t *rig_slot(const struct rig_host *host, unsigned slot)
{
    return host->memory + slot * RIG_SLOT_BYTES;
}

int rig_post(struct rig_host *host, unsigned slot)
{
    struct ibv_sge sge = {(uintptr_t)rig_slot(host, slot), RIG_SLOT_BYTES, host->mr->lkey};
    struct ibv_recv_wr wr = {.wr_id = slot, .sg_list = &sge, .num_sge = 1}, *bad;

    return ibv_post_recv(host->qp, &wr, &bad);
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

size_t rig_frame(uint8_t *to, uint32_t number, size_t payload)
{
    static const uint8_t addresses[8] = {10, 77, 0, 2, 239, 1, 2, 3};
    uint32_t wire = htonl(number);

    memset(to, 0, RIG_HEADERS);
    memcpy(to, group_mac, 6);
    memcpy(to + 6, "\x02\0\0\0\0\x02", 6);
    put16(to + 12, 0x0800);
    to[14] = 0x45;
    put16(to + 16, 28 + payload);
    to[22] = 4;
    to[23] = 17;
    memcpy(to + 26, addresses, sizeof addresses);
    put16(to + 34, 1234);
    put16(to + 36, RIG_PORT);
    put16(to + 38, 8 + payload);
    for (size_t i = 0; i < payload; i++)
        to[RIG_HEADERS + i] = (uint8_t)(number + i);
    memcpy(to + RIG_HEADERS, &wire, sizeof wire);
    return RIG_HEADERS + payload;
}

uint32_t rig_number(const uint8_t *frame)
{
    uint32_t wire;

    memcpy(&wire, frame + RIG_HEADERS, sizeof wire);
    return ntohl(wire);
}

enum ibv_wc_status rig_send(struct rig_host *host, uint32_t number, size_t payload)
{
    uint8_t *frame = rig_slot(host, RIG_DEPTH);
    struct ibv_sge sge = {(uintptr_t)frame, (uint32_t)rig_frame(frame, number, payload),
                          host->mr->lkey};
    struct ibv_send_wr wr = {.wr_id = number,
                             .sg_list = &sge,
                             .num_sge = 1,
                             .opcode = IBV_WR_SEND,
                             .send_flags = IBV_SEND_SIGNALED | IBV_SEND_IP_CSUM},
                       *bad;

    cr_assert_eq(ibv_post_send(host->qp, &wr, &bad), 0, "%s", vdouble_last_refusal());
    return rig_completion(host->send_cq).status;
}

static void sleep_step(void)
{
    poll(NULL, 0, 1);
}

struct ibv_wc rig_completion(struct ibv_cq *cq)
{
    struct ibv_wc wc = {0};

    for (int i = 0; i < WAIT_STEPS; i++) {
        int found = ibv_poll_cq(cq, 1, &wc);

        cr_assert_geq(found, 0, "the queue is in error: %s", vdouble_last_refusal());
        if (found)
            return wc;
        sleep_step();
    }
    cr_assert_fail("no completion came");
    return wc;
}

bool rig_nothing(struct ibv_cq *cq)
{
    struct ibv_wc wc;

    return ibv_poll_cq(cq, 1, &wc) == 0;
}

struct vdouble_counters rig_counters(void)
{
    struct vdouble_counters counters;

    vdouble_counters(&counters);
    return counters;
}

void rig_wait_frames(uint64_t matched)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        struct vdouble_counters c = rig_counters();

        if (c.rx_delivered + c.rx_out_of_buffer + c.rx_oversized + c.rx_faulted >= matched)
            return;
        sleep_step();
    }
    cr_assert_fail("fewer frames came in than were sent");
}
