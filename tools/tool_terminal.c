/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_terminal.h. */
#include "tool_terminal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_pump.h"

#define DRAIN_NS 2000000000u

static struct tool_pump *error_pump, *output_pump;

/* For fopencookie(). Text that finds no room is dropped: a terminal that is stopped for long misses lines. */
static ssize_t put(void *pump, const char *text, size_t bytes)
{
    tool_pump_put(pump, text, bytes);
    return (ssize_t)bytes;
}

/* Returns a stream that writes to the descriptor through a pump, or `now` if that is not possible. */
static FILE *pumped(FILE *now, int fd, struct tool_pump **pump, int mode)
{
    FILE *stream;

    *pump = tool_pump_start(fd);
    stream = *pump ? fopencookie(*pump, "w", (cookie_io_functions_t){.write = put}) : NULL;
    if (!stream)
        return now;
    setvbuf(stream, NULL, mode, 0);
    return stream;
}

static bool may_wait(int fd)
{
    struct stat st;

    return isatty(fd) || (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
}

void tool_terminal_prepare(void)
{
    if (may_wait(STDERR_FILENO))
        stderr = pumped(stderr, STDERR_FILENO, &error_pump, _IONBF);
    if (isatty(STDOUT_FILENO))
        stdout = pumped(stdout, STDOUT_FILENO, &output_pump, _IOLBF);
    if (error_pump || output_pump)
        atexit(tool_terminal_drain);
}

void tool_terminal_drain(void)
{
    fflush(stdout);
    fflush(stderr);
    tool_pump_drain(output_pump, DRAIN_NS);
    tool_pump_drain(error_pump, DRAIN_NS);
}
