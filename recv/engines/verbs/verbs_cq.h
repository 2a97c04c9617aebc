/* SPDX-License-Identifier: Apache-2.0 */
/* The completion queue of the receive engine. It has the best time stamps that the device gives. The owner thread
 * sleeps on its channel. */
#ifndef SPEADI_VERBS_CQ_H
#define SPEADI_VERBS_CQ_H

#include <speadi/verbs_device.h>

#include "verbs_cqe.h"

/* The clock that gives the time of a packet. */
enum speadi_verbs_stamp {
    SPEADI_STAMP_HOST,      /* the clock of the host, read once for each burst */
    SPEADI_STAMP_TICKS,     /* the counter of the device, converted to UTC */
    SPEADI_STAMP_WALLCLOCK, /* the device writes the time in ns */
};

struct speadi_verbs_cq {
    struct speadi_verbs_device *device;
    struct ibv_comp_channel *channel; /* NULL if there are no events and the queue is only polled */
    struct ibv_cq_ex *ex;             /* NULL if the queue is closed */
    enum speadi_verbs_stamp stamp;
    struct speadi_verbs_cqes cqes;
    bool armed; /* the next completion makes the channel readable */
};

struct speadi_verbs_cq_config {
    uint32_t entries; /* most completions that wait at a time */
    int comp_vector;  /* If it is negative, there is no channel, and arm() does nothing. */
    bool of_pair;     /* the receives are posted to a queue pair, not to work queues */
};

/* Makes the completion queue. Returns 0 or -errno with a sentence. The caller must call close() even after a
 * failure. */
int speadi_verbs_cq_open(struct speadi_verbs_cq *cq, struct speadi_verbs_device *device,
                         const struct speadi_verbs_cq_config *config, struct spead_err *err);

/* Destroys the completion queue. The caller must first destroy the queues whose completions arrive in it. Does nothing
 * if the struct is zeroed. */
void speadi_verbs_cq_close(struct speadi_verbs_cq *cq);

/* Asks for an event at the next completion. Completions that came before this call give no event, so the caller must
 * poll once more before it sleeps. Returns 0 or -errno. */
int speadi_verbs_cq_arm(struct speadi_verbs_cq *cq);

/* Reads and acknowledges the events that the channel holds. */
void speadi_verbs_cq_take_events(struct speadi_verbs_cq *cq);

#endif
