/* SPDX-License-Identifier: Apache-2.0 */
/* See verbs_rx_rig.h. */
#include "verbs_rx_rig.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadi/checksum.h>
#include <speadi/clock.h>
#include <speadi/udp.h>

#include "offloads.h"

static const char *const usual[VERBS_RX_ENDPOINTS] = {"239.1.2.3:7148"};

static bool open_senders(struct verbs_rx_rig *rig)
{
    struct speadi_interface interface;
    struct speadi_udp_send_options options = {
        .interface = &interface, .buffer_bytes = 1u << 20, .ttl = 4};

    if (!test_offloads_off(TEST_FAR_INTERFACE) ||
        speadi_interface_find(&interface, TEST_FAR_INTERFACE, &rig->err) < 0)
        return false;
    for (unsigned i = 0; i < rig->config.count; i++) {
        struct speadi_address to = rig->address[i];
        struct speadi_udp_socket socket;

        if (to.any.sa_family == AF_INET && to.v4.sin_addr.s_addr == htonl(INADDR_ANY))
            inet_pton(AF_INET, TEST_NEAR_V4, &to.v4.sin_addr);
        else if (to.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&to.v6.sin6_addr))
            inet_pton(AF_INET6, TEST_NEAR_V6, &to.v6.sin6_addr);
        if (speadi_udp_open_send(&socket, &to, &options, &rig->err) < 0)
            return false;
        rig->sender[i] = socket.fd;
    }
    return true;
}

static bool open_raw(struct verbs_rx_rig *rig)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(TEST_FAR_INTERFACE)};

    rig->raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    return rig->raw >= 0 && bind(rig->raw, (const struct sockaddr *)&at, sizeof at) == 0;
}

bool verbs_rx_rig_prepare(struct verbs_rx_rig *rig, const struct verbs_rx_options *options)
{
    const char *const *endpoints = options->endpoints[0] ? options->endpoints : usual;
    const char *missing;
    bool ready;

    memset(rig, 0, sizeof *rig);
    memset(rig->sender, -1, sizeof rig->sender);
    rig->raw = -1;
    if (!test_netns_pair(&rig->hosts, options->mtu ? options->mtu : VERBS_RX_MTU, &missing)) {
        snprintf(rig->reason, sizeof rig->reason, "%s", missing);
        return false;
    }
    rig->verbs = options->verbs;
    rig->verbs.options =
        (struct spead_engine_options){.struct_size = sizeof rig->verbs, .engine = "verbs"};
    if (!options->auto_queue && rig->verbs.mprq == SPEAD_MPRQ_AUTO)
        rig->verbs.mprq = SPEAD_MPRQ_OFF;
    if (rig->verbs.queues == 0)
        /* 0 means that the test has not set this field, so the field gets its default. */
        rig->verbs.queues = 1;
    rig->config = (struct speadi_rx_config){
        .addresses = rig->address,
        .interface = &rig->interface,
        .socket_buffer_bytes = options->buffer_bytes ? options->buffer_bytes : 256u << 10,
        .packet_bytes_max = 9200,
        .path = options->path,
        .engine_options = &rig->verbs.options,
        .log = options->log,
    };
    for (unsigned i = 0; i < VERBS_RX_ENDPOINTS && endpoints[i]; i++, rig->config.count++)
        if (speadi_address_parse(&rig->address[i], endpoints[i], SPEADI_ADDRESS_RECEIVE,
                                 &rig->err) < 0)
            abort();
    test_netns_move(rig->hosts.far);
    ready = open_senders(rig) && open_raw(rig);
    test_netns_move(rig->hosts.near);
    snprintf(rig->reason, sizeof rig->reason, "%s", ready ? "" : "no senders");
    return ready &&
           speadi_interface_find(&rig->interface,
                                 options->interface ? options->interface : TEST_NEAR_INTERFACE,
                                 &rig->err) == 0;
}

int verbs_rx_rig_open_engine(struct verbs_rx_rig *rig)
{
    return speadi_rx_engine_open(&rig->ops, &rig->engine, "verbs", &rig->config, rig->reason,
                                 &rig->facts, &rig->err);
}

void verbs_rx_rig_close(struct verbs_rx_rig *rig)
{
    if (rig->engine) {
        rig->ops->close(rig->engine);
        free(rig->engine);
        rig->engine = NULL;
    }
    for (unsigned i = 0; i < VERBS_RX_ENDPOINTS; i++)
        if (rig->sender[i] >= 0)
            close(rig->sender[i]);
    if (rig->raw >= 0)
        close(rig->raw);
}

bool verbs_rx_rig_send(struct verbs_rx_rig *rig, unsigned endpoint, const void *data, size_t bytes)
{
    return send(rig->sender[endpoint], data, bytes, 0) == (ssize_t)bytes;
}

bool verbs_rx_rig_send_frame(struct verbs_rx_rig *rig, const void *frame, size_t bytes)
{
    return send(rig->raw, frame, bytes, 0) == (ssize_t)bytes;
}

int verbs_rx_rig_poll(struct verbs_rx_rig *rig)
{
    uint64_t deadline = speadi_clock_mono_ns() + 5000000000u;

    for (;;) {
        int ret = rig->ops->poll(rig->engine, &rig->burst);

        if (ret != 0 || speadi_clock_mono_ns() >= deadline)
            return ret;
        rig->ops->wait(rig->engine, deadline);
    }
}

void verbs_rx_rig_give_back(struct verbs_rx_rig *rig)
{
    rig->ops->give_back(rig->engine, &rig->burst);
}

static uint8_t *put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static void seal(uint8_t *ip, size_t payload)
{
    uint8_t *udp = ip + 20;
    uint64_t sum = speadi_checksum_add(0, 0, ip, 20);
    uint16_t checksum = (uint16_t)~speadi_checksum_fold(sum);

    memcpy(ip + 10, &checksum, sizeof checksum);
    sum = speadi_checksum_add(htons(IPPROTO_UDP) + (uint64_t)htons((uint16_t)(8 + payload)), 0,
                              ip + 12, 8);
    checksum = (uint16_t)~speadi_checksum_fold(speadi_checksum_add(sum, 0, udp, 8 + payload));
    memcpy(udp + 6, &checksum, sizeof checksum);
}

size_t verbs_rx_rig_frame(uint8_t *to, uint16_t outer_tag, uint16_t inner_tag, const void *payload,
                          size_t bytes)
{
    static const uint8_t macs[12] = {0x01, 0, 0x5e, 1, 2, 3, 2, 0, 0, 0, 0, 2};
    uint8_t *at = to + sizeof macs;

    memcpy(to, macs, sizeof macs);
    if (outer_tag)
        at = put16(put16(at, inner_tag ? 0x88a8 : 0x8100), outer_tag);
    if (inner_tag)
        at = put16(put16(at, 0x8100), inner_tag);
    at = put16(at, ETHERTYPE_IP);
    memset(at, 0, 28);
    at[0] = 0x45;
    put16(at + 2, 28 + bytes);
    at[8] = 4;
    at[9] = IPPROTO_UDP;
    inet_pton(AF_INET, TEST_FAR_V4, at + 12);
    inet_pton(AF_INET, "239.1.2.3", at + 16);
    put16(at + 20, 1234);
    put16(at + 22, 7148);
    put16(at + 24, 8 + bytes);
    memcpy(at + 28, payload, bytes);
    seal(at, bytes);
    return (size_t)(at + 28 + bytes - to);
}
