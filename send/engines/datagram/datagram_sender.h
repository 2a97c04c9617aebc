/* SPDX-License-Identifier: Apache-2.0 */
/* The common part of the socket engine and the uring engine: connected sockets, trains, results and waiting. Each of
 * the two engines adds a function of the type speadi_datagram_transmit_fn, which makes the system calls.
 * datagram_train.h says what a kernel message is. */
#ifndef SPEADI_DATAGRAM_SENDER_H
#define SPEADI_DATAGRAM_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/interface_watch.h>
#include <speadi/udp.h>
#include <speadi/udp_error_queue.h>
#include <speadi/wake_fd.h>

#include "datagram_mtu.h"
#include "datagram_train.h"
#include "tx_done_queue.h"
#include "tx_engine.h"

struct speadi_datagram_sender;

/* Sends the kernel messages of sender->train in order, beginning with the message that has the index `first`. It does
 * not wait. When a message fails, the function must not try later messages. For each message that it tries, it stores
 * the result in sender->result[], at the index of the message: 0 or more when the message was sent, else -errno.
 * Returns how many results it stored, which is at least 1, or -errno when the engine cannot send any more. */
typedef int speadi_datagram_transmit_fn(struct speadi_datagram_sender *sender, unsigned first);

struct speadi_datagram_sender {
    speadi_datagram_transmit_fn *transmit;
    struct speadi_udp_socket socket[SPEADI_TX_DESTINATIONS_MAX];
    uint32_t socket_count;
    struct speadi_wake_fd wake_fd;
    struct speadi_train train;
    int result[SPEADI_TRAIN_MESSAGES_MAX];
    struct speadi_tx_done_queue done;
    struct speadi_datagram_mtu mtu[SPEADI_TX_DESTINATIONS_MAX];
    unsigned interface[SPEADI_TX_DESTINATIONS_MAX]; /* where packets leave; 0 if not known */
    struct speadi_interface_watch interfaces; /* the interfaces that the sockets are tied to */
    uint64_t watch_ns;                        /* when the watch is read next */
    uint64_t check_ns;  /* when the MTUs and the queues of the interfaces are looked at next */
    uint64_t singly_ns; /* when trains are built again, if train.singly is true */

    /* These three fields say why the last send() did not take all packets. */
    int full_fd;  /* descriptor of the socket that had no room; -1 if all sockets had room */
    bool starved; /* true if the kernel had no memory for buffers */
    /* True if a queue of this host has dropped packets. The core reaps the error of these packets and decides when to
     * send again. */
    bool dropped;

    /* How many entries of error queues this send() may still take. */
    unsigned drain_left;
    struct speadi_udp_mishaps mishaps; /* what the error queues have shown so far */

    uint64_t messages; /* how many kernel messages were sent */
    /* how many packets these messages carried, by the way in which their bytes reached the kernel */
    uint64_t gathered_packets, referenced_packets;
    /* how many system calls sent these messages; transmit() counts the calls */
    uint64_t batches;
};

/* These functions are operations of struct speadi_tx_engine_ops, and have the contracts of that struct. The first
 * member of the state of an engine is a struct speadi_datagram_sender. So the engine can put these functions directly
 * into its table of operations. */
int speadi_datagram_sender_open(struct speadi_datagram_sender *sender,
                                speadi_datagram_transmit_fn *transmit,
                                const struct speadi_tx_config *config,
                                struct speadi_tx_facts *facts, struct spead_err *err);
void speadi_datagram_sender_close(void *self);
int speadi_datagram_sender_send(void *self, const struct speadi_tx_packet *packets, unsigned count);
unsigned speadi_datagram_sender_reap(void *self, struct speadi_tx_done *done, unsigned max);
void speadi_datagram_sender_wait(void *self, uint64_t deadline_ns, bool for_room);
void speadi_datagram_sender_wake(void *self);
void speadi_datagram_sender_quiesce(void *self);
void speadi_datagram_sender_counters(void *self, struct speadi_tx_counters *counters);

#endif
