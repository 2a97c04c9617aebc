/* SPDX-License-Identifier: Apache-2.0 */
/* Lets no terminal stop a program: what the program prints on standard error or on a terminal goes through a pump
 * (tool_pump.h). */
#ifndef SPEADLINE_TOOLS_TOOL_TERMINAL_H
#define SPEADLINE_TOOLS_TOOL_TERMINAL_H

/* From now on stdio's stderr never waits, if standard error is a terminal, a pipe or a socket; and stdio's stdout never
 * waits if standard output is a terminal. The descriptors stay as they are. When the program ends by exit() or by
 * returning from main(), what is printed has two seconds to come out. If a pump cannot be started, the function changes
 * nothing. */
void tool_terminal_prepare(void);

/* Waits for the output as exit() does. A program calls it before _exit(). */
void tool_terminal_drain(void);

#endif
