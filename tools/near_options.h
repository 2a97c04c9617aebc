/* SPDX-License-Identifier: Apache-2.0 */
/* Guesses which option a user meant who has typed a name that no option has. */
#ifndef SPEADLINE_TOOLS_NEAR_OPTIONS_H
#define SPEADLINE_TOOLS_NEAR_OPTIONS_H

#include "option_table.h"

#define TOOL_NEAR_MAX  3u   /* the most names that are guessed */
#define TOOL_NEAR_TEXT 160u /* the room for the text of the names */

/* Writes the names that are nearest to the typed name into `text`, as "--ring-heaps" or "--heaps or --heap-size". It
 * writes "" if no name is near. The typed name has no dashes, and `length` characters. Returns `text`. */
const char *tool_near_options(const struct tool_program *program, const char *typed, size_t length,
                              char text[TOOL_NEAR_TEXT]);

#endif
