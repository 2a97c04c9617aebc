/* The uring engine: trains sent by io_uring, one submission a batch, each with a result of its own.
 *
 * The sockets do not block, so that a message which finds no room comes back with -EAGAIN instead of
 * being parked in the kernel, and a batch has ended when the submitting call returns. Parking was
 * rejected: with deferred task running the owner has to enter the kernel for the retry all the same, and
 * the chain would have to be cancelled at the end. The messages are linked, so that the first failure
 * stops those behind it: unlinked ones would overtake it as soon as room appears in between.
 *
 * SENDMSG_ZC is not used: loopback and veth copy all the same, and where it does not copy each send costs
 * a second completion, which pays only on NICs that this was not measured on. */
#include <errno.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/uring.h>

#include "datagram_sender.h"
#include "tx_engine.h"

struct uring_engine {
    struct speadi_datagram_sender sender; /* first */
    struct io_uring ring;
    bool ring_open;
    int broken; /* -errno that the ring ended with: messages may still be queued in it */
};

/* Queues messages from `first` on as one chain. The queue is empty and has room for all messages. */
static unsigned queue_chain(struct uring_engine *engine, unsigned first)
{
    struct speadi_train *train = &engine->sender.train;

    for (unsigned i = first; i < train->count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&engine->ring);

        io_uring_prep_sendmsg(sqe, train->destination[i], &train->message[i].msg_hdr, MSG_DONTWAIT);
        sqe->flags |= IOSQE_FIXED_FILE | (i + 1 < train->count ? IOSQE_IO_LINK : 0);
        io_uring_sqe_set_data64(sqe, i);
    }
    return train->count - first;
}

/* Takes the completions that are there; returns how many. */
static unsigned take_completions(struct uring_engine *engine)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;

    io_uring_for_each_cqe(&engine->ring, head, cqe)
    {
        engine->sender.result[cqe->user_data] = cqe->res;
        seen++;
    }
    io_uring_cq_advance(&engine->ring, seen);
    return seen;
}

static int transmit(struct speadi_datagram_sender *sender, unsigned first)
{
    struct uring_engine *engine = (struct uring_engine *)sender;
    unsigned left, results = 0;

    if (engine->broken)
        return engine->broken;
    left = queue_chain(engine, first);
    while (left) {
        /* Waits for nothing but the kernel's own running of the chain: see above. */
        int ret = io_uring_submit_and_wait(&engine->ring, left);

        if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
            return engine->broken = ret;
        left -= take_completions(engine);
    }
    sender->batches++;
    while (first + results < sender->train.count && sender->result[first + results] != -ECANCELED)
        results++;
    return results ? (int)results : (engine->broken = -EIO); /* nothing cancels a chain's first */
}

static int open_ring(struct uring_engine *engine, struct spead_err *err)
{
    int fds[SPEADI_TX_DESTINATIONS_MAX];
    uint32_t count = engine->sender.socket_count;
    int ret = speadi_uring_open(&engine->ring, SPEADI_TRAIN_MESSAGES_MAX, 0, err);

    if (ret < 0)
        return ret;
    engine->ring_open = true;
    for (uint32_t i = 0; i < count; i++)
        fds[i] = engine->sender.socket[i].fd;
    ret = io_uring_register_files(&engine->ring, fds, count); /* fixed file number = destination */
    if (ret < 0)
        return speadi_err_set(err, ret, "cannot register %u sockets with io_uring: %s", count,
                              strerror(-ret));
    return 0;
}

static int uring_usable(const struct speadi_tx_config *config, struct spead_err *err)
{
    struct speadi_uring_features features;

    (void)config; /* the kernel has what it takes, or not */
    return speadi_uring_probe(&features, err);
}

static int uring_open(void *self, const struct speadi_tx_config *config, uint32_t *buffer_bytes,
                      struct spead_err *err)
{
    struct uring_engine *engine = self;
    int ret = speadi_datagram_sender_open(&engine->sender, transmit, config, buffer_bytes, err);

    return ret < 0 ? ret : open_ring(engine, err);
}

static void uring_close(void *self)
{
    struct uring_engine *engine = self;

    if (engine->ring_open)
        io_uring_queue_exit(&engine->ring);
    engine->ring_open = false;
    speadi_datagram_sender_close(&engine->sender);
}

static int uring_start(void *self, struct spead_err *err)
{
    struct uring_engine *engine = self;

    return speadi_uring_enable(&engine->ring, err);
}

const struct speadi_tx_engine_ops speadi_tx_engine_uring = {
    .about = {.name = "uring", .endpoint = SPEAD_ENDPOINT_UDP, .rank = 30},
    .state_size = sizeof(struct uring_engine),
    .usable = uring_usable,
    .open = uring_open,
    .close = uring_close,
    .start = uring_start,
    .send = speadi_datagram_sender_send,
    .reap = speadi_datagram_sender_reap,
    .wait = speadi_datagram_sender_wait,
    .wake = speadi_datagram_sender_wake,
    .quiesce = speadi_datagram_sender_quiesce,
    .counters = speadi_datagram_sender_counters,
};
