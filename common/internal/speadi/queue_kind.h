/* SPDX-License-Identifier: Apache-2.0 */
/* The queues (qdiscs) of this host in front of its interfaces. */
#ifndef SPEADI_QUEUE_KIND_H
#define SPEADI_QUEUE_KIND_H

#include <stdbool.h>

#include <speadi/address.h>

/* Returns the index of the interface by which packets leave for this destination, or 0 if there is no route.
 * `interface` is the one that the user chose; its index is 0 if the user chose none. */
unsigned speadi_route_interface(const struct speadi_address *destination,
                                const struct speadi_interface *interface);

/* Sets cuts[i] to true if a queue of the interface index[i] cuts trains (UDP_SEGMENT) into packets, like tbf. Such a
 * queue can take some packets of a train and drop the others, and the kernel then says that the train was sent. The
 * other elements become false. Asks the kernel once; blocks only for its answer. */
void speadi_queue_find_cutting(const unsigned *index, bool *cuts, unsigned count);

#endif
