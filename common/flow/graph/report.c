/* SPDX-License-Identifier: Apache-2.0 */
/* Writing reports. The functions allocate nothing, so that they can write a report when there is no memory left. */
#include "report.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

void speadi_report_init(struct speadi_report *report, char *out, size_t max, bool json)
{
    *report = (struct speadi_report){.out = out, .max = max, .json = json};
    if (max > 0)
        out[0] = '\0';
}

int speadi_report_length(const struct speadi_report *report)
{
    return report->length > INT_MAX ? -EOVERFLOW : (int)report->length;
}

void speadi_report_text(struct speadi_report *report, const char *format, ...)
{
    size_t room = report->length < report->max ? report->max - report->length : 0;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(room ? report->out + report->length : NULL, room, format, args);
    va_end(args);
    if (length > 0)
        report->length += (size_t)length;
}

static void write_quoted(struct speadi_report *report, const char *value)
{
    speadi_report_text(report, "\"");
    for (const char *c = value; *c; c++) {
        if (*c == '"' || *c == '\\')
            speadi_report_text(report, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            speadi_report_text(report, "\\u%04x", (unsigned)*c);
        else
            speadi_report_text(report, "%c", *c);
    }
    speadi_report_text(report, "\"");
}

static void begin_member(struct speadi_report *report, const char *name)
{
    if (report->separate)
        speadi_report_text(report, ", ");
    report->separate = true;
    if (!name)
        return;
    write_quoted(report, name);
    speadi_report_text(report, ": ");
}

void speadi_report_open(struct speadi_report *report, const char *name, char bracket)
{
    begin_member(report, name);
    speadi_report_text(report, "%c", bracket);
    report->separate = false;
}

void speadi_report_close(struct speadi_report *report, char bracket)
{
    speadi_report_text(report, "%c", bracket);
    report->separate = true;
}

void speadi_report_string(struct speadi_report *report, const char *name, const char *value)
{
    begin_member(report, name);
    write_quoted(report, value);
}

void speadi_report_number(struct speadi_report *report, const char *name, unsigned long long value)
{
    begin_member(report, name);
    speadi_report_text(report, "%llu", value);
}

void speadi_report_share(struct speadi_report *report, const char *name, double value)
{
    /* "%.4f" would write the decimal comma that the locale of the program may have. */
    unsigned long long parts = (unsigned long long)(value * 10000 + 0.5);

    begin_member(report, name);
    speadi_report_text(report, "%llu.%04llu", parts / 10000, parts % 10000);
}

void speadi_report_bool(struct speadi_report *report, const char *name, bool value)
{
    begin_member(report, name);
    speadi_report_text(report, "%s", value ? "true" : "false");
}
