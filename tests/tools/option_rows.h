/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the programs that have tables of options. A function visits the rows of all these tables. */
#ifndef TESTS_TOOLS_OPTION_ROWS_H
#define TESTS_TOOLS_OPTION_ROWS_H

#include "spead_info_options.h"
#include "spead_recv_options.h"
#include "spead_send_options.h"

struct option_program {
    const struct tool_program *program;
    const char *path;      /* path of the built program */
    const char *arguments; /* the words that a command line needs besides options */
    const char *manual;    /* name of the manual page in docs/man */
};

static const struct option_program option_programs[] = {
    {&spead_recv_program, SPEAD_RECV, "127.0.0.1:7148", "spead-recv.1"},
    {&spead_send_program, SPEAD_SEND, "127.0.0.1:7148", "spead-send.1"},
    {&spead_info_program, SPEAD_INFO, "engines", "spead-info.1"},
};

#define OPTION_PROGRAM_COUNT (sizeof option_programs / sizeof *option_programs)

/* Calls check() for each row of the option table of each program. */
static inline void for_each_option(void (*check)(const struct option_program *tool,
                                                 const struct tool_option *option))
{
    for (size_t i = 0; i < OPTION_PROGRAM_COUNT; i++) {
        const struct tool_option *option;

        for (size_t j = 0; (option = tool_option_at(option_programs[i].program, j)) != NULL; j++)
            check(&option_programs[i], option);
    }
}

#endif
