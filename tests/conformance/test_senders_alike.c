/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the same packets in the same order give the same heaps and the same bucket totals, with every engine and on
 * every path of the payload. Heaps and totals are compared for each endpoint separately. Method: the packets of several
 * senders go through a scripted engine, over memory links, and over UDP sockets in a network namespace. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_names.h"
#include "netns.h"
#include "recv_rig.h"

#define ENDPOINTS  2u
#define SENDERS    3u /* at each endpoint */
#define BYTES      64u
#define WIRE_MAX   1200u
#define HEAPS_MAX  64u
#define SECOND     1000000000ull
#define PORT       7148u
#define POLLS_MAX  2000000u
#define BUCKET_MAX 512u

/* One packet, or a silence. */
struct sent {
    uint64_t silence_ns; /* if this is not 0, no packet comes for so long */
    uint64_t counter, length, offset;
    uint8_t endpoint, sender, run;
};

static struct {
    struct sent sent[WIRE_MAX];
    unsigned count;
    bool has_silence;
    bool has_senders; /* more than one sender at an endpoint: memory links cannot carry this */
} wire;

struct outcome_heap {
    uint64_t counter, received, hash;
    bool complete;
};

/* What a stream has made of the packets of one endpoint. */
struct outcome {
    unsigned heaps;
    struct outcome_heap heap[HEAPS_MAX];
    char buckets[BUCKET_MAX];
};

/* One way to read the packets. */
struct way {
    const char *name; /* NULL means the scripted engine */
    enum spead_receive_path path;
    bool posts_ahead;
    unsigned poll_max;
};

/* ---- Packets ------------------------------------------------------------------------------- */

static void send_part(uint8_t endpoint, uint8_t sender, uint64_t counter, unsigned packets,
                      unsigned number, uint8_t run)
{
    cr_assert_lt(wire.count, WIRE_MAX);
    wire.sent[wire.count++] = (struct sent){.endpoint = endpoint,
                                            .sender = sender,
                                            .counter = counter,
                                            .length = (uint64_t)packets * BYTES,
                                            .offset = (uint64_t)number * BYTES,
                                            .run = run};
    wire.has_senders |= sender > 0;
}

static void be_silent(uint64_t ns)
{
    wire.sent[wire.count++] = (struct sent){.silence_ns = ns};
    wire.has_silence = true;
}

static void build(struct test_packet *packet, const struct sent *sent)
{
    uint8_t payload[BYTES];

    for (size_t i = 0; i < BYTES; i++)
        payload[i] =
            (uint8_t)(1 + (test_packet_byte(sent->counter + sent->run * 1000u +
                                                sent->sender * 10000u + sent->endpoint * 100000u,
                                            sent->offset + i) &
                           0x7f));
    test_packet_data(packet, 40, sent->counter, sent->length, sent->offset, payload, BYTES);
}

/* ---- Outcomes ------------------------------------------------------------------------------ */

static void configure(struct spead_recv_stream_config *config, const struct way *way)
{
    config->receive_path = way->path;
    config->allow_out_of_order = true;
    config->deliver_incomplete = true;
    config->live_heaps_max = 8;
    config->hand_over_heaps = HEAPS_MAX;
    config->heap_bytes_max = 4096;
    config->packet_bytes_max = 1472;
    config->repeat_ns = UINT64_MAX; /* on a busy machine a duplicate can come late */
    if (!wire.has_silence)
        config->restart_quiet_ns = 0;
}

static void keep(struct outcome *outcome, const struct spead_heap *heap)
{
    struct outcome *own = &outcome[spead_heap_source(heap)];
    const uint8_t *payload = spead_heap_payload(heap);
    uint64_t hash = 0;

    cr_assert_lt(own->heaps, HEAPS_MAX);
    for (uint64_t i = 0; i < spead_heap_length(heap); i++)
        hash = (hash ^ payload[i]) * 0x100000001b3ull;
    own->heap[own->heaps].counter = spead_heap_counter(heap);
    own->heap[own->heaps].received = spead_heap_received(heap);
    own->heap[own->heaps].complete = spead_heap_is_complete(heap);
    own->heap[own->heaps++].hash = hash;
}

static void take_all(struct spead_recv_stream *stream, struct outcome *outcome)
{
    struct spead_heap *heap;

    while (spead_recv_stream_try_take(stream, &heap) == 0) {
        keep(outcome, heap);
        spead_heap_unref(heap);
    }
}

static int order(const void *a, const void *b)
{
    const struct outcome_heap *x = a, *y = b;

    if (x->counter != y->counter)
        return x->counter < y->counter ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Ends the stream. Sorts the heaps, because a heap into which receives are posted leaves later than others. */
static void finish(struct spead_recv_stream *stream, struct outcome *outcome)
{
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        take_all(stream, outcome);
    take_all(stream, outcome);
    for (uint32_t e = 0; e < ENDPOINTS; e++) {
        struct spead_recv_ledger ledger;
        char *text = outcome[e].buckets;
        size_t used = 0;

        qsort(outcome[e].heap, outcome[e].heaps, sizeof *outcome[e].heap, order);
        spead_recv_stream_source_stats(stream, e, &ledger, NULL);
        for (unsigned i = 0; i < SPEAD_RECV_BUCKET_COUNT; i++)
            if (ledger.bucket[i].packets > 0)
                used += (size_t)snprintf(text + used, BUCKET_MAX - used, "%s %llu, ",
                                         spead_recv_bucket_name(i),
                                         (unsigned long long)ledger.bucket[i].packets);
    }
}

/* ---- Ways ---------------------------------------------------------------------------------- */

static void run_scripted(const struct way *way, struct outcome *outcome)
{
    static struct recv_rig rig;
    struct script_packet *packet;

    recv_rig_init(&rig);
    rig.sources = ENDPOINTS;
    rig.ops = &script_clock_ops;
    configure(&rig.config, way);
    rig.engine->posts_ahead = way->posts_ahead;
    rig.engine->poll_max = way->poll_max;
    rig.engine->clock_ns = SECOND;
    recv_rig_open(&rig);
    for (unsigned i = 0; i < wire.count; i++) {
        const struct sent *sent = &wire.sent[i];

        if (sent->silence_ns > 0) {
            recv_rig_run(&rig);
            rig.engine->clock_ns += sent->silence_ns;
            continue;
        }
        build(&rig.packet, sent);
        packet = recv_rig_push(&rig);
        packet->source = sent->endpoint;
        packet->from =
            speadi_rx_from_v4(sent->endpoint, (const uint8_t[]){192, 0, 2, 1}, 7000 + sent->sender);
    }
    while (rig.engine->next < rig.engine->count) {
        recv_rig_poll(&rig);
        take_all(rig.stream, outcome);
    }
    finish(rig.stream, outcome);
    recv_rig_close(&rig);
}

static void read_all(struct spead_recv_stream *stream, struct outcome *outcome)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

    for (unsigned i = 0; i < POLLS_MAX && stats.total.seen.packets < wire.count; i++) {
        cr_assert_geq(spead_recv_stream_poll(stream), 0);
        take_all(stream, outcome);
        spead_recv_stream_stats(stream, &stats);
    }
    cr_expect_eq(stats.total.seen.packets, wire.count);
}

static void run_mem(const struct way *way, struct outcome *outcome)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_mem_link *link[ENDPOINTS];
    struct spead_recv_stream *stream;
    static struct test_packet packet;
    struct spead_err err;

    for (unsigned e = 0; e < ENDPOINTS; e++)
        cr_assert_eq(spead_mem_link_create(&link[e], WIRE_MAX, 2048, &err), 0, "%s", err.text);
    configure(&config, way);
    config.engine = way->name;
    config.links = link;
    config.link_count = ENDPOINTS;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
    for (unsigned i = 0; i < wire.count; i++) {
        build(&packet, &wire.sent[i]);
        cr_assert_eq(spead_mem_link_push(link[wire.sent[i].endpoint], packet.bytes, packet.length),
                     0);
    }
    read_all(stream, outcome);
    finish(stream, outcome);
    spead_recv_stream_destroy(stream);
    for (unsigned e = 0; e < ENDPOINTS; e++)
        spead_mem_link_unref(link[e]);
}

static int open_sender(unsigned endpoint)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(PORT + endpoint))};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void run_sockets(const struct way *way, struct outcome *outcome)
{
    static const char *const endpoints[ENDPOINTS] = {"127.0.0.1:7148", "127.0.0.1:7149"};
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    int sender[ENDPOINTS][SENDERS];
    struct spead_recv_stream *stream;
    static struct test_packet packet;
    struct spead_err err;

    configure(&config, way);
    config.engine = way->name;
    config.endpoints = endpoints;
    config.endpoint_count = ENDPOINTS;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
    for (unsigned i = 0; i < ENDPOINTS * SENDERS; i++)
        sender[i / SENDERS][i % SENDERS] = open_sender(i / SENDERS);
    for (unsigned i = 0; i < wire.count; i++) {
        const struct sent *sent = &wire.sent[i];

        build(&packet, sent);
        cr_assert_eq(send(sender[sent->endpoint][sent->sender], packet.bytes, packet.length, 0),
                     (ssize_t)packet.length);
        if (i % 64 == 63) {
            cr_assert_geq(spead_recv_stream_poll(stream), 0);
            take_all(stream, outcome);
        }
    }
    read_all(stream, outcome);
    finish(stream, outcome);
    spead_recv_stream_destroy(stream);
    for (unsigned i = 0; i < ENDPOINTS * SENDERS; i++)
        close(sender[i / SENDERS][i % SENDERS]);
}

/* ---- Comparison ---------------------------------------------------------------------------- */

static void compare(const struct way *way, const struct outcome *expected,
                    const struct outcome *outcome)
{
    for (unsigned e = 0; e < ENDPOINTS; e++) {
        char name[64];

        snprintf(name, sizeof name, "%s, path %d, ahead %d, poll %u, endpoint %u",
                 way->name ? way->name : "script", (int)way->path, way->posts_ahead, way->poll_max,
                 e);
        cr_expect_str_eq(outcome[e].buckets, expected[e].buckets, "%s: %s, not %s", name,
                         outcome[e].buckets, expected[e].buckets);
        cr_expect_eq(outcome[e].heaps, expected[e].heaps, "%s: %u heaps, not %u", name,
                     outcome[e].heaps, expected[e].heaps);
        for (unsigned i = 0; i < outcome[e].heaps && i < expected[e].heaps; i++)
            cr_expect(order(&outcome[e].heap[i], &expected[e].heap[i]) == 0 &&
                          outcome[e].heap[i].received == expected[e].heap[i].received &&
                          outcome[e].heap[i].complete == expected[e].heap[i].complete,
                      "%s: heap %u (counter %llu) differs", name, i,
                      (unsigned long long)outcome[e].heap[i].counter);
    }
}

static struct outcome expected[ENDPOINTS], outcome[ENDPOINTS];

static void compare_scripted(void)
{
    static const struct way ways[] = {
        {.path = SPEAD_PATH_BOUNCE, .poll_max = 1},
        {.path = SPEAD_PATH_BOUNCE, .poll_max = 1000},
        {.path = SPEAD_PATH_PLACED, .poll_max = 1},
        {.path = SPEAD_PATH_PLACED, .poll_max = 7},
        {.path = SPEAD_PATH_PLACED, .poll_max = 1000},
        {.path = SPEAD_PATH_PLACED, .poll_max = 1, .posts_ahead = true},
        {.path = SPEAD_PATH_PLACED, .poll_max = 7, .posts_ahead = true},
    };

    memset(expected, 0, sizeof expected);
    run_scripted(&ways[0], expected);
    for (size_t i = 1; i < sizeof ways / sizeof *ways; i++) {
        memset(outcome, 0, sizeof outcome);
        run_scripted(&ways[i], outcome);
        compare(&ways[i], expected, outcome);
    }
}

static void compare_engines(unsigned kind, void (*run)(const struct way *, struct outcome *))
{
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = test_engines(TEST_RECEIVES, kind, names);

    for (unsigned i = 0; i < count; i++)
        for (int placed = 0; placed < 2; placed++) {
            struct way way = {.name = names[i],
                              .path = placed ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE};

            memset(outcome, 0, sizeof outcome);
            run(&way, outcome);
            compare(&way, expected, outcome);
        }
}

/* Reads the packets in all ways that can carry them. */
static void compare_all(void)
{
    const char *reason;

    compare_scripted();
    if (wire.has_silence) /* only the scripted engine has a clock that the test sets */
        return;
    if (!wire.has_senders)
        compare_engines(TEST_MEM, run_mem);
    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    compare_engines(TEST_KERNEL, run_sockets);
}

static void clear(void)
{
    memset(&wire, 0, sizeof wire);
}

TestSuite(senders_alike, .init = clear);

/* ---- Cases --------------------------------------------------------------------------------- */

#define PACKETS 10u

/* Some packets are lost, some come twice, and some come in another order. */
Test(senders_alike, one_sender_at_each_endpoint)
{
    for (uint64_t counter = 1; counter <= 20; counter++)
        for (unsigned i = 0; i < PACKETS; i++)
            for (uint8_t endpoint = 0; endpoint < ENDPOINTS; endpoint++) {
                unsigned number = counter % 4 == 2 ? i ^ 1 : i;

                if (counter % 5 == 3 && i == 4u + endpoint)
                    continue;
                send_part(endpoint, 0, counter, PACKETS, number, 0);
                if (counter % 3 == 1 && i == 6)
                    send_part(endpoint, 0, counter, PACKETS, number, 0);
            }
    compare_all();
}

Test(senders_alike, senders_of_one_endpoint_with_equal_counters)
{
    for (uint64_t counter = 1; counter <= 10; counter++)
        for (unsigned i = 0; i < PACKETS; i++)
            for (uint8_t sender = 0; sender < SENDERS; sender++)
                if (counter % 4 != 2 || i != 3u + sender)
                    send_part(0, sender, counter, PACKETS, i, 0);
    compare_all();
}

Test(senders_alike, one_heap_that_two_senders_contradict)
{
    for (uint64_t counter = 1; counter <= 10; counter++)
        for (unsigned i = 0; i < PACKETS; i++) {
            send_part(0, 0, counter, PACKETS, i, 0);
            send_part(0, 0, counter, PACKETS - (counter == 5 && i == 3), i, 1);
        }
    compare_all();
}

/* One sender starts anew twice, and the other one goes on. */
Test(senders_alike, a_sender_that_starts_anew)
{
    for (uint8_t run = 0; run < 3; run++) {
        for (uint64_t counter = 1; counter <= 4; counter++)
            for (unsigned i = counter == 1 ? run : 0; i < PACKETS - (counter == 4 ? 5 : 0); i++) {
                send_part(0, 0, counter, PACKETS, i, run);
                send_part(0, 1, counter + 4u * run, PACKETS, i, 0);
            }
        be_silent(3 * SECOND);
    }
    compare_all();
}
