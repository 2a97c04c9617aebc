/* SPDX-License-Identifier: Apache-2.0 */
/* Flow rules. They say which frames a NIC brings to a queue pair. */
#ifndef SPEADI_VERBS_FLOW_H
#define SPEADI_VERBS_FLOW_H

#include <speadi/verbs_device.h>

#include "rx_engine.h"

/* An endpoint for both IP versions needs two rules. */
#define SPEADI_VERBS_FLOWS_MAX (2 * SPEADI_RX_SOURCES_MAX)

struct speadi_verbs_flows {
    struct ibv_flow *flow[SPEADI_VERBS_FLOWS_MAX];
    unsigned count;
};

/* Makes the rules for all endpoints of the stream. A rule compares these fields of a frame:
 *   - the destination MAC: that of the multicast group, or that of the interface;
 *   - the VLAN, if the interface is a VLAN interface;
 *   - the destination address and port: those of the endpoint. If the endpoint takes any address and the user gave the
 *     interface by an address, the rule uses that address;
 *   - the source address and port of the sender, if the stream has one.
 * A mask is all ones or all zeros, because most hardware accepts nothing else. Returns 0 or -errno with a sentence. The
 * caller must call close() even after a failure. */
int speadi_verbs_flows_open(struct speadi_verbs_flows *flows, struct ibv_qp *qp,
                            const struct speadi_verbs_report *report,
                            const struct speadi_rx_config *config, struct spead_err *err);
/* does nothing if *flows is zeroed */
void speadi_verbs_flows_close(struct speadi_verbs_flows *flows);

#endif
