/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the cost of the receive stream itself: decoding, heaps, ledger and hand-over. The stream runs over the null
 * engine, which lends packets from memory.
 *
 * Method: one thread receives heaps, takes them and releases them. With --placed the engine pretends that payload has
 * landed in the reserved ranges. Then the stream copies no payload, and the program measures only the core. The program
 * prints one JSON object.
 *
 * Instruction counts do not depend on the machine. This command counts the instructions of the whole poll:
 *   valgrind --tool=callgrind --toggle-collect=spead_recv_stream_poll bench-recv-null --heaps 20
 * The next command counts the hand-over, in the stream and at the consumer. The three functions in the command do not
 * call one another:
 *   ... --toggle-collect=speadi_outlet_add --toggle-collect=speadi_outlet_send
 *       --toggle-collect=speadi_outlet_take bench-recv-null --heap-size 8192 --packet 8972 --heaps 10000
 * The next command counts the hand-over in a graph, together with the turns of both nodes. callgrind stops counting
 * when one toggle function calls another one. So this command counts the turns without the poll:
 *   ... --toggle-collect=speadi_worker_run --toggle-collect=spead_recv_stream_poll
 *       --toggle-collect=speadi_outlet_add --toggle-collect=speadi_outlet_send
 *       --toggle-collect=spead_message_unref bench-recv-null --graph --idle ...
 * With --verbs the program runs engine verbs over the null device (null_verbs.c), and the cost includes this engine.
 * send_null.c shows the network that this needs. */
#include <argp.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/verbs.h>

#include <speadi/cache_line.h>
#include <speadi/clock.h>
#include <speadi/numbers.h>

#include <recv_config.h>
#include <recv_stream.h>
#include <rx_from.h>

#include "limits/limit.h"
#include "null_packets.h"
#include "null_report.h"
#include "recv_null_graph.h"

#define TAKE_MAX    32u
#define SENDERS_MAX 1024u

struct options {
    uint64_t heap_bytes, heaps, packet_bytes, train, senders, endpoints, lose;
    bool placed, consumer, graph, idle, verbs, mprq;
};

/* ---- The engine ---------------------------------------------------------------------------- */

struct null_engine {
    /* The packets of each sender. Burst number b comes from sender b % senders, and sender s sends to endpoint
     * s % endpoints. */
    struct null_packets packets[SENDERS_MAX];
    uint64_t senders, endpoints;
    uint64_t train, heaps; /* packets in a burst, and heaps of each sender */
    uint64_t bursts;
    uint64_t accepted, used, ended; /* how many reservations were accepted, used and ended so far */
    struct speadi_rx_range range[SPEADI_RX_RESERVE_MAX];
    uint8_t *memory; /* the packets of one train; the engine rewrites only their headers */
    uint64_t stride; /* the distance from one packet to the next in memory, in bytes */
    bool idles;      /* true: after each burst one poll finds nothing (--idle) */
    /* true: the last poll lent a burst, so with --idle the next poll finds nothing */
    bool has_lent;
};

static void close_engine(void *self)
{
    struct null_engine *engine = self;

    free(engine->memory);
}

static void lend(struct null_engine *engine, struct null_packets *packets, uint16_t source,
                 struct speadi_rx_burst *burst)
{
    uint8_t *head = engine->memory + burst->count * engine->stride;
    uint32_t bytes = null_packets_payload(packets);
    struct speadi_rx_packet *packet = &burst->packet[burst->count++];

    null_packets_write(packets, head, bytes);
    *packet = (struct speadi_rx_packet){
        .head = head,
        .head_bytes = NULL_HEADER_BYTES + bytes,
        .datagram_bytes = NULL_HEADER_BYTES + bytes,
        .segments = 1,
        .source = source,
        .time_ns = 1,
        .place = SPEADI_RX_UNPLACED,
    };
    if (engine->used < engine->accepted) {
        packet->body = engine->range[engine->used % SPEADI_RX_RESERVE_MAX].data;
        packet->body_bytes = bytes;
        packet->head_bytes = NULL_HEADER_BYTES;
        packet->place = engine->used++;
    }
    null_packets_advance(packets, bytes);
}

static int poll_engine(void *self, struct speadi_rx_burst *burst)
{
    struct null_engine *engine = self;
    uint64_t sender = engine->bursts % engine->senders;
    uint16_t source = (uint16_t)(sender % engine->endpoints);
    struct null_packets *packets = &engine->packets[sender];

    speadi_rx_burst_begin(burst);
    engine->has_lent = engine->idles && !engine->has_lent;
    if (engine->idles && !engine->has_lent)
        return 0;
    if (packets->counter < engine->heaps) { /* the entry has the index 0, which lend() writes */
        const struct speadi_rx_from from =
            speadi_rx_from_v4(source, (const uint8_t[]){192, 0, 2, 1}, (uint16_t)(7000 + sender));

        speadi_rx_from_add(burst, &from);
    }
    while (burst->count < engine->train && packets->counter < engine->heaps)
        lend(engine, packets, source, burst);
    engine->bursts += burst->count > 0;
    engine->used = engine->accepted;
    burst->reservations_ended[0] = engine->accepted;
    return burst->count > 0 ? (int)burst->count : -ESHUTDOWN;
}

static unsigned reserve(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                        const struct speadi_rx_range *ranges, unsigned count)
{
    struct null_engine *engine = self;

    (void)source, (void)queue;
    if (head_bytes != NULL_HEADER_BYTES)
        return 0;
    for (unsigned i = 0; i < count; i++)
        engine->range[engine->accepted++ % SPEADI_RX_RESERVE_MAX] = ranges[i];
    return count;
}

static void give_back(void *self, struct speadi_rx_burst *burst)
{
    (void)self;
    burst->count = 0;
}

static void no_wait(void *self, uint64_t deadline_ns)
{
    (void)self;
    (void)deadline_ns;
}

static void no_operation(void *self)
{
    (void)self;
}

static void no_counters(void *self, struct speadi_rx_counters *counters)
{
    (void)self;
    *counters = (struct speadi_rx_counters){0};
}

static const struct speadi_rx_engine_ops null_ops = {
    .about.name = "null",
    .state_size = sizeof(struct null_engine),
    .caps = SPEADI_RX_CAP_PLACED | SPEADI_RX_CAP_LOSSLESS,
    .close = close_engine,
    .poll = poll_engine,
    .give_back = give_back,
    .reserve = reserve,
    .unreserve = no_operation,
    .wait = no_wait,
    .wake = no_operation,
    .quiesce = no_operation,
    .counters = no_counters,
};

/* ---- The loop ------------------------------------------------------------------------------ */

static struct spead_recv_stream *make_stream(const struct options *options)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT, full;
    struct null_engine *engine = calloc(1, sizeof *engine);
    struct spead_recv_stream *stream;
    const char *names[SPEADI_RX_SOURCES_MAX];
    struct spead_err err = {0};

    if (engine == NULL)
        return NULL;
    for (uint64_t i = 0; i < options->senders; i++) {
        engine->packets[i].heap_bytes = options->heap_bytes;
        engine->packets[i].payload_bytes = options->packet_bytes - NULL_HEADER_BYTES;
    }
    engine->senders = options->senders;
    engine->endpoints = options->endpoints;
    engine->train = options->train;
    engine->heaps = options->heaps / options->senders;
    engine->idles = options->idle;
    engine->stride = speadi_round_up(options->packet_bytes, SPEADI_CACHE_LINE);
    engine->memory = calloc(options->train, engine->stride);
    for (uint64_t i = 0; i < options->endpoints; i++)
        names[i] = "null";
    config.endpoints = names;
    config.endpoint_count = (uint32_t)options->endpoints;
    if (config.live_heaps_max < 2 * options->senders)
        config.live_heaps_max = 2 * (uint32_t)options->senders;
    config.packet_bytes_max = (uint32_t)options->packet_bytes;
    config.hand_over_heaps = 4 * (uint32_t)options->train + TAKE_MAX;
    config.held_heaps = TAKE_MAX;
    config.on_full = SPEAD_ON_FULL_BLOCK;
    config.receive_path = options->placed ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
    if (engine->memory == NULL || speadi_recv_config_read(&full, &config, &err) < 0 ||
        speadi_recv_stream_create_on(&stream, &full, &null_ops, engine, "bench",
                                     &(struct speadi_rx_facts){0}, &err) < 0) {
        fprintf(stderr, "bench-recv-null: %s\n", err.code != 0 ? err.text : "no memory");
        return NULL;
    }
    return stream;
}

/* Makes a stream over engine verbs and the null device. The device belongs to an interface of this host. */
static struct spead_recv_stream *make_verbs_stream(const struct options *options)
{
    static const char *const endpoint = "239.1.2.3:7148";
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;
    struct spead_recv_stream *stream = NULL;
    struct spead_err err = {0};
    char number[24];

    setenv("SPEADLINE_LIBIBVERBS", NULL_VERBS, 1);
    setenv("SPEADLINE_LIBMLX5", NULL_VERBS, 1);
    snprintf(number, sizeof number, "%ju", (uintmax_t)options->heap_bytes);
    setenv("NULL_VERBS_HEAP", number, 1);
    snprintf(number, sizeof number, "%ju", (uintmax_t)options->packet_bytes);
    setenv("NULL_VERBS_PACKET", number, 1);
    snprintf(number, sizeof number, "%ju", (uintmax_t)options->lose);
    setenv("NULL_VERBS_LOSE", number, 1);
    config.engine = "verbs";
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    verbs.device = "null0";
    verbs.comp_vector = SPEAD_VERBS_COMP_VECTOR_POLL;
    verbs.mprq = options->mprq ? SPEAD_MPRQ_ON : SPEAD_MPRQ_OFF;
    config.engine_options = &verbs.options;
    config.receive_path = options->placed ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
    if (spead_recv_stream_create(&stream, &config, &err) < 0) {
        fprintf(stderr, "bench-recv-null: %s\n", err.text);
        return NULL;
    }
    /* the packets are too long: the stream would refuse them, and no heap would ever be complete */
    if (options->packet_bytes > stream->packet_bytes_max) {
        fprintf(stderr,
                "bench-recv-null: the stream takes packets of up to %ju bytes, not of %ju: the "
                "interface's MTU, less the IP and UDP headers, is the limit\n",
                (uintmax_t)stream->packet_bytes_max, (uintmax_t)options->packet_bytes);
        spead_recv_stream_destroy(stream);
        return NULL;
    }
    return stream;
}

static uint64_t release(struct spead_heap **heaps, int count)
{
    for (int i = 0; i < count; i++)
        spead_heap_unref(heaps[i]);
    return (uint64_t)count;
}

/* Takes all finished heaps from the stream and releases them, in batches as spead-recv does. */
static uint64_t take_all(struct spead_recv_stream *stream)
{
    struct spead_heap *heaps[TAKE_MAX];
    uint64_t taken = 0;
    int count = TAKE_MAX;

    while (count == TAKE_MAX) {
        count = speadi_outlet_take(&stream->outlet, heaps, TAKE_MAX, false, 0);
        taken += count > 0 ? release(heaps, count) : 0;
    }
    return taken;
}

struct consumer {
    struct spead_recv_stream *stream;
    uint64_t taken;
};

static void *consume(void *arg)
{
    struct consumer *consumer = arg;
    struct spead_heap *heaps[TAKE_MAX];
    int count;

    while ((count = spead_recv_stream_take_many(consumer->stream, heaps, TAKE_MAX, 0)) > 0)
        consumer->taken += release(heaps, count);
    return NULL;
}

/* Receives until `heaps` heaps were taken. This function is for the null device, because the stream of the null device
 * never ends. Returns how many heaps were taken. */
static uint64_t receive_heaps(struct spead_recv_stream *stream, uint64_t heaps)
{
    uint64_t taken = 0;

    spead_recv_stream_start(stream, NULL);
    while (taken < heaps && spead_recv_stream_poll(stream) >= 0)
        taken += take_all(stream);
    return taken;
}

/* Polls until the stream ends. Returns how many heaps were taken. */
static uint64_t receive_alone(struct spead_recv_stream *stream)
{
    uint64_t taken = 0;

    while (spead_recv_stream_poll(stream) >= 0)
        taken += take_all(stream);
    return taken + take_all(stream);
}

static uint64_t receive_for_a_thread(struct spead_recv_stream *stream)
{
    struct consumer consumer = {.stream = stream};
    pthread_t thread;

    if (pthread_create(&thread, NULL, consume, &consumer) != 0)
        return 0;
    spead_recv_stream_run(stream, NULL);
    pthread_join(thread, NULL);
    return consumer.taken;
}

static int run(const struct options *options)
{
    struct spead_recv_stream *stream =
        options->verbs ? make_verbs_stream(options) : make_stream(options);
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_channel_stats channel = SPEAD_CHANNEL_STATS_INIT;
    uint64_t start_ns, ns, taken, bursts;

    if (stream == NULL)
        return 1;
    start_ns = speadi_clock_mono_ns();
    if (options->verbs)
        taken = receive_heaps(stream, options->heaps);
    else if (options->graph)
        taken = receive_in_a_graph(stream);
    else
        taken = options->consumer ? receive_for_a_thread(stream) : receive_alone(stream);
    ns = speadi_clock_mono_ns() - start_ns;
    spead_recv_stream_stats(stream, &stats);
    spead_channel_stats(spead_recv_stream_channel(stream), &channel);
    bursts = options->verbs ? stats.counters.messages
                            : ((const struct null_engine *)stream->engine)->bursts;
    null_report_print(&(struct null_report){
        .bench = "recv-null",
        .engine = options->verbs ? "verbs" : "null",
        .heap_bytes = options->heap_bytes,
        .packet_bytes = options->packet_bytes,
        .heaps = taken,
        .packets = stats.total.seen.packets,
        .payload_bytes = stats.counters.payload_bytes,
        .ns = ns,
    });
    printf(
        ", \"path\": \"%s\", \"train\": %ju, \"placed\": %ju, \"bounced\": %ju, \"bursts\": %ju, "
        "\"consumer_slept\": %ju, \"owner_slept\": %ju}\n",
        options->placed ? "placed" : "bounce", (uintmax_t)options->train,
        (uintmax_t)stats.counters.placed, (uintmax_t)stats.counters.bounced, (uintmax_t)bursts,
        (uintmax_t)channel.starved, (uintmax_t)channel.blocked);
    spead_recv_stream_destroy(stream);
    return taken >= options->heaps ? 0 : 1;
}

/* ---- Options ------------------------------------------------------------------------------- */

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 's':
        options->heap_bytes = limit_number(state, "--heap-size", text, 1, 64u << 20);
        return 0;
    case 'n':
        options->heaps = limit_number(state, "--heaps", text, 1, UINT64_MAX);
        return 0;
    case 'p':
        options->packet_bytes =
            limit_number(state, "--packet", text, NULL_HEADER_BYTES + 1, SPEADI_UDP_BYTES_MAX);
        return 0;
    case 't':
        options->train = limit_number(state, "--train", text, 1, SPEADI_RX_BURST_MAX);
        return 0;
    case 'S':
        options->senders = limit_number(state, "--senders", text, 1, SENDERS_MAX);
        return 0;
    case 'E':
        options->endpoints = limit_number(state, "--endpoints", text, 1, SPEADI_RX_SOURCES_MAX);
        return 0;
    case 'l':
        options->placed = true;
        return 0;
    case 'c':
        options->consumer = true;
        return 0;
    case 'g':
        options->graph = true;
        return 0;
    case 'i':
        options->idle = true;
        return 0;
    case 'v':
        options->verbs = true;
        return 0;
    case 'm':
        options->mprq = true;
        return 0;
    case 'L':
        options->lose = limit_number(state, "--lose", text, 2, UINT64_MAX);
        return 0;
    case ARGP_KEY_END:
        if (options->heaps % options->senders != 0)
            argp_error(state, "--heaps must be a multiple of --senders");
        if (options->lose != 0 && !options->verbs)
            argp_error(state, "--lose is for --verbs");
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected \"%s\"", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option known[] = {
        {"heap-size", 's', "N", 0, "Payload bytes of a heap (4194304)", 0},
        {"heaps", 'n', "N", 0, "Heaps to receive (1000)", 0},
        {"packet", 'p', "N", 0, "Bytes of a full SPEAD packet (1472)", 0},
        {"train", 't', "N", 0, "Packets in a burst (44)", 0},
        {"senders", 'S', "N", 0, "Senders that take turns, one burst each (1)", 0},
        {"endpoints", 'E', "N", 0, "Endpoints that these senders send to (1)", 0},
        {"placed", 'l', NULL, 0, "Payload is in its own place already", 0},
        {"consumer", 'c', NULL, 0, "Another thread takes the heaps", 0},
        {"graph", 'g', NULL, 0, "The stream is a node, with the check of spead-recv behind it", 0},
        {"idle", 'i', NULL, 0,
         "After each burst one poll finds nothing, so that the consumer sleeps", 0},
        {"verbs", 'v', NULL, 0, "Receive with engine verbs from the null device", 0},
        {"mprq", 'm', NULL, 0, "Use the multi-packet queue of the device (with --verbs)", 0},
        {"lose", 'L', "N", 0,
         "Every Nth packet is lost before the device (with --verbs); heaps with a loss do not count",
         0},
        {0}};
    static const struct argp argp = {
        .options = known, .parser = parse, .doc = "Cost of the receive stream without a network"};
    struct options options = {.heap_bytes = 4194304,
                              .heaps = 1000,
                              .packet_bytes = 1472,
                              .train = 44,
                              .senders = 1,
                              .endpoints = 1};

    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return 2;
    return run(&options);
}
