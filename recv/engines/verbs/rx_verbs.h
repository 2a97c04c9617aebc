/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the verbs receive engine. Its files share this header:
 *
 *   rx_verbs.c          opens, closes and waits; has the table of operations
 *   rx_verbs_options.c  reads the options, and says whether the engine can be used
 *   verbs_shape.c       chooses the kind of the queue and the number of its receives
 *   verbs_refill.c      posts receives, with and without reserved ranges; says how many are used up
 *   verbs_harvest.c     polls completions, and lends their packets
 *   verbs_completion.c  what one completion says, and what follows from it
 *   verbs_keep.c        keeps frames that cannot be lent yet, also those of a queue that is stopped
 *   verbs_overlong.c    lends frames that are longer than their slots
 *   verbs_mprq.c        the memory of a multi-packet queue, where many frames share an entry
 *   verbs_renew.c       opens the queue, and another one when it has failed
 *   verbs_news.c        reads the events of the device
 *
 * Receives complete in the order in which they were posted, so reservations also end in order. A posted receive ends
 * only by its completion: to take it back, the queue must be made anew, and a NIC drops packets while that lasts. So
 * the engine makes and destroys objects of the device only when it opens, after a failure, and when it closes.
 *
 * The owner thread calls these functions, with two exceptions. The thread that creates the stream opens the first queue.
 * Any thread may call speadi_rx_verbs_options_read() and speadi_rx_verbs_usable(). */
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

#define SPEADI_VERBS_BURST  256u /* at most this many packets in one burst */
#define SPEADI_VERBS_PIECES 3u   /* scatter entries of a placed slot */
#define SPEADI_VERBS_SPILL_PIECES \
    2u /* scatter entries of a plain slot with a spill (verbs_overlong.c) */

/* A frame that the device has received and that the engine has not lent yet. */
struct speadi_verbs_arrival {
    const uint8_t *data; /* only in a multi-packet queue: the frame; else NULL */
    /* Number of the slot; in a multi-packet queue the number of the entry, counted as in speadi_mprq.used. */
    uint32_t slot;
    uint32_t bytes;
    uint64_t time_ns; /* 0 means: use the time at which the engine lends the frame */
    uint8_t sums;     /* see speadi_verbs_sums_are_right() */
    bool overlong;    /* the frame was longer than its slot */
};

/* A failed queue for which no other one could be opened yet. The engine tries again, with pauses that double. */
struct speadi_verbs_outage {
    uint64_t begin_ns; /* when the queue was closed; 0 if there is no outage */
    uint64_t flush_ns; /* how long it took to flush the queue and to close it */
    uint64_t pause_ns; /* before the next try; 0 if there was no try */
    uint64_t retry_ns; /* when the next try is due */
    /* tries after this time are the last ones: SPEADI_VERBS_OUTAGE_NS, but for tests */
    uint64_t limit_ns;
    bool said; /* the log says once that queues cannot be made anew at once */
};

#define SPEADI_VERBS_RETRY_FIRST_NS 1000000u
#define SPEADI_VERBS_RETRY_MOST_NS  100000000u
#define SPEADI_VERBS_OUTAGE_NS      10000000000u

struct speadi_verbs_engine {
    struct speadi_verbs_device device;
    struct speadi_verbs_joins joins;
    /* The queue is a multi-packet queue. Then `mprq` is used, and `slots` is not. */
    bool is_striding;
    struct speadi_mprq mprq;
    struct speadi_verbs_slots slots;
    struct speadi_verbs_queue queue;
    uint32_t posted;                          /* number of slots posted to this queue */
    uint32_t wq_posted[SPEADI_VERBS_WQS_MAX]; /* number of slots posted to each work queue */
    struct speadi_verbs_reader reader;
    struct speadi_verbs_clock clock;
    struct speadi_wake_fd wake_fd;

    /* Copies of the configuration. The engine needs them when it opens another queue. The pointers in config point to
     * reader.address and to the fields interface, sender and log below. */
    struct speadi_rx_config config;
    struct speadi_interface interface;
    struct speadi_address sender;
    struct spead_recv_verbs_config options; /* its strings must be read only during open() */
    uint32_t depth;                         /* at most so many receives are posted at a time */
    const char *depth_reason;               /* what sets this number; static storage */
    uint32_t window; /* At most so many receives are posted at a time while payload is placed. */
    struct spead_log log;

    struct speadi_verbs_memory heaps; /* memory of the heaps, which attach() registers */
    uint64_t accepted, ended;         /* number of reservations accepted, and of those that ended */
    /* The queue was closed. All reservations end when the kept frames are lent: some of these frames lie in reserved
     * ranges. */
    bool ends_all;
    uint32_t mtu;     /* of the longest frames that fit into a slot */
    uint32_t sge_max; /* most scatter entries of a receive of this queue */
    bool attached;
    /* True while the core makes reservations. Then the engine posts only `window` receives: with more receives posted,
     * the core would have to predict too far ahead. */
    bool placing;
    unsigned unreserved; /* number of packets lent after the last reservation of the core */
    bool quiesced;

    /* Frames whose completions were polled although they could not be lent at that time: the queue was closed, or the
     * core asked how full the source is. The engine lends them before all other frames. The array has arrival_max
     * places, one for each frame that the receives can hold. */
    struct speadi_verbs_arrival *arrival;
    uint32_t arrival_max, arrival_count, arrival_next;
    uint32_t lent[SPEADI_VERBS_BURST]; /* numbers of the slots of the burst that is lent now */
    unsigned lent_count;

    /* True after a frame that was longer than its slot. The plain slots of the next queue then have a spill, and no
     * payload is placed, because a placed slot has none. */
    bool overlong, said_overlong;
    bool failed; /* the queue has failed, and poll() will open another one */
    int error;   /* If it is not 0, the stream cannot continue, and poll() returns this -errno. */
    bool looked; /* poll() was called after the completion queue was armed */
    uint32_t empty_polls; /* number of polls after the last one that found a packet */
    uint64_t events_ns;   /* time at which the engine last read the events of the device */
    uint64_t messages, sleeps, rebuilds, rebuild_ns, rebuild_failures, link_downs;
    struct speadi_verbs_outage outage;
};

/* ---- verbs_news.c -------------------------------------------------------------------------- */

/* Reads the events of the device, and notes what they mean for the open queue. */
void speadi_verbs_read_events(struct speadi_verbs_engine *e);

/* ---- rx_verbs_options.c -------------------------------------------------------------------- */

/* Copies the options of the engine to *own. An option that the caller's struct does not have gets its default. If
 * `from` is NULL, *own gets the defaults. Returns 0, or -EINVAL with a sentence. */
int speadi_rx_verbs_options_read(struct spead_recv_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err);

/* The operation `usable` of the engine: says whether the engine can be used for a stream with this configuration. */
int speadi_rx_verbs_usable(const struct speadi_rx_config *config, struct spead_err *err);

/* ---- verbs_shape.c ------------------------------------------------------------------------- */

/* Decides whether the queue is to be a multi-packet queue. Returns 0, or -errno with a sentence if the options ask for
 * what the device or the stream cannot have. */
int speadi_verbs_choose_shape(struct speadi_verbs_engine *e, struct spead_err *err);

/* Returns 0 if payload can be placed through the queue, else -ENOTSUP with a sentence that says why not. */
int speadi_verbs_check_placing(const struct speadi_verbs_engine *e, struct spead_err *err);

/* Decides how many receives there are, and whether they can place payload. Allocates their slots, or the entries of a
 * multi-packet queue. If the device is too small for such a queue, and the user has not asked for it, takes slots.
 * Returns 0, or -errno with a sentence. */
int speadi_verbs_open_memory(struct speadi_verbs_engine *e, struct spead_err *err);

/* Sets the facts that tell the shape of the queue. */
void speadi_verbs_describe_shape(const struct speadi_verbs_engine *e,
                                 struct speadi_rx_facts *facts);

/* ---- verbs_refill.c ------------------------------------------------------------------------ */

/* Posts plain slots, which are slots without a reserved range, until enough slots are posted. Enough means `window`
 * slots while payload is placed, else `depth` slots. */
void speadi_verbs_refill(struct speadi_verbs_engine *e);

/* Ends the loan of the last burst: its slots become free, or this function posts them again. */
void speadi_verbs_return(struct speadi_verbs_engine *e);

/* The operation `reserve` of the engine: posts a slot for each range, as long as there is space. Returns how many
 * ranges it has reserved. */
unsigned speadi_verbs_reserve(struct speadi_verbs_engine *e, uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count);

/* The operation `fill` of the engine. */
double speadi_verbs_used_up(struct speadi_verbs_engine *e);

/* ---- verbs_harvest.c ----------------------------------------------------------------------- */

/* Lends the frames that have been received, at most SPEADI_VERBS_BURST. */
void speadi_verbs_harvest(struct speadi_verbs_engine *e, struct speadi_rx_burst *burst);

/* Says in the burst which clock its times are from, and how exact they are. */
void speadi_verbs_tell_clock(const struct speadi_verbs_engine *e, struct speadi_rx_burst *burst);

/* ---- verbs_keep.c -------------------------------------------------------------------------- */

/* Polls all completions that are there, and keeps their frames in e->arrival. The core may hold a burst meanwhile. */
void speadi_verbs_keep(struct speadi_verbs_engine *e);

/* Polls the queue until no slot is posted to it any more, but for at most 100 ms. Keeps all received frames in
 * e->arrival. The caller must have stopped the queue. */
void speadi_verbs_drain(struct speadi_verbs_engine *e);

/* ---- verbs_overlong.c ---------------------------------------------------------------------- */

/* Lends a frame that was longer than its slot. The engine knows only that such a frame has arrived. The function logs
 * the first such frame, with the MTU that is the reason. */
void speadi_verbs_lend_overlong(struct speadi_verbs_engine *e, uint32_t slot,
                                struct speadi_rx_burst *burst);

/* Records that a receive failed because its frame was too long. */
void speadi_verbs_note_overlong(struct speadi_verbs_engine *e);

/* ---- verbs_renew.c ------------------------------------------------------------------------- */

/* Opens a queue, posts receives to it and starts it. Returns 0 or -errno with a sentence. */
int speadi_verbs_queue_begin(struct speadi_verbs_engine *e, struct spead_err *err);

/* Closes a queue that failed and opens another one. The engine keeps the frames that the old queue had received. All
 * reservations end. If no queue can be opened because something is short at the moment, e->failed stays set, and a later
 * call tries again, when a pause has passed. After any other error, and when all tries of e->outage.limit_ns have
 * failed, the function sets e->error. Until a queue is open again, e->queue.qp is NULL. */
void speadi_verbs_queue_replace(struct speadi_verbs_engine *e);

/* Sleeps until the next try to open a queue, the deadline, a call of wake() or an event of the device. Returns at once
 * if no try has failed. */
void speadi_verbs_wait_for_retry(struct speadi_verbs_engine *e, uint64_t deadline_ns);

/* Closes the queue for good. All reservations end. */
void speadi_verbs_queue_end(struct speadi_verbs_engine *e);

#endif
