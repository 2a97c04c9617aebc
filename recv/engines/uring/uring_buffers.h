/* Buffers for multishot receives. The kernel takes them from a ring (provided buffers).
 *
 * Only a few buffers are in the ring at a time. Receives as large as the recent ones fill these buffers with about 128
 * KiB in all. The buffers that were used most recently go into the ring first. So the memory that the kernel writes and
 * the core reads stays in L2. If each receive returns only a single packet, the ring still has many buffers. Owner
 * thread. */
#ifndef SPEADI_URING_BUFFERS_H
#define SPEADI_URING_BUFFERS_H

#include <stdint.h>
#include <sys/socket.h>

#include <speadi/uring.h>

#include "gro.h"

#define SPEADI_URING_BUFFERS 64u /* a power of two */
/* The kernel writes a struct io_uring_recvmsg_out and control messages before the data. Together they fill one cache
 * line, so the data begin on a cache line. */
#define SPEADI_URING_CONTROL_BYTES 48u
#define SPEADI_URING_PREFIX_BYTES  64u

struct speadi_uring_buffers {
    struct io_uring_buf_ring *ring; /* NULL: not open */
    uint8_t *memory;
    /* Numbers of the buffers that are not in the ring; the last one was used most recently. */
    uint16_t idle[SPEADI_URING_BUFFERS];
    unsigned idle_count;
    uint32_t receive_bytes; /* recent average of the bytes that one receive returned; 0: none yet */
};

/* Allocates the buffers and registers their ring as buffer group 0 of an io_uring that is still disabled. Returns 0,
 * -ENOMEM, or the -errno of the registration, with a sentence. */
int speadi_uring_buffers_open(struct speadi_uring_buffers *buffers, struct io_uring *ring,
                              struct spead_err *err);
/* Frees the buffers and their ring. Call it after the io_uring is closed. */
void speadi_uring_buffers_close(struct speadi_uring_buffers *buffers);

/* Returns how many bytes of memory the buffers and their ring use. */
uint64_t speadi_uring_buffers_bytes(const struct speadi_uring_buffers *buffers);

/* Adds buffers to the ring until it holds the number that the top of this file explains. Returns how many it holds. */
unsigned speadi_uring_buffers_provide(struct speadi_uring_buffers *buffers);

/* Describes in *datagrams what a receive put into buffer `id`; res is the result of its completion. The fields source
 * and time_ns are left as they are. Returns false when res is too short to be a receive. */
bool speadi_uring_buffers_received(struct speadi_uring_buffers *buffers, unsigned id, int res,
                                   struct speadi_datagrams *datagrams);

/* Takes buffer `id` back. Nobody reads it any more, so it may be provided again. */
void speadi_uring_buffers_give_back(struct speadi_uring_buffers *buffers, unsigned id);

#endif
