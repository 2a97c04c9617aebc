/* SPDX-License-Identifier: Apache-2.0 */
/* See rx_from.h. */
#include "rx_from.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

static bool is_same(const struct speadi_rx_from *a, const struct speadi_rx_from *b)
{
    return a->source == b->source && a->queue == b->queue &&
           speadi_same_sender(&a->sender, &b->sender);
}

uint16_t speadi_rx_from_add(struct speadi_rx_burst *burst, const struct speadi_rx_from *from)
{
    uint16_t last = burst->from_last[from->source];

    if (last < burst->from_count && is_same(&burst->from[last], from))
        return last;
    assert(burst->from_count < SPEADI_RX_FROM_MAX);
    last = (uint16_t)burst->from_count++;
    burst->from[last] = *from;
    burst->from_last[from->source] = last;
    return last;
}

uint16_t speadi_rx_from_add_unknown(struct speadi_rx_burst *burst, uint16_t source)
{
    return speadi_rx_from_add(burst, &(struct speadi_rx_from){.source = source});
}

struct speadi_rx_from speadi_rx_from_v4(uint16_t source, const uint8_t *address, uint16_t port)
{
    struct speadi_rx_from from = {
        .sender = {.address = {[10] = 0xff, [11] = 0xff}, .port = port, .known = true},
        .source = source};

    memcpy(from.sender.address + 12, address, 4);
    return from;
}

struct speadi_rx_from speadi_rx_from_v6(uint16_t source, const uint8_t *address, uint16_t port)
{
    struct speadi_rx_from from = {.sender = {.port = port, .known = true}, .source = source};

    memcpy(from.sender.address, address, sizeof from.sender.address);
    return from;
}

struct speadi_rx_from speadi_rx_from_name(uint16_t source, const void *name, size_t bytes)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_UNSPEC};
    struct sockaddr_in v4;

    memcpy(&v6, name, bytes < SPEADI_RX_NAME_BYTES ? bytes : SPEADI_RX_NAME_BYTES);
    if (v6.sin6_family == AF_INET6 && bytes >= SPEADI_RX_NAME_BYTES)
        return speadi_rx_from_v6(source, v6.sin6_addr.s6_addr, ntohs(v6.sin6_port));
    if (v6.sin6_family != AF_INET || bytes < sizeof v4)
        return (struct speadi_rx_from){.source = source};
    memcpy(&v4, name, sizeof v4);
    return speadi_rx_from_v4(source, (const uint8_t *)&v4.sin_addr, ntohs(v4.sin_port));
}
