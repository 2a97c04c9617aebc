/* The kernel's side of what a NIC takes past it: groups are joined on ordinary sockets, so that switches
 * send them here, and ports are held, so that the kernel answers no unicast with "port unreachable". */
#ifndef SPEADI_VERBS_JOINS_H
#define SPEADI_VERBS_JOINS_H

#include <speadi/udp.h>

#include "rx_engine.h"

struct speadi_verbs_joins {
    struct speadi_udp_socket socket[SPEADI_RX_SOURCES_MAX];
    uint32_t count;
};

/* One socket for each address, which nothing is ever queued on. A socket each also keeps clear of
 * net.ipv4.igmp_max_memberships, which counts per socket. interface_index stands in where the
 * configuration names no interface. Returns 0 or -errno with a sentence. */
int speadi_verbs_joins_open(struct speadi_verbs_joins *joins, const struct speadi_rx_config *config,
                            unsigned interface_index, struct spead_err *err);
void speadi_verbs_joins_close(struct speadi_verbs_joins *joins); /* safe when zeroed */

#endif
