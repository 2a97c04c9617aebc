/* SPDX-License-Identifier: Apache-2.0 */
/* The names that --engine accepts. They come from the lists of the library, so that a tool knows every engine. */
#ifndef SPEADLINE_TOOLS_TOOL_ENGINES_H
#define SPEADLINE_TOOLS_TOOL_ENGINES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/engine.h>

/* The type of the functions spead_recv_engine_info() and spead_send_engine_info(). */
typedef int tool_engine_info_fn(uint32_t index, struct spead_engine_info *info);

/* Returns true for an engine that a user can choose, because a user can type its endpoints. Nobody can type a memory
 * link. */
bool tool_engine_is_nameable(const struct spead_engine_info *info);

/* Each function returns a static array for one direction. The array has "auto", then the names of the engines that a
 * user can choose, in the order of their ranks, and then NULL. */
const char *const *tool_recv_engine_names(void);
const char *const *tool_send_engine_names(void);

#endif
