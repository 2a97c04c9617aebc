/* The state of the verbs send engine. These files share this header:
 *
 *   tx_verbs.c    sends and waits, reads events and neighbours, has the table of operations
 *   verbs_open.c  checks that the device can do what is configured, opens the device and its queue */
#ifndef SPEADI_VERBS_SENDER_H
#define SPEADI_VERBS_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/verbs.h>

#include <speadi/wake_fd.h>

#include "tx_done_queue.h"
#include "tx_engine.h"
#include "verbs_frames.h"
#include "verbs_paths.h"
#include "verbs_send_queue.h"

struct speadi_verbs_sender {
    struct speadi_verbs_device device;
    struct speadi_verbs_paths paths;
    struct speadi_verbs_frames frames;
    struct speadi_verbs_send_queue queue;
    struct speadi_tx_done_queue done;
    struct speadi_wake_fd wake_fd;
    uint32_t chain_max;                     /* most packets of one chain */
    struct spead_send_verbs_config options; /* its strings are valid only during open() */
    uint64_t check_ns;                      /* when the engine next reads events and neighbours */
    int broken;                             /* not 0: -errno, and nothing can be sent any more */
    bool said_copied, said_rebuilt;         /* these lines have been logged; each is logged once */
    struct speadi_tx_counters counters;
    const struct spead_log *log;
};

/* Copies the options of the engine to *own, with the defaults for those that the caller's struct does not have. If from
 * is NULL, *own gets the defaults. Returns 0, or -EINVAL with a sentence. */
int speadi_tx_verbs_options_read(struct spead_send_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err);

/* Opens the device, the paths, the frames and the queue. Returns 0 or -errno with a sentence. The close operation of
 * the engine closes what is open after a failure. */
int speadi_verbs_sender_open(struct speadi_verbs_sender *engine,
                             const struct speadi_tx_config *config, struct spead_err *err);

#endif
