/* SPDX-License-Identifier: Apache-2.0 */
/* spead-recv: takes heaps from the network, and accounts for every packet. If the user asks for it, spead-recv also
 * checks the heaps and writes them to a file.
 *
 * Threads: a graph does the work (recv_graph.h). The main thread watches the graph. It prints progress, and ends the
 * graph after --seconds or after a signal. If the disk does not answer after the second signal, the main thread ends
 * the program without waiting for the disk. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "host_counters.h"
#include "no_packets.h"
#include "option_effect.h"
#include "recv_graph.h"
#include "recv_progress.h"
#include "recv_report.h"
#include "sender_watch.h"
#include "spead_recv_options.h"
#include "tool_exit.h"
#include "tool_limits.h"
#include "tool_secure.h"
#include "tool_signal.h"
#include "tool_terminal.h"

/* the main thread looks at signals and the clock at least this often */
#define TICK_NS  100000000u
#define HANG_NS  1000000000u /* a write may take this long after the second signal */
#define NO_LIMIT UINT64_MAX

struct receiver {
    const struct spead_recv_tool_options *options;
    struct recv_graph graph;
    struct tool_progress progress;
    struct recv_progress lines; /* of --progress */
    struct recv_report report;
    struct sender_watch watch; /* of senders that fall silent */
    struct spead_log log;
    struct host_counters host; /* read before the stream was made */
    struct tool_cpu cpu_start; /* what the process had used when the program began to receive */
    uint64_t end_ns;           /* the time at which --seconds end (CLOCK_MONOTONIC), or NO_LIMIT */
    uint64_t cancelled_ns;     /* when the program saw the second signal; 0 before that */
    bool in_sync;       /* the program has said that a sender has reached the point of --start-at */
    bool writer_failed; /* the stream was stopped because the writer has failed */
};

/* The stream that the signal handler stops. main() sets this pointer before it installs the handler, and sets it to
 * NULL before it destroys the stream. The handler runs on the main thread only, because all other threads block
 * signals. */
static struct spead_recv_stream *volatile signalled_stream;

/* Stops the stream. After the first signal the stream ends in order. After the second signal it ends immediately, and
 * watch() also cancels the graph. */
static void on_signal(int nth)
{
    if (!signalled_stream)
        return;
    spead_recv_stream_stop(signalled_stream);
    if (nth > 1)
        spead_recv_stream_stop(signalled_stream);
}

/* ---- While it runs ------------------------------------------------------------------------- */

static void show(struct receiver *receiver, uint64_t now_ns)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct heap_check_totals taken;
    char rest[96], start[RECV_START_TEXT_MAX];

    if (now_ns < receiver->progress.due_ns)
        return;
    spead_recv_stream_stats(receiver->graph.stream, &stats);
    taken = heap_check_totals(receiver->graph.check);
    snprintf(rest, sizeof rest, "lost %" PRIu64 "  shed %" PRIu64, stats.counters.missing_packets,
             stats.counters.heaps_shed);
    tool_progress_update(
        &receiver->progress, now_ns, taken.payload_bytes, taken.heaps,
        stats.total.seen.packets == 0
            ? "waiting for the first packet"
            : recv_start_waiting(&receiver->options->start_at, &stats.counters, start),
        rest);
}

/* Notes the cause if --heaps, a signal or --seconds has ended the reception. */
static void note_end(struct receiver *receiver, uint64_t now_ns)
{
    const struct tool_shared *shared = &receiver->options->shared;

    if (shared->heaps > 0 && heap_check_totals(receiver->graph.check).heaps >= shared->heaps)
        tool_end_note(&receiver->report.end, TOOL_END_HEAPS);
    if (tool_signal_count() > 0)
        tool_end_note(&receiver->report.end, TOOL_END_SIGNAL);
    if (now_ns >= receiver->end_ns)
        tool_end_note(&receiver->report.end, TOOL_END_SECONDS);
}

/* A sync can fail while no heap comes, so that the writer does not notice it. */
static void end_if_writer_failed(struct receiver *receiver)
{
    if (receiver->writer_failed || !receiver->graph.writer ||
        heap_writer_has_failed(receiver->graph.writer) == 0)
        return;
    receiver->writer_failed = true;
    spead_recv_stream_stop(receiver->graph.stream);
    spead_recv_stream_stop(receiver->graph.stream);
}

/* Says once that a sender has reached the point of --start-at. The library logs it too, at the level info. */
static void say_in_sync(struct receiver *receiver)
{
    const struct spead_recv_start_point *point = &receiver->options->start_at;
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

    if (receiver->in_sync || point->kind == SPEAD_START_POINT_NONE)
        return;
    spead_recv_stream_stats(receiver->graph.stream, &stats);
    receiver->in_sync = !stats.counters.awaits_start;
    if (receiver->in_sync && !receiver->options->shared.quiet)
        recv_start_print(stderr, "spead-recv: in sync ", point, &stats.counters);
}

/* Reads what both the summary so far and the last one say. */
static void read_report(struct receiver *receiver)
{
    recv_report_read(&receiver->report, &receiver->graph);
    receiver->report.totals.cpu = tool_cpu_since(receiver->cpu_start);
}

/* Prints the summary so far, after SIGUSR1. */
static void report_so_far(struct receiver *receiver)
{
    struct recv_report *report = &receiver->report;

    report->running = true;
    read_report(receiver);
    recv_report_summary(stderr, report);
    report->running = false;
}

/* Returns true if the stream may have stopped reading because its heaps are not taken: heaps wait, and nothing was read
 * from any sender for a while. Then the senders are not to blame. */
static bool waits_for_consumer(const struct receiver *receiver, uint64_t now_ns)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    const struct heap_check_totals taken = heap_check_totals(receiver->graph.check);

    spead_recv_stream_stats(receiver->graph.stream, &stats);
    return stats.counters.heaps_complete + stats.counters.heaps_incomplete >
               taken.heaps + taken.incomplete_heaps + taken.past_limit &&
           now_ns > stats.counters.last_packet_mono_ns + SENDER_WATCH_EVERY_NS;
}

/* Says in the log which senders are missing, which have fallen silent and which have come back. */
static void watch_senders(struct receiver *receiver, uint64_t now_ns)
{
    struct expected_senders *expected = &receiver->report.expected;
    struct sender_list *list = &receiver->report.senders;

    if (now_ns < receiver->watch.due_ns || waits_for_consumer(receiver, now_ns))
        return;
    sender_list_read(list, receiver->graph.stream);
    sender_watch_look(&receiver->watch, list, receiver->options->shared.endpoints, now_ns,
                      &receiver->log);
    expected_senders_look(expected, list);
    expected_senders_say(expected, list, now_ns, &receiver->log);
}

static void look_around(struct receiver *receiver, uint64_t now_ns)
{
    say_in_sync(receiver);
    show(receiver, now_ns);
    watch_senders(receiver, now_ns);
    recv_progress_update(&receiver->lines, &receiver->graph, now_ns, false);
    if (tool_signal_take_report())
        report_so_far(receiver);
    note_end(receiver, now_ns);
    end_if_writer_failed(receiver);
    if (now_ns >= receiver->end_ns) {
        spead_recv_stream_stop(receiver->graph.stream);
        receiver->end_ns = NO_LIMIT;
    }
    if (receiver->cancelled_ns == 0 && tool_signal_count() > 1) {
        receiver->cancelled_ns = now_ns;
        spead_graph_cancel(receiver->graph.graph);
    }
}

/* Watches the graph until it has ended. Returns false when the node `writer` hangs in a write. The caller must then not
 * wait for the writer. */
static bool watch(struct receiver *receiver)
{
    double seconds = receiver->options->shared.seconds;
    uint64_t now = speadi_clock_mono_ns();

    receiver->end_ns = seconds > 0 ? now + (uint64_t)(seconds * 1e9) : NO_LIMIT;
    tool_progress_start(&receiver->progress, receiver->options->shared.quiet);
    recv_progress_start(&receiver->lines);
    while (!spead_graph_has_ended(receiver->graph.graph)) {
        if (receiver->cancelled_ns != 0 && now - receiver->cancelled_ns > HANG_NS)
            break;
        spead_graph_wait(receiver->graph.graph,
                         now + TICK_NS < receiver->end_ns ? now + TICK_NS : receiver->end_ns, NULL);
        now = speadi_clock_mono_ns();
        look_around(receiver, now);
    }
    /* A signal can end the graph before the loop begins. */
    note_end(receiver, now);
    tool_progress_end(&receiver->progress);
    recv_progress_update(&receiver->lines, &receiver->graph, now, true);
    recv_progress_close(&receiver->lines);
    return spead_graph_has_ended(receiver->graph.graph);
}

/* ---- Before and after ---------------------------------------------------------------------- */

/* Returns the exit status for wrong bytes. It prints a line only with --quiet, because otherwise the summary already
 * says that bytes are wrong. */
static int wrong_bytes(const struct receiver *receiver, uint64_t bytes)
{
    if (!receiver->options->shared.quiet)
        return TOOL_FAILED;
    return tool_failed("%" PRIu64 " bytes are wrong: was the sender told to --verify too?", bytes);
}

/* Returns true if an option needs packets. If no option does, a run without packets is no failure. */
static bool wants_packets(const struct spead_recv_tool_options *options)
{
    return options->strict || options->shared.verify || options->shared.heaps > 0;
}

/* Returns true if the disk or the graph has failed. */
static bool has_failed(const struct receiver *receiver)
{
    struct spead_failure failure = SPEAD_FAILURE_INIT;

    if (receiver->graph.writer && heap_writer_error(receiver->graph.writer, NULL) < 0)
        return true;
    spead_graph_failure(receiver->graph.graph, &failure);
    return failure.code < 0;
}

/* Reads what only a stream that has ended can tell. */
static void read_end(struct receiver *receiver)
{
    const struct spead_recv_tool_options *options = receiver->options;
    struct spead_recv_end end = SPEAD_RECV_END_INIT;

    spead_recv_stream_end(receiver->graph.stream, &end);
    receiver->report.end =
        recv_end_settle(&receiver->report.end, &end, has_failed(receiver), options);
    recv_silence_read(&receiver->report.silence, receiver->graph.stream,
                      options->stream.stop_silence_ns);
}

/* Prints what went wrong, if anything went wrong. Returns the exit status. */
static int report_failure(const struct receiver *receiver, bool ended)
{
    const struct recv_report *report = &receiver->report;
    struct spead_failure failure = SPEAD_FAILURE_INIT;
    struct spead_err err = {0};

    if (!ended)
        return !receiver->options->output.path
                   ? tool_failed("standard output does not answer, so items are not printed")
                   : tool_failed("%s does not answer: %" PRIu64 " heaps are not written",
                                 recv_output_name(&receiver->options->output),
                                 recv_report_unwritten(report));
    if (receiver->graph.writer && heap_writer_error(receiver->graph.writer, &err) < 0)
        return tool_failed("%s", err.text);
    spead_graph_failure(receiver->graph.graph, &failure);
    if (failure.code < 0)
        return tool_failed("%s", failure.cause);
    if (report->totals.verify_bad_bytes > 0)
        return wrong_bytes(receiver, report->totals.verify_bad_bytes);
    if (receiver->options->strict && !recv_report_is_clean(report))
        return TOOL_NOT_CLEAN;
    if (report->stats.counters.awaits_start)
        return TOOL_NOT_CLEAN;
    if (report->totals.packets == 0 && wants_packets(receiver->options))
        return TOOL_NOT_CLEAN;
    return TOOL_DONE;
}

/* Prints the summary and the JSON object, as the options ask for. With --quiet it prints one line instead of the
 * summary, and no line if the JSON object says the same. Returns `status`, or TOOL_FAILED when the JSON object could not
 * be printed. */
static int print_report(const struct receiver *receiver, int status, bool ended)
{
    /* A reader that does not take items does not take the object either. */
    const bool to_stderr =
        recv_output_is_stdout(&receiver->options->output) || (!ended && receiver->options->items);

    if (!receiver->options->shared.quiet)
        recv_report_summary(stderr, &receiver->report);
    else if (!receiver->options->shared.json)
        tool_report_total(stderr, &receiver->report.totals, "heaps complete");
    if (receiver->options->shared.json &&
        tool_report_print_to(to_stderr ? stderr : stdout, recv_report_json(&receiver->report)) !=
            TOOL_DONE)
        return TOOL_FAILED;
    return status;
}

/* Watches the running graph to its end and prints the report. Returns the exit status. */
static int receive_and_report(struct receiver *receiver)
{
    bool ended = watch(receiver);
    int status;

    read_report(receiver);
    if (receiver->report.totals.packets == 0)
        receiver->report.no_packets =
            no_packets_find(receiver->options, &receiver->report.stats.counters, &receiver->host);
    if (ended)
        read_end(receiver);
    receiver->report.cancelled = receiver->cancelled_ns != 0;
    status = print_report(receiver, report_failure(receiver, ended), ended);
    if (!ended) {
        /* The writer's thread is in a system call that may never return, and it uses memory that main() would free. */
        tool_terminal_drain();
        _exit(status);
    }
    return status;
}

static int print_plan(const struct receiver *receiver)
{
    char text[RECV_GRAPH_TEXT_MAX];
    struct spead_err err = {0};
    bool json = receiver->options->shared.json;
    int ret = spead_graph_plan(receiver->graph.graph, json ? SPEAD_REPORT_JSON : SPEAD_REPORT_TEXT,
                               text, sizeof text, &err);

    if (ret < 0)
        return tool_failed_call(&spead_recv_program, ret, &err);
    if (json)
        return tool_report_print(
            recv_report_plan_json(receiver->options, receiver->graph.stream, text));
    recv_report_plan(stdout, receiver->options, receiver->graph.stream);
    if (fputs(text, stdout) == EOF || fflush(stdout) == EOF)
        return tool_failed("cannot write the plan to standard output: %m");
    return TOOL_DONE;
}

static int run(struct receiver *receiver)
{
    struct spead_err err = {0};
    int ret;

    receiver->cpu_start = tool_cpu_now();
    /* The handler is installed before the plan is printed, because a user who has read the plan may send a signal. */
    signalled_stream = receiver->graph.stream;
    tool_signal_install(on_signal);
    tool_signal_install_report();
    ret = recv_progress_open(&receiver->lines, receiver->options, &err);
    if (ret < 0)
        return tool_failed_call(&spead_recv_program, ret, &err);
    if (!receiver->options->shared.quiet)
        recv_report_plan(stderr, receiver->options, receiver->graph.stream);
    ret = recv_graph_start(&receiver->graph, &err);
    if (ret < 0)
        return tool_failed_call(&spead_recv_program, ret, &err);
    return receive_and_report(receiver);
}

/* Warns of options that the user has typed for another engine than the one that was taken. */
static void warn_of_engine(const struct receiver *receiver)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    spead_recv_stream_plan(receiver->graph.stream, &plan);
    tool_effects_warn(&spead_recv_program, &receiver->options->shared.given, plan.engine,
                      &receiver->log);
}

/* Reads what --expect-senders names. It exits when the value or a line of the file is wrong. */
static void load_expected(struct expected_senders *expected,
                          const struct spead_recv_tool_options *options)
{
    struct spead_err err = {0};

    if (options->expect_senders &&
        expected_senders_load(expected, options->expect_senders, options->stream.senders_max,
                              options->stream.sender_key, &err) < 0)
        tool_usage("--expect-senders %s", err.text);
}

int main(int argc, char **argv)
{
    /* Static, because both together need more than the stack of a small host. */
    static struct spead_recv_tool_options options;
    static struct receiver receiver = {.options = &options, .report = {.options = &options}};
    struct spead_err err = {0};
    int ret, status;

    tool_secure_start();
    tool_streams_prepare();
    tool_limits_prepare();
    tool_terminal_prepare();
    spead_recv_options_parse(&options, argc, argv);
    load_expected(&receiver.report.expected, &options);
    receiver.log = tool_shared_log(&options.shared);
    host_counters_read(&receiver.host);
    ret = recv_graph_build(&receiver.graph, &options, &receiver.log, &err);
    if (ret < 0)
        status = tool_failed_call(&spead_recv_program, ret, &err);
    else {
        warn_of_engine(&receiver);
        status = options.shared.plan ? print_plan(&receiver) : run(&receiver);
    }
    signalled_stream = NULL;
    recv_graph_release(&receiver.graph);
    json_decref(receiver.report.no_packets);
    json_decref(receiver.report.statistics);
    sender_list_release(&receiver.report.senders);
    expected_senders_release(&receiver.report.expected);
    sender_watch_release(&receiver.watch);
    return status;
}
