/* Buffers that multishot receives take from: a provided-buffer ring, and the few of them that are in it.
 *
 * Only about as many are provided as recent messages fill 128 KiB, the one given back last first, so
 * that what the kernel writes and we read stays in L2. Single packets so still come many at a time. */
#ifndef SPEADI_URING_BUFFERS_H
#define SPEADI_URING_BUFFERS_H

#include <stdint.h>
#include <sys/socket.h>

#include <speadi/uring.h>

#include "gro.h"

#define SPEADI_URING_BUFFERS 64u /* a power of two */
/* What the kernel puts before the payload: struct io_uring_recvmsg_out and control messages. Together a
 * cache line, so that payload begins on one. */
#define SPEADI_URING_CONTROL_BYTES 48u
#define SPEADI_URING_PREFIX_BYTES  64u

struct speadi_uring_buffers {
    struct io_uring_buf_ring *ring; /* NULL: none */
    uint8_t *memory;
    uint16_t spare[SPEADI_URING_BUFFERS]; /* not provided; the last is the hottest */
    unsigned spare_count;
    uint32_t message_bytes; /* recent mean */
};

/* Registers group 0 with a ring that is still disabled. 0, -ENOMEM, or -errno of the registration. */
int speadi_uring_buffers_open(struct speadi_uring_buffers *buffers, struct io_uring *ring,
                              struct spead_err *err);
void speadi_uring_buffers_close(struct speadi_uring_buffers *buffers); /* after the ring is gone */

/* What they take: the buffers and the ring. */
uint64_t speadi_uring_buffers_bytes(const struct speadi_uring_buffers *buffers);

/* Tops up what the kernel may take. Returns how many it has. */
unsigned speadi_uring_buffers_provide(struct speadi_uring_buffers *buffers);

/* A message of res bytes came into buffer id. Fills *message; false: it is no message. */
bool speadi_uring_buffers_message(struct speadi_uring_buffers *buffers, unsigned id, int res,
                                  struct speadi_datagrams *message);

/* The buffer has been read. */
void speadi_uring_buffers_give_back(struct speadi_uring_buffers *buffers, unsigned id);

#endif
