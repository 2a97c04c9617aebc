/* A source of the uring engine: its socket, and the receive that is in flight for it. */
#ifndef SPEADI_URING_SOURCE_H
#define SPEADI_URING_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <speadi/cache_line.h>
#include <speadi/udp.h>
#include <speadi/uring.h>

#include "gro.h"
#include "scatter.h"

/* What a completion is of: the upper half of its data; the lower is the source's index. */
enum speadi_uring_kind { SPEADI_URING_RECEIVE, SPEADI_URING_CANCEL, SPEADI_URING_BELL };

struct speadi_uring_source {
    struct speadi_udp_socket socket;
    bool single;         /* read by single-shot receives */
    bool posted;         /* a receive of either kind is in flight */
    bool cancelled;      /* ... and has been told to end */
    unsigned unreserved; /* single-shot receives in a row without reservations */
    int result;          /* what speadi_uring_sources_await() saw of it */

    /* The single-shot receive; slots == 0: none reserved. */
    struct msghdr header;
    struct speadi_scatter scatter;
    struct iovec iov[SPEADI_SCATTER_IOVECS];
    _Alignas(SPEADI_CACHE_LINE) uint8_t control[SPEADI_GRO_CONTROL_BYTES];
    uint8_t *buffer, *heads;
};

uint64_t speadi_uring_tag(enum speadi_uring_kind kind, unsigned source);

/* A place in the submission queue, which is long enough for all that can be queued. */
struct io_uring_sqe *speadi_uring_request(struct io_uring *ring);

/* Queues a receive of the source's kind; draining: one that does not wait. */
void speadi_uring_source_post(struct speadi_uring_source *source, struct io_uring *ring,
                              unsigned index, bool draining);

/* Tells the receive in flight to end, once. */
void speadi_uring_source_cancel(struct speadi_uring_source *source, struct io_uring *ring,
                                unsigned index);

/* How many bytes the single-shot receive has places for. */
uint32_t speadi_uring_source_room(const struct speadi_uring_source *source);

/* Sleeps until every receive whose bit is set has ended. Completions stay for the next poll. Returns 0, or
 * -errno when the ring is of no use any more. */
int speadi_uring_sources_await(struct speadi_uring_source *source, struct io_uring *ring,
                               uint64_t bits);

#endif
