/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that the kernel needs although the packets bypass it. They join the multicast groups, so that switches send
 * the packets of the groups to this host. They hold the ports, so that the kernel does not answer a unicast packet with
 * "port unreachable". */
#ifndef SPEADI_VERBS_JOINS_H
#define SPEADI_VERBS_JOINS_H

#include <speadi/interface_watch.h>
#include <speadi/udp.h>

#include "rx_engine.h"

struct speadi_verbs_joins {
    struct speadi_udp_socket socket[SPEADI_RX_SOURCES_MAX];
    uint32_t count;
    struct speadi_interface_watch interfaces; /* the interfaces that the sockets are tied to */
};

/* Opens one socket for each address; no packet is ever queued on it. The limit net.ipv4.igmp_max_memberships counts the
 * groups of one socket, and a socket joins only one group here, so it never reaches this limit. interface_index names
 * the interface for multicast if the configuration names none. Returns 0 or -errno with a sentence. */
int speadi_verbs_joins_open(struct speadi_verbs_joins *joins, const struct speadi_rx_config *config,
                            unsigned interface_index, struct spead_err *err);
/* does nothing if *joins is zeroed */
void speadi_verbs_joins_close(struct speadi_verbs_joins *joins);

#endif
