/* SPDX-License-Identifier: Apache-2.0 */
/* Fills in the senders of a burst. All engines use these functions, so there is one way to do it.
 *
 * An engine calls speadi_rx_burst_begin() at the beginning of each poll. For each receive (or for each packet) it calls
 * speadi_rx_from_add(), and stores the result in the field `from` of the packets that it lends. Only the owner thread
 * calls these functions. */
#ifndef SPEADI_RX_FROM_H
#define SPEADI_RX_FROM_H

#include <stddef.h>

#include <netinet/in.h>

#include "rx_engine.h"

/* These first bytes of a socket address hold the family, the port and the address, for both IP versions. */
#define SPEADI_RX_NAME_BYTES 24u

_Static_assert(SPEADI_RX_NAME_BYTES >= sizeof(struct sockaddr_in) &&
                   SPEADI_RX_NAME_BYTES == offsetof(struct sockaddr_in6, sin6_scope_id),
               "only the scope of an IPv6 address is left out");

/* Empties the burst: it has no packets and no senders. */
static inline void speadi_rx_burst_begin(struct speadi_rx_burst *burst)
{
    burst->count = 0;
    burst->from_count = 0;
}

/* Returns the index of an entry of the burst that is equal to *from, whose queue the caller must have set. If the entry that was added last for the same
 * source is equal, returns that one; else adds an entry. The caller must add at least one packet to the burst for each
 * entry. So there are never more than SPEADI_RX_FROM_MAX entries. */
uint16_t speadi_rx_from_add(struct speadi_rx_burst *burst, const struct speadi_rx_from *from);

/* Does the same as speadi_rx_from_add() for packets of `source` whose sender is not known, and which came through queue
 * 0. */
uint16_t speadi_rx_from_add_unknown(struct speadi_rx_burst *burst, uint16_t source);

/* Returns the sender that has this IPv4 address and port. `address` points to 4 bytes. */
struct speadi_rx_from speadi_rx_from_v4(uint16_t source, const uint8_t *address, uint16_t port);

/* Returns the sender that has this IPv6 address and port. `address` points to 16 bytes. */
struct speadi_rx_from speadi_rx_from_v6(uint16_t source, const uint8_t *address, uint16_t port);

/* Returns the sender that the kernel names in msg_name of a receive. `bytes` is the length that the kernel states. Only
 * the first SPEADI_RX_NAME_BYTES bytes at `name` are read. If the name is neither an IPv4 nor an IPv6 address, the
 * sender is not known. */
struct speadi_rx_from speadi_rx_from_name(uint16_t source, const void *name, size_t bytes);

#endif
