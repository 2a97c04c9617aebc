/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of spead-info. */
#ifndef SPEADLINE_TOOLS_SPEAD_INFO_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_INFO_OPTIONS_H

#include <stdbool.h>

#include "option_table.h"

/* The first argument of the command line. */
enum info_topic { INFO_NOTHING, INFO_ENGINES, INFO_RECORDING };

struct spead_info_tool_options {
    enum info_topic topic;
    const char *file;      /* with INFO_RECORDING: the data file of the recording */
    const char *interface; /* NULL means every device */
    bool json;
};

extern const struct tool_program spead_info_program;

/* Reads the command line. It exits when the command line is wrong, and after --help and --version. */
void spead_info_options_parse(struct spead_info_tool_options *options, int argc, char **argv);

#endif
