/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving part of the null device. Each posted receive completes at the next poll, and gets the next packet of an
 * endless sequence of heaps. The device writes only the headers of the packet, so no payload moves. Environment
 * variables set the sizes: NULL_VERBS_HEAP is the payload bytes of a heap, NULL_VERBS_PACKET is the bytes of a SPEAD
 * packet. If NULL_VERBS_LOSE is N, every Nth packet is lost before the device. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <infiniband/mlx5dv.h>
#include <infiniband/verbs.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include <speadi/bytes.h>
#include <speadi/frame_layout.h>

#include "null_packets.h"
#include "null_verbs.h"

enum { RING = 1 << 15 };

struct null_recv_cq {
    struct ibv_cq_ex ex; /* the first member, because programs get the address of this member */
    struct {
        uint64_t wr_id;
        uint8_t *data;
    } ring[RING]; /* the receives that are posted */
    unsigned head, tail;
    struct ibv_wq *wq; /* The multi-packet queue. NULL if the receives come from the ring. */
    struct null_packets packets;
    uint64_t lose, until_lost; /* every `lose`-th packet is lost; 0: none */
    uint32_t length;           /* the length field of the current completion */
    struct mlx5_cqe64 *entry;  /* the current completion as mlx5 writes it */
    struct mlx5_cqe64 entries[RING];
    uint8_t frame_head[SPEADI_PLAIN_PAYLOAD_AT];
};

/* Writes the headers of a frame. A bench also counts the instructions of the null device. The function is inlined, so
 * that this number is small. */
__attribute__((always_inline)) static inline void write_frame(struct null_recv_cq *cq, uint8_t *to,
                                                              uint32_t bytes)
{
    const uint32_t udp_bytes = SPEADI_UDP_HEAD_BYTES + NULL_HEADER_BYTES + bytes;

    memcpy(to, cq->frame_head, sizeof cq->frame_head);
    speadi_store_be16(to + SPEADI_PLAIN_IP_AT + SPEADI_IPV4_LENGTH_AT,
                      SPEADI_IPV4_BYTES + udp_bytes);
    speadi_store_be16(to + SPEADI_PLAIN_UDP_AT + SPEADI_UDP_LENGTH_AT, udp_bytes);
    null_packets_write(&cq->packets, to + SPEADI_PLAIN_PAYLOAD_AT, bytes);
    null_packets_advance(&cq->packets, bytes);
    if (__builtin_expect(cq->lose != 0, 0) && --cq->until_lost == 0) {
        null_packets_advance(&cq->packets, null_packets_payload(&cq->packets));
        cq->until_lost = cq->lose - 1;
    }
}

static inline struct mlx5_cqe64 *advance(struct null_recv_cq *cq)
{
    return cq->entry = cq->entry == &cq->entries[RING - 1] ? cq->entries : cq->entry + 1;
}

/* ---- Polling -------------------------------------------------------------------------------------- */

static int next(struct ibv_cq_ex *ex)
{
    struct null_recv_cq *cq = (struct null_recv_cq *)ex;
    uint32_t bytes = null_packets_payload(&cq->packets);

    if (cq->head == cq->tail)
        return ENOENT;
    ex->wr_id = cq->ring[cq->head % RING].wr_id;
    ex->status = IBV_WC_SUCCESS;
    write_frame(cq, cq->ring[cq->head++ % RING].data, bytes);
    advance(cq)->byte_cnt = htonl(SPEADI_PLAIN_PAYLOAD_AT + NULL_HEADER_BYTES + bytes);
    return 0;
}

static int next_piece(struct ibv_cq_ex *ex)
{
    struct null_recv_cq *cq = (struct null_recv_cq *)ex;
    uint32_t bytes = null_packets_payload(&cq->packets);
    uint32_t packed;
    uint8_t *to =
        null_wq_take(cq->wq, SPEADI_PLAIN_PAYLOAD_AT + NULL_HEADER_BYTES + bytes, &packed);

    if (packed == 0)
        return ENOENT;
    ex->status = IBV_WC_SUCCESS;
    advance(cq)->byte_cnt = htonl(packed);
    if (to)
        write_frame(cq, to, bytes);
    return 0;
}

static int start(struct ibv_cq_ex *ex, struct ibv_poll_cq_attr *attr)
{
    (void)attr;
    return ex->next_poll(ex);
}

void null_cq_fill_from(struct ibv_cq *ibv, struct ibv_wq *wq)
{
    struct null_recv_cq *cq = (struct null_recv_cq *)ibv;

    cq->wq = wq;
    cq->ex.next_poll = next_piece;
}

void null_cq_entries(struct ibv_cq *ibv, struct mlx5dv_cq *out)
{
    struct null_recv_cq *cq = (struct null_recv_cq *)ibv;

    *out = (struct mlx5dv_cq){.buf = cq->entries, .cqe_cnt = RING, .cqe_size = sizeof *cq->entries};
}

static void end(struct ibv_cq_ex *ex)
{
    (void)ex;
}

static unsigned read_flags(struct ibv_cq_ex *ex)
{
    (void)ex;
    return IBV_WC_IP_CSUM_OK;
}

static uint32_t read_bytes(struct ibv_cq_ex *ex)
{
    return ntohl(((struct null_recv_cq *)ex)->entry->byte_cnt);
}

static uint64_t read_time(struct ibv_cq_ex *ex)
{
    return be64toh(((struct null_recv_cq *)ex)->entry->timestamp);
}

/* ---- Objects -------------------------------------------------------------------------------------- */

static uint64_t setting(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : fallback;
}

static void write_frame_head(uint8_t *to)
{
    static const uint8_t macs[2 * SPEADI_MAC_BYTES] = {0x01, 0, 0x5e, 1, 2, 3, 2, 0, 0, 0, 0, 2};
    uint8_t *ip = to + SPEADI_PLAIN_IP_AT, *udp = to + SPEADI_PLAIN_UDP_AT;

    memcpy(to, macs, sizeof macs);
    speadi_store_be16(to + SPEADI_ETHERNET_TYPE_AT, ETHERTYPE_IP);
    ip[SPEADI_IPV4_VERSION_AT] = 4 << 4 | SPEADI_IPV4_BYTES / 4;
    ip[SPEADI_IPV4_TTL_AT] = 4;
    ip[SPEADI_IPV4_PROTOCOL_AT] = IPPROTO_UDP;
    inet_pton(AF_INET, "10.0.0.2", ip + SPEADI_IPV4_SOURCE_AT);
    inet_pton(AF_INET, "239.1.2.3", ip + SPEADI_IPV4_DESTINATION_AT);
    speadi_store_be16(udp + SPEADI_UDP_SOURCE_PORT_AT, 1234);
    speadi_store_be16(udp + SPEADI_UDP_DESTINATION_PORT_AT, 7148);
}

struct ibv_cq_ex *null_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr)
{
    struct null_recv_cq *cq = calloc(1, sizeof *cq);

    if (!cq)
        return NULL;
    cq->ex.context = context;
    cq->ex.channel = attr->channel;
    cq->ex.cqe = (int)attr->cqe;
    cq->ex.start_poll = start;
    cq->ex.next_poll = next;
    cq->ex.end_poll = end;
    cq->ex.read_wc_flags = read_flags;
    cq->ex.read_byte_len = read_bytes;
    cq->ex.read_completion_ts = read_time;
    cq->packets = (struct null_packets){
        .heap_bytes = setting("NULL_VERBS_HEAP", 4u << 20),
        .payload_bytes = setting("NULL_VERBS_PACKET", 1472) - NULL_HEADER_BYTES,
        .counter = 1,
    };
    cq->lose = setting("NULL_VERBS_LOSE", 0);
    cq->until_lost = cq->lose - 1;
    write_frame_head(cq->frame_head);
    for (unsigned i = 0; i < RING; i++)
        cq->entries[i].hds_ip_ext = MLX5_CQE_L3_OK | MLX5_CQE_L4_OK;
    cq->entry = &cq->entries[RING - 1];
    return &cq->ex;
}

int null_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
    struct null_recv_cq *cq = (struct null_recv_cq *)qp->recv_cq;

    (void)bad;
    for (; wr; wr = wr->next, cq->tail++) {
        cq->ring[cq->tail % RING].wr_id = wr->wr_id;
        cq->ring[cq->tail % RING].data = (uint8_t *)(uintptr_t)wr->sg_list[0].addr;
    }
    return 0;
}

struct ibv_flow *null_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *attr)
{
    struct ibv_flow *flow = calloc(1, sizeof *flow);

    (void)attr;
    if (flow)
        flow->context = qp->context;
    return flow;
}

int null_destroy_flow(struct ibv_flow *flow)
{
    free(flow);
    return 0;
}
