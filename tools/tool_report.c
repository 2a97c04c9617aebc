/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_report.h. */
#include "tool_report.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/endpoint.h>
#include <speadi/frame_layout.h>

#include "tool_exit.h"

#define SECOND_NS 1000000000u

/* ---- Standard streams ---------------------------------------------------------------------- */

void tool_streams_prepare(void)
{
    /* /dev/null is opened for reading only. A later write to standard output then fails, so the program notices that it
     * cannot print. open() takes the lowest free number, which is `fd`. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            exit(tool_failed("cannot open /dev/null: %m"));
    signal(SIGPIPE, SIG_IGN);
}

/* ---- Progress ------------------------------------------------------------------------------ */

void tool_progress_start(struct tool_progress *progress, bool quiet)
{
    uint64_t now = speadi_clock_mono_ns();

    *progress = (struct tool_progress){
        .shown = !quiet && isatty(STDERR_FILENO) != 0,
        .start_ns = now,
        .last_ns = now,
        .due_ns = now + SECOND_NS,
    };
}

void tool_progress_update(struct tool_progress *progress, uint64_t now_ns, uint64_t bytes,
                          uint64_t heaps, const char *waiting, const char *rest)
{
    double interval_s, elapsed_s;

    if (now_ns < progress->due_ns)
        return;
    interval_s = (double)(now_ns - progress->last_ns) / SECOND_NS;
    elapsed_s = (double)(now_ns - progress->start_ns) / SECOND_NS;
    progress->due_ns += (now_ns - progress->due_ns) / SECOND_NS * SECOND_NS + SECOND_NS;
    if (!progress->shown)
        return;
    /* One call prints the whole line, so that no warning of another thread comes into the middle of the line. */
    if (bytes == 0 && heaps == 0 && waiting)
        fprintf(stderr, "\r%.0f s  %s  %s\033[K", elapsed_s, waiting, rest);
    else
        fprintf(stderr, "\r%.0f s  %.2f Gb/s  %.0f heaps/s  %s\033[K", elapsed_s,
                (double)(bytes - progress->last_bytes) * 8e-9 / interval_s,
                (double)(heaps - progress->last_heaps) / interval_s, rest);
    progress->last_ns = now_ns;
    progress->last_bytes = bytes;
    progress->last_heaps = heaps;
}

void tool_progress_end(struct tool_progress *progress)
{
    if (progress->shown && progress->last_ns != progress->start_ns)
        fputc('\n', stderr);
    progress->shown = false;
}

/* ---- Totals -------------------------------------------------------------------------------- */

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

struct tool_cpu tool_cpu_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (struct tool_cpu){seconds_of(usage.ru_utime), seconds_of(usage.ru_stime)};
}

struct tool_cpu tool_cpu_since(struct tool_cpu start)
{
    struct tool_cpu now = tool_cpu_now();

    return (struct tool_cpu){now.user_s - start.user_s, now.sys_s - start.sys_s};
}

double tool_totals_seconds(const struct tool_totals *totals)
{
    if (totals->first_packet_ns == 0 || totals->last_packet_ns < totals->first_packet_ns)
        return 0;
    return (double)(totals->last_packet_ns - totals->first_packet_ns) / SECOND_NS;
}

double tool_totals_gbps(const struct tool_totals *totals)
{
    double seconds = tool_totals_seconds(totals);

    return seconds > 0 ? (double)totals->payload_bytes * 8e-9 / seconds : 0;
}

unsigned tool_wire_overhead(const char *endpoint, bool receive)
{
    struct speadi_address address;
    enum speadi_address_use use = receive ? SPEADI_ADDRESS_RECEIVE : SPEADI_ADDRESS_SEND;

    if (speadi_endpoint_address(&address, endpoint, use, NULL) == 0 &&
        address.any.sa_family == AF_INET6)
        return SPEADI_WIRE_OVERHEAD_V6;
    return SPEADI_WIRE_OVERHEAD_V4;
}

/* ---- Words for people ---------------------------------------------------------------------- */

/* Divides *value by `base` until *value is smaller than `base`, or until the last unit is reached. Returns the number
 * of divisions, which is the index of the unit. */
static unsigned choose_unit(double *value, double base, unsigned units)
{
    unsigned unit = 0;

    for (; *value >= base && unit + 1 < units; unit++)
        *value /= base;
    return unit;
}

char *tool_text_memory(char text[TOOL_TEXT_MAX], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    unsigned unit = choose_unit(&value, 1024, sizeof units / sizeof *units);

    snprintf(text, TOOL_TEXT_MAX, "%.4g %s", value, units[unit]);
    return text;
}

char *tool_text_payload(char text[TOOL_TEXT_MAX], uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    unsigned unit = choose_unit(&value, 1000, sizeof units / sizeof *units);

    snprintf(text, TOOL_TEXT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

void tool_report_total(FILE *to, const struct tool_totals *totals, const char *heaps_word)
{
    char payload[TOOL_TEXT_MAX];

    fprintf(to, "%s: %" PRIu64 " %s, %s of payload in %.3f s: %.2f Gb/s\n", totals->tool,
            totals->heaps, heaps_word, tool_text_payload(payload, totals->payload_bytes),
            tool_totals_seconds(totals), tool_totals_gbps(totals));
}

void tool_report_headline(FILE *to, const struct tool_totals *totals, const char *heaps_word)
{
    tool_report_total(to, totals, heaps_word);
    fprintf(to, "  engine   %s\n", totals->reason_told ? totals->engine : totals->engine_reason);
    fprintf(to, "  cpu      %.2f s user, %.2f s system\n", totals->cpu.user_s, totals->cpu.sys_s);
}

void tool_report_sum(FILE *to, uint64_t total, const struct spead_count *bucket, unsigned count,
                     const char *(*name)(unsigned bucket), const char *total_word)
{
    const char *joint = "=";

    fprintf(to, "%" PRIu64 " %s", total, total_word);
    for (unsigned i = 0; i < count; i++) {
        if (bucket[i].packets == 0)
            continue;
        fprintf(to, " %s %" PRIu64 " %s", joint, bucket[i].packets, name(i));
        joint = "+";
    }
    fputc('\n', to);
}

void tool_report_device(FILE *to, uint64_t rebuilds, uint64_t rebuild_ns, uint64_t link_downs)
{
    char time[40] = "";

    if (rebuild_ns > 0)
        snprintf(time, sizeof time, " (%.3f ms in all)", (double)rebuild_ns * 1e-6);
    if (rebuilds > 0)
        fprintf(to,
                "  device   its queue failed and was made anew %" PRIu64
                " times%s: packets were lost\n",
                rebuilds, time);
    if (link_downs > 0)
        fprintf(to, "  link     went down %" PRIu64 " times\n", link_downs);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

json_t *tool_report_object(const struct tool_totals *totals)
{
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:s, s:s, s:I, s:I,"
        " s:I, s:I}",
        "schema", TOOL_SCHEMA, "version", spead_version(), "tool", totals->tool, "payload_bytes",
        (json_int_t)totals->payload_bytes, "wire_bytes", (json_int_t)totals->wire_bytes, "heaps",
        (json_int_t)totals->heaps, "incomplete_heaps", (json_int_t)totals->incomplete_heaps,
        "packets", (json_int_t)totals->packets, "seconds", tool_totals_seconds(totals), "gbps",
        tool_totals_gbps(totals), "cpu_user_s", totals->cpu.user_s, "cpu_sys_s", totals->cpu.sys_s,
        "engine", totals->engine, "engine_reason", totals->engine_reason, "placed",
        (json_int_t)totals->placed, "bounced", (json_int_t)totals->bounced, "repaired",
        (json_int_t)totals->repaired, "verify_bad_bytes", (json_int_t)totals->verify_bad_bytes);
}

json_t *tool_report_count(struct spead_count count)
{
    return json_pack("{s:I, s:I}", "packets", (json_int_t)count.packets, "bytes",
                     (json_int_t)count.bytes);
}

json_t *tool_report_buckets(const struct spead_count *bucket, unsigned count,
                            const char *(*name)(unsigned bucket))
{
    json_t *object = json_object();

    /* json_object_set_new() also fails when the object or the value is NULL. So this one check covers all failures. */
    for (unsigned i = 0; i < count; i++) {
        if (json_object_set_new(object, name(i), tool_report_count(bucket[i])) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

int tool_report_set(json_t *object, const char *key, uint64_t value)
{
    return json_object_set_new(object, key, json_integer((json_int_t)value));
}

int tool_report_set_known(json_t *object, const char *key, bool known, uint64_t value)
{
    return known ? tool_report_set(object, key, value)
                 : json_object_set_new(object, key, json_null());
}

int tool_report_set_digits(json_t *object, const char *key, uint64_t value)
{
    return json_object_set_new(object, key, json_sprintf("%" PRIu64, value));
}

int tool_report_print_to(FILE *to, json_t *object)
{
    int ret;

    if (!object)
        return tool_failed("cannot make the JSON object: out of memory");
    ret = json_dumpf(object, to, JSON_REAL_PRECISION(9));
    json_decref(object);
    if (ret < 0 || putc('\n', to) == EOF || fflush(to) == EOF)
        return tool_failed("cannot write the JSON object to standard %s: %m",
                           to == stdout ? "output" : "error");
    return TOOL_DONE;
}

int tool_report_print(json_t *object)
{
    return tool_report_print_to(stdout, object);
}
