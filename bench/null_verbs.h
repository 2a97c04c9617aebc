/* What the halves of the stand-in libibverbs share; see null_verbs.c. */
#ifndef BENCH_NULL_VERBS_H
#define BENCH_NULL_VERBS_H

#include <infiniband/verbs.h>

struct ibv_cq_ex *null_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
int null_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
struct ibv_flow *null_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *attr);
int null_destroy_flow(struct ibv_flow *flow);

/* Completions of the queue come from what is posted to wq, a multi-packet one. */
void null_cq_fill_from(struct ibv_cq *cq, struct ibv_wq *wq);

/* Room for a frame, and the length field of its completion. NULL: an entry's rest was filled up; *packed is 0: nothing
 * is posted. */
uint8_t *null_wq_take(struct ibv_wq *wq, uint32_t frame_bytes, uint32_t *packed);
void null_wq_install(struct verbs_context *verbs);

#endif
