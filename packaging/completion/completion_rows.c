/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what bash completes for the tools, as a bash array. It reads the option tables of the tools, so that the shell
 * offers the options and words that they accept, with the engines of this build. speadline.bash reads the array:
 *
 *   [PROGRAM --OPTION]=flag                 the option has no value
 *   [PROGRAM --OPTION]="OFFER [WORD...]"    its value is one of the words, or what the offer says
 *   [PROGRAM arguments]="OFFER [WORD...]"   the same for arguments
 *   [PROGRAM WORD]=OFFER                    the same for the arguments that follow WORD
 *
 * The name of an offer is that of a function in speadline.bash. */
#include <stdio.h>

#include "spead_info_options.h"
#include "spead_recv_options.h"
#include "spead_send_options.h"

static const struct {
    const char *name;
    const struct tool_program *program;
} tools[] = {
    {"spead-send", &spead_send_program},
    {"spead-recv", &spead_recv_program},
    {"spead-info", &spead_info_program},
};

static const char *const offer_names[] = {
    [TOOL_OFFER_NOTHING] = "nothing",
    [TOOL_OFFER_FILES] = "files",
    [TOOL_OFFER_INTERFACES] = "interfaces",
    [TOOL_OFFER_DEVICES] = "devices",
    [TOOL_OFFER_CPUS] = "cpus",
    [TOOL_OFFER_HOSTS] = "hosts",
    [TOOL_OFFER_PORTS_HERE] = "ports_here",
    [TOOL_OFFER_PORTS_THERE] = "ports_there",
};

/* These are options of every tool, and have no row. */
static const char *const helps[] = {"help", "usage", "version"};

static void write_words(const char *const *words)
{
    for (; words && *words; words++)
        printf(" %s", *words);
}

static void write_option(const char *tool, const struct tool_option *option)
{
    printf("    ['%s --%s']='", tool, option->name);
    if (option->argument) {
        fputs(offer_names[option->offer], stdout);
        write_words(tool_option_words(option));
        write_words(option->offer_words);
    } else {
        fputs("flag", stdout);
    }
    puts("'");
}

static void write_arguments(const char *tool, const struct tool_program *program)
{
    const struct tool_topic *topic = program->topics;

    printf("    ['%s arguments']='%s", tool, offer_names[program->offer]);
    for (; topic && topic->word; topic++)
        printf(" %s", topic->word);
    puts("'");
    for (topic = program->topics; topic && topic->word; topic++)
        printf("    ['%s %s']='%s'\n", tool, topic->word, offer_names[topic->offer]);
}

int main(void)
{
    puts("\n# The program completion-rows has written this array.\n"
         "declare -gA _speadline_rows=(");
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        const struct tool_option *option;

        for (size_t j = 0; (option = tool_option_at(tools[i].program, j)) != NULL; j++)
            write_option(tools[i].name, option);
        for (size_t j = 0; j < sizeof helps / sizeof *helps; j++)
            printf("    ['%s --%s']='flag'\n", tools[i].name, helps[j]);
        write_arguments(tools[i].name, tools[i].program);
    }
    puts(")");
    return fflush(stdout) == 0 ? 0 : 1;
}
