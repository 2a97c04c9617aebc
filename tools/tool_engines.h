/* The names that --engine takes: made from the library's own list, so that a tool knows every engine. */
#ifndef SPEADLINE_TOOLS_TOOL_ENGINES_H
#define SPEADLINE_TOOLS_TOOL_ENGINES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/engine.h>

/* spead_recv_engine_info or spead_send_engine_info. */
typedef int tool_engine_info_fn(uint32_t index, struct spead_engine_info *info);

/* True for an engine whose endpoints can be typed: not for memory links, which have no name. */
bool tool_engine_is_nameable(const struct spead_engine_info *info);

/* "auto" and the engines of one direction, by rank; NULL-terminated. Static storage, of the last call. */
const char *const *tool_engine_names(tool_engine_info_fn *info);

/* The help of --engine: "auto, verbs, socket or uring (auto)". Static storage, of the last call. */
const char *tool_engine_help(tool_engine_info_fn *info);

#endif
