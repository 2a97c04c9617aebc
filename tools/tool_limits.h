/* SPDX-License-Identifier: Apache-2.0 */
/* What a tool does at its start about the limits of its process (setrlimit(2)). */
#ifndef SPEADLINE_TOOLS_TOOL_LIMITS_H
#define SPEADLINE_TOOLS_TOOL_LIMITS_H

/* The main thread of a tool needs at most this much stack. */
#define TOOL_STACK_BYTES (256u << 10)

/* A tool calls this function before functions with large frames. If the stack may not become TOOL_STACK_BYTES large, the
 * function raises the limit, and if it cannot do so, it ends the program with a sentence. Without this, the program
 * would crash. The function also makes the process ignore SIGXFSZ: a write into a file at its size limit then returns an
 * error, which the program reports. */
void tool_limits_prepare(void);

#endif
