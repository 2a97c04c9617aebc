/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what the shell offers for the value of an option can be typed as its value. Method: the test checks every row of
 * every program. tests/package/test_completion.sh tests the completion itself. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "option_rows.h"

static void expect_words(const struct option_program *tool, const struct tool_option *option)
{
    const char *const *words = option->offer_words;
    char *options = malloc(tool->program->bytes);
    struct spead_err err = {0};

    memcpy(options, tool->program->defaults, tool->program->bytes);
    for (; words != NULL && *words != NULL; words++)
        cr_expect_eq(tool_option_take(tool->program, option, *words, options, &err), 0,
                     "--%s %s: %s", option->name, *words, err.text);
    free(options);
}

Test(option_offers, each_offered_word_is_a_value_of_its_option)
{
    for_each_option(expect_words);
}

static void expect_use(const struct option_program *tool, const struct tool_option *option)
{
    (void)tool;
    if (option->argument == NULL || tool_option_words(option) != NULL)
        cr_expect(option->offer == TOOL_OFFER_NOTHING && option->offer_words == NULL,
                  "--%s needs no offer", option->name);
    if (option->argument != NULL && strcmp(option->argument, "FILE") == 0)
        cr_expect_eq(option->offer, TOOL_OFFER_FILES, "--%s", option->name);
    if (option->argument != NULL && strcmp(option->argument, "IF") == 0)
        cr_expect_eq(option->offer, TOOL_OFFER_INTERFACES, "--%s", option->name);
    if (option->type == &tool_cpu)
        cr_expect_eq(option->offer, TOOL_OFFER_CPUS, "--%s", option->name);
    if (option->type == &tool_stops || option->type == &tool_vector || option->type == &tool_sync)
        cr_expect_not_null(option->offer_words, "--%s", option->name);
}

Test(option_offers, files_interfaces_cpus_and_further_words_are_offered)
{
    for_each_option(expect_use);
}

Test(option_offers, each_topic_is_an_argument)
{
    const struct tool_program *program = &spead_info_program;

    for (const struct tool_topic *topic = program->topics; topic->word != NULL; topic++) {
        struct spead_info_tool_options options = {0};

        program->take_argument(&options, topic->word);
        cr_expect_neq(options.topic, INFO_NOTHING, "%s", topic->word);
    }
}
