/* The command line of spead-info. */
#ifndef SPEADLINE_TOOLS_SPEAD_INFO_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_INFO_OPTIONS_H

#include <stdbool.h>

#include "option_table.h"

struct spead_info_tool_options {
    const char *topic;     /* the argument of the command line, which must be "engines" */
    const char *interface; /* NULL means every device */
    bool json;
};

extern const struct tool_program spead_info_program;

/* Reads the command line. It exits when the command line is wrong, and after --help and --version. */
void spead_info_options_parse(struct spead_info_tool_options *options, int argc, char **argv);

#endif
