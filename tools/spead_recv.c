/* spead-recv: takes heaps from the network, checks and keeps them as asked, accounts for the rest.
 *
 * Threads: the stream has one of its own (pinned by --cpu). This one takes heaps, verifies them and
 * hands them to the writer's. It may wait for the writer; the stream never waits for it, but sheds at
 * the ring between the two. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>

#include "heap_writer.h"
#include "recv_report.h"
#include "spead_recv_options.h"
#include "tool_signal.h"
#include "verify_pattern.h"

#define TAKE_MAX 32u   /* as spead_recv_take_max() at most */
#define GAPS_MAX 4097u /* one more than a heap has ranges at most */

struct receiver {
    const struct spead_recv_tool_options *options;
    struct spead_recv_stream *stream;
    struct heap_writer *writer; /* NULL: no --output */
    struct spead_gap *gaps;     /* [GAPS_MAX] */
    struct tool_progress progress;
    struct recv_report report;
    bool ended; /* what still comes is let go */
};

/* For the handler; set before it is installed, NULL once the stream goes. Only this thread has it run:
 * the others block signals. */
static struct spead_recv_stream *volatile signalled_stream;

/* The stream knows what a first and a second stop mean. */
static void on_signal(int nth)
{
    if (signalled_stream == NULL)
        return;
    spead_recv_stream_stop(signalled_stream);
    if (nth > 1)
        spead_recv_stream_stop(signalled_stream);
}

/* Nothing more is wanted: end without reading on. */
static void stop_now(struct receiver *receiver)
{
    receiver->ended = true;
    spead_recv_stream_stop(receiver->stream);
    spead_recv_stream_stop(receiver->stream);
}

/* ---- Heaps --------------------------------------------------------------------------------- */

static bool has_enough(const struct receiver *receiver)
{
    uint64_t limit = receiver->options->common.heaps;

    return limit > 0 && receiver->report.totals.heaps >= limit;
}

/* Counts, checks and keeps a heap; takes over the reference. */
static void handle(struct receiver *receiver, struct spead_heap *heap)
{
    struct tool_totals *totals = &receiver->report.totals;

    if (receiver->ended || tool_signal_count() > 1) {
        receiver->report.heaps_past_limit += has_enough(receiver);
        spead_heap_unref(heap);
        return;
    }
    totals->payload_bytes += spead_heap_received(heap);
    if (spead_heap_is_complete(heap))
        totals->heaps++;
    else
        totals->incomplete_heaps++;
    if (receiver->options->common.verify)
        totals->verify_bad_bytes += verify_pattern_heap(heap, receiver->gaps, GAPS_MAX);
    if (receiver->writer == NULL)
        spead_heap_unref(heap);
    else if (heap_writer_push(receiver->writer, heap) < 0)
        stop_now(receiver); /* closing the writer says why */
    if (has_enough(receiver))
        stop_now(receiver);
}

static void show(struct receiver *receiver, uint64_t now_ns)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    char rest[96];

    if (now_ns < receiver->progress.due_ns)
        return;
    spead_recv_stream_stats(receiver->stream, &stats);
    snprintf(rest, sizeof rest, "lost %" PRIu64 "  shed %" PRIu64, stats.missing_packets,
             stats.heaps_shed);
    tool_progress_update(&receiver->progress, now_ns, receiver->report.totals.payload_bytes,
                         receiver->report.totals.heaps,
                         stats.total.seen.packets == 0 ? "waiting for the first packet" : NULL,
                         rest);
}

/* Takes heaps until the stream has ended. */
static void take_all(struct receiver *receiver)
{
    struct spead_heap *heaps[TAKE_MAX];
    unsigned max = spead_recv_take_max(receiver->options);
    double seconds = receiver->options->common.seconds;
    uint64_t now = speadi_clock_mono_ns();
    uint64_t end = seconds > 0 ? now + (uint64_t)(seconds * 1e9) : UINT64_MAX;

    tool_progress_start(&receiver->progress, receiver->options->common.quiet);
    for (;;) {
        uint64_t due = receiver->progress.due_ns < end ? receiver->progress.due_ns : end;
        int count = spead_recv_stream_take_many(receiver->stream, heaps, max, due);

        if (count == -ESHUTDOWN)
            break;
        for (int i = 0; i < count; i++)
            handle(receiver, heaps[i]);
        now = speadi_clock_mono_ns();
        show(receiver, now);
        if (now >= end) {
            spead_recv_stream_stop(receiver->stream);
            end = UINT64_MAX;
        }
    }
    tool_progress_end(&receiver->progress);
}

/* ---- Before and after ---------------------------------------------------------------------- */

static void print_log(void *arg __attribute__((unused)), enum spead_log_level level,
                      const char *line)
{
    if (level == SPEAD_LOG_WARNING)
        tool_failed("warning: %s", line);
}

static int exit_status(const struct receiver *receiver, int stream_error, int write_error)
{
    if (stream_error < 0)
        return tool_failed("receiving failed: %s", strerror(-stream_error));
    if (write_error < 0 || receiver->report.totals.verify_bad_bytes > 0)
        return TOOL_FAILED;
    if (receiver->options->strict && !recv_report_is_clean(&receiver->report))
        return TOOL_NOT_CLEAN;
    return TOOL_DONE;
}

/* Prints the summary and the object; returns the worse of status and what that came to. */
static int print_report(const struct receiver *receiver, int status)
{
    if (!receiver->options->common.quiet)
        recv_report_summary(stderr, &receiver->report);
    if (receiver->options->common.json &&
        tool_report_print(recv_report_json(&receiver->report)) != TOOL_DONE)
        return TOOL_FAILED;
    return status;
}

/* The stream is there; receives and reports. Returns the exit status. */
static int receive_and_report(struct receiver *receiver)
{
    struct tool_cpu cpu_start = tool_cpu_now();
    struct spead_recv_runner *runner;
    struct spead_err err = {0}, write_err = {0};
    uint64_t cpu_ns = 0;
    int ret, write_ret;

    ret = spead_recv_runner_start(&runner, receiver->stream, receiver->options->common.cpu, &err);
    if (ret < 0)
        return tool_failed_call(ret, &err);
    take_all(receiver);
    ret = spead_recv_runner_join(runner, &cpu_ns);
    write_ret = heap_writer_close(receiver->writer, tool_signal_count() > 1,
                                  &receiver->report.written, &write_err);
    receiver->writer = NULL;
    if (write_ret < 0)
        tool_failed("%s", write_err.text);
    recv_report_read(&receiver->report, receiver->stream);
    receiver->report.totals.cpu = tool_cpu_since(cpu_start);
    receiver->report.stream_cpu_s = (double)cpu_ns * 1e-9;
    return print_report(receiver, exit_status(receiver, ret, write_ret));
}

static int open_stream(struct receiver *receiver)
{
    struct spead_recv_stream_config config = spead_recv_stream_config_of(receiver->options);
    struct spead_err err = {0};
    int ret;

    config.log.fn = print_log;
    ret = spead_recv_stream_create(&receiver->stream, &config, &err);
    if (ret < 0)
        return tool_failed_call(ret, &err);
    return TOOL_DONE;
}

static int open_writer(struct receiver *receiver)
{
    struct spead_err err = {0};
    int ret;

    if (receiver->options->output == NULL)
        return TOOL_DONE;
    /* A file at its size limit is an error to report, not a reason to die. */
    signal(SIGXFSZ, SIG_IGN);
    ret = heap_writer_open(&receiver->writer, receiver->options->output,
                           spead_recv_writer_depth(receiver->options), &err);
    if (ret < 0)
        return tool_failed_call(ret, &err);
    return TOOL_DONE;
}

static void print_plan(const struct receiver *receiver)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    spead_recv_stream_plan(receiver->stream, &plan);
    if (!receiver->options->common.quiet)
        recv_report_plan(stderr, receiver->options, &plan);
}

int main(int argc, char **argv)
{
    struct spead_recv_tool_options options;
    struct receiver receiver = {.options = &options, .report = {.options = &options}};
    int status;

    tool_streams_prepare();
    spead_recv_options_parse(&options, argc, argv);
    receiver.gaps = calloc(GAPS_MAX, sizeof *receiver.gaps);
    status = receiver.gaps != NULL ? open_stream(&receiver) : tool_failed("out of memory");
    if (status == TOOL_DONE)
        status = open_writer(&receiver);
    if (status == TOOL_DONE) {
        /* Before the plan: whoever has read that may interrupt us. */
        signalled_stream = receiver.stream;
        tool_signal_install(on_signal);
        print_plan(&receiver);
        status = receive_and_report(&receiver);
    }
    heap_writer_close(receiver.writer, true, NULL, NULL);
    signalled_stream = NULL;
    spead_recv_stream_destroy(receiver.stream);
    free(receiver.gaps);
    return status;
}
