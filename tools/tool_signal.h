/* SIGINT and SIGTERM: the first asks for an orderly end, the second for one now, the third kills. */
#ifndef SPEADLINE_TOOLS_TOOL_SIGNAL_H
#define SPEADLINE_TOOLS_TOOL_SIGNAL_H

/* Calls fn(nth) in the signal handler for the first and the second signal (nth is 1, 2). Sleeping
 * system calls are interrupted. */
void tool_signal_install(void (*fn)(int nth));

/* Signals so far. */
int tool_signal_count(void);

#endif
