/* What the socket and the uring engine have in common: connected sockets, trains, results, waiting.
 * They differ in how a built batch of messages gets to the kernel: speadi_datagram_transmit_fn. */
#ifndef SPEADI_DATAGRAM_SENDER_H
#define SPEADI_DATAGRAM_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/udp.h>
#include <speadi/wake_fd.h>

#include "datagram_train.h"
#include "tx_done_queue.h"
#include "tx_engine.h"

struct speadi_datagram_sender;

/* Gives messages from number `first` of sender->train to the kernel, in order and without waiting. Fills
 * sender->result from there on (>= 0: sent, or -errno) up to the first message that was not tried, and
 * returns how many results that are (>= 1), or -errno when nothing can be sent any more. A message is
 * not tried once one before it has failed. */
typedef int speadi_datagram_transmit_fn(struct speadi_datagram_sender *sender, unsigned first);

struct speadi_datagram_sender {
    speadi_datagram_transmit_fn *transmit;
    struct speadi_udp_socket socket[SPEADI_TX_DESTINATIONS_MAX];
    uint32_t socket_count;
    struct speadi_wake_fd wake_fd;
    struct speadi_train train;
    int result[SPEADI_TRAIN_MESSAGES_MAX];
    struct speadi_tx_done_queue done;

    /* Why the last send() stopped short. */
    int full_fd;  /* this socket had no room; -1: no */
    bool starved; /* the system was short of buffers */

    uint64_t messages, batches; /* transmit() counts the batches */
};

/* The sender is the first member of its engine's state, so that these serve as operations as they are. */
int speadi_datagram_sender_open(struct speadi_datagram_sender *sender,
                                speadi_datagram_transmit_fn *transmit,
                                const struct speadi_tx_config *config, uint32_t *buffer_bytes,
                                struct spead_err *err);
void speadi_datagram_sender_close(void *self);
int speadi_datagram_sender_send(void *self, const struct speadi_tx_packet *packets, unsigned count);
unsigned speadi_datagram_sender_reap(void *self, struct speadi_tx_done *done, unsigned max);
void speadi_datagram_sender_wait(void *self, uint64_t deadline_ns, bool for_room);
void speadi_datagram_sender_wake(void *self);
void speadi_datagram_sender_quiesce(void *self);
void speadi_datagram_sender_counters(void *self, struct speadi_tx_counters *counters);

#endif
