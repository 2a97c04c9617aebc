/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: summaries and JSON objects say what the counters say. Method: the test makes counters, prints the reports into
 * memory and reads them. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "recv_report.h"
#include "send_report.h"

TestSuite(reports);

static const struct spead_recv_tool_options plain_options;

static struct recv_report receive_report(const struct spead_recv_tool_options *options)
{
    return (struct recv_report){
        .options = options,
        .totals = {.tool = "spead-recv",
                   .engine = "socket",
                   .engine_reason = "socket: chosen",
                   .payload_bytes = 1000000000,
                   .heaps = 238,
                   .packets = 123,
                   .first_packet_ns = 5000000000,
                   .last_packet_ns = 6000000000},
        .stats = {.bucket_count = SPEAD_RECV_BUCKET_COUNT,
                  .source_count = 1,
                  .total = {.seen = {123, 123000},
                            .bucket = {[SPEAD_RECV_DELIVERED] = {120, 120000},
                                       [SPEAD_RECV_DUPLICATE] = {3, 3000}}}},
        .plan = {.engine = "socket", .engine_reason = "socket: chosen"},
        .source = {{.name = "127.0.0.1:7148", .ledger = {.seen = {123, 123000}}}},
        .flow_text = "node stream limits: its output was empty 99 % of the time\n",
        .flow_json = "{\"graph\": \"spead-recv\", \"edges\": []}",
    };
}

/* If gcc 12 inlines this function at -O3, it takes the text for its local variable, and warns of a dangling pointer. */
static __attribute__((noinline)) char *summary_of(const struct recv_report *report)
{
    size_t bytes;
    char *text;
    FILE *to = open_memstream(&text, &bytes);

    recv_report_summary(to, report);
    fclose(to);
    return text;
}

static void expect_summary(const struct recv_report *report, const char *says, bool expected)
{
    char *text = summary_of(report);

    cr_expect_eq(strstr(text, says) != NULL, expected, "%s\"%s\" in: %s", expected ? "no " : "",
                 says, text);
    free(text);
}

Test(reports, a_summary_shows_rate_and_a_ledger_that_adds_up)
{
    struct recv_report report = receive_report(&plain_options);

    expect_summary(&report, "238 heaps complete, 1.0 GB of payload in 1.000 s: 8.00 Gb/s", true);
    expect_summary(&report, "123 seen = 120 delivered + 3 duplicate\n", true);
    expect_summary(&report, "missing", false);
    expect_summary(&report, "kernel", false);
    expect_summary(&report, "verify", false);
}

Test(reports, losses_are_named_with_what_helps)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.counters.kernel_drops = 7;
    report.stats.counters.buffer_drops = 7;
    report.stats.counters.missing_packets = 5;
    report.stats.counters.missing_heaps = 2;
    report.stats.total.bucket[SPEAD_RECV_SHED].packets = 11;
    report.plan.socket_buffer_bytes = 212992;
    expect_summary(
        &report,
        "dropped 7 messages at our sockets, whose buffer was full: raise net.core.rmem_max", true);
    expect_summary(&report, "208 KiB now", true);
    expect_summary(&report, "5 packets inside heaps, 2 whole heaps", true);
    expect_summary(&report, "11 packets in heaps that found the channel full", true);
}

Test(reports, each_cause_of_a_kernel_drop_has_its_own_remedy)
{
    struct recv_report report = receive_report(&plain_options);
    json_t *object, *ledger;

    report.stats.counters.kernel_drops = 10;
    report.stats.counters.checksum_drops = 4;
    report.stats.counters.filtered_drops = 3;
    expect_summary(&report, "4 messages with a wrong checksum: they were damaged", true);
    expect_summary(&report, "3 messages came from others than --source", true);
    expect_summary(&report, "buffer was full", false);
    expect_summary(&report, "dropped 3 messages at our sockets for a cause that", true);
    object = recv_report_json(&report);
    ledger = json_object_get(object, "ledger");
    cr_expect_eq(json_integer_value(json_object_get(ledger, "kernel_drops")), 10);
    cr_expect_eq(json_integer_value(json_object_get(ledger, "checksum_drops")), 4);
    cr_expect_eq(json_integer_value(json_object_get(ledger, "filtered_drops")), 3);
    cr_expect_eq(json_integer_value(json_object_get(ledger, "buffer_drops")), 0);
    json_decref(object);
}

Test(reports, frames_that_the_port_dropped_explain_what_is_missing)
{
    struct recv_report report = receive_report(&plain_options);
    json_t *object;

    report.stats.counters.missing_packets = 9;
    report.stats.counters.port_counted = 1;
    report.stats.counters.port_out_of_buffer = 12;
    expect_summary(&report, "port     dropped 12 frames because no receive was posted", true);
    expect_summary(&report, "of all programs on this port together", true);
    expect_summary(&report, "--comp-vector poll", true);
    object = recv_report_json(&report);
    cr_expect_eq(json_integer_value(json_object_get(object, "port_out_of_buffer")), 12);
    json_decref(object);
    report.stats.counters.port_out_of_buffer = 0;
    expect_summary(&report, "lost before this host, or was not sent", true);
}

Test(reports, a_port_that_does_not_count_its_drops_is_not_said_to_have_none)
{
    struct recv_report report = receive_report(&plain_options);
    json_t *object = recv_report_json(&report);

    cr_expect(json_is_null(json_object_get(object, "port_out_of_buffer")));
    json_decref(object);
    report.stats.counters.missing_heaps = 1;
    expect_summary(&report, "port ", false);
    report.totals.engine = "verbs";
    expect_summary(&report, "port     its device does not tell what it dropped", true);
    report.stats.counters.missing_heaps = 0;
    expect_summary(&report, "port ", false);
}

/* An engine that reads frames finds wrong checksums itself. */
Test(reports, a_wrong_checksum_has_one_remedy_whoever_finds_it)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.total.bucket[SPEAD_RECV_MALFORMED_CHECKSUM].packets = 6;
    expect_summary(&report, "malformed-checksum 6 packets with a wrong checksum: they were damaged",
                   true);
}

Test(reports, what_was_left_unread_is_told)
{
    struct recv_report report = receive_report(&plain_options);
    json_t *object, *ledger;

    expect_summary(&report, "unread", false);
    report.stats.counters.undrained_packets = 90375;
    report.stats.counters.undrained_bytes = 133000000;
    expect_summary(&report, "unread   90375 packets, 133.0 MB were left", true);
    report.stats.counters.undrained_memory_bytes = 8u << 20;
    expect_summary(&report, "133.0 MB, and what took 8 MiB more in the kernel were left", true);
    object = recv_report_json(&report);
    ledger = json_object_get(object, "ledger");
    cr_expect_eq(json_integer_value(json_object_get(ledger, "undrained_packets")), 90375);
    cr_expect_eq(json_integer_value(json_object_get(ledger, "undrained_bytes")), 133000000);
    cr_expect_eq(json_integer_value(json_object_get(ledger, "undrained_memory_bytes")), 8 << 20);
    json_decref(object);
}

static bool needs_no_sentence(unsigned bucket)
{
    return bucket == SPEAD_RECV_DELIVERED || bucket == SPEAD_RECV_LIVE ||
           bucket == SPEAD_RECV_CONTROL;
}

/* A line is "  NAME     N packets SENTENCE". */
Test(reports, every_bucket_in_which_packets_end_has_its_sentence)
{
    for (unsigned i = 0; i < SPEAD_RECV_BUCKET_COUNT; i++) {
        struct recv_report report = receive_report(&plain_options);
        char begin[TOOL_TEXT_MAX + 32], *line, *text;

        report.stats.total.bucket[i].packets = 11;
        text = summary_of(&report);
        snprintf(begin, sizeof begin, "\n  %-8s 11 packets ", spead_recv_bucket_name(i));
        line = strstr(text, begin);
        cr_expect_eq(line != NULL, !needs_no_sentence(i), "%s: %s", spead_recv_bucket_name(i),
                     text);
        if (line)
            cr_expect_gt(strcspn(line + strlen(begin), "\n"), 10, "%s", line);
        free(text);
    }
}

Test(reports, what_the_senders_do_is_said_with_what_helps)
{
    struct recv_report report = receive_report(&plain_options);

    expect_summary(&report, "striped", false);
    report.stats.counters.heaps_striped = 3;
    report.stats.counters.heaps_contradicted = 4;
    report.stats.counters.sender_restarts = 5;
    report.stats.counters.senders_replaced = 6;
    expect_summary(&report, "striped  3 heaps", true);
    expect_summary(&report, "--sender-key address joins the ports of a host", true);
    expect_summary(&report, "mixed    4 heaps ended because a packet contradicted them", true);
    expect_summary(&report, "restarts 5 times", true);
    expect_summary(&report, "senders  6 lost their place", true);
}

Test(reports, reordering_and_loss_have_different_remedies)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.total.bucket[SPEAD_RECV_OUT_OF_ORDER].packets = 11;
    report.stats.counters.packets_reordered = 2;
    expect_summary(&report, "11 packets came in another order than they were sent", true);
    expect_summary(&report, "none is missing: --out-of-order takes them", true);
    expect_summary(&report, "order    2 packets came after a later packet of their heap", true);
    report.stats.counters.missing_packets = 1;
    expect_summary(&report, "or behind packets that are missing", true);
    report.stats.counters.packets_reordered = 0;
    expect_summary(&report, "11 packets came behind a packet of their heap that is missing", true);
    expect_summary(&report, "none is missing", false);
}

Test(reports, endpoints_are_shown_apart_when_there_are_several)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.source_count = 2;
    report.source[1].name = "239.1.2.3:7148";
    report.source[1].ledger.seen.packets = 60;
    report.source[1].ledger.bucket[SPEAD_RECV_DELIVERED].packets = 60;
    expect_summary(&report, "239.1.2.3:7148: 60 seen = 60 delivered\n", true);
}

Test(reports, verify_says_how_many_bytes_are_wrong)
{
    struct spead_recv_tool_options options = {.shared = {.verify = true}};
    struct recv_report report = receive_report(&options);

    expect_summary(&report, "every byte is as it was sent", true);
    report.totals.verify_bad_bytes = 17;
    expect_summary(&report, "17 bytes are wrong\n", true);
    report.totals.verify_bad_bytes = report.totals.payload_bytes - 1000;
    expect_summary(&report, "was the sender told", true);
}

Test(reports, heaps_that_were_taken_and_not_written_are_told)
{
    struct spead_recv_tool_options options = {.output.path = "capture"};
    struct recv_report report = receive_report(&options);
    json_t *object;

    report.written.heaps = report.written.heaps_synced = 238;
    report.written.bytes = 1000000000;
    expect_summary(&report, "238 heaps, 1.0 GB in capture\n", true);
    expect_summary(&report, "acknowledged", false);
    report.written.heaps = report.written.heaps_synced = 200;
    expect_summary(&report, "in capture; 38 were taken and not written\n", true);
    report.written.heaps_synced = 190;
    expect_summary(&report, "190 of these heaps are acknowledged", true);
    report.written.heaps_skipped = 8;
    expect_summary(&report, "in capture; 30 were taken and not written\n", true);
    expect_summary(&report, "8 heaps of which no byte of payload came", true);
    report.written.heaps_skipped = 0;
    object = recv_report_json(&report);
    cr_expect_eq(json_integer_value(json_object_get(object, "unwritten_heaps")), 38);
    json_decref(object);
}

Test(reports, while_it_runs_a_heap_that_waits_for_a_sync_is_in_the_file)
{
    struct spead_recv_tool_options options = {.output.path = "capture"};
    struct recv_report report = receive_report(&options);

    report.written.heaps = report.written.heaps_synced = 200;
    report.written.heaps_waiting = 38;
    report.running = true;
    expect_summary(&report, "in capture; 38 are in the file and wait for a sync (--sync)\n", true);
    report.written.heaps_waiting = 30;
    expect_summary(&report, "; 8 were taken and not written; 30 are in the file", true);
    report.running = false;
    expect_summary(&report, "in capture; 38 were taken and not written\n", true);
}

Test(reports, a_forced_end_is_not_blamed_on_the_consumer)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.total.bucket[SPEAD_RECV_SHED].packets = 11;
    report.cancelled = true;
    expect_summary(&report, "11 packets in heaps that waited when it was told to end at once",
                   true);
}

Test(reports, the_end_names_sender_and_endpoint_of_the_stop_heap)
{
    struct recv_report report = receive_report(&plain_options);
    json_t *object, *end;

    report.end = (struct tool_end){
        .cause = TOOL_END_STOP_HEAP, .sender = "127.0.0.2:7000", .endpoint = "127.0.0.1:7148"};
    expect_summary(&report, "  ended    by a stop heap of 127.0.0.2:7000 at 127.0.0.1:7148\n",
                   true);
    object = recv_report_json(&report);
    end = json_object_get(object, "ended_by");
    cr_expect_str_eq(json_string_value(json_object_get(end, "cause")), "stop-heap");
    cr_expect_str_eq(json_string_value(json_object_get(end, "sender")), "127.0.0.2:7000");
    cr_expect_str_eq(json_string_value(json_object_get(end, "endpoint")), "127.0.0.1:7148");
    json_decref(object);
}

/* Returns what the tool says when its stream ended for this cause. */
static struct tool_end settled(struct tool_end own, enum spead_recv_end_cause cause, bool failed)
{
    struct spead_recv_tool_options options = {
        .shared = {.endpoints = {"127.0.0.1:7148", "127.0.0.1:7149"}, .endpoint_count = 2}};
    struct spead_recv_end stream = SPEAD_RECV_END_INIT;

    stream.cause = cause;
    stream.has_stop = true;
    stream.stop_source = 1;
    stream.stop_sender =
        (struct spead_sender_address){.address = {[15] = 1}, .port = 7000, .known = true};
    return recv_end_settle(&own, &stream, failed, &options);
}

Test(reports, a_stream_that_was_told_to_stop_ended_by_the_first_cause_of_the_tool)
{
    struct tool_end none = {0}, own = {0};

    tool_end_note(&own, TOOL_END_SECONDS);
    tool_end_note(&own, TOOL_END_SIGNAL);
    cr_expect_eq(settled(own, SPEAD_END_STOP_CALL, true).cause, TOOL_END_SECONDS);
    cr_expect_eq(settled(own, SPEAD_END_NO_READER, false).cause, TOOL_END_SECONDS);
    cr_expect_eq(settled(none, SPEAD_END_STOP_CALL, true).cause, TOOL_END_ERROR);
    cr_expect_eq(settled(none, SPEAD_END_NO_READER, false).cause, TOOL_END_NO_READER);
}

Test(reports, a_stream_that_ended_by_itself_says_so_although_a_signal_came_later)
{
    struct tool_end own = {.cause = TOOL_END_SIGNAL}, end;

    cr_expect_eq(settled(own, SPEAD_END_SOURCE, false).cause, TOOL_END_SOURCE);
    cr_expect_eq(settled(own, SPEAD_END_FAILED, true).cause, TOOL_END_ERROR);
    own.cause = TOOL_END_HEAPS;
    cr_expect_eq(settled(own, SPEAD_END_STOP_ITEMS, false).cause, TOOL_END_HEAPS);
    own.cause = TOOL_END_SIGNAL;
    end = settled(own, SPEAD_END_STOP_ITEMS, false);
    cr_expect_eq(end.cause, TOOL_END_STOP_HEAP);
    cr_expect_str_eq(end.sender, "[::1]:7000");
    cr_expect_str_eq(end.endpoint, "127.0.0.1:7149");
}

Test(reports, silent_endpoints_and_senders_are_named)
{
    struct spead_recv_tool_options options = {
        .shared = {.endpoints = {"127.0.0.1:7148", "127.0.0.1:7149"}, .endpoint_count = 2}};
    struct recv_report report = receive_report(&options);
    json_t *object, *silent;

    expect_summary(&report, "silent", false);
    report.stats.source_count = 2;
    report.source[0].ledger.seen.packets = 123;
    report.source[1].name = "127.0.0.1:7149";
    report.silence.sender_count = 20;
    for (unsigned i = 0; i < RECV_SILENT_MAX; i++)
        report.silence.sender[i] =
            (struct spead_recv_sender){.source = i % 2,
                                       .silent_ns = 12500000000,
                                       .heaps_complete = i,
                                       .address = {.address = {[10] = 0xff, 0xff, 192, 0, 2, 1},
                                                   .port = (uint16_t)(7000 + i),
                                                   .known = true}};
    expect_summary(&report, "  silent   127.0.0.1:7149: no packet came there\n", true);
    expect_summary(&report, "  silent   127.0.0.1:7148: no packet", false);
    expect_summary(&report,
                   "  silent   192.0.2.1:7003 at 127.0.0.1:7149 sent no stop heap, and "
                   "nothing in the last 12.5 s",
                   true);
    expect_summary(&report, "  silent   4 more senders did the same\n", true);
    object = recv_report_json(&report);
    cr_expect_eq(json_integer_value(json_object_get(object, "senders_silent")), 20);
    silent = json_object_get(object, "silent_senders");
    cr_assert_eq(json_array_size(silent), RECV_SILENT_MAX);
    silent = json_array_get(silent, 3);
    cr_expect_str_eq(json_string_value(json_object_get(silent, "sender")), "192.0.2.1:7003");
    cr_expect_str_eq(json_string_value(json_object_get(silent, "endpoint")), "127.0.0.1:7149");
    cr_expect_eq(json_integer_value(json_object_get(silent, "heaps")), 3);
    json_decref(object);
}

Test(reports, the_bottleneck_is_told_to_who_asks)
{
    struct spead_recv_tool_options options = {.verbose = true};
    struct recv_report report = receive_report(&plain_options);

    expect_summary(&report, "node stream limits", false);
    report.options = &options;
    expect_summary(&report, "  flow     node stream limits: its output was empty", true);
}

Test(reports, a_run_that_nothing_limited_names_the_senders_or_says_that_they_were_idle)
{
    struct spead_recv_tool_options options = {.verbose = true};
    struct recv_report report = receive_report(&options);

    expect_summary(&report, "The senders sent no faster", false);
    strcpy(report.flow_text,
           "nothing limited this run: node stream waited for packets 97 % of the time\n");
    strcpy(report.flow_json, "{\"waited\": {\"node\": \"stream\"}}");
    expect_summary(&report, "  flow     nothing limited this run: node stream waited", true);
    expect_summary(&report, "The senders sent no faster than 8.00 Gb/s.\n", true);
    report.stats.counters.kernel_drops = 1;
    expect_summary(&report, "The senders sent no faster", false);
    expect_summary(&report, "But packets were lost: the senders sent faster than 8.00 Gb/s.\n",
                   true);
    report.totals.packets = 0;
    expect_summary(&report, "No packet came: the source was idle.\n", true);
    strcpy(report.flow_json, "{\"limit\": {}, \"waited\": {\"node\": \"stream\"}}");
    expect_summary(&report, "the source was idle", false);
}

Test(reports, clean_means_that_nothing_was_lost_or_refused)
{
    const enum spead_recv_bucket allowed[] = {SPEAD_RECV_DELIVERED, SPEAD_RECV_DUPLICATE,
                                              SPEAD_RECV_CONTROL,   SPEAD_RECV_START_UP,
                                              SPEAD_RECV_INJECTED,  SPEAD_RECV_BEFORE_START};
    unsigned clean = 0;

    for (unsigned i = 0; i < SPEAD_RECV_BUCKET_COUNT; i++) {
        struct recv_report report = receive_report(&plain_options);

        report.stats.total.bucket[i].packets++;
        clean += recv_report_is_clean(&report);
    }
    cr_expect_eq(clean, sizeof allowed / sizeof *allowed);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        struct recv_report report = receive_report(&plain_options);

        report.stats.total.bucket[allowed[i]].packets++;
        cr_expect(recv_report_is_clean(&report), "%s", spead_recv_bucket_name(allowed[i]));
    }
}

Test(reports, the_receivers_object_counts_pauses)
{
    struct recv_report report = receive_report(&plain_options);
    json_t *object;

    report.stats.counters.paused_ns = 5;
    report.stats.counters.packets_after_pause = 6;
    report.stats.counters.kernel_drops_after_pause = 7;
    object = recv_report_json(&report);
    cr_expect_eq(json_integer_value(json_object_get(object, "paused_ns")), 5);
    cr_expect_eq(json_integer_value(json_object_get(object, "packets_after_pause")), 6);
    cr_expect_eq(json_integer_value(json_object_get(object, "kernel_drops_after_pause")), 7);
    json_decref(object);
}

Test(reports, drops_after_a_pause_are_the_consumers_and_not_the_buffers)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.counters.kernel_drops = report.stats.counters.kernel_drops_after_pause = 7;
    report.stats.counters.paused_ns = 1500000000;
    report.stats.counters.packets_after_pause = 12;
    expect_summary(&report, "paused   1.500 s", true);
    expect_summary(&report, "12 packets waited", true);
    expect_summary(
        &report,
        "dropped 7 messages at our sockets, whose buffer was full because the stream paused", true);
    expect_summary(&report, "rmem_max", false);
    report.stats.counters.kernel_drops = report.stats.counters.buffer_drops = 9;
    expect_summary(&report, "dropped 2 messages at our sockets, whose buffer was full: raise",
                   true);
}

Test(reports, missing_packets_heaps_and_kernel_drops_are_not_clean)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.counters.missing_packets = 1;
    cr_expect_not(recv_report_is_clean(&report));
    report.stats.counters.missing_packets = 0;
    report.stats.counters.missing_heaps = 1;
    cr_expect_not(recv_report_is_clean(&report));
    report.stats.counters.missing_heaps = 0;
    report.stats.counters.kernel_drops = 1;
    cr_expect_not(recv_report_is_clean(&report));
    report.stats.counters.filtered_drops = 1; /* the user has asked for these drops (--source) */
    cr_expect(recv_report_is_clean(&report));
    report.stats.counters.undrained_packets = 1;
    cr_expect_not(recv_report_is_clean(&report));
    report.stats.counters.undrained_packets = 0;
    report.stats.counters.undrained_memory_bytes = 1;
    cr_expect_not(recv_report_is_clean(&report));
    report.stats.counters.undrained_memory_bytes = 0;
    cr_expect(recv_report_is_clean(&report));
    report.stats.counters.heaps_striped = 1;
    cr_expect_not(recv_report_is_clean(&report));
    report.stats.counters.heaps_striped = 0;
    report.stats.counters.heaps_doubled = 1;
    cr_expect_not(recv_report_is_clean(&report));
    expect_summary(&report, "--sender-key address joins the ports of a host, --sender-key none",
                   true);
}

Test(reports, heaps_of_which_nobody_knows_the_end_are_not_clean)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.counters.heaps_unsized_cut = 3;
    cr_expect_not(recv_report_is_clean(&report));
    expect_summary(&report, "unsized  3 heaps without a declared length", true);
    expect_summary(&report, "--unsized-in-sequence", true);
}

Test(reports, missing_packets_are_an_estimate_where_sizes_vary)
{
    struct recv_report report = receive_report(&plain_options);

    report.stats.counters.missing_packets = 9;
    report.stats.counters.missing_packets_least = 9;
    expect_summary(&report, "missing  9 packets inside heaps, 0 whole heaps", true);
    report.stats.counters.missing_packets_least = 4;
    report.stats.counters.missing_packets_estimated = 6;
    expect_summary(&report, "at least 4 packets inside heaps, about 9", true);
}

static void expect_common_keys(const json_t *object)
{
    const char *keys[] = {"schema",
                          "version",
                          "tool",
                          "payload_bytes",
                          "wire_bytes",
                          "heaps",
                          "incomplete_heaps",
                          "packets",
                          "seconds",
                          "gbps",
                          "cpu_user_s",
                          "cpu_sys_s",
                          "engine",
                          "engine_reason",
                          "placed",
                          "bounced",
                          "repaired",
                          "verify_bad_bytes",
                          "ledger"};

    cr_assert_not_null(object);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_expect_not_null(json_object_get(object, keys[i]), "no %s", keys[i]);
}

Test(reports, the_receivers_object_has_every_key_and_bucket)
{
    struct recv_report report = receive_report(&plain_options);
    json_t *object = recv_report_json(&report), *ledger, *buckets;

    expect_common_keys(object);
    ledger = json_object_get(object, "ledger");
    buckets = json_object_get(ledger, "buckets");
    cr_expect_eq(json_object_size(buckets), SPEAD_RECV_BUCKET_COUNT);
    cr_expect_eq(
        json_integer_value(json_object_get(json_object_get(buckets, "duplicate"), "bytes")), 3000);
    cr_expect_eq(json_array_size(json_object_get(ledger, "sources")), 1);
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(object, "flow"), "graph")),
                     "spead-recv");
    cr_expect_float_eq(json_real_value(json_object_get(object, "gbps")), 8.0, 1e-9);
    cr_expect_float_eq(json_real_value(json_object_get(object, "seconds")), 1.0, 1e-9);
    json_decref(object);
}

Test(reports, the_devices_rate_stands_beside_the_one_asked_for)
{
    struct send_report report = {
        .totals = {.tool = "spead-send",
                   .engine = "verbs",
                   .engine_reason = "asked for",
                   .wire_bytes = 1100000000,
                   .first_packet_ns = 1,
                   .last_packet_ns = 1000000001},
        .stats = {.bucket_count = SPEAD_SEND_BUCKET_COUNT,
                  .bucket = {[SPEAD_SEND_SENT] = {10, 1000000000}}},
        .device_gbps = 8.5,
    };
    json_t *object = send_report_json(&report);
    size_t bytes;
    char *text;
    FILE *to = open_memstream(&text, &bytes);

    cr_expect_float_eq(json_real_value(json_object_get(object, "device_gbps_asked")), 8.5, 1e-9);
    cr_expect_float_eq(json_real_value(json_object_get(object, "device_gbps_measured")), 8.0, 1e-9);
    report.device_wire = true;
    send_report_summary(to, &report);
    fclose(to);
    cr_expect_not_null(strstr(text, "8.500 Gb/s of wire bytes asked, 8.800 measured"), "%s", text);
    free(text);
    json_decref(object);
}

Test(reports, the_senders_object_and_summary_count_the_ways_of_packets)
{
    struct send_report report = {
        .totals = {.tool = "spead-send", .engine = "socket", .engine_reason = "asked for"},
        .stats = {.bucket_count = SPEAD_SEND_BUCKET_COUNT,
                  .counters = {.gathered_packets = 12, .referenced_packets = 3}},
    };
    json_t *object = send_report_json(&report);
    size_t bytes;
    char *text;
    FILE *to = open_memstream(&text, &bytes);

    cr_expect_eq(json_integer_value(json_object_get(object, "gathered_packets")), 12);
    cr_expect_eq(json_integer_value(json_object_get(object, "referenced_packets")), 3);
    json_decref(object);
    send_report_summary(to, &report);
    report.stats.counters.gathered_packets = report.stats.counters.referenced_packets = 0;
    fclose(to);
    cr_expect_not_null(strstr(text, "  path     12 packets gathered, 3 by reference\n"), "%s",
                       text);
    free(text);
    to = open_memstream(&text, &bytes);
    send_report_summary(to, &report);
    fclose(to);
    cr_expect_null(strstr(text, "  path "), "an engine with one way says nothing: %s", text);
    free(text);
}

Test(reports, the_senders_object_says_what_ended_it)
{
    static const struct tool_shared shared = {.seconds = 2.5};
    struct send_report report = {
        .shared = &shared,
        .end = {.cause = TOOL_END_SIGNAL, .signal = SIGTERM},
        .totals = {.tool = "spead-send", .engine = "mem", .engine_reason = "asked for"},
        .stats = {.bucket_count = SPEAD_SEND_BUCKET_COUNT},
    };
    json_t *object = send_report_json(&report), *end = json_object_get(object, "ended_by");

    cr_expect_str_eq(json_string_value(json_object_get(end, "cause")), "signal");
    cr_expect_str_eq(json_string_value(json_object_get(end, "signal")), "SIGTERM");
    json_decref(object);
    report.end = (struct tool_end){.cause = TOOL_END_SECONDS};
    object = send_report_json(&report);
    end = json_object_get(object, "ended_by");
    cr_expect_str_eq(json_string_value(json_object_get(end, "cause")), "seconds");
    cr_expect_str_eq(json_string_value(json_object_get(end, "text")), "by --seconds 2.5");
    json_decref(object);
}

Test(reports, the_senders_object_and_summary_name_errors)
{
    struct send_report report = {
        .totals = {.tool = "spead-send", .engine = "socket", .engine_reason = "chosen"},
        .stats = {.bucket_count = SPEAD_SEND_BUCKET_COUNT,
                  .submitted = {12, 1200},
                  .bucket = {[SPEAD_SEND_SENT] = {10, 1000}, [SPEAD_SEND_FAILED] = {2, 200}},
                  .failed_errno = {{.error = 90, .packets = 2}}, /* 90 is EMSGSIZE */
                  .counters = {.icmp_unreachable = 3,
                               .engine_rebuilds = 4,
                               .link_downs = 5,
                               .neighbours_lost = 6,
                               .copied_bytes = 7}},
    };
    json_t *object = send_report_json(&report), *errnos;
    size_t bytes;
    char *text;
    FILE *to = open_memstream(&text, &bytes);

    expect_common_keys(object);
    errnos = json_object_get(json_object_get(object, "ledger"), "failed_errno");
    cr_assert_eq(json_array_size(errnos), 1);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(errnos, 0), "errno")),
                     "EMSGSIZE");
    send_report_summary(to, &report);
    fclose(to);
    cr_expect_not_null(strstr(text, "12 submitted = 10 sent + 2 failed\n"), "%s", text);
    cr_expect_not_null(strstr(text, "2 packets: Message too long"), "%s", text);
    cr_expect_not_null(strstr(text, "3 times by ICMP"), "%s", text);
    cr_expect_not_null(strstr(text, "made anew 4 times"), "%s", text);
    cr_expect_not_null(strstr(text, "down 5 times"), "%s", text);
    cr_expect_not_null(strstr(text, "lost     6 times the next hop"), "%s", text);
    cr_expect_eq(json_integer_value(json_object_get(object, "engine_rebuilds")), 4);
    cr_expect_eq(json_integer_value(json_object_get(object, "link_downs")), 5);
    cr_expect_eq(json_integer_value(json_object_get(object, "neighbours_lost")), 6);
    cr_expect_eq(json_integer_value(json_object_get(object, "copied_bytes")), 7);
    free(text);
    json_decref(object);
}

Test(reports, packets_that_a_device_wrote_in_parts_of_lines_are_said_with_the_payload_that_fits)
{
    struct recv_report report = receive_report(&plain_options);

    expect_summary(&report, "cache line", false);
    report.stats.counters.unaligned_packets = 77;
    report.stats.counters.unaligned_payload_bytes = 8928;
    expect_summary(&report,
                   "lines    77 placed packets began or ended within a cache line, because they "
                   "have 8928 bytes of payload: a sender with 8896 (spead-send --packet-payload)",
                   true);
}
