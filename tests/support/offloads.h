/* SPDX-License-Identifier: Apache-2.0 */
/* Turns offloads of a network interface off. A veth device delivers things that a real cable never carries: trains that
 * were not cut, and checksums that were not computed. If a test reads frames as a NIC would, the offloads of the
 * sending interface must be off. */
#ifndef TESTS_SUPPORT_OFFLOADS_H
#define TESTS_SUPPORT_OFFLOADS_H

#include <stdbool.h>

/* Turns UDP segmentation offload and transmit checksum offload of the interface off. The interface must be in the
 * network namespace of the calling thread. Returns false with errno set when the kernel refuses. */
bool test_offloads_off(const char *interface);

#endif
