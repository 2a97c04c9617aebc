/* The handling of SIGINT and SIGTERM. The first signal asks the program to end in order. The second asks it to end
 * immediately. The third kills the program. */
#ifndef SPEADLINE_TOOLS_TOOL_SIGNAL_H
#define SPEADLINE_TOOLS_TOOL_SIGNAL_H

/* Installs a signal handler. For the first signal the handler calls fn(1), for the second it calls fn(2). `fn` must be
 * safe in a signal handler. A signal ends a system call in which the program sleeps. */
void tool_signal_install(void (*fn)(int nth));

/* Returns how many signals have come so far. */
int tool_signal_count(void);

/* Returns the number of the first signal (SIGINT or SIGTERM), or 0 when none has come. */
int tool_signal_first(void);

#endif
