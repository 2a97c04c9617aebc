/* SPDX-License-Identifier: Apache-2.0 */
/* Writes senders as text. */
#include <speadline/sender_address.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool is_mapped(const uint8_t address[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, prefix, sizeof prefix) == 0;
}

char *spead_sender_address_format(const struct spead_sender_address *sender,
                                  char text[SPEAD_SENDER_ADDRESS_TEXT_MAX])
{
    bool v4 = is_mapped(sender->address);
    char host[INET6_ADDRSTRLEN];

    if (!sender->known ||
        !inet_ntop(v4 ? AF_INET : AF_INET6, sender->address + (v4 ? 12 : 0), host, sizeof host))
        snprintf(text, SPEAD_SENDER_ADDRESS_TEXT_MAX, "unknown");
    else
        snprintf(text, SPEAD_SENDER_ADDRESS_TEXT_MAX, v4 ? "%s:%u" : "[%s]:%u", host, sender->port);
    return text;
}
