/* Inside the uring receive engine:
 *
 *   rx_uring.c   opening, posting, reserving, waiting, the table of operations
 *   uring_reap.c     what has completed: packets to lend */
#ifndef SPEADI_RX_URING_H
#define SPEADI_RX_URING_H

#include <speadi/uring.h>
#include <speadi/wake_fd.h>

#include "gro.h"
#include "reservations.h"
#include "rx_engine.h"
#include "scatter.h"
#include "uring_buffers.h"
#include "uring_source.h"

/* A message received and not wholly lent. */
struct speadi_uring_pending {
    struct speadi_datagrams message;
    int buffer; /* provided buffer it lies in; -1: the source's own */
};

struct speadi_uring_engine {
    struct io_uring ring;
    bool ring_open, enabled;
    bool multishot; /* the kernel has it */
    bool draining;  /* after quiesce(): receives no longer wait */
    bool bell_armed;
    bool rang; /* poll() met the wake_fd: the next wait() returns */
    struct speadi_wake_fd wake_fd;
    struct speadi_uring_source *source;
    unsigned source_count;
    uint8_t *memory; /* the sources' buffers and heads */
    struct speadi_uring_buffers buffers;
    struct speadi_reservations reservations;
    struct speadi_uring_pending pending;
    bool has_pending;
    unsigned lent[SPEADI_URING_BUFFERS]; /* provided buffers of the burst that is out */
    unsigned lent_count;
    int error; /* the stream cannot continue */
    uint64_t messages, sleeps;
};

/* Turns completions into packets until they or the burst are used up. Returns how many it consumed. */
unsigned speadi_uring_reap(struct speadi_uring_engine *e, struct speadi_rx_burst *burst);

/* Lends what it can of the pending message. */
void speadi_uring_lend_pending(struct speadi_uring_engine *e, struct speadi_rx_burst *burst);

/* The single-shot receive has ended: so have its reservations. */
void speadi_uring_finish_reservations(struct speadi_uring_engine *e,
                                      struct speadi_uring_source *source);

#endif
