/* The functions that the files of the null device share. See null_verbs.c. */
#ifndef BENCH_NULL_VERBS_H
#define BENCH_NULL_VERBS_H

#include <infiniband/verbs.h>

struct ibv_cq_ex *null_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
int null_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
struct ibv_flow *null_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *attr);
int null_destroy_flow(struct ibv_flow *flow);

/* Connects a completion queue with `wq`, a multi-packet queue. The completions are then for frames in the entries of
 * `wq`. */
void null_cq_fill_from(struct ibv_cq *cq, struct ibv_wq *wq);

/* Takes strides of the posted entry for one frame. Returns the memory for the frame, and sets *packed to the length
 * field of its completion. Returns NULL in two cases. If no entry is posted, *packed is 0. If the frame does not fit
 * into the rest of the entry, that rest is filled up and *packed is not 0. */
uint8_t *null_wq_take(struct ibv_wq *wq, uint32_t frame_bytes, uint32_t *packed);
void null_wq_install(struct verbs_context *verbs);

#endif
