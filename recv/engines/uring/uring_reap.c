/* What the uring engine's ring has completed. */
#include "rx_uring.h"

#include <errno.h>

#include <speadi/clock.h>

#define SINGLES_MAX 64u /* unreserved single-shot receives in a row, then multishot again */

void speadi_uring_lend_pending(struct speadi_uring_engine *e, struct speadi_rx_burst *burst)
{
    struct speadi_uring_pending *pending = &e->pending;

    if (!speadi_datagrams_lend(&pending->message, burst))
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

static void take_single(struct speadi_uring_engine *e, struct speadi_uring_source *source, int res,
                        struct speadi_rx_burst *burst)
{
    struct speadi_datagrams *message = &e->pending.message;
    uint32_t room = speadi_uring_source_room(source);

    message->data = source->buffer;
    message->true_bytes = (uint32_t)res;
    message->held_bytes = message->true_bytes < room ? message->true_bytes : room;
    message->segment_bytes = speadi_gro_segment_bytes(&source->header, message->true_bytes);
    e->pending.buffer = -1;
    e->has_pending =
        !source->scatter.slots || speadi_scatter_settle(&source->scatter, message, burst);
    source->unreserved = source->scatter.slots ? 0 : source->unreserved + 1;
    if (e->multishot && source->unreserved >= SINGLES_MAX)
        source->single = false;
}

static void take_multishot(struct speadi_uring_engine *e, const struct io_uring_cqe *cqe)
{
    unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

    if (!(cqe->flags & IORING_CQE_F_BUFFER))
        return;
    e->pending.buffer = (int)id;
    e->has_pending = speadi_uring_buffers_message(&e->buffers, id, cqe->res, &e->pending.message);
    if (!e->has_pending)
        speadi_uring_buffers_give_back(&e->buffers, id);
}

/* Not the end of anything: no buffer was there, it was told to end, nothing to read while draining. */
static bool is_harmless(int res)
{
    return res == -ENOBUFS || res == -ECANCELED || res == -EAGAIN || res == -EINTR;
}

static void take_receive(struct speadi_uring_engine *e, const struct io_uring_cqe *cqe,
                         unsigned index, uint64_t now, struct speadi_rx_burst *burst)
{
    struct speadi_uring_source *source = &e->source[index];
    bool single = source->header.msg_iov, more = cqe->flags & IORING_CQE_F_MORE;

    e->pending.message.source = (uint16_t)index;
    e->pending.message.time_ns = now;
    if (cqe->res >= 0) {
        e->messages++;
        if (single)
            take_single(e, source, cqe->res, burst);
        else
            take_multishot(e, cqe);
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
    unsigned taken = 0;

    while (!e->has_pending && burst->count + SPEADI_RX_RESERVE_MAX <= SPEADI_RX_BURST_MAX &&
           io_uring_peek_cqe(&e->ring, &cqe) == 0) {
        uint64_t data = io_uring_cqe_get_data64(cqe);

        if (data >> 32 == SPEADI_URING_BELL) {
            speadi_wake_fd_clear(&e->wake_fd);
            e->bell_armed = false;
            e->rang = true;
        } else if (data >> 32 == SPEADI_URING_RECEIVE) {
            take_receive(e, cqe, (unsigned)(data & UINT32_MAX), now, burst);
        }
        io_uring_cqe_seen(&e->ring, cqe);
        taken++;
        if (e->has_pending)
            speadi_uring_lend_pending(e, burst);
    }
    return taken;
}
