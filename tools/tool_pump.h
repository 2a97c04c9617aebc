/* SPDX-License-Identifier: Apache-2.0 */
/* A pump writes text to a descriptor on a thread of its own, so that whoever prints never waits: a terminal may be
 * stopped (Ctrl-S), a reader of a pipe may be asleep, a disk may hang. The text that waits is bounded; what finds no
 * room is dropped and counted. */
#ifndef SPEADLINE_TOOLS_TOOL_PUMP_H
#define SPEADLINE_TOOLS_TOOL_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tool_pump; /* defined in tool_pump.c */

/* Starts a pump. The descriptor is borrowed until the program ends. Returns NULL when that is not possible. */
struct tool_pump *tool_pump_start(int fd);

/* Adds text. Any thread may call it; it never waits for the descriptor. Returns false, and adds nothing, if there is no
 * room. */
bool tool_pump_put(struct tool_pump *pump, const char *text, size_t bytes);

/* Waits until all text is written, at most this long. Returns true if it is. NULL is ignored. The pump and its thread
 * stay until the program ends, because a thread that hangs in a write cannot be stopped. */
bool tool_pump_drain(struct tool_pump *pump, uint64_t most_ns);

#endif
