/* SPDX-License-Identifier: Apache-2.0 */
/* Says which destinations get packets in IP fragments, because the packets are longer than the MTU of the route. The
 * sockets let the kernel cut such packets. Otherwise a stream would stop sending when the MTU of its path shrinks. But
 * one lost fragment loses the whole packet, and not every receiver puts fragments together. So the log gets a warning:
 * when the stream is created, and later whenever the MTU of a route has shrunk. */
#ifndef SPEADI_DATAGRAM_MTU_H
#define SPEADI_DATAGRAM_MTU_H

#include <stdint.h>

#include <speadline/error.h>

struct speadi_datagram_mtu {
    uint32_t packet_bytes_max; /* the largest packet of the stream */
    uint32_t mtu_said;         /* the MTU that the last warning named; 0 if packets fit */
};

/* Compares the packets with the MTU of the route of the connected socket `fd`. Owner thread, or the thread that opens
 * the engine. */
void speadi_datagram_mtu_check(struct speadi_datagram_mtu *self, int fd,
                               const struct spead_log *log);

#endif
