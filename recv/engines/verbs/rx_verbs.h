/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the verbs receive engine. Its files share this header:
 *
 *   rx_verbs.c          opens, closes and polls; has the table of operations
 *   verbs_wait.c        waits
 *   rx_verbs_options.c  reads the options, and says whether the engine can be used
 *   verbs_shape.c       chooses the kind of the queues and the number of their receives
 *   verbs_refill.c      posts receives, with and without reserved ranges; says how many are used up
 *   verbs_harvest.c     polls completions, and lends their packets
 *   verbs_completion.c  what one completion says, and what follows from it
 *   verbs_keep.c        keeps frames that cannot be lent yet, also those of a queue that is stopped
 *   verbs_overlong.c    lends frames that are longer than their slots
 *   verbs_mprq.c        the memory of a multi-packet queue, where many frames share an entry
 *   verbs_renew.c       opens the queues, and others when one has failed
 *   verbs_news.c        reads the events of the device
 *
 * Receives of a queue complete in the order in which they were posted, so reservations also end in order. A posted
 * receive ends only by its completion: to take it back, the queue must be made anew, and a NIC drops packets while that
 * lasts. So the engine makes and destroys objects of the device only when it opens, after a failure, and when it closes.
 *
 * With several queues the device spreads flows over them by a hash, so all packets of a sender come through one queue.
 * Each queue has everything of its own that its packets touch: completion queue, slots, reader, reservations, counters
 * (struct speadi_verbs_queue). They share the queue pair with its flow rules, and the burst: poll() asks one after the
 * other. If one fails, all are made anew, because they share the queue pair.
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
    /* Text for the log: which of several queues has failed; "" if there is one, or if nobody knows. */
    char culprit[40];
};

#define SPEADI_VERBS_RETRY_FIRST_NS 1000000u
#define SPEADI_VERBS_RETRY_MOST_NS  100000000u
#define SPEADI_VERBS_OUTAGE_NS      10000000000u

/* One queue, with all that belongs to it alone. */
struct speadi_verbs_queue {
    /* In the set of the engine; never NULL after open() has chosen the shape. */
    struct speadi_verbs_cq *cq;
    struct ibv_qp *qp; /* to which receives are posted; NULL if the queue is closed */
    struct ibv_wq *wq; /* If it is not NULL, receives are posted to it, not to qp. */
    bool failed;       /* a completion, or a post, has failed; poll() will open other queues */
    uint64_t packets;  /* number of packets lent */

    struct speadi_mprq mprq;         /* used if the engine is striding */
    struct speadi_verbs_slots slots; /* used if it is not */
    uint32_t posted;                 /* number of slots posted to this queue */
    struct speadi_verbs_reader reader;
    struct speadi_verbs_clock clock;

    /* The number that the next reservation will have, and that of the first reservation that has not ended. They go up in
     * steps of the number of queues (rx_engine.h). */
    uint64_t accepted, ended;
    /* The queue was closed. All reservations end when the kept frames are lent: some of these frames lie in reserved
     * ranges. */
    bool ends_all;
    /* True while the core makes reservations. Then the engine posts only `window` receives: with more receives posted,
     * the core would have to predict too far ahead. */
    bool placing;
    unsigned unreserved; /* number of packets lent after the last reservation of the core */

    /* Frames whose completions were polled although they could not be lent at that time: the queue was closed, or the
     * core asked how full the source is. The engine lends them before all other frames. The array has arrival_max
     * places, one for each frame that the receives can hold. */
    struct speadi_verbs_arrival *arrival;
    uint32_t arrival_max, arrival_count, arrival_next;
    /* Packets of this queue in the burst that is lent now: their slots have the numbers e->lent[lent_first] and so on. */
    unsigned lent_first, lent_count;
};

struct speadi_verbs_engine {
    struct speadi_verbs_device device;
    struct speadi_verbs_joins joins;
    bool is_striding; /* all queues are multi-packet queues */
    struct speadi_verbs_queue_set set;
    struct speadi_verbs_queue *queue; /* array of queue_count */
    unsigned queue_count;             /* a power of two */
    unsigned next_queue;              /* poll() begins with this queue */
    enum speadi_verbs_stamp stamp;    /* of the frames that are lent */
    struct speadi_address address[SPEADI_RX_SOURCES_MAX];
    struct speadi_wake_fd wake_fd;

    /* Copies of the configuration. The engine needs them when it opens another queue. The pointers in config point to
     * `address` and to the fields interface, sender and log below. */
    struct speadi_rx_config config;
    struct speadi_interface interface;
    struct speadi_address sender;
    struct spead_recv_verbs_config options; /* its strings must be read only during open() */
    uint32_t depth;           /* at most so many receives of each queue are posted at a time */
    const char *depth_reason; /* what sets this number; static storage */
    /* At most so many receives of a queue are posted at a time while payload is placed. */
    uint32_t window;
    uint32_t burst_max; /* at most so many packets of each queue are in a burst */
    struct spead_log log;

    struct speadi_verbs_memory heaps; /* memory of the heaps, which attach() registers */
    uint32_t mtu;                     /* of the longest frames that fit into a slot */
    uint32_t sge_max;                 /* most scatter entries of a receive */
    bool attached;
    bool quiesced;

    /* For each packet of the burst that is lent now, the number of its slot, counted in its queue. */
    uint32_t lent[SPEADI_VERBS_BURST];

    /* True after a frame that was longer than its slot. The plain slots of the next queues then have a spill, and no
     * payload is placed, because a placed slot has none. */
    bool overlong, said_overlong;
    bool failed; /* a queue has failed, and poll() will open others */
    int error;   /* If it is not 0, the stream cannot continue, and poll() returns this -errno. */
    bool looked; /* poll() was called after the completion queues were armed */
    uint32_t empty_polls; /* number of polls after the last one that found a packet */
    uint64_t events_ns;   /* time at which the engine last read the events of the device */
    uint64_t messages, sleeps, rebuilds, rebuild_ns, rebuild_failures, link_downs;
    struct speadi_verbs_outage outage;
};

/* ---- verbs_news.c -------------------------------------------------------------------------- */

/* Reads the events of the device, and notes what they mean for the open queues. */
void speadi_verbs_read_events(struct speadi_verbs_engine *e);

/* ---- rx_verbs_options.c -------------------------------------------------------------------- */

/* Copies the options of the engine to *own. An option that the caller's struct does not have gets its default. If
 * `from` is NULL, *own gets the defaults. Returns 0, or -EINVAL with a sentence. */
int speadi_rx_verbs_options_read(struct spead_recv_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err);

/* The operation `usable` of the engine: says whether the engine can be used for a stream with this configuration. */
int speadi_rx_verbs_usable(const struct speadi_rx_config *config, struct spead_err *err);

/* ---- verbs_shape.c ------------------------------------------------------------------------- */

/* Decides how many queues there are, and whether they are multi-packet queues. Returns 0, or -errno with a sentence if the options ask for
 * what the device or the stream cannot have. */
int speadi_verbs_choose_shape(struct speadi_verbs_engine *e, struct spead_err *err);

/* Returns 0 if payload can be placed through the queues, else -ENOTSUP with a sentence that says why not. */
int speadi_verbs_check_placing(const struct speadi_verbs_engine *e, struct spead_err *err);

/* Allocates the queues. Decides how many receives they have, and whether they can place payload. Allocates their slots, or
 * the entries of multi-packet queues. If the device is too small for such queues, and the user has not asked for them,
 * takes slots. Returns 0, or -errno with a sentence. */
int speadi_verbs_open_memory(struct speadi_verbs_engine *e, struct spead_err *err);

/* Frees what speadi_verbs_open_memory() has allocated. The queues must be closed. */
void speadi_verbs_close_memory(struct speadi_verbs_engine *e);

/* Sets the facts that tell the shape of the queues. */
void speadi_verbs_describe_shape(const struct speadi_verbs_engine *e,
                                 struct speadi_rx_facts *facts);

/* ---- verbs_refill.c ------------------------------------------------------------------------ */

/* Posts plain slots, which are slots without a reserved range, to the queue until enough slots are posted. Enough means
 * `window` slots while payload is placed, else `depth` slots. */
void speadi_verbs_refill(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue);

/* Ends the loan of the packets of this queue in the last burst: their slots become free, or this function posts them
 * again. */
void speadi_verbs_return(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue);

/* The operation `reserve` of the engine: posts a slot for each range, as long as there is space. Returns how many
 * ranges it has reserved. */
unsigned speadi_verbs_reserve(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                              uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count);

/* The operation `fill` of the engine. */
double speadi_verbs_used_up(struct speadi_verbs_engine *e);

/* ---- verbs_harvest.c ----------------------------------------------------------------------- */

/* Lends the frames that the queues have received, at most SPEADI_VERBS_BURST. */
void speadi_verbs_harvest(struct speadi_verbs_engine *e, struct speadi_rx_burst *burst);

/* Says in the burst which clock its times are from, and how exact they are. */
void speadi_verbs_tell_clock(const struct speadi_verbs_engine *e, struct speadi_rx_burst *burst);

/* ---- verbs_keep.c -------------------------------------------------------------------------- */

/* Polls all completions of the queue that are there, and keeps their frames in queue->arrival. The core may hold a burst
 * meanwhile. */
void speadi_verbs_keep(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue);

/* Polls the queues until no slot is posted to them any more, but for at most 100 ms. Keeps all received frames. The caller
 * must have stopped the queues. */
void speadi_verbs_drain(struct speadi_verbs_engine *e);

/* ---- verbs_overlong.c ---------------------------------------------------------------------- */

/* Lends a frame that was longer than its slot. The engine knows only that such a frame has arrived. The function logs
 * the first such frame, with the MTU that is the reason. */
void speadi_verbs_lend_overlong(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                                uint32_t slot, struct speadi_rx_burst *burst);

/* Records that a receive failed because its frame was too long. */
void speadi_verbs_note_overlong(struct speadi_verbs_engine *e);

/* ---- verbs_renew.c ------------------------------------------------------------------------- */

/* Opens the queues, posts receives to them and starts them. Returns 0 or -errno with a sentence. */
int speadi_verbs_queues_begin(struct speadi_verbs_engine *e, struct spead_err *err);

/* Closes the queues, one of which has failed, and opens others. The engine keeps the frames that the old queues had
 * received. All reservations end. If no queue can be opened because something is short at the moment, e->failed stays set,
 * and a later call tries again, when a pause has passed. After any other error, and when all tries of e->outage.limit_ns
 * have failed, the function sets e->error. Until queues are open again, e->set.qp is NULL. */
void speadi_verbs_queues_replace(struct speadi_verbs_engine *e);

/* Sleeps until the next try to open a queue, the deadline, a call of wake() or an event of the device. Returns at once
 * if no try has failed. */
void speadi_verbs_wait_for_retry(struct speadi_verbs_engine *e, uint64_t deadline_ns);

/* Closes the queues for good. All reservations end. */
void speadi_verbs_queues_end(struct speadi_verbs_engine *e);

/* ---- verbs_wait.c -------------------------------------------------------------------------- */

/* The operation `wait` of the engine. */
void speadi_verbs_wait(struct speadi_verbs_engine *e, uint64_t deadline_ns);

/* ---- Inline -------------------------------------------------------------------------------- */

/* Notes that the queue has failed. */
static inline void speadi_verbs_note_failure(struct speadi_verbs_engine *e,
                                             struct speadi_verbs_queue *queue)
{
    queue->failed = true;
    e->failed = true;
}

#endif
