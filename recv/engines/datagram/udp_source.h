/* Sockets of the kernel's receive engines. */
#ifndef SPEADI_UDP_SOURCE_H
#define SPEADI_UDP_SOURCE_H

#include <speadi/udp.h>

#include "rx_engine.h"

/* Opens source i of the configuration, as trains if the kernel can. Returns 0, or -errno with a sentence. */
int speadi_udp_source_open(struct speadi_udp_socket *socket, const struct speadi_rx_config *config,
                           uint32_t i, struct spead_err *err);

#endif
