/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the requests of a source: multishot and single-shot receives, and their cancels. */
#include "uring_source.h"

#include <assert.h>
#include <errno.h>

#include "uring_buffers.h"

uint64_t speadi_uring_tag(enum speadi_uring_kind kind, unsigned source)
{
    return (uint64_t)kind << 32 | source;
}

struct io_uring_sqe *speadi_uring_request(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

    assert(sqe); /* the ring has ENTRIES (rx_uring.c) entries, more than all requests at a time */
    return sqe;
}

static void post_multishot(struct speadi_uring_source *source, struct io_uring_sqe *sqe)
{
    /* The kernel reads only two fields of this header, msg_namelen and msg_controllen. It reads them when it accepts
     * the request, and not later. */
    source->header = (struct msghdr){.msg_namelen = SPEADI_RX_NAME_BYTES,
                                     .msg_controllen = SPEADI_URING_CONTROL_BYTES};
    io_uring_prep_recvmsg_multishot(sqe, source->socket.fd, &source->header, MSG_TRUNC);
    io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
    sqe->buf_group = 0;
}

static void post_single(struct speadi_uring_source *source, struct io_uring_sqe *sqe, bool draining)
{
    if (!source->scatter.slots)
        source->iov[0] = (struct iovec){source->buffer, SPEADI_DATAGRAMS_BYTES_MAX};
    source->header = (struct msghdr){
        .msg_name = source->name,
        .msg_namelen = sizeof source->name,
        .msg_iov = source->iov,
        .msg_iovlen = 2 * source->scatter.slots + 1,
        .msg_control = source->control,
        .msg_controllen = sizeof source->control,
    };
    io_uring_prep_recvmsg(sqe, source->socket.fd, &source->header,
                          MSG_TRUNC | (draining ? MSG_DONTWAIT : 0));
}

void speadi_uring_source_post(struct speadi_uring_source *source, struct io_uring *ring,
                              unsigned index, bool draining)
{
    struct io_uring_sqe *sqe = speadi_uring_request(ring);

    if (source->single || draining)
        post_single(source, sqe, draining);
    else
        post_multishot(source, sqe);
    io_uring_sqe_set_data64(sqe, speadi_uring_tag(SPEADI_URING_RECEIVE, index));
    source->posted = true;
}

void speadi_uring_source_cancel(struct speadi_uring_source *source, struct io_uring *ring,
                                unsigned index)
{
    if (!source->posted || source->cancelled)
        return;
    struct io_uring_sqe *sqe = speadi_uring_request(ring);

    io_uring_prep_cancel64(sqe, speadi_uring_tag(SPEADI_URING_RECEIVE, index), 0);
    io_uring_sqe_set_data64(sqe, speadi_uring_tag(SPEADI_URING_CANCEL, index));
    source->cancelled = true;
}

uint32_t speadi_uring_source_room(const struct speadi_uring_source *source)
{
    uint32_t room = 0;

    for (size_t i = 0; i < source->header.msg_iovlen; i++)
        room += (uint32_t)source->iov[i].iov_len;
    return room;
}

int speadi_uring_sources_await(struct speadi_uring_source *source, struct io_uring *ring,
                               uint64_t bits)
{
    while (bits) {
        struct io_uring_cqe *cqe;
        uint64_t left = bits;
        unsigned head, count = 0;

        io_uring_for_each_cqe(ring, head, cqe)
        {
            uint64_t data = io_uring_cqe_get_data64(cqe);

            count++;
            if (data >> 32 != SPEADI_URING_RECEIVE || cqe->flags & IORING_CQE_F_MORE)
                continue;
            left &= ~(1ull << (data & UINT32_MAX));
            source[data & UINT32_MAX].result = cqe->res;
        }
        if (!left)
            return 0;
        int ret = io_uring_submit_and_wait(ring, count + 1);

        if (ret < 0 && ret != -EINTR)
            return ret;
    }
    return 0;
}
