/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the datagrams that wait in a socket when its stream ends, and throws them away. */
#ifndef SPEADI_UNREAD_H
#define SPEADI_UNREAD_H

#include <stdbool.h>

#include "rx_engine.h"

/* Reads and discards about a thousand datagrams or trains of the socket, and adds them to *unread. The kernel copies no
 * payload for this. Adds the memory of the datagrams that still wait to unread->memory_bytes. Returns true if some
 * still wait. Never blocks. */
bool speadi_unread_count(int fd, struct speadi_rx_unread *unread);

#endif
