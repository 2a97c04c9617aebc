/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what a program says about itself. The text of --help comes from the rows of the option table. */
#ifndef SPEADLINE_TOOLS_OPTION_HELP_H
#define SPEADLINE_TOOLS_OPTION_HELP_H

#include "option_table.h"

/* What a user can ask the program itself, without running it. */
enum tool_question { TOOL_ASK_NOTHING, TOOL_ASK_HELP, TOOL_ASK_USAGE, TOOL_ASK_VERSION };

/* Returns the question that this option asks: --help, --usage or --version. `name` has no dashes. */
enum tool_question tool_question_of_name(const char *name, size_t length);

/* The same for an option of one letter: -h, -? or -V. */
enum tool_question tool_question_of_letter(char letter);

/* Returns the name of option number `index` of these three, or NULL. */
const char *tool_question_name(size_t index);

/* Prints the answer on standard output, and exits: with TOOL_DONE, or with TOOL_FAILED if it could not be printed. */
__attribute__((noreturn)) void tool_question_answer(const struct tool_program *program,
                                                    enum tool_question question);

#endif
