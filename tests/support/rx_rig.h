/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a receive engine for a test, with senders that send to it. The senders use memory links, or UDP sockets in a
 * network namespace that the rig makes. So the same test cases can run over every engine. An engine whose endpoints are
 * texts gets "1" as the text of each endpoint, and no packets. */
#ifndef TESTS_RX_RIG_H
#define TESTS_RX_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rx_engine.h>

#define RX_RIG_SOURCES 8u
#define RX_RIG_OTHERS  4u

struct rx_rig_options {
    const char *engine;
    enum spead_receive_path path;
    unsigned sources; /* 0 means 1 */
    /* A printf format that makes an address from a port number. NULL means "127.0.0.1:%u". */
    const char *addresses;
    /* The text that describes the faults of a fault decorator around the engine. NULL means that there is no
     * decorator. */
    const char *fault;
    /* If true, the rig uses the network namespace of the previous rig and does not make a new one. */
    bool same_network;
};

struct rx_rig {
    const struct speadi_rx_engine_ops *ops;
    void *engine;
    unsigned sources;
    struct spead_mem_link *link[RX_RIG_SOURCES];
    int sender[RX_RIG_SOURCES];
    struct speadi_address address[RX_RIG_SOURCES]; /* where the engine listens; not set for links */
    int other[RX_RIG_OTHERS]; /* more senders, which rx_rig_other_sender() opened */
    unsigned others;
    struct speadi_rx_burst burst;
    struct speadi_rx_facts facts;
    /* why this engine was chosen, or why rx_rig_open() failed */
    char reason[SPEADI_ENGINE_REASON_MAX];
};

/* Opens the engine and its senders. Returns false if this machine cannot run the engine. rig->reason then says why, and
 * the caller must skip the test. */
bool rx_rig_open(struct rx_rig *rig, const struct rx_rig_options *options);
void rx_rig_close(struct rx_rig *rig);

/* Sends one packet. Returns false when it could not be sent. */
bool rx_rig_send(struct rx_rig *rig, unsigned source, const void *data, size_t bytes);

/* Cuts `data` into packets of `segment` bytes and sends them; the last packet can be shorter. Over UDP they go as one
 * train. Over a memory link they go one by one. Returns false if a packet could not be sent. */
bool rx_rig_send_train(struct rx_rig *rig, unsigned source, const void *data, size_t bytes,
                       size_t segment);

/* Opens one more UDP socket that sends to `address`; the caller sends with send(). rx_rig_close() closes it. Returns
 * the socket. */
int rx_rig_other_sender(struct rx_rig *rig, const struct speadi_address *address);

/* Tells whether `packet`, which is in rig->burst, names this socket as its sender. */
bool rx_rig_is_from(const struct rx_rig *rig, const struct speadi_rx_packet *packet, int sender);

/* Tells whether *from names the address and port of this socket. */
bool rx_rig_from_is(const struct speadi_rx_from *from, int sender);

/* Polls until packets come, but for at most two seconds. The packets are then in rig->burst. Returns the result of
 * poll(), which is 0 if nothing came. */
int rx_rig_poll(struct rx_rig *rig);
void rx_rig_give_back(struct rx_rig *rig);

/* Fills `data` with bytes that depend on the seed: another seed gives other bytes. */
void rx_rig_fill(uint8_t *data, size_t bytes, uint32_t seed);

/* Returns true if the head and the body of the packet, one after the other, are exactly these bytes. */
bool rx_rig_packet_is(const struct speadi_rx_packet *packet, const void *data, size_t bytes);

#endif
