/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_losses.h. */
#include "recv_losses.h"

#include <inttypes.h>
#include <string.h>

#include <speadi/numbers.h>
#include <speadi/remedy.h>

#include "recv_remedies.h"

#define BUFFER_LARGE (64u << 20) /* what the remedy for full socket buffers proposes */

static uint64_t unexplained_drops(const struct spead_recv_counters *counters)
{
    return counters->kernel_drops - counters->checksum_drops - counters->buffer_drops -
           counters->filtered_drops;
}

/* The stream paused because the consumer was slow. */
static void print_pause(FILE *to, const struct spead_recv_counters *counters)
{
    if (counters->paused_ns > 0)
        fprintf(to,
                "  paused   %.3f s: the stream did not read, because what is done with heaps was "
                "slower than the network; %" PRIu64 " packets waited in the source\n",
                (double)counters->paused_ns * 1e-9, counters->packets_after_pause);
}

/* Prints what the kernel dropped at the sockets, a line for each cause with its own remedy. */
static void print_kernel_drops(FILE *to, const struct recv_report *report)
{
    const struct spead_recv_counters *counters = &report->stats.counters;
    uint64_t after_pause = counters->kernel_drops_after_pause;
    uint64_t full = counters->buffer_drops > after_pause ? counters->buffer_drops - after_pause : 0;
    uint64_t unknown = unexplained_drops(counters);
    char buffer[TOOL_TEXT_MAX], remedy[128];

    /* Perhaps the kernel did not report all drops after a pause as drops of a full buffer. */
    if (after_pause > counters->buffer_drops)
        unknown -= speadi_min_u64(unknown, after_pause - counters->buffer_drops);
    if (after_pause > 0)
        fprintf(to,
                "  kernel   dropped %" PRIu64
                " messages at our sockets, whose buffer was full because "
                "the stream paused: what is done with heaps is slower than the network\n",
                after_pause);
    if (full > 0)
        fprintf(to,
                "  kernel   dropped %" PRIu64
                " messages at our sockets, whose buffer was full: raise "
                "net.core.rmem_max and --buffer (%s now), or send slower; %s raises the limit\n",
                full, tool_text_memory(buffer, report->plan.socket_buffer_bytes),
                speadi_remedy_sysctl(remedy, sizeof remedy, "net.core.rmem_max", BUFFER_LARGE));
    if (counters->checksum_drops > 0)
        fprintf(to, "  checksum the kernel dropped %" PRIu64 " messages " RECV_REMEDY_CHECKSUM "\n",
                counters->checksum_drops);
    if (counters->filtered_drops > 0)
        fprintf(to,
                "  filtered %" PRIu64
                " messages came from others than --source and were turned away\n",
                counters->filtered_drops);
    if (unknown > 0)
        fprintf(
            to,
            "  kernel   dropped %" PRIu64 " messages at our sockets for a cause that could not be "
            "told, because other sockets here dropped too (nstat -az 'Udp*'): if RcvbufErrors "
            "grows, raise net.core.rmem_max and --buffer (%s now)%s\n",
            unknown, tool_text_memory(buffer, report->plan.socket_buffer_bytes),
            report->options->stream.sender ? "; some may have come from others than --source" : "");
}

/* Prints what the stream cannot know about missing heaps. */
static void print_unsure(FILE *to, const struct spead_recv_counters *counters)
{
    if (counters->missing_heaps_provisional > 0)
        fprintf(to,
                "  unsure   %" PRIu64 " of the whole heaps are provisional: their counters were "
                "skipped near the end, or belong to another sequence\n",
                counters->missing_heaps_provisional);
    if (counters->heaps_absent > 0)
        fprintf(
            to,
            "  absent   %" PRIu64 " heap counters are left out in a regular pattern: either "
            "nobody sends these heaps, or they are lost; --heap-step says which counters are sent\n",
            counters->heaps_absent);
    if (counters->heaps_not_understood > 0)
        fprintf(to,
                "  sequence not understood for %" PRIu64 " heaps: skipped heaps cannot be counted; "
                "give --heap-step if the sender's counters have a fixed step\n",
                counters->heaps_not_understood);
}

/* Prints what was left in the sockets. */
static void print_undrained(FILE *to, const struct spead_recv_counters *counters)
{
    char bytes[TOOL_TEXT_MAX], memory[TOOL_TEXT_MAX];

    if (counters->undrained_packets == 0 && counters->undrained_memory_bytes == 0)
        return;
    fprintf(to, "  unread   %" PRIu64 " packets, %s", counters->undrained_packets,
            tool_text_payload(bytes, counters->undrained_bytes));
    if (counters->undrained_memory_bytes > 0)
        fprintf(to, ", and what took %s more in the kernel",
                tool_text_memory(memory, counters->undrained_memory_bytes));
    fputs(" were left when the time for draining was over: end the sender first\n", to);
}

/* Prints what the stream has found out about its senders. */
static void print_senders(FILE *to, const struct spead_recv_counters *counters)
{
    if (counters->heaps_striped > 0)
        fprintf(to,
                "  striped  %" PRIu64 " heaps lie on several senders that fill each other's gaps: "
                "--sender-key address joins the ports of a host, --sender-key none joins hosts\n",
                counters->heaps_striped);
    if (counters->heaps_doubled > 0)
        fprintf(to,
                "  doubled  %" PRIu64
                " heaps or more came from two senders with the same bytes, and were "
                "taken twice: if two networks bring one stream, --sender-key address joins the "
                "ports of a host, --sender-key none joins hosts (with --joint if they come to two "
                "endpoints)\n",
                counters->heaps_doubled);
    if (counters->heaps_contradicted > 0)
        fprintf(to,
                "  mixed    %" PRIu64
                " heaps ended because a packet contradicted them: two senders, "
                "or two runs of one, use the same heap counters\n",
                counters->heaps_contradicted);
    if (counters->sender_restarts > 0)
        fprintf(to, "  restarts %" PRIu64 " times a sender began a new run\n",
                counters->sender_restarts);
    if (counters->senders_replaced > 0)
        fprintf(to,
                "  senders  %" PRIu64 " lost their place to new ones: raise --senders, or look for "
                "foreign senders\n",
                counters->senders_replaced);
}

/* Names the endpoints at which no packet came, if packets came at others. */
static void print_unheard(FILE *to, const struct recv_report *report)
{
    for (uint32_t i = 0; report->stats.total.seen.packets > 0 && i < report->stats.source_count;
         i++)
        if (report->source[i].ledger.seen.packets == 0)
            fprintf(to, "  silent   %s: no packet came there\n", report->source[i].name);
}

static void print_missing(FILE *to, const struct spead_recv_counters *counters)
{
    if (counters->packets_reordered > 0)
        fprintf(to, "  order    %" PRIu64 " packets came after a later packet of their heap\n",
                counters->packets_reordered);
    if (counters->missing_packets_estimated > 0)
        fprintf(to,
                "  missing  at least %" PRIu64 " packets inside heaps, about %" PRIu64
                ": their sizes vary or are not known; %" PRIu64 " whole heaps\n",
                counters->missing_packets_least, counters->missing_packets,
                counters->missing_heaps);
    else if (counters->missing_packets > 0 || counters->missing_heaps > 0)
        fprintf(to, "  missing  %" PRIu64 " packets inside heaps, %" PRIu64 " whole heaps\n",
                counters->missing_packets, counters->missing_heaps);
    if (counters->heaps_unsized_cut > 0)
        fprintf(to,
                "  unsized  %" PRIu64 " heaps without a declared length ended before it was known "
                "where they end: --unsized-in-sequence, if their senders send one heap after the "
                "other\n",
                counters->heaps_unsized_cut);
}

/* Prints what the port of an RDMA device has dropped, or that nobody knows it. The engine verbs bypasses the kernel, so
 * only the device can tell whether missing packets have reached this host. */
static void print_port(FILE *to, const struct recv_report *report)
{
    const struct spead_recv_counters *counters = &report->stats.counters;
    bool lost = counters->missing_packets > 0 || counters->missing_heaps > 0;

    if (counters->port_counted && counters->port_out_of_buffer > 0)
        fprintf(to,
                "  port     dropped %" PRIu64
                " frames because no receive was posted for them (out_of_buffer, of all programs on "
                "this port together): the thread did not poll in time; give it a CPU of its own "
                "(--cpu, --comp-vector poll), raise --buffer, or send slower\n",
                counters->port_out_of_buffer);
    else if (counters->port_counted && lost)
        fputs(
            "  port     dropped nothing for want of receives (out_of_buffer): what is missing was "
            "lost before this host, or was not sent\n",
            to);
    else if (lost && report->totals.engine && strcmp(report->totals.engine, "verbs") == 0)
        fputs("  port     its device does not tell what it dropped for want of receives "
              "(out_of_buffer): what is missing was lost there or before; ethtool -S may tell\n",
              to);
}

void recv_losses_print(FILE *to, const struct recv_report *report)
{
    const struct spead_recv_stats *stats = &report->stats;

    for (unsigned i = 0; i < stats->bucket_count; i++) {
        const char *remedy = recv_remedy(report, i);
        uint64_t packets = stats->total.bucket[i].packets;

        if (packets > 0 && remedy)
            fprintf(to, "  %-8s %" PRIu64 " packets %s\n", spead_recv_bucket_name(i), packets,
                    remedy);
    }
    print_missing(to, &stats->counters);
    print_port(to, report);
    print_unsure(to, &stats->counters);
    print_pause(to, &stats->counters);
    print_kernel_drops(to, report);
    print_undrained(to, &stats->counters);
    if (stats->counters.unverified_packets > 0)
        fprintf(to,
                "  trusted  %" PRIu64 " packets: nobody has checked their UDP checksum; "
                "--verbs-checksum verify makes the CPU check it\n",
                stats->counters.unverified_packets);
    print_senders(to, &stats->counters);
    print_unheard(to, report);
    expected_senders_print(to, &report->expected, &report->senders);
    sender_list_print(to, &report->senders, report->options->shared.endpoints);
    recv_silence_print(to, &report->silence, report->options->shared.endpoints);
    tool_report_device(to, stats->counters.engine_rebuilds, stats->counters.engine_rebuild_ns,
                       stats->counters.link_downs);
    if (stats->counters.rejoins > 0)
        fprintf(to,
                "  rejoins  %" PRIu64 " times an endpoint was joined or bound again, because its "
                "interface had been away: packets were lost\n",
                stats->counters.rejoins);
}
