/* SPDX-License-Identifier: Apache-2.0 */
/* State of the uring receive engine. Only the files of this folder include it:
 *
 *   rx_uring.c    opens the ring and the sockets, posts receives, reserves and waits; has the table of operations
 *   uring_reap.c  turns completions of the ring into packets
 *
 * Threads: the owner thread uses all fields; other threads may only call wake(). */
#ifndef SPEADI_RX_URING_H
#define SPEADI_RX_URING_H

#include <speadi/interface_watch.h>
#include <speadi/uring.h>
#include <speadi/wake_fd.h>

#include "drop_causes.h"
#include "gro.h"
#include "reservations.h"
#include "rx_engine.h"
#include "scatter.h"
#include "uring_buffers.h"
#include "uring_source.h"

/* The datagrams that one receive returned and that have not all been lent yet. */
struct speadi_uring_pending {
    struct speadi_datagrams datagrams;
    /* Number of the provided buffer that holds the datagrams, or -1 if the source's own buffer holds them. */
    int buffer;
};

struct speadi_uring_engine {
    struct io_uring ring;
    bool ring_open, enabled;
    bool multishot;   /* the kernel has multishot receives and provided buffers */
    bool draining;    /* quiesce() was called, so receives no longer wait for data */
    bool wake_posted; /* a poll request for the wake descriptor is in flight */
    /* poll() found the wake descriptor signalled, so the next wait() returns immediately. */
    bool woken;
    struct speadi_wake_fd wake_fd;
    struct speadi_uring_source *source;
    unsigned source_count;
    uint8_t *memory; /* buffers and heads of the sources */
    struct speadi_uring_buffers buffers;
    struct speadi_reservations reservations;
    struct speadi_uring_pending pending;
    bool has_pending;
    /* numbers of the provided buffers in the burst that is lent now */
    unsigned lent[SPEADI_URING_BUFFERS];
    unsigned lent_count;
    int error; /* -errno if the stream cannot continue, else 0 */
    uint64_t receives, sleeps;
    struct speadi_drop_causes causes;         /* why the kernel dropped datagrams at the sockets */
    struct speadi_interface_watch interfaces; /* the interfaces that the sockets are tied to */
    bool news_posted; /* a poll request for the descriptor of the watch is in flight */
};

/* Turns completions into packets of the burst, until no completion is left or the burst is full. Returns how many
 * completions it consumed. */
unsigned speadi_uring_reap(struct speadi_uring_engine *e, struct speadi_rx_burst *burst);

/* Lends the pending datagrams, as many as the burst has room for. */
void speadi_uring_lend_pending(struct speadi_uring_engine *e, struct speadi_rx_burst *burst);

/* Ends the reservations of a source. The caller must make sure that the single-shot receive of the source has ended. */
void speadi_uring_finish_reservations(struct speadi_uring_engine *e,
                                      struct speadi_uring_source *source);

#endif
