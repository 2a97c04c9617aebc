/* SPDX-License-Identifier: Apache-2.0 */
/* See datagram_gather.h. */
#include "datagram_gather.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadi/cache_line.h>
#include <speadi/iovec_copy.h>
#include <speadi/numbers.h>
#include <speadi/packet.h>

/* how many pieces an ordinary packet has: the header and one piece of payload */
#define USUAL_PIECES 2u

int speadi_gather_init(struct speadi_datagram_gather *gather, enum spead_send_path path)
{
    *gather = (struct speadi_datagram_gather){
        .path = path, .buffer = speadi_alloc_lines(SPEADI_GATHER_BUFFER_BYTES)};
    return gather->buffer ? 0 : -ENOMEM;
}

void speadi_gather_release(struct speadi_datagram_gather *gather)
{
    free(gather->buffer);
    gather->buffer = NULL;
}

bool speadi_gather_wants_pieces(const struct speadi_datagram_gather *gather, size_t bytes,
                                size_t pieces)
{
    if (bytes > SPEADI_UDP_BYTES_MAX)
        return false;
    if (pieces > SPEADI_MESSAGE_IOVECS_MAX || gather->path == SPEAD_SEND_PATH_GATHER)
        return true;
    return gather->path == SPEAD_SEND_PATH_AUTO && bytes < pieces * SPEADI_GATHER_PIECE_BYTES;
}

bool speadi_gather_has_room(const struct speadi_datagram_gather *gather, size_t bytes)
{
    return SPEADI_GATHER_BUFFER_BYTES / (gather->half ? 2 : 1) - gather->used >= bytes;
}

struct iovec speadi_gather_copy(struct speadi_datagram_gather *gather,
                                const struct speadi_tx_packet *packets, unsigned count)
{
    uint8_t *const begin = gather->buffer + gather->used;
    uint8_t *at = begin;

    for (unsigned i = 0; i < count; i++) {
        speadi_iovec_copy(at, packets[i].iov, packets[i].iov_count);
        at += packets[i].bytes;
    }
    gather->used = speadi_round_up((size_t)(at - gather->buffer), SPEADI_CACHE_LINE);
    return (struct iovec){.iov_base = begin, .iov_len = (size_t)(at - begin)};
}

void speadi_gather_describe(enum spead_send_path path, uint32_t packet_bytes,
                            char text[SPEADI_TX_SHAPE_MAX])
{
    const uint32_t limit = USUAL_PIECES * SPEADI_GATHER_PIECE_BYTES;

    if (path == SPEAD_SEND_PATH_GATHER)
        snprintf(text, SPEADI_TX_SHAPE_MAX, "packets are gathered: asked for");
    else if (path == SPEAD_SEND_PATH_REFERENCE)
        snprintf(text, SPEADI_TX_SHAPE_MAX, "packets go by reference: asked for");
    else if (packet_bytes < limit)
        snprintf(text, SPEADI_TX_SHAPE_MAX,
                 "packets are shorter than %" PRIu32
                 " bytes and gathered, unless they follow each other in memory",
                 limit);
    else
        snprintf(text, SPEADI_TX_SHAPE_MAX,
                 "packets go by reference from %" PRIu32 " bytes on, and shorter ones are gathered",
                 limit);
}
