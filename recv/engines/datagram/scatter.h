/* Placed receive through iovecs: one receive scatters a message over predicted slots, each a short
 * buffer for the head of a packet and a range for its payload, and a spill for everything more. */
#ifndef SPEADI_SCATTER_H
#define SPEADI_SCATTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadi/cache_line.h>

#include "gro.h"
#include "rx_engine.h"

#define SPEADI_HEAD_BYTES_MAX 512u /* longer heads are not predicted */
#define SPEADI_HEAD_STRIDE \
    (9u * SPEADI_CACHE_LINE) /* an odd number of cache lines, so that heads share no sets */
#define SPEADI_HEADS_BYTES    (SPEADI_RX_RESERVE_MAX * SPEADI_HEAD_STRIDE)
#define SPEADI_SCATTER_IOVECS (2 * SPEADI_RX_RESERVE_MAX + 1)

/* Where one message was asked to go. */
struct speadi_scatter {
    struct iovec *iov; /* head, range, head, range, ..., spill: 2 x slots + 1 */
    unsigned slots;
    uint64_t first_place; /* reservation of slot 0; the others follow */
};

/* Fills scatter->iov (room for 2 x count + 1) with slots for the ranges, as far as one train can fill
 * them: all datagrams of a train but its last are equal, so the first range of another length ends
 * it. heads: count x SPEADI_HEAD_STRIDE bytes; spill: SPEADI_DATAGRAMS_BYTES_MAX. */
void speadi_scatter_build(struct speadi_scatter *scatter, const struct speadi_rx_range *ranges,
                          unsigned count, uint32_t head_bytes, uint8_t *heads, uint8_t *spill);

/* Sorts out a message received there (message->data is not looked at). Packets that fell exactly into
 * slots are lent with their places; the burst must have room for scatter->slots more. What remains is
 * made linear in the spill and described by *message, for speadi_datagrams_lend(). Returns false when
 * nothing remains. */
bool speadi_scatter_settle(const struct speadi_scatter *scatter, struct speadi_datagrams *message,
                           struct speadi_rx_burst *burst);

/* Makes a received message linear in the spill, from slot onwards; what it left before is lost. */
void speadi_scatter_gather(const struct speadi_scatter *scatter, unsigned slot,
                           struct speadi_datagrams *message);

#endif
