/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the command line of a program.
 *
 * An option is written --NAME, --NAME VALUE or --NAME=VALUE, with its whole name. A part of a name is refused, so that
 * an option of a later version cannot change what a script means. The word "--" ends the options. Options and arguments
 * may stand in any order.
 *
 * The options of spead2's tools are known too (spead2_words.h).
 *
 * An option that holds one value is given once. If it is given twice, the error names both values. A flag may be
 * repeated, because a second one changes nothing.
 *
 * No word may have control characters. So no sentence, plan or summary that quotes a word can change a terminal. */
#ifndef SPEADLINE_TOOLS_COMMAND_LINE_H
#define SPEADLINE_TOOLS_COMMAND_LINE_H

#include "option_table.h"

/* Which options the user has typed. */
struct tool_given {
    /* For each option, by its number of tool_option_at(): the value as it was typed, "" for a flag, or NULL if the
     * option was not typed. The texts are borrowed from argv. */
    const char *typed[TOOL_OPTIONS_MAX];
};

/* Fills *options with the defaults and then with the values of the command line, and *given with what was typed. It
 * exits with TOOL_USAGE when the command line is wrong, and after --help, --usage and --version. */
void tool_command_line_read(const struct tool_program *program, int argc, char **argv,
                            void *options, struct tool_given *given);

/* Returns the value of the option as the user has typed it, "" for a flag, or NULL if the user has not typed it. */
const char *tool_given_value(const struct tool_program *program, const struct tool_given *given,
                             const char *name);

/* For a command line without an endpoint. Prints `sentence` and exits with TOOL_USAGE. If an option has taken a word
 * that looks like an endpoint as its value, the sentence names this option and the word. */
_Noreturn void tool_no_endpoint(const struct tool_program *program, const struct tool_given *given,
                                const char *sentence);

#endif
