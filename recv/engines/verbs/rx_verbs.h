/* The state of the verbs receive engine. Its files share this header:
 *
 *   rx_verbs.c          opens, closes and waits; has the table of operations
 *   rx_verbs_options.c  reads the options, and says whether the engine can be used
 *   verbs_refill.c      posts receives: plain slots, and slots for reserved ranges
 *   verbs_harvest.c     polls completions, and lends their packets
 *   verbs_mprq.c        the memory of a multi-packet queue, where many frames share an entry
 *   verbs_renew.c       opens a new queue when the old one failed, or when reservations are taken back
 *
 * Receives complete in the order in which they were posted, so reservations also end in order. The owner thread calls
 * these functions, with two exceptions. The thread that creates the stream opens the first queue. Any thread may call
 * speadi_rx_verbs_options_read() and speadi_rx_verbs_usable(). */
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

#define SPEADI_VERBS_BURST  256u /* most packets of one burst */
#define SPEADI_VERBS_PIECES 3u   /* scatter entries of a placed slot */

/* A frame that the device has received and that the engine has not lent yet. */
struct speadi_verbs_arrival {
    uint32_t slot, bytes;
    uint64_t time_ns; /* 0: the engine takes the time when it lends the frame */
    bool checked;     /* the device has found the checksums right */
    bool overlong;    /* the frame was longer than its slot */
};

struct speadi_verbs_engine {
    struct speadi_verbs_device device;
    struct speadi_verbs_joins joins;
    bool is_striding; /* the queue is a multi-packet queue: mprq is used, and slots is not */
    struct speadi_mprq mprq;
    struct speadi_verbs_slots slots;
    struct speadi_verbs_queue queue;
    uint32_t queue_number;                    /* number of the queue that is open now: 1, 2, ... */
    uint32_t posted;                          /* slots that are posted to this queue */
    uint32_t wq_posted[SPEADI_VERBS_WQS_MAX]; /* slots that are posted to each of its work queues */
    struct speadi_verbs_reader reader;
    struct speadi_verbs_clock clock;
    struct speadi_wake_fd wake_fd;

    /* Copies of the configuration. The engine needs them when it opens another queue. The pointers in config point to
     * reader.address and to the fields interface, sender and log below. */
    struct speadi_rx_config config;
    struct speadi_interface interface;
    struct speadi_address sender;
    struct spead_recv_verbs_config options; /* its strings are valid only during open() */
    uint32_t depth;                         /* receives posted at a time */
    uint32_t window;                        /* receives posted at a time while payload is placed */
    struct spead_log log;

    struct speadi_verbs_memory heaps; /* memory of the heaps; registered by attach() */
    uint64_t accepted, ended;         /* reservations, counted since open() */
    bool attached;
    /* The core makes reservations. Only `window` receives are posted then, so that its predictions stay right. */
    bool placing;
    unsigned unreserved; /* packets lent since the core last made a reservation */
    bool quiesced;

    /* Frames that were received by a queue that is closed now. They are lent before the frames of the new queue. */
    struct speadi_verbs_arrival *arrival;
    uint32_t arrival_count, arrival_next;
    uint32_t lent[SPEADI_VERBS_BURST]; /* slots of the burst that is lent now */
    unsigned lent_count;

    bool failed;          /* the queue has failed, and poll() will open another one */
    int error;            /* not 0: the stream cannot continue, and poll() returns this -errno */
    bool looked;          /* poll() was called since the completion queue was armed */
    uint32_t empty_polls; /* polls since the last one that found something */
    uint64_t events_ns;   /* time at which the engine last read the events of the device */
    uint64_t messages, sleeps, rebuilds, link_downs;
};

/* ---- rx_verbs_options.c -------------------------------------------------------------------- */

/* Copies the options of the engine to *own. An option that the caller's struct does not have gets its default. If from
 * is NULL, *own gets the defaults. Returns 0, or -EINVAL with a sentence. */
int speadi_rx_verbs_options_read(struct spead_recv_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err);

/* The operation `usable` of the engine: says whether the engine can be used for a stream with this configuration. */
int speadi_rx_verbs_usable(const struct speadi_rx_config *config, struct spead_err *err);

/* ---- verbs_refill.c ------------------------------------------------------------------------ */

/* Posts plain slots until enough slots are posted: `window` slots while payload is placed, else `depth` slots. */
void speadi_verbs_refill(struct speadi_verbs_engine *e);

/* Ends the loan of the last burst: its slots become free, or are posted again. */
void speadi_verbs_return(struct speadi_verbs_engine *e);

/* The operation `reserve` of the engine: posts a slot for each range, as long as there is space. Returns how many
 * ranges it has reserved. */
unsigned speadi_verbs_reserve(struct speadi_verbs_engine *e, uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count);

/* ---- verbs_harvest.c ----------------------------------------------------------------------- */

/* Lends the frames that have been received, at most SPEADI_VERBS_BURST. */
void speadi_verbs_harvest(struct speadi_verbs_engine *e, struct speadi_rx_burst *burst);

/* Polls the queue until no slot is posted to it any more, or for at most 100 ms, and keeps all received frames in
 * e->arrival. */
void speadi_verbs_drain(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                        uint32_t queue_number);

/* ---- verbs_renew.c ------------------------------------------------------------------------- */

/* Opens a queue, posts receives to it and starts it. Returns 0 or -errno with a sentence. */
int speadi_verbs_queue_begin(struct speadi_verbs_engine *e, struct spead_err *err);

/* Closes a queue that failed and opens another one. The engine keeps the frames that the old queue had received. Sets
 * e->error if no queue can be opened. */
void speadi_verbs_queue_replace(struct speadi_verbs_engine *e);

/* Opens another queue and then closes the old one, which works. After that the device does not write into any range
 * that was reserved. No frame is lost, but some may arrive twice. */
void speadi_verbs_queue_take_back(struct speadi_verbs_engine *e);

#endif
