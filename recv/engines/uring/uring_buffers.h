/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers for multishot receives. The kernel takes them from a ring (provided buffers).
 *
 * Only a few buffers are in the ring at a time: enough for about 128 KiB if receives stay as large as the recent ones.
 * So the ring has few buffers if receives return large trains, and many buffers if they return single packets. The
 * buffers that were used most recently go into the ring first. So the memory that the kernel writes and the core reads
 * stays in L2. Only the owner thread calls these functions. */
#ifndef SPEADI_URING_BUFFERS_H
#define SPEADI_URING_BUFFERS_H

#include <stdint.h>
#include <sys/socket.h>

#include <speadi/uring.h>

#include "gro.h"

#define SPEADI_URING_BUFFERS 64u /* number of buffers, a power of two */
/* Before the data the kernel writes three things: a struct io_uring_recvmsg_out, the first SPEADI_RX_NAME_BYTES bytes
 * of the sender's socket address, and the control message of UDP_GRO. Together they are 64 bytes, so the data begin on
 * a cache line if cache lines have 64 bytes. */
#define SPEADI_URING_CONTROL_BYTES 24u
#define SPEADI_URING_PREFIX_BYTES  64u

struct speadi_uring_buffers {
    struct io_uring_buf_ring *ring; /* NULL if the ring is not open */
    uint8_t *memory;
    /* Numbers of the buffers that are not in the ring; the last one was used most recently. */
    uint16_t idle[SPEADI_URING_BUFFERS];
    unsigned idle_count;
    /* Recent average of the bytes that one receive returned, or 0 before the first receive. */
    uint32_t receive_bytes;
};

/* Allocates the buffers and registers their ring as buffer group 0 of an io_uring that is still disabled. Returns 0,
 * -ENOMEM, or the -errno of the registration, with a sentence. */
int speadi_uring_buffers_open(struct speadi_uring_buffers *buffers, struct io_uring *ring,
                              struct spead_err *err);
/* Frees the buffers and their ring. The caller must close the io_uring before. */
void speadi_uring_buffers_close(struct speadi_uring_buffers *buffers);

/* Returns how many bytes of memory the buffers and their ring use. */
uint64_t speadi_uring_buffers_bytes(const struct speadi_uring_buffers *buffers);

/* Adds buffers to the ring until the ring has enough for about 128 KiB, if receives stay as large as the recent ones.
 * Returns how many buffers the ring then holds. */
unsigned speadi_uring_buffers_provide(struct speadi_uring_buffers *buffers);

/* Describes in *datagrams what a receive put into buffer number `id`. `res` is the result of the completion of this
 * receive. The caller must have set the fields `from.source` and `time_ns`, which the function does not change. Returns
 * false when `res` is too small for a receive. */
bool speadi_uring_buffers_received(struct speadi_uring_buffers *buffers, unsigned id, int res,
                                   struct speadi_datagrams *datagrams);

/* Takes buffer number `id` back, so that it can be put into the ring again. Nobody may read the buffer any more. */
void speadi_uring_buffers_give_back(struct speadi_uring_buffers *buffers, unsigned id);

#endif
