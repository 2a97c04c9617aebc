/* SPDX-License-Identifier: Apache-2.0 */
/* See spead_info_options.h. */
#include "spead_info_options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "tool_exit.h"

#define OWN(member) .at = {[TOOL_INFO] = TOOL_PLACE(spead_info_tool_options, member)}

/* clang-format off */
static const struct tool_option rows[] = {
    {.name = "interface", .argument = "IF",
     .type = &tool_string, OWN(interface), .offer = TOOL_OFFER_INTERFACES,
     .help = "Interface, by name or address, that engine verbs would use",
     .unset = "every device"},
    {.name = "json",
     .type = &tool_flag, OWN(json),
     .help = "Print one JSON object"},
};
/* clang-format on */

/* Stores the name of a recording. A user may take the index for the recording: its name ends in ".jsonl", and it has no
 * index of its own. */
static void take_file(struct spead_info_tool_options *options, const char *text)
{
    static const char ending[] = ".jsonl";
    size_t length = strlen(text);
    char index[PATH_MAX];

    snprintf(index, sizeof index, "%s%s", text, ending);
    if (access(index, F_OK) < 0 && length >= sizeof ending &&
        strcmp(text + length - (sizeof ending - 1), ending) == 0)
        tool_usage("\"%s\" is an index: name its data file, \"%.*s\"", text,
                   (int)(length - (sizeof ending - 1)), text);
    options->file = text;
}

static void take_argument(void *to, const char *text)
{
    struct spead_info_tool_options *options = to;

    if (options->topic == INFO_NOTHING && strcmp(text, "engines") == 0)
        options->topic = INFO_ENGINES;
    else if (options->topic == INFO_NOTHING && strcmp(text, "recording") == 0)
        options->topic = INFO_RECORDING;
    else if (options->topic == INFO_NOTHING)
        tool_usage("\"%s\" is no topic: use engines, or recording FILE", text);
    else if (options->topic == INFO_RECORDING && !options->file && text[0] != '\0')
        take_file(options, text);
    else if (text[0] == '\0')
        tool_usage("\"\" is no file");
    else
        tool_usage("\"%s\" is one word too many", text);
}

static const struct tool_topic topics[] = {
    {"engines", TOOL_OFFER_NOTHING}, {"recording", TOOL_OFFER_FILES}, {NULL, TOOL_OFFER_NOTHING}};

static const struct tool_table own_table = {rows, sizeof rows / sizeof *rows};
static const struct spead_info_tool_options defaults;

const struct tool_program spead_info_program = {
    .side = TOOL_INFO,
    .arguments = "engines\nrecording FILE",
    .arguments_field = "",
    .doc =
        "Say which engines can be used here, why the others cannot, and what provides what they lack; "
        "or say what a recording of spead-recv --output holds, and whether it is whole."
        "\vExit status: 0 done, 1 failed or the recording is not whole, 2 wrong usage.",
    .tables = {&own_table},
    .defaults = &defaults,
    .bytes = sizeof defaults,
    .take_argument = take_argument,
    .topics = topics,
};

void spead_info_options_parse(struct spead_info_tool_options *options, int argc, char **argv)
{
    struct tool_given given;

    tool_command_line_read(&spead_info_program, argc, argv, options, &given);
    if (options->topic == INFO_NOTHING)
        tool_usage("about what? Give \"engines\", or \"recording FILE\"");
    if (options->topic == INFO_RECORDING && !options->file)
        tool_usage("about which recording? Give \"recording FILE\"");
    if (options->topic == INFO_RECORDING && options->interface)
        tool_usage("--interface %s has no effect with recording: it is for engines",
                   options->interface);
}
