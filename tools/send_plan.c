/* SPDX-License-Identifier: Apache-2.0 */
/* See send_plan.h. */
#include "send_plan.h"

#include <inttypes.h>

#include <speadi/cache_line.h>

#include "tool_report.h"

/* What stands before the payload of every packet: the header word and four items, of 8 bytes each. */
#define FIXED_BYTES (5 * sizeof(uint64_t))

static uint64_t largest_packet_bytes(const struct send_plan *plan)
{
    return plan->options->stream.packet_bytes_max / 8 * 8;
}

/* Returns how many bytes of payload a packet in the middle of a heap carries. */
static uint64_t payload_bytes(const struct send_plan *plan)
{
    const uint32_t fixed = plan->options->stream.packet_payload_bytes;

    return fixed != 0 ? fixed : largest_packet_bytes(plan) - FIXED_BYTES;
}

/* Returns the size of such a packet. */
static uint64_t packet_bytes(const struct send_plan *plan)
{
    return FIXED_BYTES + payload_bytes(plan);
}

/* The rates that --rate asks for, in Gb/s, if all packets are like those in the middle of a heap. Both are 0 if there is no limit. */
static void find_rates(const struct send_plan *plan, double *spead_gbps, double *wire_gbps)
{
    const double asked = plan->options->stream.rate_bytes_per_s * 8e-9;
    const double spead = (double)packet_bytes(plan), wire = spead + plan->overhead_bytes;
    bool of_wire = plan->options->stream.rate_of == SPEAD_RATE_WIRE;

    *spead_gbps = of_wire ? asked * spead / wire : asked;
    *wire_gbps = of_wire ? asked : asked * wire / spead;
}

static void print_amount(FILE *to, const struct send_plan *plan)
{
    const struct tool_shared *shared = &plan->options->shared;
    char size[TOOL_TEXT_MAX];

    fprintf(to, "  heaps    of %s in packets of ",
            tool_text_memory(size, plan->options->heap_size));
    if (plan->options->stream.packet_payload_bytes > 0)
        fprintf(to, "%" PRIu32 " bytes of payload", plan->options->stream.packet_payload_bytes);
    else
        fprintf(to, "at most %" PRIu64 " bytes", packet_bytes(plan));
    fprintf(to, ", %" PRIu32 " in flight; ", plan->options->stream.heaps_max);
    if (shared->heaps > 0)
        fprintf(to, "%" PRIu64 " heaps", shared->heaps);
    if (shared->seconds > 0)
        fprintf(to, "%s%g s", shared->heaps > 0 ? " or " : "", shared->seconds);
    fputs(shared->heaps > 0 || shared->seconds > 0 ? "\n" : "until it is interrupted\n", to);
}

/* A receiver whose device writes payload into heaps writes whole cache lines only if the payload of the packets is a
 * multiple of a line. */
static void print_payload(FILE *to, const struct send_plan *plan)
{
    const uint64_t payload = payload_bytes(plan), over = payload % SPEADI_PAYLOAD_LINE;
    const bool is_fixed = plan->options->stream.packet_payload_bytes != 0;

    if (plan->options->heap_size > payload && over > 0 && payload > over)
        fprintf(to,
                "  payload  %" PRIu64 " bytes a packet, no multiple of %u; a receiver that places "
                "payload by engine verbs is faster with %s %" PRIu64 "\n",
                payload, SPEADI_PAYLOAD_LINE, is_fixed ? "--packet-payload" : "--packet",
                (is_fixed ? payload : packet_bytes(plan)) - over);
}

static void print_rate(FILE *to, const struct send_plan *plan)
{
    double spead, wire;

    find_rates(plan, &spead, &wire);
    if (wire > 0)
        fprintf(to, "  rate     %.4g Gb/s of SPEAD bytes, %.4g Gb/s on the wire, paced by %s\n",
                spead, wire, plan->options->stream.hardware_rate ? "the device" : "this program");
    else
        fputs("  rate     as fast as possible\n", to);
}

void send_plan_print(FILE *to, const struct send_plan *plan)
{
    char heaps[TOOL_TEXT_MAX], stream[TOOL_TEXT_MAX], left[TOOL_TEXT_MAX];

    fputs("spead-send: would send to", to);
    for (uint32_t i = 0; i < plan->options->shared.endpoint_count; i++)
        fprintf(to, " %s", plan->options->shared.endpoints[i]);
    fprintf(to, "\n  engine   %s\n", plan->stream.engine_reason);
    print_amount(to, plan);
    print_payload(to, plan);
    print_rate(to, plan);
    fprintf(to, "  memory   %s for heaps, %s for the stream",
            tool_text_memory(heaps, plan->heap_memory_bytes),
            tool_text_memory(stream, plan->stream.memory_bytes));
    if (plan->free_now.limiter != SPEADI_FREE_UNKNOWN)
        fprintf(to, "; %s has %s free", speadi_free_memory_limiter_name(plan->free_now.limiter),
                tool_text_memory(left, plan->free_now.bytes));
    fputc('\n', to);
    if (plan->stream.socket_buffer_bytes > 0)
        fprintf(to, "  buffer   %s for each socket\n",
                tool_text_memory(heaps, plan->stream.socket_buffer_bytes));
    if (plan->stream.queue_packets > 0)
        fprintf(to,
                "  queue    %" PRIu64 " packets in the device; %s for headers and for payload that "
                "is copied\n",
                plan->stream.queue_packets, tool_text_memory(heaps, plan->stream.queue_bytes));
}

json_t *send_plan_json(const struct send_plan *plan)
{
    const struct tool_shared *shared = &plan->options->shared;
    json_t *endpoints = json_array();
    double spead, wire;

    find_rates(plan, &spead, &wire);
    for (uint32_t i = 0; i < shared->endpoint_count; i++) {
        if (json_array_append_new(endpoints, json_string(shared->endpoints[i])) < 0) {
            json_decref(endpoints);
            return NULL;
        }
    }
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I}",
        "schema", TOOL_SCHEMA, "version", spead_version(), "tool", "spead-send", "endpoints",
        endpoints, "engine", plan->stream.engine, "engine_reason", plan->stream.engine_reason,
        "heap_bytes", (json_int_t)plan->options->heap_size, "packet_bytes_max",
        (json_int_t)largest_packet_bytes(plan), "packet_payload_bytes",
        (json_int_t)payload_bytes(plan), "heaps_in_flight",
        (json_int_t)plan->options->stream.heaps_max, "heap_memory_bytes",
        (json_int_t)plan->heap_memory_bytes, "memory_bytes", (json_int_t)plan->stream.memory_bytes,
        "spead_gbps", spead, "wire_gbps", wire, "heaps", (json_int_t)shared->heaps,
        "socket_buffer_bytes", (json_int_t)plan->stream.socket_buffer_bytes, "queue_packets",
        (json_int_t)plan->stream.queue_packets, "queue_bytes",
        (json_int_t)plan->stream.queue_bytes);
}
