/* SPDX-License-Identifier: Apache-2.0 */
/* A verbs send engine on one host and kernel sockets on the other host, with the verbs double. The rig is for programs
 * that tests/CMakeLists.txt links with use_verbs_double(). */
#ifndef TEST_VERBS_TX_RIG_H
#define TEST_VERBS_TX_RIG_H

#include "netns.h"
#include "tx_harness.h"

#define VERBS_TX_MTU     9000u
#define VERBS_TX_PAYLOAD 8900u /* the payload of a packet that fits into the MTU with any header */
#define VERBS_TX_PORT    7148

struct verbs_tx_rig {
    struct test_netns_pair network;
    struct tx_harness h; /* the sinks of the harness are sockets on the far host */
    struct speadi_address address[TX_SINKS_MAX];
    unsigned sinks;
    bool is_open; /* true if the engine is open */
};

/* Makes two hosts. far_addresses has the address of each sink; NULL ends the array. If the address is a group, the sink
 * joins the group. The port of sink i is VERBS_TX_PORT + i. If the caller must skip the test, returns false, and
 * *reason says why. */
bool verbs_tx_network(struct verbs_tx_rig *rig, const char *const *far_addresses,
                      const char **reason);

/* Opens only the sinks, for a test that makes its own stream. */
void verbs_tx_open_sinks(struct verbs_tx_rig *rig);

/* Opens an engine and the sinks that it sends to. Aborts when a step fails. */
void verbs_tx_open(struct verbs_tx_rig *rig, struct tx_harness_config config);

/* Tries to open the engine. Returns the result of the engine's open(). If the engine has opened, closes it again. */
int verbs_tx_try(struct verbs_tx_rig *rig, struct tx_harness_config config, struct spead_err *err);

void verbs_tx_close(struct verbs_tx_rig *rig);

#endif
