/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_exit.h. */
#include "tool_exit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

bool tool_is_control(char character)
{
    return (unsigned char)character < ' ' || character == 0x7f;
}

/* Writes the line into `shown`, with each control character as "\x1b". A line quotes what the user has typed, and a
 * control character could change the terminal. `shown` needs four times the room of the line. Returns shown. */
static const char *show(const char *line, char *shown)
{
    char *to = shown;

    for (; *line != '\0'; line++) {
        if (tool_is_control(*line))
            to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*line);
        else
            *to++ = *line;
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
