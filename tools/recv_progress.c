/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_progress.h. */
#include "recv_progress.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/own_file.h>

#include "tool_pump.h"
#include "tool_report.h"

#define DRAIN_NS 1000000000u

/* Lines of progress between heaps, or between their lines, would make the recording unreadable. */
static int refuse_output(struct recv_progress *progress, const char *path, struct spead_err *err)
{
    close(progress->fd);
    progress->fd = -1;
    return speadi_err_set(err, -EINVAL,
                          "--progress %s: --output writes to this file; use another one", path);
}

int recv_progress_open(struct recv_progress *progress,
                       const struct spead_recv_tool_options *options, struct spead_err *err)
{
    const char *path = options->progress;

    *progress = (struct recv_progress){.fd = -1, .interval_ns = options->progress_ns};
    if (!path)
        return 0;
    progress->owned = strcmp(path, "-") != 0;
    if (!progress->owned)
        progress->fd = recv_output_is_stdout(&options->output) ? STDERR_FILENO : STDOUT_FILENO;
    else
        progress->fd = speadi_own_file_open(path, O_WRONLY | O_APPEND | O_NONBLOCK,
                                            SPEADI_OWN_FILE_ANY_KIND, err);
    if (progress->fd < 0)
        return progress->fd;
    if (progress->owned && recv_output_goes_to(&options->output, progress->fd))
        return refuse_output(progress, path, err);
    progress->pump = tool_pump_start(progress->fd);
    return progress->pump ? 0 : speadi_err_set(err, -ENOMEM, "out of memory");
}

void recv_progress_start(struct recv_progress *progress)
{
    progress->start_ns = progress->last_ns = speadi_clock_mono_ns();
    progress->due_ns = progress->start_ns + progress->interval_ns;
}

/* Makes the object of a line. Returns NULL when out of memory. */
static json_t *line_object(const struct recv_progress *progress, const struct recv_graph *graph,
                           const struct heap_check_totals *taken, uint64_t now_ns)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_recording_writer_stats written = SPEAD_RECORDING_WRITER_STATS_INIT;
    double interval_s = (double)(now_ns - progress->last_ns) * 1e-9;
    json_t *object;

    spead_recv_stream_stats(graph->stream, &stats);
    if (graph->writer)
        written = heap_writer_stats(graph->writer);
    object = json_pack(
        "{s:s, s:f, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
        "schema", TOOL_SCHEMA, "elapsed_s", (double)(now_ns - progress->start_ns) * 1e-9, "heaps",
        (json_int_t)taken->heaps, "incomplete_heaps", (json_int_t)taken->incomplete_heaps,
        "payload_bytes", (json_int_t)taken->payload_bytes, "packets",
        (json_int_t)stats.total.seen.packets, "gbps",
        interval_s > 0 ? (double)(taken->payload_bytes - progress->last_bytes) * 8e-9 / interval_s
                       : 0.0,
        "heaps_per_s",
        interval_s > 0 ? (double)(taken->heaps - progress->last_heaps) / interval_s : 0.0,
        "missing_packets", (json_int_t)stats.counters.missing_packets, "missing_heaps",
        (json_int_t)stats.counters.missing_heaps, "shed_heaps",
        (json_int_t)stats.counters.heaps_shed, "kernel_drops",
        (json_int_t)stats.counters.kernel_drops, "written_heaps", (json_int_t)written.heaps,
        "synced_heaps", (json_int_t)written.heaps_synced, "lost_heaps",
        (json_int_t)written.heaps_lost, "dropped_lines", (json_int_t)progress->dropped);
    if (object &&
        (tool_report_set_digits(object, "time_ns", speadi_clock_utc_ns()) < 0 ||
         tool_report_set_known(object, "port_out_of_buffer", stats.counters.port_counted,
                               stats.counters.port_out_of_buffer) < 0 ||
         json_object_set_new(object, "in_sync", json_boolean(!stats.counters.awaits_start)) < 0 ||
         tool_report_set(object, "heaps_before_start", stats.counters.heaps_before_start) < 0)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static void put(struct recv_progress *progress, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    size_t bytes = text ? strlen(text) : 0;

    if (text)
        text[bytes++] = '\n'; /* in the place of the final 0 */
    if (!text || !tool_pump_put(progress->pump, text, bytes))
        progress->dropped++;
    free(text);
    json_decref(object);
}

void recv_progress_update(struct recv_progress *progress, const struct recv_graph *graph,
                          uint64_t now_ns, bool last)
{
    struct heap_check_totals taken;

    if (!progress->pump || (now_ns < progress->due_ns && !last))
        return;
    taken = heap_check_totals(graph->check);
    put(progress, line_object(progress, graph, &taken, now_ns));
    progress->last_ns = now_ns;
    progress->last_heaps = taken.heaps;
    progress->last_bytes = taken.payload_bytes;
    while (progress->due_ns <= now_ns)
        progress->due_ns += progress->interval_ns;
}

void recv_progress_close(struct recv_progress *progress)
{
    /* A pump that hangs still uses the descriptor. */
    if (tool_pump_drain(progress->pump, DRAIN_NS) && progress->owned && progress->fd >= 0)
        close(progress->fd);
    progress->fd = -1;
}
