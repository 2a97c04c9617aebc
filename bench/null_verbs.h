/* The functions that the files of the null device share. See null_verbs.c. */
#ifndef BENCH_NULL_VERBS_H
#define BENCH_NULL_VERBS_H

#include <infiniband/verbs.h>

struct ibv_cq_ex *null_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
int null_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
struct ibv_flow *null_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *attr);
int null_destroy_flow(struct ibv_flow *flow);

/* Makes the completion queue complete frames in the entries of wq, which is a multi-packet queue. */
void null_cq_fill_from(struct ibv_cq *cq, struct ibv_wq *wq);

/* Takes strides for a frame. Returns the memory of the frame and sets *packed to the length field of its completion.
 * Returns NULL in two cases: *packed is 0 when no entry is posted; else the frame did not fit, and the rest of the
 * entry was filled up. */
uint8_t *null_wq_take(struct ibv_wq *wq, uint32_t frame_bytes, uint32_t *packed);
void null_wq_install(struct verbs_context *verbs);

#endif
