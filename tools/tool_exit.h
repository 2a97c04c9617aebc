/* SPDX-License-Identifier: Apache-2.0 */
/* How a tool ends: its exit status, and one line on stderr that says why. */
#ifndef SPEADLINE_TOOLS_TOOL_EXIT_H
#define SPEADLINE_TOOLS_TOOL_EXIT_H

enum {
    TOOL_DONE = 0,
    TOOL_FAILED = 1, /* the system or the network failed, or a verified byte was wrong */
    TOOL_USAGE = 2,  /* the command line is wrong, or the library refused a configuration */
    /* With --strict: something was lost or refused. With --strict, --verify or --heaps: no packet came. */
    TOOL_NOT_CLEAN = 3,
};

/* A terminal may obey a control character instead of showing it. Returns how many bytes the control character takes
 * with which the text begins, in UTF-8: 1 or 2. Returns 0 if the text begins with another character, or is "". */
unsigned tool_control_bytes(const char *text);

/* Prints one line on stderr ("spead-send: ...") and exits with TOOL_USAGE. Control characters are printed as "\x1b". */
__attribute__((format(printf, 1, 2), noreturn)) void tool_usage(const char *format, ...);

/* Prints one line on stderr and returns TOOL_FAILED. */
__attribute__((format(printf, 1, 2))) int tool_failed(const char *format, ...);

#endif
