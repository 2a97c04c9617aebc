/* SPDX-License-Identifier: Apache-2.0 */
/* See info_recording.h. */
#include "info_recording.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include <speadline/record.h>

#include "tool_exit.h"
#include "tool_report.h"

/* Each finding: its key in the JSON object, its number, and what the text says behind the number. */
struct finding {
    const char *key;
    uint64_t number;
    const char *text;
};

#define FINDINGS 4

static void find(const struct spead_recording_info *info, struct finding finding[FINDINGS])
{
    const struct finding all[FINDINGS] = {
        {"bad_heaps", info->bad_heaps,
         "heaps of the index are not in the file, or other heaps are in their place"},
        {"bad_line", info->bad_line, "is the first line of the index that describes no heap"},
        {"torn_bytes", info->torn_bytes,
         "bytes at the end of the index are a torn line; the next spead-recv cuts them off"},
        {"unindexed_bytes", info->unindexed_bytes,
         "bytes at the end of the file are described by no line; the next spead-recv cuts them "
         "off"},
    };

    for (unsigned i = 0; i < FINDINGS; i++)
        finding[i] = all[i];
}

static void print_text(const char *path, const struct spead_recording_info *info)
{
    char payload[TOOL_TEXT_MAX], missing[TOOL_TEXT_MAX], disk[TOOL_TEXT_MAX];
    struct finding finding[FINDINGS];

    find(info, finding);
    printf("%s: %s\n", path,
           !info->whole          ? "not whole"
           : info->being_written ? "whole so far; a program is writing it"
                                 : "whole");
    printf("  heaps    %" PRIu64 ", %" PRIu64 " of them incomplete\n", info->heaps,
           info->incomplete_heaps);
    printf("  payload  %s, of which %s are gaps; the file takes %s of the disk\n",
           tool_text_payload(payload, info->payload_bytes),
           tool_text_payload(missing, info->missing_bytes),
           tool_text_payload(disk, info->disk_bytes));
    if (info->heaps > 0)
        printf("  time     %.3f s from the first to the last packet\n",
               (double)(info->last_ns - info->first_ns) * 1e-9);
    if (info->bad_heaps > 0)
        printf("  fault    the first bad heap has the counter %" PRIu64 "\n",
               info->first_bad_counter);
    for (unsigned i = 0; i < FINDINGS; i++)
        if (finding[i].number > 0 && !(info->being_written && i >= 2))
            printf("  fault    %" PRIu64 " %s\n", finding[i].number, finding[i].text);
}

/* The names of the clocks, as a JSON array. */
static json_t *clocks_json(uint64_t clocks)
{
    json_t *names = json_array();

    for (unsigned i = 0; names && spead_clock_name((enum spead_clock)i); i++)
        if (clocks >> i & 1)
            json_array_append_new(names, json_string(spead_clock_name((enum spead_clock)i)));
    return names;
}

static int set_clocks(json_t *object, const struct spead_recording_info *info)
{
    if (json_object_set_new(object, "clocks", clocks_json(info->clocks)) < 0)
        return -1;
    return info->clock_error_ns == SPEAD_CLOCK_ERROR_UNKNOWN
               ? json_object_set_new(object, "clock_error_ns", json_null())
               : tool_report_set(object, "clock_error_ns", info->clock_error_ns);
}

static int print_json(const char *path, const struct spead_recording_info *info)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "schema", TOOL_SCHEMA,
        "version", spead_version(), "tool", "spead-info", "recording", path, "whole",
        (int)info->whole, "being_written", (int)info->being_written, "heaps",
        (json_int_t)info->heaps, "incomplete_heaps", (json_int_t)info->incomplete_heaps,
        "payload_bytes", (json_int_t)info->payload_bytes, "missing_bytes",
        (json_int_t)info->missing_bytes, "data_bytes", (json_int_t)info->data_bytes, "disk_bytes",
        (json_int_t)info->disk_bytes, "index_bytes", (json_int_t)info->index_bytes);
    struct finding finding[FINDINGS];

    if (object && (tool_report_set_digits(object, "first_ns", info->first_ns) < 0 ||
                   tool_report_set_digits(object, "last_ns", info->last_ns) < 0 ||
                   set_clocks(object, info) < 0))
        return tool_report_print(NULL);
    find(info, finding);
    for (unsigned i = 0; object && i < FINDINGS; i++)
        if (tool_report_set(object, finding[i].key, finding[i].number) < 0)
            return tool_report_print(NULL);
    if (object && info->bad_heaps > 0 &&
        tool_report_set_digits(object, "first_bad_counter", info->first_bad_counter) < 0)
        return tool_report_print(NULL);
    return tool_report_print(object);
}

int info_recording(const char *path, bool json)
{
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;
    struct spead_err err = {0};
    int status = TOOL_DONE;

    if (spead_recording_inspect(path, &info, &err) < 0)
        return tool_failed("%s", err.text);
    if (json)
        status = print_json(path, &info);
    else
        print_text(path, &info);
    if (fflush(stdout) != 0)
        return tool_failed("cannot write: %m");
    return status == TOOL_DONE && !info.whole ? TOOL_FAILED : status;
}
