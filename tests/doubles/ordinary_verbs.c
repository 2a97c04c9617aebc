/* SPDX-License-Identifier: Apache-2.0 */
/* An ordinary verbs program, which does not know that there is a double. It sends raw Ethernet frames from one host to
 * another. It is linked with the libibverbs of the system.
 *
 *   ordinary-verbs receive DEVICE COUNT   prints "ready" to stderr, and at the end how many frames it received
 *   ordinary-verbs send DEVICE COUNT
 *
 * The exit status is 0 if all frames were right. */
#include <arpa/inet.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 256, SLOT_BYTES = 2048, HEADERS = 42, PAYLOAD = 1024, PORT = 7160, QUIET_MS = 5000 };

struct side {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_comp_channel *channel;
    struct ibv_cq_ex *recv_cq;
    struct ibv_cq *send_cq;
    struct ibv_qp *qp;
    struct ibv_mr *mr;
    struct ibv_flow *flow;
    uint8_t *memory;
};

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static struct ibv_context *open_named(const char *name)
{
    struct ibv_device **list = ibv_get_device_list(NULL);
    struct ibv_context *context = NULL;

    must(list != NULL, "ibv_get_device_list");
    for (int i = 0; list[i]; i++)
        if (!strcmp(ibv_get_device_name(list[i]), name))
            context = ibv_open_device(list[i]);
    ibv_free_device_list(list);
    must(context != NULL, name);
    return context;
}

static void check_device(struct ibv_context *context)
{
    struct ibv_device_attr_ex attr;
    struct ibv_port_attr port;

    must(ibv_query_device_ex(context, NULL, &attr) == 0, "ibv_query_device_ex");
    must(attr.orig_attr.max_qp_wr >= DEPTH, "max_qp_wr");
    must(attr.raw_packet_caps & IBV_RAW_PACKET_CAP_IP_CSUM, "checksum offload");
    must(ibv_query_port(context, 1, &port) == 0, "ibv_query_port");
    must(port.link_layer == IBV_LINK_LAYER_ETHERNET && port.state == IBV_PORT_ACTIVE, "port");
}

static void move(struct ibv_qp *qp, enum ibv_qp_state state, int more)
{
    struct ibv_qp_attr attr = {.qp_state = state, .port_num = 1};

    must(ibv_modify_qp(qp, &attr, IBV_QP_STATE | more) == 0, "ibv_modify_qp");
}

static void open_side(struct side *side, const char *name)
{
    struct ibv_cq_init_attr_ex cq = {.cqe = DEPTH, .wc_flags = IBV_WC_EX_WITH_BYTE_LEN};
    struct ibv_qp_init_attr qp = {.cap = {DEPTH, DEPTH, 1, 1, 0}, .qp_type = IBV_QPT_RAW_PACKET};

    side->context = open_named(name);
    check_device(side->context);
    side->pd = ibv_alloc_pd(side->context);
    side->channel = ibv_create_comp_channel(side->context);
    must(side->pd && side->channel, "ibv_create_comp_channel");
    cq.channel = side->channel;
    side->recv_cq = ibv_create_cq_ex(side->context, &cq);
    side->send_cq = ibv_create_cq(side->context, DEPTH, NULL, NULL, 0);
    must(side->recv_cq && side->send_cq, "ibv_create_cq");
    side->memory = aligned_alloc(4096, DEPTH * SLOT_BYTES);
    side->mr = ibv_reg_mr(side->pd, side->memory, DEPTH * SLOT_BYTES,
                          IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_RELAXED_ORDERING);
    must(side->mr != NULL, "ibv_reg_mr");
    qp.recv_cq = ibv_cq_ex_to_cq(side->recv_cq);
    qp.send_cq = side->send_cq;
    side->qp = ibv_create_qp(side->pd, &qp);
    must(side->qp != NULL, "ibv_create_qp");
    move(side->qp, IBV_QPS_INIT, IBV_QP_PORT);
}

static void close_side(struct side *side)
{
    must(!side->flow || ibv_destroy_flow(side->flow) == 0, "ibv_destroy_flow");
    must(ibv_destroy_qp(side->qp) == 0, "ibv_destroy_qp");
    must(ibv_dereg_mr(side->mr) == 0, "ibv_dereg_mr");
    must(ibv_destroy_cq(ibv_cq_ex_to_cq(side->recv_cq)) == 0, "ibv_destroy_cq");
    must(ibv_destroy_cq(side->send_cq) == 0, "ibv_destroy_cq");
    must(ibv_destroy_comp_channel(side->channel) == 0, "ibv_destroy_comp_channel");
    must(ibv_dealloc_pd(side->pd) == 0, "ibv_dealloc_pd");
    must(ibv_close_device(side->context) == 0, "ibv_close_device");
    free(side->memory);
}

static void post(struct side *side, uint64_t slot)
{
    struct ibv_sge sge = {(uintptr_t)(side->memory + slot * SLOT_BYTES), SLOT_BYTES,
                          side->mr->lkey};
    struct ibv_recv_wr wr = {.wr_id = slot, .sg_list = &sge, .num_sge = 1}, *bad;

    must(ibv_post_recv(side->qp, &wr, &bad) == 0, "ibv_post_recv");
}

static void steer(struct side *side)
{
    struct {
        struct ibv_flow_attr attr;
        struct ibv_flow_spec_eth eth;
        struct ibv_flow_spec_ipv4 ip;
        struct ibv_flow_spec_tcp_udp udp;
    } __attribute__((packed, aligned(4))) rule = {
        .attr = {.size = sizeof rule, .num_of_specs = 3, .port = 1},
        .eth = {IBV_FLOW_SPEC_ETH, sizeof rule.eth, .val = {.dst_mac = {1, 0, 0x5e, 1, 2, 3}}},
        .ip = {IBV_FLOW_SPEC_IPV4, sizeof rule.ip, .val = {.dst_ip = inet_addr("239.1.2.3")}},
        .udp = {IBV_FLOW_SPEC_UDP, sizeof rule.udp, .val = {.dst_port = htons(PORT)}},
    };

    memset(rule.eth.mask.dst_mac, 0xff, 6);
    rule.ip.mask.dst_ip = UINT32_MAX;
    rule.udp.mask.dst_port = UINT16_MAX;
    side->flow = ibv_create_flow(side->qp, (void *)&rule);
    must(side->flow != NULL, "ibv_create_flow");
}

/* Returns 1 if the frame has exactly the bytes of the frame with the number `number`, else 0. */
static int right(const uint8_t *frame, uint32_t length, uint32_t number)
{
    uint32_t wire;

    memcpy(&wire, frame + HEADERS, sizeof wire);
    return length == HEADERS + PAYLOAD && ntohl(wire) == number && frame[24] | frame[25];
}

static unsigned drain(struct side *side, unsigned received, unsigned *bad)
{
    struct ibv_poll_cq_attr none = {0};

    if (ibv_start_poll(side->recv_cq, &none))
        return received;
    do {
        uint64_t slot = side->recv_cq->wr_id;

        if (side->recv_cq->status != IBV_WC_SUCCESS ||
            !right(side->memory + slot * SLOT_BYTES, ibv_wc_read_byte_len(side->recv_cq), received))
            ++*bad;
        received++;
        post(side, slot);
    } while (ibv_next_poll(side->recv_cq) == 0);
    ibv_end_poll(side->recv_cq);
    return received;
}

static int receive(struct side *side, unsigned count)
{
    struct pollfd wake = {side->channel->fd, POLLIN, 0};
    unsigned received = 0, bad = 0;

    for (uint64_t slot = 0; slot < DEPTH; slot++)
        post(side, slot);
    move(side->qp, IBV_QPS_RTR, 0);
    steer(side);
    must(ibv_req_notify_cq(ibv_cq_ex_to_cq(side->recv_cq), 0) == 0, "ibv_req_notify_cq");
    fprintf(stderr, "ready\n");
    while ((received = drain(side, received, &bad)) < count && poll(&wake, 1, QUIET_MS) > 0) {
        struct ibv_cq *cq;
        void *unused;

        must(ibv_get_cq_event(side->channel, &cq, &unused) == 0, "ibv_get_cq_event");
        ibv_ack_cq_events(cq, 1);
        must(ibv_req_notify_cq(cq, 0) == 0, "ibv_req_notify_cq");
    }
    printf("received %u of %u, %u bad\n", received, count, bad);
    return received == count && bad == 0 ? 0 : 1;
}

static void fill(uint8_t *frame, uint32_t number)
{
    /* Ethernet header: destination, source, type. IPv4 header: 28 + 1024 bytes, from 10.77.0.2 to 239.1.2.3. UDP
     * header: 8 + 1024 bytes. */
    static const uint8_t headers[HEADERS] = {
        1,    0, 0x5e, 1,    2, 3, 2,         0,          0,         0,          0, 9, 8,  0,
        0x45, 0, 4,    0x1c, 0, 0, 0x40,      0,          4,         17,         0, 0, 10, 77,
        0,    2, 239,  1,    2, 3, PORT >> 8, PORT & 255, PORT >> 8, PORT & 255, 4, 8};
    uint32_t wire = htonl(number);

    memcpy(frame, headers, sizeof headers);
    memset(frame + HEADERS, (int)number, PAYLOAD);
    memcpy(frame + HEADERS, &wire, sizeof wire);
}

static int transmit(struct side *side, unsigned count)
{
    struct ibv_wc wc;

    move(side->qp, IBV_QPS_RTR, 0);
    move(side->qp, IBV_QPS_RTS, 0);
    for (uint32_t number = 0; number < count; number++) {
        uint8_t *frame = side->memory + number % DEPTH * SLOT_BYTES;
        struct ibv_sge sge = {(uintptr_t)frame, HEADERS + PAYLOAD, side->mr->lkey};
        struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND}, *bad;
        int found = 0, last = number % 16 == 15 || number + 1 == count;

        fill(frame, number);
        wr.send_flags = IBV_SEND_IP_CSUM | (last ? IBV_SEND_SIGNALED : 0u);
        must(ibv_post_send(side->qp, &wr, &bad) == 0, "ibv_post_send");
        while (last && found == 0)
            found = ibv_poll_cq(side->send_cq, 1, &wc);
        must(found >= 0 && (!found || wc.status == IBV_WC_SUCCESS), "send completion");
        if (last)
            /* Send slowly, so that the queue of the receiver does not overflow. */
            poll(NULL, 0, 1);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct side side = {0};
    unsigned count;
    int status;

    if (argc != 4) {
        fprintf(stderr, "usage: ordinary-verbs receive|send DEVICE COUNT\n");
        return 2;
    }
    count = (unsigned)atoi(argv[3]);
    open_side(&side, argv[2]);
    status = !strcmp(argv[1], "receive") ? receive(&side, count) : transmit(&side, count);
    close_side(&side);
    return status;
}
