/* See spead_info_options.h. */
#include "spead_info_options.h"

#include <string.h>

#include "tool_exit.h"

#define OWN(member) .at = {[TOOL_INFO] = TOOL_PLACE(spead_info_tool_options, member)}

/* clang-format off */
static const struct tool_option rows[] = {
    {.name = "interface", .argument = "IF",
     .type = &tool_string, OWN(interface),
     .help = "Interface, by name or address, that engine verbs would use",
     .unset = "every device"},
    {.name = "json",
     .type = &tool_flag, OWN(json),
     .help = "Print one JSON object"},
};
/* clang-format on */

static void take_topic(void *to, const char *text)
{
    struct spead_info_tool_options *options = to;

    if (options->topic)
        tool_usage("\"%s\" is one word too many", text);
    options->topic = text;
}

static const struct tool_table own_table = {rows, sizeof rows / sizeof *rows};
static const struct spead_info_tool_options defaults;

const struct tool_program spead_info_program = {
    .side = TOOL_INFO,
    .arguments = "engines",
    .arguments_field = "",
    .doc =
        "Say which engines can be used here, why the others cannot, and what provides what they lack."
        "\vExit status: 0 done, 1 failed, 2 wrong usage.",
    .tables = {&own_table},
    .defaults = &defaults,
    .bytes = sizeof defaults,
    .take_argument = take_topic,
};

void spead_info_options_parse(struct spead_info_tool_options *options, int argc, char **argv)
{
    tool_options_parse(&spead_info_program, argc, argv, options);
    if (!options->topic)
        tool_usage("about what? Give \"engines\"");
    if (strcmp(options->topic, "engines") != 0)
        tool_usage("\"%s\" is no topic: use engines", options->topic);
}
