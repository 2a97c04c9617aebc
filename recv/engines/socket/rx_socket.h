/* SPDX-License-Identifier: Apache-2.0 */
/* State of the socket receive engine. Only the files of this folder include it:
 *
 *   rx_socket.c       opens the sockets, reads the sources in rounds, reserves and waits; has the table of operations
 *   socket_receive.c  makes one receive call for a source
 *
 * Threads: the owner thread uses all fields; other threads may only call wake(). */
#ifndef SPEADI_RX_SOCKET_H
#define SPEADI_RX_SOCKET_H

#include <sys/socket.h>

#include <speadi/cache_line.h>
#include <speadi/interface_watch.h>
#include <speadi/udp.h>
#include <speadi/wake_fd.h>

#include "drop_causes.h"
#include "gro.h"
#include "rx_from.h"
#include "scatter.h"
#include "train_guess.h"

#define SPEADI_SOCKET_BUFFERS 64u
/* Bytes between two buffers: 64 KiB and an odd number of cache lines, so that the buffers begin in different cache
 * sets. */
#define SPEADI_SOCKET_STRIDE      (SPEADI_DATAGRAMS_BYTES_MAX + 25u * SPEADI_CACHE_LINE)
#define SPEADI_SOCKET_BURST_BYTES (64u << 10) /* bytes of one burst, which stay in L2 */

struct speadi_socket_source {
    struct speadi_udp_socket socket;
    /* Recent average of the bytes that one receive returned, or 0 before the first receive. */
    uint32_t receive_bytes;
    struct speadi_train_guess train;
    unsigned reserved;    /* number of ranges reserved for the next receive */
    unsigned first_range; /* index of the first of these ranges in speadi_socket_engine.range */
    /* Expected number of header bytes before the payload of each reserved range. */
    uint32_t head_bytes;
};

/* The datagrams that one receive returned and that have not been lent yet. scatter.slots is 0 when nothing was placed,
 * or when the placed packets have been lent. */
struct speadi_socket_entry {
    struct speadi_datagrams datagrams;
    struct speadi_scatter scatter;
};

struct speadi_socket_engine {
    struct speadi_socket_source source[SPEADI_RX_SOURCES_MAX];
    unsigned source_count;
    int epoll;
    bool coarse_wait; /* the kernel has refused epoll_pwait2(), so the engine uses epoll_wait() */
    struct speadi_wake_fd wake_fd;
    /* Bit i is set if source i has data and the engine must still read it in this round over the sources. */
    uint64_t round;

    /* The ranges that are reserved for the next receives. The ranges of one source are next to each other in the
     * array. */
    struct speadi_rx_range range[SPEADI_RX_RESERVE_USUAL];
    unsigned range_count;
    uint64_t accepted, ended; /* number of reservations accepted, and of those that ended */

    struct speadi_socket_entry entry[SPEADI_SOCKET_BUFFERS]; /* entry i uses buffer i */
    unsigned entry_count, entry_next; /* entries before entry_next have been lent */
    uint32_t round_bytes;             /* bytes received after the entries were last empty */
    struct mmsghdr header[SPEADI_SOCKET_BUFFERS];
    struct iovec iov[2 * SPEADI_RX_RESERVE_USUAL + SPEADI_SOCKET_BUFFERS];
    unsigned iov_count;
    _Alignas(SPEADI_CACHE_LINE) uint8_t control[SPEADI_SOCKET_BUFFERS][SPEADI_GRO_CONTROL_BYTES];
    uint8_t name[SPEADI_SOCKET_BUFFERS][SPEADI_RX_NAME_BYTES]; /* socket addresses of the senders */
    uint8_t *buffers;
    uint8_t *heads;
    /* -errno of a receive that failed, or 0. poll() returns it when all received packets are lent. */
    int error;
    uint64_t receives, sleeps;
    struct speadi_drop_causes causes;         /* why the kernel dropped datagrams at the sockets */
    struct speadi_interface_watch interfaces; /* the interfaces that the sockets are tied to */
};

/* Makes one receive call for source number `index`. The call does not block. Appends what the call returned to the
 * entries. Returns 0, also when nothing was there, or -errno. */
int speadi_socket_receive(struct speadi_socket_engine *e, unsigned index);

#endif
