/* SIGINT and SIGTERM: the first one asks the program to end in order, the second asks it to end immediately, the third
 * kills it. */
#ifndef SPEADLINE_TOOLS_TOOL_SIGNAL_H
#define SPEADLINE_TOOLS_TOOL_SIGNAL_H

/* Installs a handler that calls fn(nth) for the first and the second signal (nth is 1 or 2). fn runs in the signal
 * handler. A signal interrupts a system call that sleeps. */
void tool_signal_install(void (*fn)(int nth));

/* Returns how many signals have come so far. */
int tool_signal_count(void);

#endif
