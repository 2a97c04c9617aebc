/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the sockets of the receive engines that read from the kernel (socket, uring). */
#ifndef SPEADI_UDP_SOURCE_H
#define SPEADI_UDP_SOURCE_H

#include <speadi/interface_watch.h>
#include <speadi/udp.h>

#include "rx_engine.h"

/* Opens the socket of source i of the configuration, with UDP_GRO where the kernel has it. Adds the socket to
 * the watch, which borrows it. Returns 0, or -errno with a sentence. */
int speadi_udp_source_open(struct speadi_udp_socket *socket, struct speadi_interface_watch *watch,
                           const struct speadi_rx_config *config, uint32_t i,
                           struct spead_err *err);

/* Says in the facts which interface source i is tied to. */
static inline void speadi_udp_source_tell(struct speadi_rx_facts *facts, uint32_t i,
                                          const struct speadi_udp_socket *socket)
{
    memcpy(facts->interface[i], socket->interface.name, sizeof facts->interface[i]);
}

#endif
