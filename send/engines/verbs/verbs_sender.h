/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the verbs send engine. Two files include this header:
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
    /* the largest number of packets in one chain of requests */
    uint32_t chain_max;
    /* how many packets the buffer of the configuration has room for; the queue can hold fewer */
    uint32_t slots_asked;
    struct spead_send_verbs_config options; /* its strings are valid only during open() */
    uint64_t check_ns;                      /* when the engine next reads events and neighbours */
    /* 0, or the -errno after which the engine cannot send any more */
    int broken;
    /* True after the line about copied payload was logged, and after the line about a rebuilt queue was logged. Each of
     * these lines is logged only once. */
    bool said_copied, said_rebuilt;
    struct speadi_tx_counters counters;
    const struct spead_log *log;
};

/* Copies the options of the engine from *from to *own. The struct of the caller can be of an older version that lacks
 * some options; *own gets the defaults for these options. If `from` is NULL, all options get their defaults. Returns 0,
 * or -EINVAL with a sentence. */
int speadi_tx_verbs_options_read(struct spead_send_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err);

/* Opens the device, the paths, the frames and the queue. Returns 0 or -errno with a sentence. After a failure the
 * caller must call the close operation of the engine, which closes what is open. */
int speadi_verbs_sender_open(struct speadi_verbs_sender *engine,
                             const struct speadi_tx_config *config, struct spead_err *err);

#endif
