/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the cost of the send stream itself: queue, packetiser, ledger and completion. The stream runs over the null
 * engine, which accepts every packet immediately and sends none. With --verbs the program runs engine verbs over the
 * null device (null_verbs.c), and the cost includes this engine. The null device belongs to an interface of the host
 * and has the MTU and the addresses of that interface. It is best to use an interface in a network namespace:
 *   unshare -rn sh -c 'ip link add n0 mtu 9000 type veth peer name n1 mtu 9000; ip link set n0 up; ip link set n1 up;
 *                      ip addr add 10.0.0.1/24 dev n0; ip route add 224.0.0.0/4 dev n0; bench-send-null --verbs'
 *
 * Method: one thread keeps max-heaps heaps in flight. The completion of a heap submits the same heap again; with --group,
 * the heaps that have completed in a poll() are submitted together after it. The program prints one JSON object. Instruction counts do not depend on the machine; this command counts them:
 *   valgrind --tool=callgrind --toggle-collect=spead_send_stream_poll bench-send-null --heaps 200 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadline/verbs.h>

#include <speadi/clock.h>
#include <speadi/packet.h>

#include <send_stream.h>

#include "limits/limit.h"
#include "null_report.h"
#include "null_tx.h"

struct options {
    uint64_t heap_bytes, heaps, heaps_max, packet_bytes;
    bool verbs, copy, group;
};

/* ---- The loop ------------------------------------------------------------------------------ */

struct source {
    struct spead_send_stream *stream;
    struct spead_send_heap *heap;
    uint64_t left; /* how many heaps are still to be submitted */
    /* With --group: max-heaps equal heaps, and how many of them are submitted after this poll(). Else NULL. */
    struct spead_send_group_heap *group;
    uint32_t waiting;
};

static void submit_next(void *arg, const struct spead_send_result *result)
{
    struct source *source = arg;
    struct spead_send_options options = {.done = submit_next, .done_arg = source};

    if (source->left == 0 || (result != NULL && result->error != 0))
        return;
    source->left--;
    if (source->group) {
        source->waiting++;
        return;
    }
    if (spead_send_stream_submit(source->stream, source->heap, &options) < 0)
        abort(); /* the heap queue must have a free slot, because a completion has just freed one */
}

static void make_group(struct source *source, uint64_t heaps_max)
{
    source->group = calloc(heaps_max, sizeof *source->group);
    if (source->group == NULL)
        abort();
    for (uint64_t i = 0; i < heaps_max; i++)
        source->group[i] = (struct spead_send_group_heap){
            .heap = source->heap, .options = {.done = submit_next, .done_arg = source}};
}

static void submit_waiting(struct source *source)
{
    if (source->waiting != 0 &&
        spead_send_stream_submit_group(source->stream, source->group, source->waiting,
                                       SPEAD_SEND_GROUP_SERIAL) < 0)
        abort(); /* all these heaps have completed, so there is room for them */
    source->waiting = 0;
}

static struct spead_send_stream *make_verbs_stream(const struct options *options,
                                                   const uint8_t *payload)
{
    static const char *const endpoint = "239.1.2.3:7148";
    const struct spead_send_memory memory = {.data = payload, .bytes = options->heap_bytes};
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_verbs_config verbs = SPEAD_SEND_VERBS_CONFIG_INIT;
    struct spead_send_stream *stream = NULL;
    struct spead_err err = {0};

    setenv("SPEADLINE_LIBIBVERBS", NULL_VERBS, 1);
    config.engine = "verbs";
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    verbs.device = "null0";
    config.engine_options = &verbs.options;
    config.heaps_max = (uint32_t)options->heaps_max;
    config.packet_bytes_max = (uint32_t)options->packet_bytes;
    config.memory = &memory;
    config.memory_count = options->copy ? 0 : 1;
    if (spead_send_stream_create(&stream, &config, &err) < 0)
        fprintf(stderr, "bench-send-null: %s\n", err.text);
    return stream;
}

static int run(const struct options *options)
{
    uint8_t *payload = calloc(1, options->heap_bytes);
    struct source source = {.left = options->heaps,
                            .stream = options->verbs
                                          ? make_verbs_stream(options, payload)
                                          : null_tx_stream((uint32_t)options->heaps_max,
                                                           (uint32_t)options->packet_bytes)};
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    uint64_t start_ns, ns;

    if (source.stream == NULL || payload == NULL ||
        spead_send_heap_create(&source.heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) < 0 ||
        spead_send_heap_add_item(source.heap, 0x1000, payload, options->heap_bytes, false) < 0) {
        fprintf(stderr, "bench-send-null: no stream, or no memory\n");
        return 1;
    }
    if (options->group)
        make_group(&source, options->heaps_max);
    spead_send_stream_start(source.stream, NULL);
    for (uint64_t i = 0; i < options->heaps_max; i++)
        submit_next(&source, NULL);
    submit_waiting(&source);
    start_ns = speadi_clock_mono_ns();
    /* poll() can return 0 before all heaps are sent, because an engine can find its queue full before it has collected
     * completions. So the loop polls again until all heaps are sent. */
    do {
        while (spead_send_stream_poll(source.stream) > 0)
            submit_waiting(&source);
        submit_waiting(&source);
        spead_send_stream_stats(source.stream, &stats);
    } while (stats.counters.heaps_sent < options->heaps && stats.counters.heaps_failed == 0);
    ns = speadi_clock_mono_ns() - start_ns;
    null_report_print(&(struct null_report){
        .bench = "send-null",
        .engine = options->verbs ? "verbs" : "null",
        .heap_bytes = options->heap_bytes,
        .packet_bytes = options->packet_bytes,
        .heaps = stats.counters.heaps_sent,
        .packets = stats.submitted.packets,
        .payload_bytes = stats.counters.payload_bytes,
        .ns = ns,
    });
    printf(", \"heaps_max\": %ju}\n", (uintmax_t)options->heaps_max);
    ns = stats.counters.heaps_sent;
    spead_send_stream_destroy(source.stream);
    spead_send_heap_destroy(source.heap);
    free(source.group);
    free(payload);
    return ns == options->heaps ? 0 : 1;
}

/* ---- Options ------------------------------------------------------------------------------- */

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 's':
        options->heap_bytes = limit_number(state, "--heap-size", text, 1, 1u << 30);
        return 0;
    case 'n':
        options->heaps = limit_number(state, "--heaps", text, 1, UINT64_MAX);
        return 0;
    case 'm':
        options->heaps_max = limit_number(state, "--max-heaps", text, 1, SPEADI_HEAPS_MAX);
        return 0;
    case 'p':
        options->packet_bytes =
            limit_number(state, "--packet", text, SPEADI_PACKET_BYTES_MIN, SPEADI_UDP_BYTES_MAX);
        return 0;
    case 'v':
        options->verbs = true;
        return 0;
    case 'c':
        options->copy = true;
        return 0;
    case 'g':
        options->group = true;
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
        {"heaps", 'n', "N", 0, "Heaps to send (1000)", 0},
        {"max-heaps", 'm', "N", 0, "Heaps in flight (4)", 0},
        {"packet", 'p', "N", 0, "Largest SPEAD packet (1472)", 0},
        {"verbs", 'v', NULL, 0, "Send with engine verbs to the null device", 0},
        {"copy", 'c', NULL, 0, "Payload is not registered with the device, so that it is copied",
         0},
        {"group", 'g', NULL, 0, "Submit the heaps that complete in a poll together", 0},
        {0}};
    static const struct argp argp = {
        .options = known, .parser = parse, .doc = "Cost of the send stream without a network"};
    struct options options = {
        .heap_bytes = 4194304, .heaps = 1000, .heaps_max = 4, .packet_bytes = 1472};

    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return 2;
    return run(&options);
}
