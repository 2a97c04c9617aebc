/* Turns offloads off. A veth device delivers what a cable never carries: trains that are not cut, and checksums that
 * are not computed. If a test reads frames as a NIC would, the offloads of the sending interface must be off. */
#ifndef TESTS_SUPPORT_OFFLOADS_H
#define TESTS_SUPPORT_OFFLOADS_H

#include <stdbool.h>

/* Turns the offloads of UDP segmentation and transmit checksums off, in the network namespace of the calling thread.
 * Returns false with errno set when the kernel refuses it. */
bool test_offloads_off(const char *interface);

#endif
