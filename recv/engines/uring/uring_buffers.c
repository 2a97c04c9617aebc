/* SPDX-License-Identifier: Apache-2.0 */
/* Provides buffers for multishot receives, and takes them back. */
#include "uring_buffers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>

#define BUFFER_BYTES (SPEADI_URING_PREFIX_BYTES + SPEADI_DATAGRAMS_BYTES_MAX)
/* Bytes between two buffers: 64 KiB and an odd number of cache lines, which have room for the prefix. */
#define STRIDE         (SPEADI_DATAGRAMS_BYTES_MAX + 25u * SPEADI_CACHE_LINE)
#define RING_BYTES     (SPEADI_URING_BUFFERS * sizeof(struct io_uring_buf))
#define PROVIDED_BYTES (128u << 10)
#define PROVIDED_MIN   2u

_Static_assert(sizeof(struct io_uring_recvmsg_out) + SPEADI_RX_NAME_BYTES +
                       SPEADI_URING_CONTROL_BYTES ==
                   SPEADI_URING_PREFIX_BYTES,
               "the data begin behind the prefix");
_Static_assert(SPEADI_URING_CONTROL_BYTES >= CMSG_SPACE(sizeof(int)),
               "the control message of UDP_GRO has room");

int speadi_uring_buffers_open(struct speadi_uring_buffers *buffers, struct io_uring *ring,
                              struct spead_err *err)
{
    void *shared =
        mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)shared,
                                            .ring_entries = SPEADI_URING_BUFFERS};
    int ret;

    buffers->memory = speadi_alloc_lines((size_t)SPEADI_URING_BUFFERS * STRIDE);
    if (shared == MAP_FAILED || !buffers->memory) {
        if (shared != MAP_FAILED)
            munmap(shared, RING_BYTES);
        return speadi_err_set(err, -ENOMEM, "uring engine: no memory for receive buffers");
    }
    buffers->ring = shared;
    io_uring_buf_ring_init(buffers->ring);
    ret = io_uring_register_buf_ring(ring, &registration, 0);
    if (ret < 0)
        return speadi_err_set(err, ret, "uring engine: cannot register receive buffers: %s",
                              strerror(-ret));
    for (unsigned i = 0; i < SPEADI_URING_BUFFERS; i++)
        buffers->idle[i] = (uint16_t)(SPEADI_URING_BUFFERS - 1 - i);
    buffers->idle_count = SPEADI_URING_BUFFERS;
    return 0;
}

void speadi_uring_buffers_close(struct speadi_uring_buffers *buffers)
{
    if (buffers->ring)
        munmap(buffers->ring, RING_BYTES);
    free(buffers->memory);
    memset(buffers, 0, sizeof *buffers);
}

uint64_t speadi_uring_buffers_bytes(const struct speadi_uring_buffers *buffers)
{
    return buffers->ring ? (uint64_t)SPEADI_URING_BUFFERS * STRIDE + RING_BYTES : 0;
}

static uint8_t *memory_of(const struct speadi_uring_buffers *buffers, unsigned id)
{
    return buffers->memory + (size_t)id * STRIDE;
}

unsigned speadi_uring_buffers_provide(struct speadi_uring_buffers *buffers)
{
    unsigned wanted =
        buffers->receive_bytes ? PROVIDED_BYTES / buffers->receive_bytes : PROVIDED_MIN;
    unsigned has = SPEADI_URING_BUFFERS - buffers->idle_count, added = 0;

    wanted = wanted < PROVIDED_MIN ? PROVIDED_MIN : wanted;
    for (; buffers->idle_count && has < wanted; has++, added++) {
        unsigned id = buffers->idle[--buffers->idle_count];

        io_uring_buf_ring_add(buffers->ring, memory_of(buffers, id), BUFFER_BYTES,
                              (unsigned short)id, SPEADI_URING_BUFFERS - 1, (int)added);
    }
    /* This stores the tail with release: a kernel that sees the new tail sees the new entries, too. */
    if (added)
        io_uring_buf_ring_advance(buffers->ring, (int)added);
    return has;
}

bool speadi_uring_buffers_received(struct speadi_uring_buffers *buffers, unsigned id, int res,
                                   struct speadi_datagrams *datagrams)
{
    uint8_t *memory = memory_of(buffers, id);
    struct io_uring_recvmsg_out out;
    struct msghdr header;
    uint32_t held = (uint32_t)res - SPEADI_URING_PREFIX_BYTES;

    if (res < (int)SPEADI_URING_PREFIX_BYTES)
        return false;
    memcpy(&out, memory, sizeof out);
    header = (struct msghdr){.msg_control = memory + sizeof out + SPEADI_RX_NAME_BYTES,
                             .msg_controllen = out.controllen};
    datagrams->from = speadi_rx_from_name(datagrams->from.source, memory + sizeof out, out.namelen);
    datagrams->data = memory + SPEADI_URING_PREFIX_BYTES;
    datagrams->true_bytes = out.payloadlen;
    datagrams->held_bytes = held < out.payloadlen ? held : out.payloadlen;
    datagrams->segment_bytes = speadi_gro_segment_bytes(&header, out.payloadlen);
    buffers->receive_bytes = buffers->receive_bytes
                                 ? (3 * buffers->receive_bytes + out.payloadlen + 3) / 4
                                 : out.payloadlen + 1;
    return true;
}

void speadi_uring_buffers_give_back(struct speadi_uring_buffers *buffers, unsigned id)
{
    assert(buffers->idle_count < SPEADI_URING_BUFFERS);
    buffers->idle[buffers->idle_count++] = (uint16_t)id;
}
