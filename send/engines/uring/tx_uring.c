/* SPDX-License-Identifier: Apache-2.0 */
/* The uring engine sends trains with io_uring. One system call submits a batch of kernel messages (datagram_train.h).
 * The engine gets a result for each kernel message.
 *
 * The sends do not block: when a socket has no room, the result is -EAGAIN, and the kernel does not keep the request
 * until there is room. So all requests of a batch have ended when the submitting call returns. In another design,
 * requests would wait in the kernel until there is room. That design was rejected for two reasons. With deferred task
 * running, the owner thread would still have to enter the kernel for each retry. And quiesce() would have to cancel the
 * chain.
 *
 * For the same reason the buffer of gathered packets (datagram_gather.h) is free again when the call returns. It is not
 * registered with the ring: the kernel copies what a plain send names, so there are no pages that it would pin each time.
 *
 * The requests of a batch are linked, so that a failed request stops all later requests. Without the link, a later
 * request could be sent before a failed one, if the socket got room between the two.
 *
 * SENDMSG_ZC is not used. Loopback and veth copy the data even with SENDMSG_ZC. Where the kernel does not copy, each
 * send needs a second completion queue entry. SENDMSG_ZC could be faster only on NICs, and nobody has measured it
 * there. */
#include <errno.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/uring.h>

#include "datagram_sender.h"
#include "tx_engine.h"

struct uring_engine {
    struct speadi_datagram_sender sender; /* must be the first member */
    struct io_uring ring;
    bool ring_open;
    bool registered; /* the index of a registered socket is the index of its destination */
    /* 0, or the -errno with which the ring failed. After a failure the ring can still contain requests. */
    int broken;
};

/* Returns what a request names as its file: the index of the registered socket, or the descriptor of the socket. */
static int file_of(const struct uring_engine *engine, unsigned destination)
{
    return engine->registered ? (int)destination : engine->sender.socket[destination].fd;
}

/* Queues the kernel messages from the index `first` to the last one as one chain of requests. Returns how many requests
 * the chain has. The submission queue is always empty when this function begins, so it has room for all of these
 * requests. */
static unsigned queue_chain(struct uring_engine *engine, unsigned first)
{
    struct speadi_train *train = &engine->sender.train;

    for (unsigned i = first; i < train->count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&engine->ring);

        io_uring_prep_sendmsg(sqe, file_of(engine, train->destination[i]),
                              &train->message[i].msg_hdr, MSG_DONTWAIT);
        sqe->flags |= (engine->registered ? IOSQE_FIXED_FILE : 0) |
                      (i + 1 < train->count ? IOSQE_IO_LINK : 0);
        io_uring_sqe_set_data64(sqe, i);
    }
    return train->count - first;
}

/* Copies the results from the completion queue into sender->result, and returns their number. */
static unsigned read_results(struct uring_engine *engine)
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
        /* The call waits only while the kernel runs the chain, because the sends do not block. */
        int ret = io_uring_submit_and_wait(&engine->ring, left);

        if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
            return engine->broken = ret;
        left -= read_results(engine);
    }
    sender->batches++;
    while (first + results < sender->train.count && sender->result[first + results] != -ECANCELED)
        results++;
    /* The first request of a chain is never cancelled, so there must be a result. */
    return results ? (int)results : (engine->broken = -EIO);
}

static int open_ring(struct uring_engine *engine, struct spead_err *err)
{
    int fds[SPEADI_TX_DESTINATIONS_MAX];
    uint32_t count = engine->sender.socket_count;
    struct speadi_uring_features features;
    int ret = speadi_uring_probe(4, 8, &features, err);

    if (ret == 0)
        ret = speadi_uring_open(&engine->ring, SPEADI_TRAIN_MESSAGES_MAX, 0, err);
    if (ret < 0)
        return ret;
    engine->ring_open = true;
    for (uint32_t i = 0; i < count; i++)
        fds[i] = engine->sender.socket[i].fd;
    /* A request with a registered socket costs less. A seccomp profile or a limit can refuse the registration. */
    engine->registered = io_uring_register_files(&engine->ring, fds, count) == 0;
    return 0;
}

static int uring_usable(const struct speadi_tx_config *config, struct spead_err *err)
{
    struct speadi_uring_features features;

    (void)config; /* whether the engine is usable depends only on the kernel */
    return speadi_uring_probe(SPEADI_TRAIN_MESSAGES_MAX, 0, &features, err);
}

static int uring_open(void *self, const struct speadi_tx_config *config,
                      struct speadi_tx_facts *facts, struct spead_err *err)
{
    struct uring_engine *engine = self;
    int ret = speadi_datagram_sender_open(&engine->sender, transmit, config, facts, err);

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
    .caps = SPEADI_TX_CAP_GATHERS | SPEADI_TX_CAP_TRAINS,
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
