/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of a device through which a stream receives: a queue pair, its flow rules, and one or several queues. Each
 * queue has a completion queue of its own. When a queue has failed, the engine closes all of them and opens others. */
#ifndef SPEADI_VERBS_QUEUE_H
#define SPEADI_VERBS_QUEUE_H

#include "verbs_cq.h"
#include "verbs_flow.h"

struct speadi_verbs_queue_set {
    struct speadi_verbs_device *device;
    struct ibv_qp *qp; /* NULL if the queues are closed */
    struct speadi_verbs_flows flows;
    struct speadi_verbs_cq cq[SPEADI_RX_QUEUES_MAX]; /* of each queue */
    unsigned cq_count;
    /* If wq_count is not 0, receives are posted to these work queues, not to the queue pair. The queue pair then only
     * distributes the frames to the work queues, by a hash of addresses and ports. */
    struct ibv_wq *wq[SPEADI_RX_QUEUES_MAX];
    unsigned wq_count;
    struct ibv_rwq_ind_table *table;
};

struct speadi_verbs_queue_config {
    uint32_t depth;               /* most receives that are posted to a queue at a time */
    uint32_t sge_max;             /* most scatter entries of a receive */
    int comp_vector;              /* -1 means no completion events: the engine only polls */
    enum spead_verbs_clock clock; /* whose time the packets get */
    /* Number of queues, a power of two. 1 means that there is no work queue, and receives are posted to the queue pair. */
    unsigned queues;
};

/* Opens the queues and moves the queue pair to the state INIT. Receives may be posted then, but no frame arrives yet.
 * Returns 0 or -errno with a sentence. The caller must call close() even after a failure. */
int speadi_verbs_queues_open(struct speadi_verbs_queue_set *set, struct speadi_verbs_device *device,
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

/* Opens `queues` multi-packet queues of one kind, as speadi_verbs_queues_open() opens ordinary ones; a power of two.
 * Stores the addresses of the entries and of the doorbell of queue i in ring[i]. The caller must fill the entries (see
 * verbs_mprq.h). */
int speadi_verbs_queues_open_striding(struct speadi_verbs_queue_set *set,
                                      struct speadi_verbs_device *device,
                                      const struct speadi_verbs_striding *config, unsigned queues,
                                      struct mlx5dv_rwq *ring, struct spead_err *err);

/* Moves the queue pair to the state RTR and makes the flow rules. After this call frames arrive. Returns 0 or -errno
 * with a sentence. */
int speadi_verbs_queues_start(struct speadi_verbs_queue_set *set,
                              const struct speadi_rx_config *config, struct spead_err *err);

/* Removes the flow rules and moves all queues into their error state: no more frames arrive, and all posted receives
 * complete as flushed. */
void speadi_verbs_queues_stop(struct speadi_verbs_queue_set *set);

/* Closes the queues. When the function returns, the device does not write into any receive any more. Does nothing if the
 * struct is zeroed. */
void speadi_verbs_queues_close(struct speadi_verbs_queue_set *set);

#endif
