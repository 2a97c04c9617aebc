/* SPDX-License-Identifier: Apache-2.0 */
/* Places payload through iovecs: the engine spreads one receive over predicted slots. A slot is a pair of iovecs: a
 * short buffer for the head of a packet, and a range for its payload. After the slots comes the spill: a buffer for all
 * further bytes. */
#ifndef SPEADI_SCATTER_H
#define SPEADI_SCATTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadi/cache_line.h>

#include "gro.h"
#include "rx_from.h"

#define SPEADI_HEAD_BYTES_MAX 512u /* packets with longer headers get no slots */
/* Bytes between two heads: an odd number of cache lines, so that the heads lie in different cache sets. */
#define SPEADI_HEAD_STRIDE    (9u * SPEADI_CACHE_LINE)
#define SPEADI_HEADS_BYTES    (SPEADI_RX_RESERVE_USUAL * SPEADI_HEAD_STRIDE)
#define SPEADI_SCATTER_IOVECS (2 * SPEADI_RX_RESERVE_USUAL + 1)

/* Where the bytes of one receive are to go. */
struct speadi_scatter {
    struct iovec *iov; /* 2 x slots + 1 iovecs: head, range, head, range, ..., spill */
    unsigned slots;
    uint64_t first_place; /* number of the reservation of slot 0; slot i has first_place + i */
};

/* Makes slots for the ranges and stores them in scatter->iov, which must have room for 2 x count + 1 iovecs. Sets
 * scatter->slots. All slots are for one train. All datagrams of a train have the same size; only the last may be
 * shorter. So a range that is shorter than the first range gets the last slot. A range that is longer than the first
 * range gets no slot. `heads` must have count x SPEADI_HEAD_STRIDE bytes, `spill` must have SPEADI_DATAGRAMS_BYTES_MAX
 * bytes. */
void speadi_scatter_build(struct speadi_scatter *scatter, const struct speadi_rx_range *ranges,
                          unsigned count, uint32_t head_bytes, uint8_t *heads, uint8_t *spill);

/* Lends those packets of a finished receive that lie exactly in their slots, and sets their `place`. The burst must
 * have room for scatter->slots more packets. *datagrams must say what the receive returned; its field `data` is not
 * read. If other packets remain, the function collects them in one piece in the spill, describes them in *datagrams,
 * and returns true. The caller must then lend them with speadi_datagrams_lend(). If the kernel cut the end off, the
 * function lends nothing and returns true. Returns false when nothing remains. */
bool speadi_scatter_lend_placed(const struct speadi_scatter *scatter,
                                struct speadi_datagrams *datagrams, struct speadi_rx_burst *burst);

/* Takes the bytes that a finished receive put into slot `slot`, into later slots and into the spill. Copies them in one
 * piece to the beginning of the spill, and sets datagrams->data. datagrams->held_bytes must be the number of these
 * bytes. Does not copy the bytes in earlier slots. */
void speadi_scatter_gather(const struct speadi_scatter *scatter, unsigned slot,
                           struct speadi_datagrams *datagrams);

#endif
