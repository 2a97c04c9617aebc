/* SPDX-License-Identifier: Apache-2.0 */
/* The socket engine sends trains with sendmmsg(). It works on every kernel that the library supports. */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include <speadi/udp.h>

#include "datagram_sender.h"
#include "tx_engine.h"

struct socket_engine {
    struct speadi_datagram_sender sender; /* must be the first member */
    /* true if transmit() must send only one kernel message at a time */
    bool one_by_one;
};

/* Returns how many consecutive kernel messages, beginning with the message at index i, have the same destination. */
static unsigned run_length(const struct speadi_train *train, unsigned i)
{
    unsigned end = i + 1;

    while (end < train->count && train->destination[end] == train->destination[i])
        end++;
    return end - i;
}

/* Sends kernel messages to one destination. When sendmmsg() has sent some messages and the next one fails, it returns
 * only the number of sent messages and not the error. An error that came from an ICMP packet would then be missing in
 * icmp_unreachable. Such errors are frequent: when the port at the receiver is closed, every second kernel message has
 * one. So when sendmmsg() has stopped early, this function gives it the kernel messages one by one for the rest of this
 * send(). Then every error is returned. If sendmmsg() stopped because the socket was full, the next call reports that
 * immediately. If sendmmsg() stopped because a queue of this host dropped a message, the kernel gets this message a
 * second time, and the second result counts. After that, train->singly prevents the same case as long as the queue
 * drops packets. */
static int transmit(struct speadi_datagram_sender *sender, unsigned first)
{
    struct socket_engine *engine = (struct socket_engine *)sender;
    struct speadi_train *train = &sender->train;
    unsigned run = engine->one_by_one || train->singly ? 1 : run_length(train, first);
    int sent =
        sendmmsg(sender->socket[train->destination[first]].fd, &train->message[first], run, 0);

    sender->batches++;
    if (sent < 0) {
        sender->result[first] = -errno;
        return 1;
    }
    engine->one_by_one |= (unsigned)sent < run;
    for (int i = 0; i < sent; i++)
        sender->result[first + (unsigned)i] = 0;
    return sent;
}

static int socket_usable(const struct speadi_tx_config *config, struct spead_err *err)
{
    (void)config; /* whether the engine is usable depends only on the kernel */
    return speadi_udp_try_send(err);
}

static int socket_open(void *self, const struct speadi_tx_config *config,
                       struct speadi_tx_facts *facts, struct spead_err *err)
{
    struct socket_engine *engine = self;

    return speadi_datagram_sender_open(&engine->sender, transmit, config, facts, err);
}

static int socket_send(void *self, const struct speadi_tx_packet *packets, unsigned count)
{
    struct socket_engine *engine = self;

    engine->one_by_one = false;
    return speadi_datagram_sender_send(&engine->sender, packets, count);
}

const struct speadi_tx_engine_ops speadi_tx_engine_socket = {
    .about = {.name = "socket", .endpoint = SPEAD_ENDPOINT_UDP, .rank = 20},
    .state_size = sizeof(struct socket_engine),
    .caps = SPEADI_TX_CAP_GATHERS | SPEADI_TX_CAP_TRAINS,
    .usable = socket_usable,
    .open = socket_open,
    .close = speadi_datagram_sender_close,
    .send = socket_send,
    .reap = speadi_datagram_sender_reap,
    .wait = speadi_datagram_sender_wait,
    .wake = speadi_datagram_sender_wake,
    .quiesce = speadi_datagram_sender_quiesce,
    .counters = speadi_datagram_sender_counters,
};
