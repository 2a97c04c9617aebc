/* SPDX-License-Identifier: Apache-2.0 */
/* A source of the uring engine: its socket, and the receive that is in flight for it. Only the owner thread calls these
 * functions. */
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

/* The kind of request that a completion answers. The upper half of the completion's data holds this kind; the lower
 * half holds the index of the source. WAKE is the poll request for the wake descriptor, NEWS that for the descriptor of
 * the watch of the interfaces. */
enum speadi_uring_kind {
    SPEADI_URING_RECEIVE,
    SPEADI_URING_CANCEL,
    SPEADI_URING_WAKE,
    SPEADI_URING_NEWS,
};

struct speadi_uring_source {
    struct speadi_udp_socket socket;
    bool single; /* true: single-shot receives read the source; false: a multishot receive does */
    bool posted; /* a receive of either kind is in flight */
    bool cancelled; /* a cancel was queued for the receive that is in flight */
    /* number of single-shot receives after the last one that had reservations */
    unsigned unreserved;
    int result; /* result of the receive, as speadi_uring_sources_await() found it */

    /* Arguments of the single-shot receive. scatter.slots is 0 if the receive has no reservations. */
    struct msghdr header;
    struct speadi_scatter scatter;
    struct iovec iov[SPEADI_SCATTER_IOVECS];
    _Alignas(SPEADI_CACHE_LINE) uint8_t control[SPEADI_GRO_CONTROL_BYTES];
    /* The kernel writes the socket address of the sender here. */
    uint8_t name[SPEADI_RX_NAME_BYTES];
    uint8_t *buffer, *heads;
};

/* Returns the number that a request of this kind carries as its data. Its completion carries the same number. */
uint64_t speadi_uring_tag(enum speadi_uring_kind kind, unsigned source);

/* Returns a free entry of the submission queue. There is always a free entry, because the queue has room for all
 * requests. */
struct io_uring_sqe *speadi_uring_request(struct io_uring *ring);

/* Queues a receive: single-shot or multishot as `single` says. If `draining` is true, the receive is single-shot and
 * does not wait for data. */
void speadi_uring_source_post(struct speadi_uring_source *source, struct io_uring *ring,
                              unsigned index, bool draining);

/* Queues a cancel for the receive in flight. Does nothing if no receive is in flight, or if a cancel is queued
 * already. */
void speadi_uring_source_cancel(struct speadi_uring_source *source, struct io_uring *ring,
                                unsigned index);

/* Returns how many bytes the single-shot receive in flight has room for. */
uint32_t speadi_uring_source_room(const struct speadi_uring_source *source);

/* Blocks until the receives of all sources whose bit in `bits` is set have completed. Stores the results of these
 * receives in the field `result` of their sources. The completions stay in the ring for the next poll. Returns 0, or
 * -errno when the ring can no longer be used. */
int speadi_uring_sources_await(struct speadi_uring_source *source, struct io_uring *ring,
                               uint64_t bits);

#endif
