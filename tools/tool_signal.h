/* SPDX-License-Identifier: Apache-2.0 */
/* The handling of SIGINT, SIGTERM and SIGHUP. The first signal asks the program to end in order. The second asks it to
 * end immediately. The third kills the program. SIGHUP stays ignored if the program was started so (nohup). SIGUSR1
 * asks for a report of what was done so far. */
#ifndef SPEADLINE_TOOLS_TOOL_SIGNAL_H
#define SPEADLINE_TOOLS_TOOL_SIGNAL_H

#include <stdbool.h>

/* Installs a signal handler. For the first signal the handler calls fn(1), for the second it calls fn(2). `fn` must be
 * safe in a signal handler. A signal ends a system call in which the program sleeps. */
void tool_signal_install(void (*fn)(int nth));

/* Returns how many signals have come so far. */
int tool_signal_count(void);

/* Returns the number of the first signal (SIGINT, SIGTERM or SIGHUP), or 0 when none has come. */
int tool_signal_first(void);

/* From now on SIGUSR1 is counted. Without this call it kills the program. */
void tool_signal_install_report(void);

/* Returns true once after each SIGUSR1, or after several that have come close together. */
bool tool_signal_take_report(void);

#endif
