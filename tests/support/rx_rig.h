/* A receive engine with senders at its other end: memory links, or UDP sockets in a network namespace
 * of the test's own. An engine that reads something else (a text) gets "1" as each endpoint, and sends go nowhere. The same
 * cases then run over every engine. */
#ifndef TESTS_RX_RIG_H
#define TESTS_RX_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rx_engine.h>

#define RX_RIG_SOURCES 8u

struct rx_rig_options {
    const char *engine;
    enum spead_receive_path path;
    unsigned sources;      /* 0: one */
    const char *addresses; /* printf format of an address with the port: "127.0.0.1:%u" (NULL) */
    const char *fault;     /* wraps the engine */
    bool same_network;     /* as the rig before: do not make a new one */
};

struct rx_rig {
    const struct speadi_rx_engine_ops *ops;
    void *engine;
    unsigned sources;
    struct spead_mem_link *link[RX_RIG_SOURCES];
    int sender[RX_RIG_SOURCES];
    struct speadi_rx_burst burst;
    struct speadi_rx_facts facts;
    char reason[256]; /* of the choice, or why there is no rig */
};

/* False (and rig->reason) when this place does not allow it: skip the test. */
bool rx_rig_open(struct rx_rig *rig, const struct rx_rig_options *options);
void rx_rig_close(struct rx_rig *rig);

/* One packet; false when it could not be sent. */
bool rx_rig_send(struct rx_rig *rig, unsigned source, const void *data, size_t bytes);

/* A train of packets of `segment` bytes (the last may be shorter), in one message where there are such. */
bool rx_rig_send_train(struct rx_rig *rig, unsigned source, const void *data, size_t bytes,
                       size_t segment);

/* Polls, and waits up to two seconds in all, until packets come into rig->burst. Returns poll()'s
 * answer; 0 when nothing came. */
int rx_rig_poll(struct rx_rig *rig);
void rx_rig_give_back(struct rx_rig *rig);

/* Bytes that can be told from those of any other seed. */
void rx_rig_fill(uint8_t *data, size_t bytes, uint32_t seed);

/* True when head and body of the packet together are these bytes, all of them. */
bool rx_rig_packet_is(const struct speadi_rx_packet *packet, const void *data, size_t bytes);

#endif
