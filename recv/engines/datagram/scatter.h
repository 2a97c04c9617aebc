/* Placed receive through iovecs. One receive is spread over predicted slots. A slot is a pair of iovecs: a short
 * buffer for the head of a packet, and a range for its payload. Behind the slots stands the spill: a buffer for all
 * further bytes. */
#ifndef SPEADI_SCATTER_H
#define SPEADI_SCATTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadi/cache_line.h>

#include "gro.h"
#include "rx_engine.h"

#define SPEADI_HEAD_BYTES_MAX 512u /* no slots are made for longer heads */
/* An odd number of cache lines, so that the heads lie in different cache sets. */
#define SPEADI_HEAD_STRIDE    (9u * SPEADI_CACHE_LINE)
#define SPEADI_HEADS_BYTES    (SPEADI_RX_RESERVE_MAX * SPEADI_HEAD_STRIDE)
#define SPEADI_SCATTER_IOVECS (2 * SPEADI_RX_RESERVE_MAX + 1)

/* Where the bytes of one receive are to go. */
struct speadi_scatter {
    struct iovec *iov; /* head, range, head, range, ..., spill: 2 x slots + 1 */
    unsigned slots;
    uint64_t first_place; /* number of the reservation of slot 0; slot i has first_place + i */
};

/* Makes slots for the ranges in scatter->iov, which has room for 2 x count + 1 iovecs, and sets scatter->slots. All
 * slots are for one train, and all datagrams of a train have the same size; only the last may be shorter. So a range
 * that is shorter than the first one gets the last slot, and a range that is longer gets none. heads has count x
 * SPEADI_HEAD_STRIDE bytes; spill has SPEADI_DATAGRAMS_BYTES_MAX bytes. */
void speadi_scatter_build(struct speadi_scatter *scatter, const struct speadi_rx_range *ranges,
                          unsigned count, uint32_t head_bytes, uint8_t *heads, uint8_t *spill);

/* Lends those packets of a finished receive that lie exactly in their slots, and sets their `place`. The burst must
 * have room for scatter->slots more packets. *datagrams says what the receive returned; its field data is not read. If
 * other packets remain, the function collects them in one piece in the spill, describes them in *datagrams, and returns
 * true; then the caller lends them with speadi_datagrams_lend(). It also returns true, and lends nothing, when the
 * kernel cut the end off. Returns false when nothing remains. */
bool speadi_scatter_lend_placed(const struct speadi_scatter *scatter,
                                struct speadi_datagrams *datagrams, struct speadi_rx_burst *burst);

/* Copies the bytes that a finished receive put into slot `slot`, the later slots and the spill to the beginning of the
 * spill, in one piece. Sets datagrams->data. datagrams->held_bytes is the number of these bytes. Bytes in earlier slots
 * are not copied. */
void speadi_scatter_gather(const struct speadi_scatter *scatter, unsigned slot,
                           struct speadi_datagrams *datagrams);

#endif
