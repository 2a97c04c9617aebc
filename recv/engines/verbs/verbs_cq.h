/* The completion queue of a receiving engine: made with the best time stamps that the device gives, slept
 * on through a channel. */
#ifndef SPEADI_VERBS_CQ_H
#define SPEADI_VERBS_CQ_H

#include <speadi/verbs_device.h>

/* Where a packet's time comes from. */
enum speadi_verbs_stamp {
    SPEADI_STAMP_HOST,      /* the host's clock, once a burst */
    SPEADI_STAMP_TICKS,     /* the device's counter, converted to UTC */
    SPEADI_STAMP_WALLCLOCK, /* the device's own time in ns */
};

struct speadi_verbs_cq {
    struct speadi_verbs_device *device;
    struct ibv_comp_channel *channel; /* NULL: polled only */
    struct ibv_cq_ex *ex;             /* NULL: closed */
    enum speadi_verbs_stamp stamp;
    bool armed; /* the next completion makes the channel readable */
};

/* comp_vector < 0: no channel, arm() does nothing. Returns 0 or -errno with a sentence; what was made by then
 * is for close(). */
int speadi_verbs_cq_open(struct speadi_verbs_cq *cq, struct speadi_verbs_device *device,
                         uint32_t entries, int comp_vector, struct spead_err *err);

/* Nothing completes on it any more. Safe when zeroed. */
void speadi_verbs_cq_close(struct speadi_verbs_cq *cq);

/* Asks for an event. What has completed before gives none: poll once more before sleeping. 0 or -errno. */
int speadi_verbs_cq_arm(struct speadi_verbs_cq *cq);

/* Takes the events that the channel holds. */
void speadi_verbs_cq_take_events(struct speadi_verbs_cq *cq);

#endif
