/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the files of the null device share. See null_verbs.c. */
#ifndef BENCH_NULL_VERBS_H
#define BENCH_NULL_VERBS_H

#include <infiniband/mlx5dv.h>
#include <infiniband/verbs.h>

struct ibv_cq_ex *null_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
int null_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
struct ibv_flow *null_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *attr);
int null_destroy_flow(struct ibv_flow *flow);

/* Describes the entries of the completion queue. */
void null_cq_entries(struct ibv_cq *cq, struct mlx5dv_cq *out);

/* Connects a completion queue with `wq`, a multi-packet receive queue. From then on each completion of the queue
 * reports a frame that lies in an entry of `wq`. */
void null_cq_fill_from(struct ibv_cq *cq, struct ibv_wq *wq);

/* Takes memory for one frame from the posted entry: as many strides as the frame needs. Returns the memory, and sets
 * *packed to the length field of the frame's completion. Returns NULL in two cases. If no entry is posted, *packed
 * becomes 0. If the frame is too long for the rest of the entry, the function uses up that rest, and *packed does not
 * become 0. */
uint8_t *null_wq_take(struct ibv_wq *wq, uint32_t frame_bytes, uint32_t *packed);
void null_wq_install(struct verbs_context *verbs);

#endif
