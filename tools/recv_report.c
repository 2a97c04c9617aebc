/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_report.h. */
#include "recv_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>

#include "no_packets.h"
#include "recv_losses.h"

/* ---- The plan ------------------------------------------------------------------------------ */

/* Says how many finished heaps may wait in the channel. */
static void print_hand_over(FILE *to, const struct spead_recv_tool_options *options)
{
    const uint64_t half = options->stream.memory_bytes_max / 2; /* 0 if --memory is not given */
    char text[TOOL_TEXT_MAX];

    if (options->stream.hand_over_heaps > 0)
        fprintf(to, "  channel  %" PRIu32 " heaps", options->stream.hand_over_heaps);
    else if (half > 0 && half < SPEAD_RECV_HAND_OVER_BYTES_MIN)
        fprintf(to, "  channel  %s, half of --memory, and at most %u heaps",
                tool_text_memory(text, half), SPEAD_RECV_HAND_OVER_MESSAGES);
    else
        fprintf(
            to,
            "  channel  %u times the longest heap so far, at least %u MiB, and at most %u heaps",
            SPEAD_RECV_HAND_OVER_SIZES, SPEAD_RECV_HAND_OVER_BYTES_MIN >> 20,
            SPEAD_RECV_HAND_OVER_MESSAGES);
    fputs(options->stream.on_full == SPEAD_ON_FULL_DROP_NEWEST
              ? "; when it is full, reading waits until the source is half full\n"
              : "; when it is full, the heap that has waited longest is shed\n",
          to);
}

/* Says how much memory the heaps can need, part by part, and where a limit comes from. */
static void print_memory(FILE *to, const struct spead_recv_tool_options *options,
                         const struct spead_recv_plan *plan)
{
    char memory[TOOL_TEXT_MAX], block[TOOL_TEXT_MAX], table[TOOL_TEXT_MAX];

    fprintf(to,
            "  memory   at most %s for heaps: %" PRIu64 " blocks of %s (%" PRIu64 " live: %" PRIu32
            " x %" PRIu32 " substreams x %" PRIu32 " endpoints; %" PRIu64
            " in the channel, %" PRIu64 " held, %" PRIu64
            " to move heaps to), or smaller blocks for smaller heaps; %s for tables\n",
            tool_text_memory(memory, plan->memory_bytes), plan->region_count,
            tool_text_memory(block, plan->region_bytes), plan->live_regions,
            options->stream.live_heaps_max, options->stream.substream_count,
            options->stream.joint ? 1 : options->shared.endpoint_count, plan->hand_over_regions,
            plan->held_regions, plan->moved_regions, tool_text_memory(table, plan->table_bytes));
    fprintf(to, "           %s\n  populate %s\n", plan->memory_reason, plan->populate_reason);
}

/* Returns the name of the interface of an endpoint; "" if it receives from all interfaces. */
static const char *interface_of(const struct spead_recv_stream *stream, uint32_t i)
{
    const char *name = "";

    (void)spead_recv_stream_source_interface(stream, i, &name);
    return name;
}

/* Returns true if an endpoint before endpoint i has the same interface. */
static bool was_named(const struct spead_recv_stream *stream, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (strcmp(interface_of(stream, k), interface_of(stream, i)) == 0)
            return true;
    return false;
}

/* Prints a line for each interface, with the endpoints that were joined or bound there. */
static void print_interfaces(FILE *to, const struct spead_recv_tool_options *options,
                             const struct spead_recv_stream *stream)
{
    const uint32_t count = options->shared.endpoint_count;

    for (uint32_t i = 0; i < count; i++) {
        if (*interface_of(stream, i) == '\0' || was_named(stream, i))
            continue;
        fprintf(to, "  on %-6s", interface_of(stream, i));
        for (uint32_t k = i; k < count; k++)
            if (strcmp(interface_of(stream, k), interface_of(stream, i)) == 0)
                fprintf(to, " %s", options->shared.endpoints[k]);
        fputc('\n', to);
    }
}

/* Prints where packets wait until the program reads them: in the buffer of a socket, or in receives that are posted to a
 * device. */
static void print_buffer(FILE *to, const struct spead_recv_plan *plan)
{
    char bytes[TOOL_TEXT_MAX];

    if (plan->socket_buffer_bytes > 0)
        fprintf(to, "  buffer   %s for each socket\n",
                tool_text_memory(bytes, plan->socket_buffer_bytes));
    if (plan->posted_bytes == 0)
        return;
    tool_text_memory(bytes, plan->posted_bytes);
    if (plan->posted_receives > 0)
        fprintf(to, "  receives %" PRIu64 " posted to the device, %s together\n",
                plan->posted_receives, bytes);
    else
        fprintf(to, "  receives posted to the device in a multi-packet queue of %s\n", bytes);
}

static void print_plan(FILE *to, const struct spead_recv_tool_options *options,
                       const struct spead_recv_stream *stream)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    spead_recv_stream_plan(stream, &plan);
    fputs("spead-recv: listening on", to);
    for (uint32_t i = 0; i < options->shared.endpoint_count; i++)
        fprintf(to, " %s", options->shared.endpoints[i]);
    fputc('\n', to);
    print_interfaces(to, options, stream);
    fprintf(to, "  engine   %s\n", plan.engine_reason);
    if (plan.port_place[0] != '\0')
        fprintf(to, "  port     %s\n", plan.port_place);
    print_memory(to, options, &plan);
    fprintf(to, "  copy     %s\n", plan.copy_reason);
    print_hand_over(to, options);
    print_buffer(to, &plan);
    recv_start_print_plan(to, &options->start_at);
    recv_output_plan(to, &options->output);
}

void recv_report_plan(FILE *to, const struct spead_recv_tool_options *options,
                      const struct spead_recv_stream *stream)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *whole = open_memstream(&text, &bytes);

    /* Standard error has no buffer: if the parts were printed there, each would be a write, and a program that waits
     * for "listening on" would read half of the plan. */
    if (whole != NULL)
        print_plan(whole, options, stream);
    if (whole != NULL && fclose(whole) == 0)
        fwrite(text, 1, bytes, to);
    else
        print_plan(to, options, stream); /* no memory for the whole text */
    free(text);
}

static json_t *memory_json(const struct spead_recv_plan *plan)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I}", "bytes",
        (json_int_t)plan->memory_bytes, "need_bytes", (json_int_t)plan->memory_need_bytes,
        "limit_bytes", (json_int_t)plan->memory_limit_bytes, "region_bytes",
        (json_int_t)plan->region_bytes, "regions", (json_int_t)plan->region_count, "live",
        (json_int_t)plan->live_regions, "hand_over", (json_int_t)plan->hand_over_regions, "held",
        (json_int_t)plan->held_regions, "moved", (json_int_t)plan->moved_regions, "reason",
        plan->memory_reason, "populate", plan->populate_reason, "share_bytes",
        (json_int_t)plan->endpoint_share_bytes);
}

json_t *recv_report_plan_json(const struct spead_recv_tool_options *options,
                              const struct spead_recv_stream *stream, const char *graph)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;
    json_t *endpoints = json_array(), *interfaces = json_array();
    int failed = 0;

    spead_recv_stream_plan(stream, &plan);
    for (uint32_t i = 0; i < options->shared.endpoint_count; i++) {
        const char *name = interface_of(stream, i);

        failed |= json_array_append_new(endpoints, json_string(options->shared.endpoints[i])) < 0;
        failed |= json_array_append_new(interfaces, *name ? json_string(name) : json_null()) < 0;
    }
    if (failed) {
        json_decref(endpoints);
        json_decref(interfaces);
        return NULL;
    }
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:o}",
        "schema", TOOL_SCHEMA, "version", spead_version(), "tool", "spead-recv", "endpoints",
        endpoints, "interfaces", interfaces, "engine", plan.engine, "engine_reason",
        plan.engine_reason, "port_place", plan.port_place, "memory_bytes_max",
        (json_int_t)plan.memory_bytes, "table_bytes", (json_int_t)plan.table_bytes,
        "socket_buffer_bytes", (json_int_t)plan.socket_buffer_bytes, "posted_receives",
        (json_int_t)plan.posted_receives, "posted_bytes", (json_int_t)plan.posted_bytes, "copy",
        plan.copy_reason, "memory", memory_json(&plan), "plan", json_loads(graph, 0, NULL));
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void read_graph(struct recv_report *report, const struct recv_graph *graph)
{
    struct spead_node_stats node = SPEAD_NODE_STATS_INIT;
    struct heap_check_totals taken;

    /* The writer is read before the check, which counts a heap before the writer gets it. So while heaps come, the
     * written heaps are never more than the taken ones. */
    if (graph->writer)
        report->written = heap_writer_stats(graph->writer);
    taken = heap_check_totals(graph->check);
    report->totals.heaps = taken.heaps;
    report->totals.incomplete_heaps = taken.incomplete_heaps;
    report->totals.payload_bytes = taken.payload_bytes;
    report->totals.verify_bad_bytes = taken.bad_bytes;
    report->heaps_past_limit = taken.past_limit;
    report->spead2_heaps = taken.spead2_heaps;
    spead_node_stats(graph->stream_node, &node);
    report->stream_cpu_s = (double)node.cpu_ns * 1e-9;
    spead_graph_verdict(graph->graph, SPEAD_REPORT_TEXT, report->flow_text,
                        sizeof report->flow_text);
    spead_graph_verdict(graph->graph, SPEAD_REPORT_JSON, report->flow_json,
                        sizeof report->flow_json);
}

static void read_stream(struct recv_report *report, const struct spead_recv_stream *stream)
{
    struct spead_recv_stats *stats = &report->stats;
    struct tool_totals *totals = &report->totals;

    *stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    report->plan = (struct spead_recv_plan)SPEAD_RECV_PLAN_INIT;
    spead_recv_stream_stats(stream, stats);
    spead_recv_stream_plan(stream, &report->plan);
    totals->wire_bytes = 0;
    for (uint32_t i = 0; i < stats->source_count && i < TOOL_ENDPOINTS_MAX; i++) {
        struct recv_source *source = &report->source[i];

        spead_recv_stream_source_stats(stream, i, &source->ledger, &source->name);
        totals->wire_bytes += source->ledger.seen.bytes +
                              source->ledger.seen.packets * tool_wire_overhead(source->name, true);
    }
    totals->tool = "spead-recv";
    totals->engine = report->plan.engine;
    totals->engine_reason = report->plan.engine_reason;
    totals->reason_told = true; /* the plan, which is printed at the start, has the reason */
    totals->packets = stats->total.seen.packets;
    totals->first_packet_ns = stats->counters.first_packet_mono_ns;
    totals->last_packet_ns = stats->counters.last_packet_mono_ns;
    totals->placed = stats->counters.placed;
    totals->bounced = stats->counters.bounced;
    totals->repaired = stats->counters.repaired;
}

static void read_statistics(struct recv_report *report, const struct spead_recv_stream *stream)
{
    struct spead_snapshot *snapshot;
    char *text = NULL;
    int length;

    json_decref(report->statistics);
    report->statistics = NULL;
    if (spead_recv_stream_snapshot(stream, &snapshot) < 0)
        return;
    length = spead_snapshot_json(snapshot, NULL, 0);
    if (length >= 0)
        text = malloc((size_t)length + 1);
    if (text) {
        spead_snapshot_json(snapshot, text, (size_t)length + 1);
        report->statistics = json_loads(text, 0, NULL);
    }
    free(text);
    spead_snapshot_destroy(snapshot);
}

void recv_report_read(struct recv_report *report, const struct recv_graph *graph)
{
    read_graph(report, graph);
    read_stream(report, graph->stream);
    read_statistics(report, graph->stream);
    sender_list_read(&report->senders, graph->stream);
    expected_senders_look(&report->expected, &report->senders);
}

uint64_t recv_report_unwritten(const struct recv_report *report)
{
    uint64_t taken = report->totals.heaps + report->totals.incomplete_heaps;

    return !report->options->output.path
               ? 0
               : taken - report->written.heaps - report->written.heaps_skipped;
}

bool recv_report_is_clean(const struct recv_report *report)
{
    const struct spead_recv_stats *stats = &report->stats;

    for (unsigned i = 0; i < stats->bucket_count; i++) {
        switch (i) {
        case SPEAD_RECV_DELIVERED:
        case SPEAD_RECV_DUPLICATE:
        case SPEAD_RECV_CONTROL:
        case SPEAD_RECV_START_UP:
        case SPEAD_RECV_INJECTED:
        case SPEAD_RECV_BEFORE_START:
            break;
        default:
            if (stats->total.bucket[i].packets > 0)
                return false;
        }
    }
    return stats->counters.missing_packets == 0 && stats->counters.missing_heaps == 0 &&
           stats->counters.kernel_drops == stats->counters.filtered_drops &&
           stats->counters.undrained_packets == 0 && stats->counters.undrained_memory_bytes == 0 &&
           stats->counters.heaps_striped == 0 && stats->counters.heaps_doubled == 0 &&
           stats->counters.heaps_absent == 0 && stats->counters.heaps_not_understood == 0 &&
           stats->counters.heaps_unsized_cut == 0 &&
           expected_senders_missing(&report->expected) == 0;
}

/* ---- Summary ------------------------------------------------------------------------------- */

/* Says which packets the device wrote in parts of cache lines, and what their sender can do. */
static void print_alignment(FILE *to, const struct spead_recv_counters *counters)
{
    const uint64_t bytes = counters->unaligned_payload_bytes, over = bytes % SPEADI_PAYLOAD_LINE;

    if (counters->unaligned_packets > 0)
        fprintf(to,
                "  lines    %" PRIu64 " placed packets began or ended within a cache line, because "
                "they have %" PRIu64 " bytes of payload: a sender with %" PRIu64
                " (spead-send --packet-payload) is faster for this host\n",
                counters->unaligned_packets, bytes,
                bytes > over ? bytes - over : SPEADI_PAYLOAD_LINE);
}

static void print_ledger(FILE *to, const struct recv_report *report)
{
    const struct spead_recv_stats *stats = &report->stats;

    fputs("  packets  ", to);
    tool_report_sum(to, stats->total.seen.packets, stats->total.bucket, stats->bucket_count,
                    spead_recv_bucket_name, "seen");
    for (uint32_t i = 0; stats->source_count > 1 && i < stats->source_count; i++) {
        fprintf(to, "    %s: ", report->source[i].name);
        tool_report_sum(to, report->source[i].ledger.seen.packets, report->source[i].ledger.bucket,
                        stats->bucket_count, spead_recv_bucket_name, "seen");
    }
    if (stats->counters.placed > 0 || stats->counters.repaired > 0)
        fprintf(to,
                "  payload  %" PRIu64 " packets placed, %" PRIu64 " bounced, %" PRIu64
                " repaired\n",
                stats->counters.placed, stats->counters.bounced, stats->counters.repaired);
    if (stats->counters.placement_stops > 0)
        fprintf(to,
                "  payload  placement was off for %" PRIu64 " packets (%.1f %%), %" PRIu64
                " times: too many were lost or out of order\n",
                stats->counters.placement_off_packets,
                100 * (double)stats->counters.placement_off_packets /
                    (double)stats->total.seen.packets,
                stats->counters.placement_stops);
    print_alignment(to, &stats->counters);
}

static void print_verified(FILE *to, const struct recv_report *report)
{
    const struct tool_totals *totals = &report->totals;

    if (totals->verify_bad_bytes > 0)
        fprintf(to, "  verify   %" PRIu64 " bytes are wrong%s\n", totals->verify_bad_bytes,
                totals->verify_bad_bytes > totals->payload_bytes / 2
                    ? ": was the sender told to --verify too?"
                    : "");
    else if (totals->payload_bytes == 0)
        fputs("  verify   no payload came that could be checked\n", to);
    else
        fprintf(to, "  verify   every byte is as it was sent%s\n",
                report->spead2_heaps > 0 ? ", by the pattern of spead2" : "");
}

/* Says how many heaps of the recording were skipped, are not acknowledged, or are lost. */
static void print_recording(FILE *to, const struct recv_report *report)
{
    const struct spead_recording_writer_stats *written = &report->written;

    if (written->heaps_skipped > 0)
        fprintf(to, "  output   %" PRIu64 " %s were not written\n", written->heaps_skipped,
                recv_output_is_raw(&report->options->output)
                    ? "incomplete heaps"
                    : "heaps of which no byte of payload came");
    if (written->heaps_synced < written->heaps && written->heaps_synced > 0)
        fprintf(to, "  output   %" PRIu64 " of these heaps are acknowledged\n",
                written->heaps_synced);
    if (written->heaps_lost > 0)
        fprintf(to, "  output   %" PRIu64 " heaps were written and are lost\n",
                written->heaps_lost);
}

static void print_output(FILE *to, const struct recv_report *report)
{
    /* While the program runs, heaps that wait for a sync are no fault. At the end they are: the disk hangs. */
    uint64_t waiting = report->running ? report->written.heaps_waiting : 0;
    uint64_t unwritten = recv_report_unwritten(report) - waiting;
    char bytes[TOOL_TEXT_MAX];

    fprintf(to, "  output   %" PRIu64 " heaps, %s in %s", report->written.heaps,
            tool_text_payload(bytes, report->written.bytes),
            recv_output_name(&report->options->output));
    if (unwritten > 0)
        fprintf(to, "; %" PRIu64 " were taken and not written", unwritten);
    if (waiting > 0)
        fprintf(to, "; %" PRIu64 " are in the file and wait for a sync (--sync)", waiting);
    fputc('\n', to);
    print_recording(to, report);
}

/* Returns true if the senders sent more than this program has taken. */
static bool has_lost(const struct spead_recv_counters *counters)
{
    return counters->kernel_drops > 0 || counters->missing_packets > 0 ||
           counters->missing_heaps > 0 || counters->heaps_shed > 0;
}

/* Prints the verdict of the graph. If nothing limited the run, says what that means for the user. */
static void print_flow(FILE *to, const struct recv_report *report)
{
    json_t *flow = json_loads(report->flow_json, 0, NULL);
    const bool waited = json_object_get(flow, "waited") && !json_object_get(flow, "limit");

    json_decref(flow);
    fprintf(to, "  flow     %s", report->flow_text);
    if (!waited)
        return;
    if (report->totals.packets == 0)
        fputs("           No packet came: the source was idle.\n", to);
    else
        fprintf(to,
                has_lost(&report->stats.counters)
                    ? "           But packets were lost: the senders sent faster than %.2f Gb/s.\n"
                    : "           The senders sent no faster than %.2f Gb/s.\n",
                tool_totals_gbps(&report->totals));
}

void recv_report_summary(FILE *to, const struct recv_report *report)
{
    const struct tool_totals *totals = &report->totals;
    char ended[TOOL_END_TEXT_MAX];

    tool_report_headline(to, totals, "heaps complete");
    if (report->running)
        fputs("  so far   it goes on\n", to);
    else
        fprintf(to, "  ended    %s\n",
                tool_end_text(&report->end, &report->options->shared, ended));
    print_ledger(to, report);
    recv_start_print(to, "  in sync  ", &report->options->start_at, &report->stats.counters);
    no_packets_print(to, report->no_packets);
    recv_losses_print(to, report);
    if (totals->incomplete_heaps > 0)
        fprintf(to, "  partial  %" PRIu64 " heaps were taken incomplete\n",
                totals->incomplete_heaps);
    if (report->heaps_past_limit > 0)
        fprintf(to, "  limit    %" PRIu64 " heaps more were ready when --heaps was reached\n",
                report->heaps_past_limit);
    if (report->options->shared.verify)
        print_verified(to, report);
    if (report->options->output.path)
        print_output(to, report);
    if (report->options->verbose)
        print_flow(to, report);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *ledger_json(const struct recv_report *report)
{
    const struct spead_recv_stats *stats = &report->stats;
    const struct spead_recv_counters *counters = &stats->counters;
    const struct {
        const char *key;
        uint64_t value;
    } beside[] = {
        {"missing_packets", counters->missing_packets},
        {"missing_packets_least", counters->missing_packets_least},
        {"missing_packets_estimated", counters->missing_packets_estimated},
        {"packets_reordered", counters->packets_reordered},
        {"missing_heaps", counters->missing_heaps},
        {"kernel_drops", counters->kernel_drops},
        {"checksum_drops", counters->checksum_drops},
        {"buffer_drops", counters->buffer_drops},
        {"filtered_drops", counters->filtered_drops},
        {"gaps_with_local_drops", counters->gaps_with_local_drops},
        {"gaps_with_checksum_drops", counters->gaps_with_checksum_drops},
        {"undrained_packets", counters->undrained_packets},
        {"undrained_bytes", counters->undrained_bytes},
        {"undrained_memory_bytes", counters->undrained_memory_bytes},
    };
    json_t *sources = json_array(), *object;

    for (uint32_t i = 0; i < stats->source_count && i < TOOL_ENDPOINTS_MAX; i++) {
        const struct spead_recv_ledger *ledger = &report->source[i].ledger;
        json_t *source = json_pack(
            "{s:s, s:o, s:o}", "name", report->source[i].name, "seen",
            tool_report_count(ledger->seen), "buckets",
            tool_report_buckets(ledger->bucket, stats->bucket_count, spead_recv_bucket_name));

        if (json_array_append_new(sources, source) < 0) {
            json_decref(sources);
            return NULL;
        }
    }
    object = json_pack(
        "{s:o, s:o, s:o}", "seen", tool_report_count(stats->total.seen), "buckets",
        tool_report_buckets(stats->total.bucket, stats->bucket_count, spead_recv_bucket_name),
        "sources", sources);
    for (size_t i = 0; object && i < sizeof beside / sizeof *beside; i++) {
        if (tool_report_set(object, beside[i].key, beside[i].value) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *heaps_json(const struct spead_recv_stats *stats)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "complete",
                     (json_int_t)stats->counters.heaps_complete, "incomplete",
                     (json_int_t)stats->counters.heaps_incomplete, "evicted",
                     (json_int_t)stats->counters.heaps_evicted, "timed_out",
                     (json_int_t)stats->counters.heaps_timed_out, "flushed",
                     (json_int_t)stats->counters.heaps_flushed, "shed",
                     (json_int_t)stats->counters.heaps_shed, "no_memory",
                     (json_int_t)stats->counters.heaps_no_memory, "unsized_cut",
                     (json_int_t)stats->counters.heaps_unsized_cut);
}

/* The packets that came through each queue of the device; empty if there is one. */
static json_t *queues_json(const struct spead_recv_stats *stats)
{
    json_t *array = json_array();

    for (uint64_t i = 0; i < stats->counters.queue_count; i++)
        json_array_append_new(array, json_integer((json_int_t)stats->counters.packets_by_queue[i]));
    return array;
}

json_t *recv_report_json(const struct recv_report *report)
{
    const struct spead_recv_stats *stats = &report->stats;
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"socket_buffer_bytes", report->plan.socket_buffer_bytes},
        {"posted_receives", report->plan.posted_receives},
        {"posted_bytes", report->plan.posted_bytes},
        {"memory_bytes_max", report->plan.memory_bytes},
        {"memory_high_water_bytes", stats->counters.memory_high_water_bytes},
        {"table_bytes", report->plan.table_bytes},
        {"hand_over_high_water", stats->hand_over_high_water},
        {"heaps_past_limit", report->heaps_past_limit},
        {"verify_spead2_heaps", report->spead2_heaps},
        {"written_heaps", report->written.heaps},
        {"written_bytes", report->written.bytes},
        {"unwritten_heaps", recv_report_unwritten(report)},
        {"synced_heaps", report->written.heaps_synced},
        {"skipped_heaps", report->written.heaps_skipped},
        {"lost_heaps", report->written.heaps_lost},
        {"syncs", report->written.syncs},
        {"sync_ns_max", report->written.sync_ns_max},
        {"recovered_data_bytes", report->written.recovered_data_bytes},
        {"recovered_index_bytes", report->written.recovered_index_bytes},
        {"messages", stats->counters.messages},
        {"polls", stats->counters.polls},
        {"wakeups", stats->counters.wakeups},
        {"heaps_region_error", stats->counters.heaps_region_error},
        {"heaps_moved", stats->counters.heaps_moved},
        {"placement_stops", stats->counters.placement_stops},
        {"placement_off_packets", stats->counters.placement_off_packets},
        {"unaligned_packets", stats->counters.unaligned_packets},
        {"unaligned_payload_bytes", stats->counters.unaligned_payload_bytes},
        {"engine_rebuilds", stats->counters.engine_rebuilds},
        {"engine_rebuild_ns", stats->counters.engine_rebuild_ns},
        {"engine_rebuild_failures", stats->counters.engine_rebuild_failures},
        {"link_downs", stats->counters.link_downs},
        {"rejoins", stats->counters.rejoins},
        {"unverified_packets", stats->counters.unverified_packets},
        {"paused_ns", stats->counters.paused_ns},
        {"packets_after_pause", stats->counters.packets_after_pause},
        {"kernel_drops_after_pause", stats->counters.kernel_drops_after_pause},
        {"senders", stats->counters.senders},
        {"senders_silent", report->silence.sender_count},
        {"senders_replaced", stats->counters.senders_replaced},
        {"sender_restarts", stats->counters.sender_restarts},
        {"missing_heaps_provisional", stats->counters.missing_heaps_provisional},
        {"heaps_absent", stats->counters.heaps_absent},
        {"heaps_not_understood", stats->counters.heaps_not_understood},
        {"heaps_striped", stats->counters.heaps_striped},
        {"heaps_doubled", stats->counters.heaps_doubled},
        {"heaps_contradicted", stats->counters.heaps_contradicted},
        {"bursts", stats->counters.bursts},
        {"burst_packets_max", stats->counters.burst_packets_max},
        {"heaps_single_packet", stats->counters.heaps_single_packet},
        {"search_steps", stats->counters.search_steps},
        {"pauses", stats->counters.pauses},
        {"region_misses", stats->counters.region_misses},
    };
    json_t *object = tool_report_object(&report->totals);
    int failed = json_object_set_new(object, "ledger", ledger_json(report)) < 0;

    failed |= json_object_set_new(object, "ended_by",
                                  tool_end_json(&report->end, &report->options->shared)) < 0;
    failed |= json_object_set_new(
                  object, "silent_senders",
                  recv_silence_json(&report->silence, report->options->shared.endpoints)) < 0;
    failed |= json_object_set_new(
                  object, "sender_list",
                  sender_list_json(&report->senders, report->options->shared.endpoints)) < 0;
    failed |= json_object_set_new(object, "expected_senders",
                                  expected_senders_json(&report->expected, &report->senders)) < 0;
    failed |= json_object_set_new(object, "forgotten_senders",
                                  sender_list_forgotten_json(&report->senders)) < 0;
    failed |= json_object_set_new(object, "heap_fates", heaps_json(stats)) < 0;
    failed |=
        json_object_set_new(object, "statistics",
                            report->statistics ? json_incref(report->statistics) : json_null()) < 0;
    failed |= json_object_set_new(object, "start",
                                  recv_start_json(&report->options->start_at, stats)) < 0;
    failed |= json_object_set_new(object, "packets_by_queue", queues_json(stats)) < 0;
    failed |= json_object_set_new(object, "flow", json_loads(report->flow_json, 0, NULL)) < 0;
    failed |= json_object_set_new(object, "no_packets",
                                  report->no_packets ? json_incref(report->no_packets)
                                                     : json_array()) < 0;
    failed |= json_object_set_new(object, "stream_cpu_s", json_real(report->stream_cpu_s)) < 0;
    failed |= tool_report_set_known(object, "port_out_of_buffer", stats->counters.port_counted,
                                    stats->counters.port_out_of_buffer) < 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        failed |= tool_report_set(object, numbers[i].key, numbers[i].value) < 0;
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}
