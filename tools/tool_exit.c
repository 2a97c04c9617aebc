/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_exit.h. */
#include "tool_exit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

unsigned tool_control_bytes(const char *text)
{
    const unsigned char first = (unsigned char)text[0],
                        second = (unsigned char)(first ? text[1] : 0);

    if (first == '\0')
        return 0;
    if (first < ' ' || first == 0x7f)
        return 1;
    return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : 0;
}

/* Writes the line into `shown`, with each byte of a control character as "\x1b". A line quotes what the user has typed,
 * and a control character could change the terminal. `shown` needs four times the room of the line. Returns shown. */
static const char *show(const char *line, char *shown)
{
    char *to = shown;

    while (*line != '\0') {
        unsigned bytes = tool_control_bytes(line);

        if (bytes == 0)
            *to++ = *line++;
        for (; bytes > 0; bytes--)
            to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*line++);
    }
    *to = '\0';
    return shown;
}

static void print_line(const char *format, va_list arguments)
{
    char line[1024], shown[4 * sizeof line + 1];

    vsnprintf(line, sizeof line, format, arguments);
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, show(line, shown));
}

void tool_usage(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    exit(TOOL_USAGE);
}

int tool_failed(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return TOOL_FAILED;
}
