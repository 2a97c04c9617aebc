/* SPDX-License-Identifier: Apache-2.0 */
/* A sender: the program or device that packets come from, as its address and port show it. */
#ifndef SPEADLINE_SENDER_ADDRESS_H
#define SPEADLINE_SENDER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_sender_address {
    uint8_t address[16]; /* an IPv6 address; an IPv4 address a.b.c.d is mapped to ::ffff:a.b.c.d */
    uint16_t port;       /* the UDP port that the packets come from, in host byte order */
    /* False if the endpoint cannot tell its senders apart, such as a memory link. Then `address` and `port` have no
     * meaning. */
    bool known;
};

#define SPEAD_SENDER_ADDRESS_TEXT_MAX 56 /* bytes of the longest text, with its final 0 */

/* Writes the sender as text: "192.0.2.1:7148", "[2001:db8::1]:7148", or "unknown". Returns text. Any thread may call
 * it. */
char *spead_sender_address_format(const struct spead_sender_address *sender,
                                  char text[SPEAD_SENDER_ADDRESS_TEXT_MAX]);

#ifdef __cplusplus
}
#endif
#endif
