/* A verbs receive engine on the near host, and ordinary senders on the far one. For programs linked with the
 * verbs double; the caller makes the engine find it (verbs_double.h). */
#ifndef TESTS_SUPPORT_VERBS_RX_RIG_H
#define TESTS_SUPPORT_VERBS_RX_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/verbs.h>

#include <rx_engine.h>

#include "netns.h"

#define VERBS_RX_MTU       1500u
#define VERBS_RX_ENDPOINTS 4u

struct verbs_rx_options {
    const char *endpoints[VERBS_RX_ENDPOINTS]; /* {NULL}: "239.1.2.3:7148" */
    const char *interface;                     /* NULL: the near host's, by name */
    unsigned mtu;                              /* 0: VERBS_RX_MTU */
    uint32_t buffer_bytes;                     /* 0: 256 KiB */
    enum spead_receive_path path;
    struct spead_recv_verbs_config verbs; /* without its head */
    const struct spead_log *log;
};

struct verbs_rx_rig {
    struct test_netns_pair hosts;
    struct speadi_address address[VERBS_RX_ENDPOINTS];
    struct speadi_interface interface;
    struct spead_recv_verbs_config verbs;
    struct speadi_rx_config config;
    struct speadi_rx_facts facts;
    const struct speadi_rx_engine_ops *ops;
    void *engine;                        /* NULL: not open */
    int sender[VERBS_RX_ENDPOINTS], raw; /* on the far host */
    struct speadi_rx_burst burst;
    char reason[256];
    struct spead_err err;
};

/* Two hosts, senders and the configuration; false and rig->reason where that cannot be: skip the test. */
bool verbs_rx_rig_prepare(struct verbs_rx_rig *rig, const struct verbs_rx_options *options);
int verbs_rx_rig_open_engine(struct verbs_rx_rig *rig); /* 0 or -errno and rig->err */

void verbs_rx_rig_close(struct verbs_rx_rig *rig);

/* A datagram to the endpoint; false when the kernel refused it. */
bool verbs_rx_rig_send(struct verbs_rx_rig *rig, unsigned endpoint, const void *data, size_t bytes);

/* A frame as it is. */
bool verbs_rx_rig_send_frame(struct verbs_rx_rig *rig, const void *frame, size_t bytes);

/* Polls and waits, up to five seconds, until packets come into rig->burst. Returns poll()'s answer; 0 when nothing
 * came. */
int verbs_rx_rig_poll(struct verbs_rx_rig *rig);
void verbs_rx_rig_give_back(struct verbs_rx_rig *rig);

/* A frame from the far host to the group 239.1.2.3, port 7148, with these tags (0: none) and payload, checksums
 * in it. Returns its length. */
size_t verbs_rx_rig_frame(uint8_t *to, uint16_t outer_tag, uint16_t inner_tag, const void *payload,
                          size_t bytes);

#endif
