/* Flow rules: which frames a NIC brings to a queue pair. */
#ifndef SPEADI_VERBS_FLOW_H
#define SPEADI_VERBS_FLOW_H

#include <speadi/verbs_device.h>

#include "rx_engine.h"

/* An endpoint for both IP versions takes a rule for each. */
#define SPEADI_VERBS_FLOWS_MAX (2 * SPEADI_RX_SOURCES_MAX)

struct speadi_verbs_flows {
    struct ibv_flow *flow[SPEADI_VERBS_FLOWS_MAX];
    unsigned count;
};

/* Exact rules: the group's MAC or the interface's own, the VLAN of a VLAN interface, the endpoint's address
 * (the interface's, where the endpoint takes any and the interface was given by address) and port, and the
 * one sender's address and port where there is one. Masks
 * are all ones or all zeros, as most hardware wants them. Returns 0 or -errno with a sentence; what was
 * made by then is for close(). */
int speadi_verbs_flows_open(struct speadi_verbs_flows *flows, struct ibv_qp *qp,
                            const struct speadi_verbs_report *report,
                            const struct speadi_rx_config *config, struct spead_err *err);
void speadi_verbs_flows_close(struct speadi_verbs_flows *flows); /* safe when zeroed */

#endif
