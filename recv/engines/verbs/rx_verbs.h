/* Inside the verbs receive engine. The files share this:
 *
 *   rx_verbs.c   opening, closing, waiting, the table of operations
 *   rx_verbs_options.c   what it was told for itself, and whether it can be used
 *   verbs_refill.c   what is posted: plain slots, and reserved ones
 *   verbs_harvest.c  what has completed: packets to lend
 *   verbs_mprq.c     the other kind of queue, where many frames share an entry
 *   verbs_renew.c    another queue for one that failed, or that holds reservations to take back
 *
 * Receives complete in the order they were posted, so reservations end in order by themselves. */
#ifndef SPEADI_RX_VERBS_H
#define SPEADI_RX_VERBS_H

#include <speadline/verbs.h>

#include <speadi/wake_fd.h>

#include "verbs_clock.h"
#include "verbs_joins.h"
#include "verbs_mprq.h"
#include "verbs_queue.h"
#include "verbs_reader.h"
#include "verbs_slots.h"

#define SPEADI_VERBS_BURST  256u /* packets lent at a time */
#define SPEADI_VERBS_PIECES 3u   /* scatter entries of a placed slot */

/* A frame that has completed, and is not lent yet. */
struct speadi_verbs_arrival {
    uint32_t slot, bytes;
    uint64_t time_ns; /* 0: when it is lent */
    bool checked;
    bool overlong; /* longer than its slot */
};

struct speadi_verbs_engine {
    struct speadi_verbs_device device;
    struct speadi_verbs_joins joins;
    bool is_striding; /* a multi-packet queue, and no slots */
    struct speadi_mprq mprq;
    struct speadi_verbs_slots slots;
    struct speadi_verbs_queue queue;
    uint32_t queue_number;                    /* 1, 2, ...: which queue slots are posted to ... */
    uint32_t posted;                          /* ... and how many are, */
    uint32_t wq_posted[SPEADI_VERBS_WQS_MAX]; /* of them to each work queue */
    struct speadi_verbs_reader reader;
    struct speadi_verbs_clock clock;
    struct speadi_wake_fd wake_fd;

    /* For making the queue anew. */
    struct speadi_rx_config config; /* addresses, interface and sender are these: */
    struct speadi_interface interface;
    struct speadi_address sender;
    struct spead_recv_verbs_config options; /* its strings end with open() */
    uint32_t depth, window; /* receives posted at a time, in all and while payload is placed */
    struct spead_log log;

    struct speadi_verbs_memory heaps;
    uint64_t accepted, ended; /* reservations */
    bool attached;
    bool placing;        /* the core reserves: only so much is posted that guesses stay good */
    unsigned unreserved; /* packets since it last did */
    bool quiesced;

    struct speadi_verbs_arrival *arrival; /* of a queue that has gone: lent before all others */
    uint32_t arrival_count, arrival_next;
    uint32_t lent[SPEADI_VERBS_BURST];
    unsigned lent_count;

    bool failed;        /* the queue: make it anew */
    int error;          /* the stream cannot continue */
    bool looked;        /* polled since the completion queue was armed */
    uint32_t empties;   /* polls in a row that found nothing */
    uint64_t events_ns; /* when the device's events were last asked for */
    uint64_t messages, sleeps, rebuilds, link_downs;
};

/* ---- rx_verbs_options.c -------------------------------------------------------------------- */

/* Its options over the defaults; from NULL: the defaults. Returns 0, or -EINVAL with a sentence. */
int speadi_rx_verbs_options_read(struct spead_recv_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err);

/* Operation `usable` of the engine. */
int speadi_rx_verbs_usable(const struct speadi_rx_config *config, struct spead_err *err);

/* ---- verbs_refill.c ------------------------------------------------------------------------ */

/* Posts plain slots until as many are posted as should be. */
void speadi_verbs_refill(struct speadi_verbs_engine *e);

/* What was lent is free, or posted again. */
void speadi_verbs_return(struct speadi_verbs_engine *e);

unsigned speadi_verbs_reserve(struct speadi_verbs_engine *e, uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count);

/* ---- verbs_harvest.c ----------------------------------------------------------------------- */

/* Lends what has completed, up to a burst. */
void speadi_verbs_harvest(struct speadi_verbs_engine *e, struct speadi_rx_burst *burst);

/* Keeps everything that completes on the queue until nothing is posted to it, or for a while. */
void speadi_verbs_drain(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                        uint32_t queue_number);

/* ---- verbs_renew.c ------------------------------------------------------------------------- */

/* Opens the first queue, fills it and starts it. Returns 0 or -errno with a sentence. */
int speadi_verbs_queue_begin(struct speadi_verbs_engine *e, struct spead_err *err);

/* Instead of a queue that failed. What it had received is kept. */
void speadi_verbs_queue_replace(struct speadi_verbs_engine *e);

/* Instead of a queue that works, without missing a frame: none of its posted places is written any more. */
void speadi_verbs_queue_take_back(struct speadi_verbs_engine *e);

#endif
