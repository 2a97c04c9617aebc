/* SPDX-License-Identifier: Apache-2.0 */
/* An option that the user has typed and that has no effect is a mistake. So the program refuses it, before it touches
 * anything. There are two kinds:
 *
 * - Another option takes its effect away. Each program has a table of such pairs (struct tool_pair).
 * - It is an option of an engine that the user has not named. If the user has named no engine, nobody knows the engine
 *   before the stream is made; then the program goes on, and a warning names the options.
 *
 * --plan takes no effect away: it says what the same command line would do without it. */
#ifndef SPEADLINE_TOOLS_OPTION_EFFECT_H
#define SPEADLINE_TOOLS_OPTION_EFFECT_H

#include "command_line.h"

/* An option has no effect because of another one. A value is written as the program prints it. The value of an option
 * that is not set is "", and that of a flag that is set is "on". */
struct tool_pair {
    const char *option;
    const char *value; /* the pair is about this value of the option; NULL: about each value */
    const char *other; /* the name of the other option */
    const char *other_value; /* NULL stands for each value but "" */
    /* false: the option has no effect while the other one has this value. true: it has none unless it has this value */
    bool unless;
    /* The option keeps its effect if this third option has the value `but_value`. NULL if there is no such option. */
    const char *but, *but_value;
    const char *why; /* the end of the sentence */
};

/* Exits with TOOL_USAGE if a typed option has no effect. */
void tool_effects_check(const struct tool_program *program, const void *options,
                        const struct tool_given *given);

/* Prints a warning that names the typed options of other engines than `engine`, if there are any. `engine` is the
 * engine that the stream has taken. */
void tool_effects_warn(const struct tool_program *program, const struct tool_given *given,
                       const char *engine, const struct spead_log *log);

#endif
