/* SPDX-License-Identifier: Apache-2.0 */
/* Receive engine `counter`: the engine makes the packets that it lends. It is a source of data for tests, and the
 * example of an engine that lies outside the library (docs/engines.md).
 *
 * The text of an endpoint is a number: the heap counter of its first heap. Each poll makes one heap. The payloads of
 * all heaps of an endpoint form one sequence of 64-bit numbers, big-endian: 0, 1, 2, ... */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/packet.h>
#include <speadi/wake_fd.h>

#include "counter_config.h"
#include "rx_from.h"

enum {
    ADDRESS_BITS = 40,
    POINTERS = 5,
    HEAD_BYTES = SPEADI_HEADER_BYTES + POINTERS * SPEADI_POINTER_BYTES,
    PAYLOAD_BYTES = 1024, /* payload of each packet, except the last packet of a heap */
    PACKET_BYTES = HEAD_BYTES + PAYLOAD_BYTES,
    HEAP_BYTES_MAX = 65536,
    /* the largest number of packets that one poll lends: those of one whole heap */
    BURST = HEAP_BYTES_MAX / PAYLOAD_BYTES,
    ITEM_ID = 0x1000,
};

struct counter_engine {
    struct counter_config config;
    struct speadi_wake_fd wake_fd;
    uint8_t *packets; /* the memory of the lent packets, BURST times PACKET_BYTES bytes */
    uint64_t first[SPEADI_RX_SOURCES_MAX]; /* the heap counter of the first heap of each endpoint */
    uint64_t made[SPEADI_RX_SOURCES_MAX]; /* how many heaps the engine has made for each endpoint */
    uint32_t source_count;
    uint32_t next_source; /* the endpoint that the next poll tries first */
    bool quiesced;
    uint64_t receives, sleeps;
};

/* ---- Control plane ------------------------------------------------------------------------------ */

static int read_config(struct counter_engine *e, const struct speadi_rx_config *config,
                       struct spead_err *err)
{
    static const struct counter_config defaults = COUNTER_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "counter",
        .init = "COUNTER_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = sizeof defaults.options,
    };
    int ret = speadi_engine_options_read(&e->config, &kind, config->options, err);

    if (ret < 0)
        return ret;
    if (e->config.heap_bytes == 0 || e->config.heap_bytes % 8 != 0 ||
        e->config.heap_bytes > HEAP_BYTES_MAX)
        return speadi_err_set(
            err, -EINVAL, "engine counter: heap_bytes is %u; it must be a multiple of 8, up to %d",
            e->config.heap_bytes, HEAP_BYTES_MAX);
    return 0;
}

static int read_endpoint(uint64_t *first, const char *text, struct spead_err *err)
{
    char *end;

    errno = 0;
    *first = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || *first >> (ADDRESS_BITS - 1))
        return speadi_err_set(err, -EINVAL,
                              "engine counter: \"%s\" is not the counter of a first heap: give a "
                              "number, such as 1",
                              text);
    return 0;
}

/* The library calls close() also after a failed open(). So the function marks the wake descriptor as not open before
 * anything can fail. */
static int counter_open(void *self, const struct speadi_rx_config *config,
                        struct speadi_rx_facts *facts, struct spead_err *err)
{
    struct counter_engine *e = self;
    int ret;

    /* All facts stay 0. This means: no socket, the clock of the host, no limit of packet length. */
    (void)facts;
    e->wake_fd.fd = -1;
    ret = read_config(e, config, err);
    for (uint32_t i = 0; ret == 0 && i < config->count; i++)
        ret = read_endpoint(&e->first[i], config->texts[i], err);
    if (ret < 0)
        return ret;
    e->source_count = config->count;
    e->packets = calloc(BURST, PACKET_BYTES);
    if (e->packets == NULL)
        return speadi_err_set(err, -ENOMEM, "engine counter: no memory for packets");
    ret = speadi_wake_fd_open(&e->wake_fd);
    return ret < 0 ? speadi_err_set(err, ret, "engine counter: eventfd: %s", strerror(-ret)) : 0;
}

static void counter_close(void *self)
{
    struct counter_engine *e = self;

    speadi_wake_fd_close(&e->wake_fd);
    free(e->packets);
    e->packets = NULL;
}

/* ---- Making packets ----------------------------------------------------------------------------- */

static void store_pointer(uint8_t *packet, unsigned index, uint64_t pointer)
{
    speadi_store_be64(packet + SPEADI_HEADER_BYTES + index * SPEADI_POINTER_BYTES, pointer);
}

/* Writes one packet of a heap. The packet carries the payload that begins at `offset`. `number` is the first number in
 * the heap. Returns the length of the packet in bytes. */
static uint32_t make_packet(uint8_t *packet, uint64_t counter, uint64_t number, uint64_t heap_bytes,
                            uint64_t offset)
{
    uint64_t bytes = heap_bytes - offset < PAYLOAD_BYTES ? heap_bytes - offset : PAYLOAD_BYTES;

    speadi_store_be64(packet, speadi_header_word(ADDRESS_BITS, POINTERS));
    store_pointer(packet, 0,
                  speadi_pointer_immediate(ADDRESS_BITS, SPEAD_ID_HEAP_COUNTER, counter));
    store_pointer(packet, 1,
                  speadi_pointer_immediate(ADDRESS_BITS, SPEAD_ID_HEAP_LENGTH, heap_bytes));
    store_pointer(packet, 2,
                  speadi_pointer_immediate(ADDRESS_BITS, SPEAD_ID_PAYLOAD_OFFSET, offset));
    store_pointer(packet, 3,
                  speadi_pointer_immediate(ADDRESS_BITS, SPEAD_ID_PAYLOAD_LENGTH, bytes));
    store_pointer(packet, 4, speadi_pointer_addressed(ADDRESS_BITS, ITEM_ID, 0));
    for (uint64_t at = 0; at < bytes; at += 8)
        speadi_store_be64(packet + HEAD_BYTES + at, number + (offset + at) / 8);
    return HEAD_BYTES + (uint32_t)bytes;
}

/* Makes the next heap of a source, and adds all its packets to the burst. */
static void lend_heap(struct counter_engine *e, uint32_t source, struct speadi_rx_burst *burst)
{
    const uint64_t heap_bytes = e->config.heap_bytes, now = speadi_clock_utc_ns();
    const uint64_t counter = e->first[source] + e->made[source];
    const uint64_t number = e->made[source]++ * (heap_bytes / 8);
    const uint16_t from = speadi_rx_from_add_unknown(burst, (uint16_t)source);

    for (uint64_t offset = 0; offset < heap_bytes; offset += PAYLOAD_BYTES) {
        uint8_t *packet = e->packets + (size_t)burst->count * PACKET_BYTES;
        uint32_t bytes = make_packet(packet, counter, number, heap_bytes, offset);

        burst->packet[burst->count++] = (struct speadi_rx_packet){.head = packet,
                                                                  .head_bytes = bytes,
                                                                  .datagram_bytes = bytes,
                                                                  .source = (uint16_t)source,
                                                                  .segments = 1,
                                                                  .from = from,
                                                                  .time_ns = now,
                                                                  .place = SPEADI_RX_UNPLACED};
    }
    e->receives++;
}

/* ---- Data path ---------------------------------------------------------------------------------- */

static int counter_poll(void *self, struct speadi_rx_burst *burst)
{
    struct counter_engine *e = self;

    speadi_rx_burst_begin(burst);
    burst->reservations_ended[0] = 0;
    if (e->quiesced)
        return 0; /* after quiesce() the engine makes no more heaps */
    for (uint32_t i = 0; i < e->source_count; i++) {
        uint32_t source = (e->next_source + i) % e->source_count;

        if (e->made[source] == e->config.heaps)
            continue;
        e->next_source = source + 1;
        lend_heap(e, source, burst);
        return (int)burst->count;
    }
    return -ESHUTDOWN;
}

/* Does nothing with the packets, because the next poll() writes over them. */
static void counter_give_back(void *self, struct speadi_rx_burst *burst)
{
    (void)self;
    burst->count = 0;
}

/* Before quiesce() every poll() finds a heap or the end of all endpoints, so wait() returns immediately. After
 * quiesce() wait() sleeps until wake() or the deadline. */
static void counter_wait(void *self, uint64_t deadline_ns)
{
    struct counter_engine *e = self;

    if (!e->quiesced)
        return;
    e->sleeps++;
    speadi_wake_fd_wait(&e->wake_fd, NULL, 0, 0, deadline_ns);
}

static void counter_wake(void *self)
{
    struct counter_engine *e = self;

    speadi_wake_fd_signal(&e->wake_fd);
}

static void counter_quiesce(void *self)
{
    struct counter_engine *e = self;

    e->quiesced = true;
}

static void counter_counters(void *self, struct speadi_rx_counters *counters)
{
    struct counter_engine *e = self;

    *counters = (struct speadi_rx_counters){.messages = e->receives,
                                            .sleeps = e->sleeps,
                                            .memory_bytes = (uint64_t)BURST * PACKET_BYTES};
}

const struct speadi_rx_engine_ops speadi_rx_engine_counter = {
    .about = {.name = "counter", .endpoint = SPEAD_ENDPOINT_TEXT, .rank = 100},
    .state_size = sizeof(struct counter_engine),
    /* the engine makes packets only when it is polled, so it loses none */
    .caps = SPEADI_RX_CAP_LOSSLESS,
    .open = counter_open,
    .close = counter_close,
    .poll = counter_poll,
    .give_back = counter_give_back,
    .wait = counter_wait,
    .wake = counter_wake,
    .quiesce = counter_quiesce,
    .counters = counter_counters,
};
