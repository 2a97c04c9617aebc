/* SPDX-License-Identifier: Apache-2.0 */
/* The completion queue of the receive engine. It has the best time stamps that the device gives. The owner thread
 * sleeps on its channel. */
#ifndef SPEADI_VERBS_CQ_H
#define SPEADI_VERBS_CQ_H

#include <speadline/verbs.h>

#include <speadi/verbs_device.h>

#include "verbs_cqe.h"

/* Where the time of a packet comes from. */
enum speadi_verbs_stamp {
    SPEADI_STAMP_HOST,      /* the clock of the host, read once for each burst: UTC */
    SPEADI_STAMP_TICKS,     /* the counter of the device, converted to UTC */
    SPEADI_STAMP_REAL_TIME, /* the clock of the device, in the real-time format of mlx5 */
    SPEADI_STAMP_WALLCLOCK, /* the clock of the device, in ns */
};

static inline bool speadi_verbs_stamp_is_utc(enum speadi_verbs_stamp stamp)
{
    return stamp < SPEADI_STAMP_REAL_TIME;
}

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
    enum spead_verbs_clock clock; /* whose time the packets get */
    bool of_pair;                 /* the receives are posted to a queue pair, not to work queues */
};

/* Makes the completion queue. Returns 0 or -errno with a sentence. The caller must call close() even after a
 * failure. */
int speadi_verbs_cq_open(struct speadi_verbs_cq *cq, struct speadi_verbs_device *device,
                         const struct speadi_verbs_cq_config *config, struct spead_err *err);

/* Begins to read completions, as ibv_start_poll() does. Returns 0, ENOENT if there is no completion, EBUSY, or the errno
 * of a queue that has failed. EBUSY is no failure: there is a completion, and the caller must ask again; this function has
 * asked many times. EINVAL with the stamp SPEADI_STAMP_WALLCLOCK means that the device does not give its clock in ns,
 * although the queue was made for that. */
int speadi_verbs_cq_start_poll(const struct speadi_verbs_cq *cq);

/* Destroys the completion queue. The caller must first destroy the queues whose completions arrive in it. Does nothing
 * if the struct is zeroed. */
void speadi_verbs_cq_close(struct speadi_verbs_cq *cq);

/* Asks for an event at the next completion. Completions that came before this call give no event, so the caller must
 * poll once more before it sleeps. Returns 0 or -errno. */
int speadi_verbs_cq_arm(struct speadi_verbs_cq *cq);

/* Reads and acknowledges the events that the channel holds. */
void speadi_verbs_cq_take_events(struct speadi_verbs_cq *cq);

#endif
