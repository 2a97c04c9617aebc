/* SPDX-License-Identifier: Apache-2.0 */
#include "tx_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/mem_wire.h>
#include <speadi/packet.h>

#include "engine_names.h"
#include "must.h"

#define IOVECS_PER_PACKET 2u
/* how many iovecs the list has in addition, for packets with many pieces */
#define SPARE_IOVECS 8192u

/* ---- Packets ------------------------------------------------------------------------------- */

struct tx_packets *tx_packets_make(unsigned max)
{
    struct tx_packets *packets = calloc(1, sizeof *packets);

    packets->max = max;
    packets->packet = calloc(max, sizeof *packets->packet);
    packets->iov = calloc(max * IOVECS_PER_PACKET + SPARE_IOVECS, sizeof *packets->iov);
    packets->bytes = calloc(max, sizeof *packets->bytes);
    return packets;
}

static uint8_t *contents(unsigned number, uint32_t bytes)
{
    uint8_t *at = malloc(bytes ? bytes : 1);

    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(i < 4 ? number >> (8 * i) : number * 31 + i * 7);
    return at;
}

static struct iovec *next_iov(struct tx_packets *packets)
{
    const struct speadi_tx_packet *last;

    if (packets->count == 0)
        return packets->iov;
    last = &packets->packet[packets->count - 1];
    return packets->iov + (last->iov - packets->iov) + last->iov_count;
}

void tx_packets_add_pieces(struct tx_packets *packets, uint32_t bytes, uint16_t destination,
                           unsigned pieces)
{
    struct iovec *iov = next_iov(packets);
    unsigned n = packets->count++;
    uint32_t at = 0;

    MUST(n < packets->max, "more than %u packets", packets->max);
    packets->bytes[n] = contents(n, bytes);
    for (unsigned i = 0; i < pieces; i++) {
        uint32_t end = (uint32_t)((uint64_t)bytes * (i + 1) / pieces);

        iov[i] = (struct iovec){.iov_base = packets->bytes[n] + at, .iov_len = end - at};
        at = end;
    }
    packets->packet[n] = (struct speadi_tx_packet){
        .iov = iov,
        .bytes = bytes,
        .iov_count = (uint16_t)pieces,
        .destination = destination,
    };
}

void tx_packets_add(struct tx_packets *packets, uint32_t bytes, uint16_t destination)
{
    tx_packets_add_pieces(packets, bytes, destination, IOVECS_PER_PACKET);
}

void tx_packets_free(struct tx_packets *packets)
{
    for (unsigned i = 0; i < packets->count; i++)
        free(packets->bytes[i]);
    free(packets->bytes);
    free(packets->iov);
    free(packets->packet);
    free(packets);
}

/* ---- Sinks --------------------------------------------------------------------------------- */

static int open_socket_sink(bool v6, struct speadi_address *address)
{
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int room = 64 << 20;

    *address = (struct speadi_address){.length = v6 ? sizeof address->v6 : sizeof address->v4};
    if (v6) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_addr = in6addr_loopback;
    } else {
        address->v4.sin_family = AF_INET;
        address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    MUST(fd >= 0 && bind(fd, &address->any, address->length) == 0, "sink: %s", strerror(errno));
    getsockname(fd, &address->any, &address->length);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return fd;
}

static void open_link_sink(struct spead_mem_link **link, uint32_t packets)
{
    struct spead_err err;

    MUST(spead_mem_link_create(link, packets ? packets : 4096, SPEADI_UDP_BYTES_MAX, &err) == 0,
         "%s", err.text);
}

/* ---- The engine ---------------------------------------------------------------------------- */

static bool is_missing_here(int error)
{
    return error == -EPERM || error == -ENOSYS || error == -ENOTSUP;
}

static struct speadi_tx_config engine_config_of(const struct tx_harness_config *config)
{
    static const struct speadi_interface no_interface;
    static struct spead_send_verbs_config verbs;

    verbs = config->verbs;
    verbs.options = (struct spead_engine_options){.struct_size = sizeof verbs, .engine = "verbs"};
    return (struct speadi_tx_config){
        .addresses = config->address,
        .count = config->sinks ? config->sinks : 1,
        .interface = &no_interface,
        .socket_buffer_bytes = config->buffer_bytes ? config->buffer_bytes : 512u << 10,
        .multicast_ttl = 1,
        .packet_bytes_max =
            config->packet_bytes_max ? config->packet_bytes_max : SPEADI_UDP_BYTES_MAX,
        .train_bytes_max = config->train_bytes_max ? config->train_bytes_max : 65536,
        .rate_bytes_per_s = config->rate_bytes_per_s,
        .memory = config->memory,
        .memory_count = config->memory_count,
        .hardware_rate = config->hardware_rate,
        .hardware_tso = config->hardware_tso,
        .send_path = config->send_path,
        .engine_options = &verbs.options,
        .log = config->log,
    };
}

int tx_harness_try(struct tx_harness *h, const struct tx_harness_config *config,
                   struct spead_err *err)
{
    const struct speadi_tx_config engine_config = engine_config_of(config);

    *h = (struct tx_harness){0};
    return speadi_tx_engine_open(&h->ops, &h->state, config->engine, &engine_config, h->reason,
                                 &h->facts, err);
}

static bool open_engine(struct tx_harness *h, const struct tx_harness_config *config,
                        const struct speadi_tx_config *engine_config)
{
    struct spead_err err = {0};
    int ret = speadi_tx_engine_open(&h->ops, &h->state, config->engine, engine_config, h->reason,
                                    &h->facts, &err);

    if (is_missing_here(ret)) {
        fprintf(stderr, "engine %s: %s\n", config->engine, err.text);
        return false;
    }
    MUST(ret == 0, "engine %s: %s", config->engine, err.text);
    if (config->fault)
        MUST(speadi_tx_engine_wrap_fault(&h->ops, &h->state, config->fault, &err) == 0, "%s",
             err.text);
    if (h->ops->start)
        MUST(h->ops->start(h->state, &err) == 0, "engine %s: %s", config->engine, err.text);
    return true;
}

bool tx_harness_open(struct tx_harness *h, const struct tx_harness_config *config)
{
    struct speadi_address address[TX_SINKS_MAX];
    struct spead_mem_link *link[TX_SINKS_MAX];
    bool mem = test_engine_kind(config->engine) == TEST_MEM;
    struct speadi_tx_config engine_config = engine_config_of(config);

    if (mem)
        engine_config.links = link;
    else if (!config->address)
        engine_config.addresses = address;
    *h = (struct tx_harness){.reaped_max = 1u << 17};
    h->error = calloc(h->reaped_max, sizeof *h->error);
    h->sinks = config->address ? 0 : engine_config.count;
    for (unsigned i = 0; i < h->sinks; i++) {
        h->sink[i].fd = mem ? -1 : open_socket_sink(config->v6, &address[i]);
        if (mem) {
            open_link_sink(&link[i], config->link_packets);
            h->sink[i].link = link[i];
        }
    }
    if (open_engine(h, config, &engine_config))
        return true;
    tx_harness_close(h);
    return false;
}

void tx_harness_close(struct tx_harness *h)
{
    if (h->ops) {
        h->ops->quiesce(h->state);
        h->ops->close(h->state);
        free(h->state);
    }
    for (unsigned i = 0; i < h->sinks; i++) {
        if (h->sink[i].fd >= 0)
            close(h->sink[i].fd);
        spead_mem_link_unref(h->sink[i].link);
    }
    free(h->error);
}

unsigned tx_harness_reap(struct tx_harness *h)
{
    struct speadi_tx_done done[8];
    unsigned runs;

    while ((runs = h->ops->reap(h->state, done, 8)) > 0)
        for (unsigned i = 0; i < runs; i++)
            for (uint32_t k = 0; k < done[i].packets; k++) {
                MUST(h->reaped < h->reaped_max, "%u packets reaped", h->reaped);
                h->error[h->reaped++] = done[i].error;
            }
    return h->reaped;
}

void tx_harness_send(struct tx_harness *h, const struct tx_packets *packets)
{
    uint64_t deadline = speadi_clock_mono_ns() + 10000000000u;
    unsigned taken = 0, before = h->reaped, done;

    do {
        int ret = h->ops->send(h->state, packets->packet + taken, packets->count - taken);

        MUST(ret >= 0 && (unsigned)ret <= packets->count - taken, "%s: send() said %d",
             h->ops->about.name, ret);
        taken += (unsigned)ret;
        done = tx_harness_reap(h) - before;
        MUST(done <= taken, "%s: %u reaped of %u taken", h->ops->about.name, done, taken);
        MUST(speadi_clock_mono_ns() < deadline, "%s: %u taken, %u reaped of %u in 10 s",
             h->ops->about.name, taken, done, packets->count);
        if (ret == 0 && done < packets->count)
            h->ops->wait(h->state, speadi_clock_mono_ns() + 100000000u, taken < packets->count);
    } while (done < packets->count);
}

int tx_harness_receive(struct tx_harness *h, unsigned i, uint8_t *into, uint32_t room)
{
    struct tx_sink *sink = &h->sink[i];
    struct pollfd polled = {.fd = sink->fd, .events = POLLIN};
    const uint8_t *packet;
    uint32_t bytes;

    if (!sink->link)
        return poll(&polled, 1, 100) > 0 ? (int)recv(sink->fd, into, room, MSG_TRUNC) : -1;
    packet = speadi_mem_wire_peek(sink->link, 0, &bytes);
    if (!packet)
        return -1;
    memcpy(into, packet, bytes < room ? bytes : room);
    speadi_mem_wire_pop(sink->link, 1);
    return (int)bytes;
}

void tx_harness_expect(struct tx_harness *h, const struct tx_packets *packets)
{
    static uint8_t got[65536];

    for (unsigned n = 0; n < packets->count; n++) {
        const struct speadi_tx_packet *packet = &packets->packet[n];
        int bytes = tx_harness_receive(h, packet->destination, got, sizeof got);

        MUST(bytes == (int)packet->bytes, "%s: packet %u: %d bytes, not %u", h->ops->about.name, n,
             bytes, packet->bytes);
        MUST(memcmp(got, packets->bytes[n], packet->bytes) == 0,
             "%s: packet %u has other contents (number %u)", h->ops->about.name, n,
             got[0] | got[1] << 8);
    }
    for (unsigned i = 0; i < h->sinks; i++)
        MUST(tx_harness_receive(h, i, got, sizeof got) == -1, "%s: sink %u got more",
             h->ops->about.name, i);
}
