/* What the halves of the stand-in libibverbs share; see null_verbs.c. */
#ifndef BENCH_NULL_VERBS_H
#define BENCH_NULL_VERBS_H

#include <infiniband/verbs.h>

struct ibv_cq_ex *null_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
int null_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
struct ibv_flow *null_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *attr);
int null_destroy_flow(struct ibv_flow *flow);

#endif
