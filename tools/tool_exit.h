/* How a tool ends: exit statuses, and one line on stderr that says why. */
#ifndef SPEADLINE_TOOLS_TOOL_EXIT_H
#define SPEADLINE_TOOLS_TOOL_EXIT_H

enum {
    TOOL_DONE = 0,
    TOOL_FAILED = 1,    /* the system or the network failed, or a verified byte was wrong */
    TOOL_USAGE = 2,     /* what was asked cannot be */
    TOOL_NOT_CLEAN = 3, /* --strict: something was lost or refused */
};

/* One line on stderr, "spead-send: ...", and exit status TOOL_USAGE. */
__attribute__((format(printf, 1, 2), noreturn)) void tool_usage(const char *format, ...);

/* One line on stderr; returns TOOL_FAILED. */
__attribute__((format(printf, 1, 2))) int tool_failed(const char *format, ...);

#endif
