/* Inside the verbs send engine:
 *
 *   tx_verbs.c   sending, waiting, what happens beside it, the table of operations
 *   verbs_open.c     whether the device can carry what is configured; opening it and its queue */
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
    uint32_t chain_max;                     /* requests between two signalled ones */
    struct spead_send_verbs_config options; /* its strings end with open() */
    uint64_t check_ns;                      /* when to look for events next */
    int broken;                             /* -errno once nothing can be sent any more */
    bool said_copied, said_rebuilt;
    struct speadi_tx_counters counters;
    const struct spead_log *log;
};

/* Its options over the defaults; from NULL: the defaults. Returns 0, or -EINVAL with a sentence. */
int speadi_tx_verbs_options_read(struct spead_send_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err);

/* Device, paths, frames and queue. Returns 0 or -errno; what is open then is the engine's to close. */
int speadi_verbs_sender_open(struct speadi_verbs_sender *engine,
                             const struct speadi_tx_config *config, struct spead_err *err);

#endif
