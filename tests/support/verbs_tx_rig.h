/* The verbs engine on one host and kernel sockets on the other, over the verbs double. For programs that
 * use_verbs_double(). */
#ifndef TEST_VERBS_TX_RIG_H
#define TEST_VERBS_TX_RIG_H

#include "netns.h"
#include "tx_harness.h"

#define VERBS_TX_MTU     9000u
#define VERBS_TX_PAYLOAD 8900u /* fits with any header */
#define VERBS_TX_PORT    7148

struct verbs_tx_rig {
    struct test_netns_pair network;
    struct tx_harness h; /* its sinks are sockets on the far host */
    struct speadi_address address[TX_SINKS_MAX];
    unsigned sinks;
    bool is_open; /* the engine */
};

/* Two hosts; far_addresses are the sinks' (groups are joined), NULL-terminated; their port is
 * VERBS_TX_PORT + number. False with a reason: skip. */
bool verbs_tx_network(struct verbs_tx_rig *rig, const char *const *far_addresses,
                      const char **reason);

/* The sinks alone, for a stream of the caller's. */
void verbs_tx_open_sinks(struct verbs_tx_rig *rig);

/* Opens the engine towards the sinks; what does not hold aborts. */
void verbs_tx_open(struct verbs_tx_rig *rig, struct tx_harness_config config);

/* Only tries: what open() says. An engine that opened is closed again. */
int verbs_tx_try(struct verbs_tx_rig *rig, struct tx_harness_config config, struct spead_err *err);

void verbs_tx_close(struct verbs_tx_rig *rig);

#endif
