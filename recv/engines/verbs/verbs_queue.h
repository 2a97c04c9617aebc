/* SPDX-License-Identifier: Apache-2.0 */
/* The queue pair that receives frames, with its completion queue and its flow rules. When the queue has failed, the
 * engine closes it and opens another one. */
#ifndef SPEADI_VERBS_QUEUE_H
#define SPEADI_VERBS_QUEUE_H

#include "verbs_cq.h"
#include "verbs_flow.h"

#define SPEADI_VERBS_WQS_MAX 16u /* most work queues of one queue pair; a power of two */

struct speadi_verbs_queue {
    struct speadi_verbs_device *device;
    struct speadi_verbs_cq cq;
    struct ibv_qp *qp; /* NULL if the queue is closed */
    struct speadi_verbs_flows flows;
    /* If wq_count is not 0, receives are posted to these work queues, not to the queue pair. The queue pair then only
     * distributes the frames to the work queues, by a hash of addresses and ports. */
    struct ibv_wq *wq[SPEADI_VERBS_WQS_MAX];
    unsigned wq_count;
    struct ibv_rwq_ind_table *table;
};

struct speadi_verbs_queue_config {
    uint32_t depth;               /* most receives that are posted at a time */
    uint32_t sge_max;             /* most scatter entries of a receive */
    int comp_vector;              /* -1 means no completion events: the engine only polls */
    enum spead_verbs_clock clock; /* whose time the packets get */
    /* Number of work queues, a power of two. 1 means that there are none, and receives are posted to the queue pair. */
    unsigned wqs;
};

/* Opens a queue and moves it to the state INIT. Receives may be posted then, but no frame arrives yet. If there are
 * several work queues, `depth` is divided among them, and all of them have one completion queue. Returns 0 or -errno
 * with a sentence. The caller must call close() even after a failure. */
int speadi_verbs_queue_open(struct speadi_verbs_queue *queue, struct speadi_verbs_device *device,
                            const struct speadi_verbs_queue_config *config, struct spead_err *err);

/* The configuration of a multi-packet queue of mlx5. Its entries are large; the NIC fills an entry, stride by stride,
 * with many frames. */
struct speadi_verbs_striding {
    uint32_t entries; /* number of entries, a power of two */
    /* A stride has 2^stride_log bytes, and an entry has 2^strides_log strides. */
    uint32_t stride_log, strides_log;
    uint32_t completions;         /* number of strides of all entries together */
    int comp_vector;              /* -1 means no completion events: the engine only polls */
    enum spead_verbs_clock clock; /* whose time the packets get */
};

/* Opens a multi-packet queue, as speadi_verbs_queue_open() opens an ordinary one. Stores the addresses of the entries
 * and of the doorbell in *ring. The caller must fill the entries (see verbs_mprq.h). */
int speadi_verbs_queue_open_striding(struct speadi_verbs_queue *queue,
                                     struct speadi_verbs_device *device,
                                     const struct speadi_verbs_striding *config,
                                     struct mlx5dv_rwq *ring, struct spead_err *err);

/* Moves the queue pair to the state RTR and makes the flow rules. After this call frames arrive. Returns 0 or -errno
 * with a sentence. */
int speadi_verbs_queue_start(struct speadi_verbs_queue *queue,
                             const struct speadi_rx_config *config, struct spead_err *err);

/* Removes the flow rules and moves the queue into its error state: no more frames arrive, and all posted receives
 * complete as flushed. */
void speadi_verbs_queue_stop(struct speadi_verbs_queue *queue);

/* Closes the queue. When the function returns, the device does not write into any receive any more. Does nothing if the
 * struct is zeroed. */
void speadi_verbs_queue_close(struct speadi_verbs_queue *queue);

#endif
