/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_output.h. */
#include "recv_output.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speadi/err.h>

#include "option_table.h"
#include "tool_exit.h"
#include "tool_report.h"

/* ---- --sync -------------------------------------------------------------------------------- */

/* Reads "100heaps" or "1heap". Returns 1, or 0 if the text is something else, or -EINVAL. */
static int parse_heaps(const char *text, uint64_t *heaps, struct spead_err *err)
{
    size_t digits = strspn(text, "0123456789");
    char number[24];

    if (digits == 0 || digits >= sizeof number ||
        (strcmp(text + digits, "heaps") != 0 && strcmp(text + digits, "heap") != 0))
        return 0;
    snprintf(number, sizeof number, "%.*s", (int)digits, text);
    return tool_parse_count(heaps, number, 1, UINT32_MAX, err) < 0 ? -EINVAL : 1;
}

static int parse_sync(const struct tool_option *row, const char *text, void *to,
                      struct spead_err *err)
{
    struct recv_sync sync = {.when = SPEAD_RECORDING_SYNC_INTERVAL};
    int ret = parse_heaps(text, &sync.heaps, err);

    if (ret < 0)
        return ret;
    if (strcmp(text, "end") == 0)
        sync.when = SPEAD_RECORDING_SYNC_END;
    else if (strcmp(text, "never") == 0)
        sync.when = SPEAD_RECORDING_SYNC_NEVER;
    else if (ret == 0)
        ret = tool_time.parse(row, text, &sync.ns, err);
    if (ret < 0)
        return speadi_err_add(err, ret, "; or a number of heaps (like 100heaps), end, or never");
    *(struct recv_sync *)to = sync;
    return 0;
}

static void print_sync(const struct tool_option *row, const void *from, char *text, size_t room)
{
    const struct recv_sync *sync = from;

    if (sync->when != SPEAD_RECORDING_SYNC_INTERVAL)
        snprintf(text, room, "%s", sync->when == SPEAD_RECORDING_SYNC_END ? "end" : "never");
    else if (sync->heaps > 0)
        snprintf(text, room, "%" PRIu64 "heaps", sync->heaps);
    else
        tool_time.print(row, &sync->ns, text, room);
}

static void range_of_sync(const struct tool_option *row, char *text, size_t room)
{
    tool_time.range(row, text, room);
}

const struct tool_type tool_sync = {sizeof(struct recv_sync), parse_sync, print_sync,
                                    range_of_sync};

/* ---- Where to ------------------------------------------------------------------------------ */

static bool is_dash(const struct recv_output *output)
{
    return strcmp(output->path, "-") == 0;
}

const char *recv_output_name(const struct recv_output *output)
{
    return is_dash(output) ? "standard output" : output->path;
}

/* Returns true if the path leads to this file. Devices such as /dev/null count as different files. */
static bool leads_to(const char *path, const struct stat *file)
{
    struct stat named;

    return stat(path, &named) == 0 && named.st_dev == file->st_dev &&
           named.st_ino == file->st_ino && !S_ISCHR(named.st_mode);
}

bool recv_output_is_stdout(const struct recv_output *output)
{
    if (output->path && is_dash(output))
        return true;
    /* /dev/stdout, /dev/fd/1, or the file or FIFO that standard output is */
    return recv_output_goes_to(output, STDOUT_FILENO);
}

/* Returns the format that the user has asked for, or the one that fits the file. */
static enum spead_recording_format format_of(const struct recv_output *output)
{
    struct stat st;

    switch (output->format) {
    case RECV_OUTPUT_FILES:
        return SPEAD_RECORDING_FILES;
    case RECV_OUTPUT_RAW:
        return SPEAD_RECORDING_RAW;
    case RECV_OUTPUT_FRAMED:
        return SPEAD_RECORDING_FRAMED;
    case RECV_OUTPUT_AUTO:
        break;
    }
    if (is_dash(output))
        return SPEAD_RECORDING_RAW;
    return stat(output->path, &st) == 0 && S_ISFIFO(st.st_mode) ? SPEAD_RECORDING_RAW
                                                                : SPEAD_RECORDING_FILES;
}

bool recv_output_goes_to(const struct recv_output *output, int fd)
{
    char index[PATH_MAX];
    struct stat file;

    if (!output->path || fstat(fd, &file) < 0)
        return false;
    snprintf(index, sizeof index, "%s.jsonl", output->path);
    return leads_to(output->path, &file) ||
           (format_of(output) == SPEAD_RECORDING_FILES && leads_to(index, &file));
}

bool recv_output_is_raw(const struct recv_output *output)
{
    return output->path && format_of(output) == SPEAD_RECORDING_RAW;
}

/* Says that the file is not empty, because a user may expect that a recording begins anew. */
static void print_what_is_there(FILE *to, const struct recv_output *output)
{
    char bytes[TOOL_TEXT_MAX];
    struct stat file;

    if (is_dash(output) || stat(output->path, &file) < 0 || !S_ISREG(file.st_mode) ||
        file.st_size == 0)
        return;
    fprintf(to, "           %s holds %s already: the heaps are appended\n", output->path,
            tool_text_payload(bytes, (uint64_t)file.st_size));
}

void recv_output_plan(FILE *to, const struct recv_output *output)
{
    char when[32];

    if (!output->path)
        return;
    tool_sync.print(NULL, &output->sync, when, sizeof when);
    switch (format_of(output)) {
    case SPEAD_RECORDING_FILES:
        fprintf(to, "  output   %s and %s.jsonl, sync: %s\n", output->path, output->path, when);
        break;
    case SPEAD_RECORDING_RAW:
        fprintf(to, "  output   %s, raw: the payloads of complete heaps\n",
                recv_output_name(output));
        break;
    case SPEAD_RECORDING_FRAMED:
        fprintf(to, "  output   %s, framed: before each heap its line\n", recv_output_name(output));
        break;
    }
    print_what_is_there(to, output);
}

void recv_output_check(const struct recv_output *output, const char *sync)
{
    if (!output->path)
        return;
    if (is_dash(output) && output->format == RECV_OUTPUT_FILES)
        tool_usage("--output-format files needs a FILE: give --output FILE, or raw or framed");
    if (is_dash(output) && isatty(STDOUT_FILENO))
        tool_usage("--output -: standard output is a terminal; send it to a file or a program");
    if (sync && format_of(output) != SPEAD_RECORDING_FILES)
        tool_usage(
            "--sync %s has no effect: only the format files is synced, and this output is %s", sync,
            format_of(output) == SPEAD_RECORDING_RAW ? "raw" : "framed");
}

void recv_output_configure(const struct recv_output *output,
                           struct spead_recording_writer_config *config)
{
    config->follow_links = output->follow_links;
    config->sync = output->sync.when;
    config->sync_ns = output->sync.ns;
    config->sync_heaps = output->sync.heaps;
    if (!output->path)
        return;
    config->path = recv_output_name(output);
    config->format = format_of(output);
    if (is_dash(output))
        config->fd = STDOUT_FILENO;
}
