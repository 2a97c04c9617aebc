/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a receive engine and the senders that send to it. */
#include "rx_rig.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/address.h>
#include <speadi/clock.h>
#include <speadi/packet.h>
#include <speadi/udp.h>

#include "engine_names.h"
#include "netns.h"

#define PORT         17200u
#define LINK_PACKETS 4096u

static bool open_links(struct rx_rig *rig, struct speadi_rx_config *config)
{
    for (unsigned i = 0; i < rig->sources; i++)
        if (spead_mem_link_create(&rig->link[i], LINK_PACKETS, SPEADI_UDP_BYTES_MAX, NULL) < 0)
            return false;
    config->links = rig->link;
    return true;
}

static bool open_texts(struct rx_rig *rig, struct speadi_rx_config *config)
{
    static const char *texts[RX_RIG_SOURCES];

    for (unsigned i = 0; i < rig->sources; i++)
        texts[i] = "1";
    config->texts = texts;
    return true;
}

static bool open_addresses(struct rx_rig *rig, const struct rx_rig_options *options,
                           struct speadi_address *addresses, struct spead_err *err)
{
    const char *format = options->addresses ? options->addresses : "127.0.0.1:%u";

    for (unsigned i = 0; i < rig->sources; i++) {
        char text[80], port[8], *at;

        snprintf(port, sizeof port, "%u", PORT + i);
        snprintf(text, sizeof text, "%s", format);
        at = strstr(text, "%u");
        if (!at)
            return false;
        memcpy(at, port, strlen(port) + 1);
        if (speadi_address_parse(&addresses[i], text, SPEADI_ADDRESS_RECEIVE, err) < 0)
            return false;
    }
    return true;
}

/* Returns a socket that sends to the address, or -1 with a sentence. */
static int open_sender(const struct speadi_address *address, struct spead_err *err)
{
    struct speadi_interface lo;
    struct speadi_udp_send_options options = {.interface = &lo, .buffer_bytes = 8u << 20};
    struct speadi_udp_socket socket;

    if (speadi_interface_find(&lo, "lo", err) < 0 ||
        speadi_udp_open_send(&socket, address, &options, err) < 0)
        return -1;
    return socket.fd;
}

static bool open_senders(struct rx_rig *rig, struct spead_err *err)
{
    for (unsigned i = 0; i < rig->sources; i++) {
        rig->sender[i] = open_sender(&rig->address[i], err);
        if (rig->sender[i] < 0)
            return false;
    }
    return true;
}

bool rx_rig_open(struct rx_rig *rig, const struct rx_rig_options *options)
{
    struct speadi_interface lo;
    struct speadi_rx_config config = {
        .socket_buffer_bytes = 8u << 20, .packet_bytes_max = 65507, .path = options->path};
    unsigned kind = test_engine_kind(options->engine);
    bool network = kind == TEST_KERNEL || kind == TEST_BYPASS;
    const char *missing;
    struct spead_err err = {0};

    memset(rig, 0, sizeof *rig);
    memset(rig->sender, -1, sizeof rig->sender);
    rig->sources = options->sources ? options->sources : 1;
    config.count = rig->sources;
    if (network && !options->same_network && !test_netns_enter(&missing)) {
        snprintf(rig->reason, sizeof rig->reason, "%s", missing);
        return false;
    }
    if (network             ? !open_addresses(rig, options, rig->address, &err)
        : kind == TEST_TEXT ? !open_texts(rig, &config)
                            : !open_links(rig, &config))
        goto failed;
    if (network) {
        if (speadi_interface_find(&lo, "lo", &err) < 0)
            goto failed;
        config.addresses = rig->address;
        config.interface = &lo;
    }
    if (speadi_rx_engine_open(&rig->ops, &rig->engine, options->engine, &config, rig->reason,
                              &rig->facts, &err) < 0)
        goto failed;
    if (network && !open_senders(rig, &err))
        goto failed;
    if (options->fault &&
        speadi_rx_engine_wrap_fault(&rig->ops, &rig->engine, options->fault, &err) < 0)
        goto failed;
    if (rig->ops->start && rig->ops->start(rig->engine, &err) < 0)
        goto failed;
    return true;
failed:
    snprintf(rig->reason, sizeof rig->reason, "%s", err.text);
    rx_rig_close(rig);
    return false;
}

void rx_rig_close(struct rx_rig *rig)
{
    if (rig->engine) {
        rig->ops->quiesce(rig->engine);
        rig->ops->close(rig->engine);
        free(rig->engine);
        rig->engine = NULL;
    }
    for (unsigned i = 0; i < rig->sources; i++) {
        spead_mem_link_unref(rig->link[i]);
        rig->link[i] = NULL;
        if (rig->sender[i] >= 0)
            close(rig->sender[i]);
        rig->sender[i] = -1;
    }
    while (rig->others > 0)
        close(rig->other[--rig->others]);
}

int rx_rig_other_sender(struct rx_rig *rig, const struct speadi_address *address)
{
    struct spead_err err = {0};
    int fd = open_sender(address, &err);

    if (fd < 0 || rig->others == RX_RIG_OTHERS)
        abort();
    rig->other[rig->others++] = fd;
    return fd;
}

bool rx_rig_from_is(const struct speadi_rx_from *from, int sender)
{
    struct speadi_address own = {.length = sizeof own.v6};
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    uint16_t port = 0;

    if (getsockname(sender, &own.any, &own.length) < 0)
        abort();
    if (own.any.sa_family == AF_INET6) {
        address = own.v6.sin6_addr;
        port = ntohs(own.v6.sin6_port);
    } else {
        memcpy(&address.s6_addr[12], &own.v4.sin_addr, sizeof own.v4.sin_addr);
        port = ntohs(own.v4.sin_port);
    }
    return from->sender.known && from->sender.port == port &&
           memcmp(from->sender.address, &address, sizeof address) == 0;
}

bool rx_rig_is_from(const struct rx_rig *rig, const struct speadi_rx_packet *packet, int sender)
{
    return packet->from < rig->burst.from_count &&
           rig->burst.from[packet->from].source == packet->source &&
           rx_rig_from_is(&rig->burst.from[packet->from], sender);
}

bool rx_rig_send(struct rx_rig *rig, unsigned source, const void *data, size_t bytes)
{
    if (!rig->link[source] && rig->sender[source] < 0)
        /* An engine whose endpoints are texts has no link and no socket, so nothing is sent to it. */
        return true;
    if (rig->link[source])
        return spead_mem_link_push(rig->link[source], data, bytes) == 0;
    return send(rig->sender[source], data, bytes, 0) == (ssize_t)bytes;
}

static bool send_train(int fd, const void *data, size_t bytes, size_t segment)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)data, bytes};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    uint16_t size = (uint16_t)segment;

    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(c), &size, sizeof size);
    return sendmsg(fd, &header, 0) == (ssize_t)bytes;
}

bool rx_rig_send_train(struct rx_rig *rig, unsigned source, const void *data, size_t bytes,
                       size_t segment)
{
    if (!rig->link[source])
        return send_train(rig->sender[source], data, bytes, segment);
    for (size_t at = 0; at < bytes; at += segment)
        if (!rx_rig_send(rig, source, (const uint8_t *)data + at,
                         bytes - at < segment ? bytes - at : segment))
            return false;
    return true;
}

int rx_rig_poll(struct rx_rig *rig)
{
    uint64_t deadline = speadi_clock_mono_ns() + 2000000000u;

    for (;;) {
        int ret = rig->ops->poll(rig->engine, &rig->burst);

        if (ret != 0 || speadi_clock_mono_ns() >= deadline)
            return ret;
        rig->ops->wait(rig->engine, deadline);
    }
}

void rx_rig_give_back(struct rx_rig *rig)
{
    rig->ops->give_back(rig->engine, &rig->burst);
}

void rx_rig_fill(uint8_t *data, size_t bytes, uint32_t seed)
{
    uint32_t word = seed * 2654435761u + 12345u;

    for (size_t i = 0; i < bytes; i++) {
        word = word * 1664525u + 1013904223u;
        data[i] = (uint8_t)(word >> 24);
    }
}

bool rx_rig_packet_is(const struct speadi_rx_packet *packet, const void *data, size_t bytes)
{
    const uint8_t *expected = data;

    return packet->datagram_bytes == bytes && packet->head_bytes + packet->body_bytes == bytes &&
           memcmp(packet->head, expected, packet->head_bytes) == 0 &&
           (!packet->body_bytes ||
            memcmp(packet->body, expected + packet->head_bytes, packet->body_bytes) == 0);
}
