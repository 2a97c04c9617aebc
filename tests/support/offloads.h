/* A veth hands over what a cable never carries: segmentation super-frames and checksums not yet computed.
 * Where frames are looked at as a NIC would, the sending interface's offloads have to be off. */
#ifndef TESTS_SUPPORT_OFFLOADS_H
#define TESTS_SUPPORT_OFFLOADS_H

#include <stdbool.h>

/* Turns UDP segmentation and transmit checksums off, in the calling thread's network. Answers false with
 * errno set where the kernel does not let it. */
bool test_offloads_off(const char *interface);

#endif
