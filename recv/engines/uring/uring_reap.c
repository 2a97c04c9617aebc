/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the completions of the uring engine into packets. */
#include "rx_uring.h"

#include <errno.h>

#include <speadi/clock.h>

/* After so many single-shot receives without reservations, one after another, the engine reads the source by a
 * multishot receive again. */
#define SINGLES_MAX 64u

void speadi_uring_lend_pending(struct speadi_uring_engine *e, struct speadi_rx_burst *burst)
{
    struct speadi_uring_pending *pending = &e->pending;

    if (!speadi_datagrams_lend(&pending->datagrams, burst))
        return;
    if (pending->buffer >= 0)
        e->lent[e->lent_count++] = (unsigned)pending->buffer;
    e->has_pending = false;
}

void speadi_uring_finish_reservations(struct speadi_uring_engine *e,
                                      struct speadi_uring_source *source)
{
    for (unsigned i = 0; i < source->scatter.slots; i++)
        speadi_reservations_finish(&e->reservations, source->scatter.first_place + i);
    source->scatter.slots = 0;
}

static void reap_single(struct speadi_uring_engine *e, struct speadi_uring_source *source, int res,
                        struct speadi_rx_burst *burst)
{
    struct speadi_datagrams *datagrams = &e->pending.datagrams;
    uint32_t room = speadi_uring_source_room(source);
    socklen_t namelen = source->header.msg_namelen;

    datagrams->data = source->buffer;
    datagrams->true_bytes = (uint32_t)res;
    datagrams->held_bytes = datagrams->true_bytes < room ? datagrams->true_bytes : room;
    datagrams->segment_bytes = speadi_gro_segment_bytes(&source->header, datagrams->true_bytes);
    datagrams->from = speadi_rx_from_name(datagrams->from.source, source->name, namelen);
    e->pending.buffer = -1;
    e->has_pending =
        !source->scatter.slots || speadi_scatter_lend_placed(&source->scatter, datagrams, burst);
    source->unreserved = source->scatter.slots ? 0 : source->unreserved + 1;
    if (e->multishot && source->unreserved >= SINGLES_MAX)
        source->single = false;
}

static void reap_multishot(struct speadi_uring_engine *e, const struct io_uring_cqe *cqe)
{
    unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

    if (!(cqe->flags & IORING_CQE_F_BUFFER))
        return;
    e->pending.buffer = (int)id;
    e->has_pending =
        speadi_uring_buffers_received(&e->buffers, id, cqe->res, &e->pending.datagrams);
    if (!e->has_pending)
        speadi_uring_buffers_give_back(&e->buffers, id);
}

/* Tells whether the engine can go on after this error of a receive. -ENOBUFS means that no provided buffer was left,
 * -ECANCELED that the engine cancelled the receive. -EAGAIN means that there was nothing to read after quiesce(),
 * -EINTR that a signal came. */
static bool is_harmless(int res)
{
    return res == -ENOBUFS || res == -ECANCELED || res == -EAGAIN || res == -EINTR;
}

static void reap_receive(struct speadi_uring_engine *e, const struct io_uring_cqe *cqe,
                         unsigned index, uint64_t now, struct speadi_rx_burst *burst)
{
    struct speadi_uring_source *source = &e->source[index];
    bool single = source->header.msg_iov, more = cqe->flags & IORING_CQE_F_MORE;

    e->pending.datagrams.from.source = (uint16_t)index;
    e->pending.datagrams.time_ns = now;
    if (cqe->res >= 0) {
        e->receives++;
        if (single)
            reap_single(e, source, cqe->res, burst);
        else
            reap_multishot(e, cqe);
    } else if (!is_harmless(cqe->res)) {
        e->error = cqe->res;
    }
    if (more)
        return;
    source->posted = source->cancelled = false;
    speadi_uring_finish_reservations(e, source);
}

unsigned speadi_uring_reap(struct speadi_uring_engine *e, struct speadi_rx_burst *burst)
{
    uint64_t now = speadi_clock_utc_ns();
    struct io_uring_cqe *cqe;
    unsigned consumed = 0;

    while (!e->has_pending && burst->count + SPEADI_RX_RESERVE_USUAL <= SPEADI_RX_BURST_MAX &&
           io_uring_peek_cqe(&e->ring, &cqe) == 0) {
        uint64_t data = io_uring_cqe_get_data64(cqe);

        if (data >> 32 == SPEADI_URING_WAKE) {
            speadi_wake_fd_clear(&e->wake_fd);
            e->wake_posted = false;
            e->woken = true;
        } else if (data >> 32 == SPEADI_URING_NEWS) {
            e->news_posted = false; /* the core calls refresh(), which reads the news */
        } else if (data >> 32 == SPEADI_URING_RECEIVE) {
            reap_receive(e, cqe, (unsigned)(data & UINT32_MAX), now, burst);
        }
        io_uring_cqe_seen(&e->ring, cqe);
        consumed++;
        if (e->has_pending)
            speadi_uring_lend_pending(e, burst);
    }
    return consumed;
}
