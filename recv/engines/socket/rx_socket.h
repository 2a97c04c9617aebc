/* Inside the socket receive engine:
 *
 *   rx_socket.c    opening, rounds over the sources, reserving, waiting, the table of operations
 *   socket_receive.c   one receive from a source */
#ifndef SPEADI_RX_SOCKET_H
#define SPEADI_RX_SOCKET_H

#include <sys/socket.h>

#include <speadi/cache_line.h>
#include <speadi/udp.h>
#include <speadi/wake_fd.h>

#include "gro.h"
#include "rx_engine.h"
#include "scatter.h"
#include "train_guess.h"

#define SPEADI_SOCKET_BUFFERS 64u
/* An odd number of cache lines beyond 64 KiB, so that the beginnings share no cache sets. */
#define SPEADI_SOCKET_STRIDE      (SPEADI_DATAGRAMS_BYTES_MAX + 25u * SPEADI_CACHE_LINE)
#define SPEADI_SOCKET_BURST_BYTES (64u << 10) /* received in one burst: stays in L2 */

struct speadi_socket_source {
    struct speadi_udp_socket socket;
    uint32_t message_bytes; /* recent mean */
    struct speadi_train_guess train;
    unsigned offered;     /* ranges reserved for the next receive ... */
    unsigned first_offer; /* ... from this one of the engine's */
    uint32_t head_bytes;
};

/* A message received and not wholly lent. slots == 0: nothing of it was placed, or that part is lent. */
struct speadi_socket_entry {
    struct speadi_datagrams message;
    struct speadi_scatter scatter;
};

struct speadi_socket_engine {
    struct speadi_socket_source source[SPEADI_RX_SOURCES_MAX];
    unsigned source_count;
    int epoll;
    struct speadi_wake_fd wake_fd;
    uint64_t round; /* bit set of sources with data that have not had their turn */

    struct speadi_rx_range offer[SPEADI_RX_RESERVE_MAX];
    unsigned offer_count;
    uint64_t accepted, ended;

    struct speadi_socket_entry entry[SPEADI_SOCKET_BUFFERS]; /* entry i uses buffer i */
    unsigned entry_count, entry_next;
    uint32_t round_bytes;
    struct mmsghdr header[SPEADI_SOCKET_BUFFERS];
    struct iovec iov[2 * SPEADI_RX_RESERVE_MAX + SPEADI_SOCKET_BUFFERS];
    unsigned iov_count;
    _Alignas(SPEADI_CACHE_LINE) uint8_t control[SPEADI_SOCKET_BUFFERS][SPEADI_GRO_CONTROL_BYTES];
    uint8_t *buffers;
    uint8_t *heads;
    int error; /* of a receive beside others that brought data: the next poll's */
    uint64_t messages, sleeps;
};

/* Receives from this source what there is and room for, behind the entries that are there. Returns 0 or
 * -errno. */
int speadi_socket_receive(struct speadi_socket_engine *e, unsigned index);

#endif
