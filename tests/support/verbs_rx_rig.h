/* SPDX-License-Identifier: Apache-2.0 */
/* A verbs receive engine on the near host, and ordinary senders on the far host. The rig is for programs that are
 * linked with the verbs double. The caller must make the engine load the double (verbs_double.h). */
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
    const char *endpoints[VERBS_RX_ENDPOINTS]; /* {NULL} means "239.1.2.3:7148" */
    const char *interface;                     /* NULL means the interface of the near host */
    unsigned mtu;                              /* 0 means VERBS_RX_MTU */
    uint32_t buffer_bytes;                     /* 0 means 256 KiB */
    enum spead_receive_path path;
    struct spead_recv_verbs_config verbs; /* the rig fills its field `options` */
    bool auto_queue;                      /* the engine may take a multi-packet queue by itself */
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
    void *engine; /* the state of the engine; NULL if the engine is not open */
    int sender[VERBS_RX_ENDPOINTS], raw; /* sockets on the far host */
    struct speadi_rx_burst burst;
    char reason[SPEADI_ENGINE_REASON_MAX];
    struct spead_err err;
};

/* Makes two hosts, the senders and the configuration. Returns false if this machine does not allow that. Then
 * rig->reason says why, and the caller must skip the test. */
bool verbs_rx_rig_prepare(struct verbs_rx_rig *rig, const struct verbs_rx_options *options);

/* Opens the engine. Returns 0, or -errno with a text in rig->err. */
int verbs_rx_rig_open_engine(struct verbs_rx_rig *rig);

void verbs_rx_rig_close(struct verbs_rx_rig *rig);

/* Sends a datagram to the endpoint. Returns false when the kernel refuses it. */
bool verbs_rx_rig_send(struct verbs_rx_rig *rig, unsigned endpoint, const void *data, size_t bytes);

/* Sends a frame from the far host, byte for byte. */
bool verbs_rx_rig_send_frame(struct verbs_rx_rig *rig, const void *frame, size_t bytes);

/* Polls and waits until packets are in rig->burst, but for at most five seconds. Returns the result of poll(), which is
 * 0 if no packet has arrived. */
int verbs_rx_rig_poll(struct verbs_rx_rig *rig);
void verbs_rx_rig_give_back(struct verbs_rx_rig *rig);

/* Writes a frame to `to` as the far host would send it to the group 239.1.2.3, port 7148. The frame has this payload,
 * right checksums, and these VLAN tags; 0 means no tag. Returns the length of the frame. */
size_t verbs_rx_rig_frame(uint8_t *to, uint16_t outer_tag, uint16_t inner_tag, const void *payload,
                          size_t bytes);

#endif
