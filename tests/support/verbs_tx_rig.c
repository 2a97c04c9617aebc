/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs_tx_rig.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "must.h"

static void join(int fd, const struct speadi_address *group)
{
    const struct ip_mreqn v4 = {.imr_multiaddr = group->v4.sin_addr,
                                .imr_ifindex = (int)if_nametoindex(TEST_FAR_INTERFACE)};
    const struct ipv6_mreq v6 = {.ipv6mr_multiaddr = group->v6.sin6_addr,
                                 .ipv6mr_interface = if_nametoindex(TEST_FAR_INTERFACE)};
    int ret = group->any.sa_family == AF_INET6
                  ? setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof v6)
                  : setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof v4);

    MUST(ret == 0, "cannot join: %s", strerror(errno));
}

/* Opens a socket that receives what is sent to the address `to`, which is a group or an address of the far host. The
 * socket is bound to the wildcard address, so that both cases work in the same way. */
static int open_sink(const struct speadi_address *to)
{
    struct speadi_address any = {.length = to->length};
    int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 64 << 20, on = 1;

    any.any.sa_family = to->any.sa_family;
    any.v4.sin_port = to->v4.sin_port;
    if (to->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    MUST(fd >= 0 && bind(fd, &any.any, any.length) == 0, "sink: %s", strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (speadi_address_is_multicast(to))
        join(fd, to);
    return fd;
}

bool verbs_tx_network(struct verbs_tx_rig *rig, const char *const *far_addresses,
                      const char **reason)
{
    *rig = (struct verbs_tx_rig){0};
    if (!test_netns_pair(&rig->network, VERBS_TX_MTU, reason))
        return false;
    for (; far_addresses[rig->sinks]; rig->sinks++) {
        char text[96];
        bool v6 = strchr(far_addresses[rig->sinks], ':') != NULL;

        snprintf(text, sizeof text, v6 ? "[%s]:%u" : "%s:%u", far_addresses[rig->sinks],
                 VERBS_TX_PORT + rig->sinks);
        MUST(speadi_address_parse(&rig->address[rig->sinks], text, SPEADI_ADDRESS_SEND, NULL) == 0,
             "%s", text);
    }
    return true;
}

static void fill_in(const struct verbs_tx_rig *rig, struct tx_harness_config *config)
{
    config->engine = "verbs";
    config->address = rig->address;
    config->sinks = rig->sinks;
    if (config->packet_bytes_max == 0)
        config->packet_bytes_max = VERBS_TX_PAYLOAD;
}

void verbs_tx_open_sinks(struct verbs_tx_rig *rig)
{
    test_netns_move(rig->network.far);
    for (unsigned i = 0; i < rig->sinks; i++)
        rig->h.sink[i].fd = open_sink(&rig->address[i]);
    test_netns_move(rig->network.near);
    rig->h.sinks = rig->sinks;
}

void verbs_tx_open(struct verbs_tx_rig *rig, struct tx_harness_config config)
{
    fill_in(rig, &config);
    MUST(tx_harness_open(&rig->h, &config), "the engine does not open");
    rig->is_open = true;
    verbs_tx_open_sinks(rig);
}

int verbs_tx_try(struct verbs_tx_rig *rig, struct tx_harness_config config, struct spead_err *err)
{
    int ret;

    fill_in(rig, &config);
    ret = tx_harness_try(&rig->h, &config, err);
    if (ret == 0)
        tx_harness_close(&rig->h);
    rig->h = (struct tx_harness){0};
    return ret;
}

void verbs_tx_close(struct verbs_tx_rig *rig)
{
    if (rig->is_open || rig->h.sinks)
        tx_harness_close(&rig->h);
    rig->is_open = false;
    close(rig->network.near);
    close(rig->network.far);
}
