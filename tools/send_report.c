/* SPDX-License-Identifier: Apache-2.0 */
/* See send_report.h. */
#include "send_report.h"

#include <inttypes.h>
#include <string.h>

/* Returns the rate that the stream has reached, in Gb/s. It counts the same kind of bytes (wire or SPEAD) as the rate
 * that the device was asked to keep, so that a reader can compare the two rates. */
static double measured_gbps(const struct send_report *report)
{
    const double seconds = tool_totals_seconds(&report->totals);
    const uint64_t bytes = report->device_wire ? report->totals.wire_bytes
                                               : report->stats.bucket[SPEAD_SEND_SENT].bytes;

    return seconds > 0 ? (double)bytes * 8e-9 / seconds : 0;
}

/* Prints how many packets a queue of this host has dropped, and how many heaps were not sent whole. */
static void report_local(FILE *to, const struct spead_send_stats *stats)
{
    const struct spead_send_counters *counters = &stats->counters;

    if (stats->bucket[SPEAD_SEND_DROPPED_LOCAL].packets > 0)
        fprintf(to,
                "  dropped  %" PRIu64
                " packets by a full queue of this host, and slowed down %" PRIu64
                " times: lower --rate, or make the queue longer (tc -s qdisc)\n",
                stats->bucket[SPEAD_SEND_DROPPED_LOCAL].packets, counters->slow_downs);
    if (counters->heaps_failed > 0)
        fprintf(to, "  heaps    %" PRIu64 " were not sent whole\n", counters->heaps_failed);
}

void send_report_summary(FILE *to, const struct send_report *report)
{
    const struct spead_send_stats *stats = &report->stats;

    tool_report_headline(to, &report->totals, "heaps sent");
    if (report->running)
        fputs("  so far   it goes on\n", to);
    if (report->device_gbps > 0)
        fprintf(to, "  paced    by the device: %.3f Gb/s of %s bytes asked, %.3f measured\n",
                report->device_gbps, report->device_wire ? "wire" : "SPEAD", measured_gbps(report));
    fputs("  packets  ", to);
    tool_report_sum(to, stats->submitted.packets, stats->bucket, stats->bucket_count,
                    spead_send_bucket_name, "submitted");
    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX && stats->failed_errno[i].error != 0; i++)
        fprintf(to, "  failed   %" PRIu64 " packets: %s\n", stats->failed_errno[i].packets,
                strerror(stats->failed_errno[i].error));
    if (stats->counters.gathered_packets + stats->counters.referenced_packets > 0)
        fprintf(to, "  path     %" PRIu64 " packets gathered, %" PRIu64 " by reference\n",
                stats->counters.gathered_packets, stats->counters.referenced_packets);
    report_local(to, stats);
    if (stats->counters.heaps_abandoned > 0)
        fprintf(to, "  stopped  before %" PRIu64 " heaps were sent whole\n",
                stats->counters.heaps_abandoned);
    if (stats->counters.icmp_unreachable > 0)
        fprintf(to,
                "  refused  %" PRIu64 " times by ICMP: nobody listens at a destination, or it "
                "cannot be reached\n",
                stats->counters.icmp_unreachable);
    if (stats->counters.neighbours_lost > 0)
        fprintf(to, "  lost     %" PRIu64 " times the next hop, which stopped answering\n",
                stats->counters.neighbours_lost);
    tool_report_device(to, stats->counters.engine_rebuilds, 0, stats->counters.link_downs);
}

/* Returns an object {"submitted": {...}, "buckets": {...}, "heaps": {...}, "failed_errno": [...], ...}. */
static json_t *ledger_json(const struct spead_send_stats *stats)
{
    json_t *errnos = json_array();

    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX && stats->failed_errno[i].error != 0; i++)
        json_array_append_new(
            errnos, json_pack("{s:s, s:I}", "errno", strerrorname_np(stats->failed_errno[i].error),
                              "packets", (json_int_t)stats->failed_errno[i].packets));
    return json_pack(
        "{s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:I, s:o}", "submitted",
        tool_report_count(stats->submitted), "buckets",
        tool_report_buckets(stats->bucket, stats->bucket_count, spead_send_bucket_name), "heaps",
        "submitted", (json_int_t)stats->counters.heaps_submitted, "sent",
        (json_int_t)stats->counters.heaps_sent, "failed", (json_int_t)stats->counters.heaps_failed,
        "abandoned", (json_int_t)stats->counters.heaps_abandoned, "pending",
        (json_int_t)stats->heaps_pending, "refused", (json_int_t)stats->heaps_refused,
        "dropped_local", (json_int_t)stats->counters.heaps_dropped_local, "unreachable",
        (json_int_t)stats->counters.heaps_unreachable, "icmp_unreachable",
        (json_int_t)stats->counters.icmp_unreachable, "failed_errno", errnos);
}

json_t *send_report_json(const struct send_report *report)
{
    json_t *object = tool_report_object(&report->totals);

    if (json_object_set_new(object, "ended_by", tool_end_json(&report->end, report->shared)) < 0 ||
        json_object_set_new(object, "ledger", ledger_json(&report->stats)) < 0 ||
        tool_report_set(object, "socket_buffer_bytes", report->plan.socket_buffer_bytes) < 0 ||
        tool_report_set(object, "queue_packets", report->plan.queue_packets) < 0 ||
        tool_report_set(object, "queue_bytes", report->plan.queue_bytes) < 0 ||
        tool_report_set(object, "memory_bytes", report->plan.memory_bytes) < 0 ||
        tool_report_set(object, "messages", report->stats.counters.messages) < 0 ||
        tool_report_set(object, "batches", report->stats.counters.batches) < 0 ||
        tool_report_set(object, "slow_downs", report->stats.counters.slow_downs) < 0 ||
        tool_report_set(object, "copied_bytes", report->stats.counters.copied_bytes) < 0 ||
        tool_report_set(object, "gathered_packets", report->stats.counters.gathered_packets) < 0 ||
        tool_report_set(object, "referenced_packets", report->stats.counters.referenced_packets) <
            0 ||
        tool_report_set(object, "engine_rebuilds", report->stats.counters.engine_rebuilds) < 0 ||
        tool_report_set(object, "link_downs", report->stats.counters.link_downs) < 0 ||
        tool_report_set(object, "neighbours_lost", report->stats.counters.neighbours_lost) < 0 ||
        json_object_set_new(object, "device_gbps_asked", json_real(report->device_gbps)) < 0 ||
        json_object_set_new(object, "device_gbps_measured",
                            json_real(report->device_gbps > 0 ? measured_gbps(report) : 0)) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
