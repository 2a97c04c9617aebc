/* The queue pair that a NIC's rules lead to, with its completion queue and its rules. It can fail, and be made
 * anew. */
#ifndef SPEADI_VERBS_QUEUE_H
#define SPEADI_VERBS_QUEUE_H

#include "verbs_cq.h"
#include "verbs_flow.h"

#define SPEADI_VERBS_WQS_MAX 16u /* a power of two */

struct speadi_verbs_queue {
    struct speadi_verbs_device *device;
    struct speadi_verbs_cq cq;
    struct ibv_qp *qp; /* NULL: closed */
    struct speadi_verbs_flows flows;
    /* Work queues, if there are: then the queue pair only leads to them, by a hash of addresses and ports. */
    struct ibv_wq *wq[SPEADI_VERBS_WQS_MAX];
    unsigned wq_count;
    struct ibv_rwq_ind_table *table;
};

struct speadi_verbs_queue_config {
    uint32_t depth;   /* receives posted at a time */
    uint32_t sge_max; /* scatter entries of each */
    int comp_vector;  /* -1: polled only */
    unsigned wqs;     /* a power of two; 1: receives are the queue pair's own */
};

/* With several work queues depth is shared among them, and they complete in one. Up to INIT: receives may be posted, no frame comes yet. 0 or -errno with a sentence; what was made by then is
 * for close(). */
int speadi_verbs_queue_open(struct speadi_verbs_queue *queue, struct speadi_verbs_device *device,
                            const struct speadi_verbs_queue_config *config, struct spead_err *err);

/* A multi-packet queue of mlx5. */
struct speadi_verbs_striding {
    uint32_t entries;                 /* a power of two */
    uint32_t stride_log, strides_log; /* of each */
    uint32_t completions;             /* as many as there may be strides in all */
    int comp_vector;
};

/* The same with a multi-packet queue, whose ring the caller fills: see verbs_mprq.h. */
int speadi_verbs_queue_open_striding(struct speadi_verbs_queue *queue,
                                     struct speadi_verbs_device *device,
                                     const struct speadi_verbs_striding *config,
                                     struct mlx5dv_rwq *ring, struct spead_err *err);

/* RTR, and the rules: frames come. */
int speadi_verbs_queue_start(struct speadi_verbs_queue *queue,
                             const struct speadi_rx_config *config, struct spead_err *err);

/* No more frames: what is posted completes as flushed. */
void speadi_verbs_queue_stop(struct speadi_verbs_queue *queue);

/* The device writes nothing any more when it returns. Safe when zeroed. */
void speadi_verbs_queue_close(struct speadi_verbs_queue *queue);

#endif
