/* SPDX-License-Identifier: Apache-2.0 */
/* Decides how the bytes of a packet reach the kernel, and holds the buffer for one of the two ways.
 *
 * By reference: sendmsg() gets an iovec for each piece of each packet, and the kernel copies each piece from where it
 * lies. Gathered: the engine first copies all pieces of a kernel message into the buffer, one behind another, and
 * sendmsg() gets one iovec. The kernel spends more time on an iovec than a CPU spends on copying a short piece within
 * its cache. So packets whose pieces are short are gathered (docs/performance.md has the measurements).
 *
 * The buffer is small, so that it stays in the L2 cache of the CPU: the kernel then reads from the cache what the
 * engine has just written. The kernel messages of one build share the buffer, and the next build uses it again. This is
 * allowed because both engines build only after the kernel has finished all kernel messages of the last build: their
 * sends do not block. */
#ifndef SPEADI_DATAGRAM_GATHER_H
#define SPEADI_DATAGRAM_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tx_engine.h"

/* The size of the buffer: two trains of the largest size. */
#define SPEADI_GATHER_BUFFER_BYTES (128u << 10)
/* SPEAD_SEND_PATH_AUTO gathers a packet if its pieces (the header is one of them) have fewer bytes than this on
 * average. An ordinary packet has two pieces, so it is gathered if it is shorter than 3072 bytes. */
#define SPEADI_GATHER_PIECE_BYTES 1536u

/* the largest number of iovecs in one message: UIO_MAXIOV of the kernel */
#define SPEADI_MESSAGE_IOVECS_MAX 1024u

struct speadi_datagram_gather {
    enum spead_send_path path;
    uint8_t *buffer;
    size_t used; /* how many bytes of the buffer the present build has used */
    /* True if a build may use only half of the buffer. The caller sets it after a send for which the socket had no room:
     * what is gathered then and finds no room again must be gathered once more. */
    bool half;
};

/* Allocates the buffer. Returns 0 or -ENOMEM. */
int speadi_gather_init(struct speadi_datagram_gather *gather, enum spead_send_path path);

/* Frees the buffer. Does nothing if *gather is zeroed. */
void speadi_gather_release(struct speadi_datagram_gather *gather);

/* Begins a build: the whole buffer is free again. */
static inline void speadi_gather_begin(struct speadi_datagram_gather *gather)
{
    gather->used = 0;
}

/* Returns true if `bytes` bytes in so many pieces are to be gathered: one packet, or a train of packets of one piece. A
 * message of more pieces than one sendmsg() takes always is. A packet that no datagram can carry never is: the kernel
 * refuses it by its length. */
bool speadi_gather_wants_pieces(const struct speadi_datagram_gather *gather, size_t bytes,
                                size_t pieces);

static inline bool speadi_gather_wants(const struct speadi_datagram_gather *gather,
                                       const struct speadi_tx_packet *packet)
{
    return speadi_gather_wants_pieces(gather, packet->bytes, packet->iov_count);
}

/* Returns true if the buffer has room for a kernel message of this many bytes. In a build that has gathered nothing
 * yet, it has room for each kernel message. */
bool speadi_gather_has_room(const struct speadi_datagram_gather *gather, size_t bytes);

/* Copies `count` packets into the buffer, which must have room for them. Returns the place of the copy. */
struct iovec speadi_gather_copy(struct speadi_datagram_gather *gather,
                                const struct speadi_tx_packet *packets, unsigned count);

/* Writes one sentence that says which packets of a stream are gathered, and why. `packet_bytes` is the size of its
 * largest packet. */
void speadi_gather_describe(enum spead_send_path path, uint32_t packet_bytes,
                            char text[SPEADI_TX_SHAPE_MAX]);

#endif
