/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every row of an option table is true. The value fits its field in the struct of options. The default is a value
 * that a user could type. The tool refuses a value outside the range, and the text of the refusal names the option. If
 * the library refuses the field, the text of that refusal names the option too. Method: the test checks every row of
 * every program. To see refusals, it runs the built programs. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "option_rows.h"
#include "program.h"
#include "tool_exit.h"

TestSuite(option_table, .timeout = 120);

/* ---- Rows ---------------------------------------------------------------------------------- */

static bool is_whole(const struct tool_option *option)
{
    return option->type == &tool_u32 || option->type == &tool_u64 ||
           option->type == &tool_bytes32 || option->type == &tool_bytes64 ||
           option->type == &tool_log2 || option->type == &tool_cpu || option->type == &tool_vector;
}

static bool is_fraction(const struct tool_option *option)
{
    return option->type == &tool_real || option->type == &tool_ns;
}

static bool is_time(const struct tool_option *option)
{
    return option->type == &tool_time;
}

static bool is_string(const struct tool_option *option)
{
    return option->type == &tool_string;
}

static void expect_fit(const struct option_program *tool, const struct tool_option *option)
{
    const struct tool_place *place = &option->at[tool->program->side];
    const char *name = option->name;

    cr_expect_eq(place->bytes, option->type->bytes, "--%s does not fit its place", name);
    cr_expect_leq(place->offset + place->bytes, tool->program->bytes, "--%s", name);
    cr_expect_eq(option->argument == NULL, option->type == &tool_flag, "--%s", name);
    cr_expect_eq(is_fraction(option), option->unit > 0, "--%s", name);
    /* No value of the range may become 0 by rounding, because 0 often means "never" or "no limit". */
    if (option->type == &tool_real)
        cr_expect_gt(option->least * option->unit, 0, "--%s", name);
    if (option->type == &tool_ns)
        cr_expect_geq(option->least * option->unit, 1, "--%s", name);
    if (is_time(option))
        cr_expect_geq(option->least * 1e9, 1, "--%s", name);
    if (is_fraction(option) || is_time(option))
        cr_expect(option->least < option->most && isfinite(option->most), "--%s", name);
    if (is_whole(option))
        cr_expect_lt(option->min, option->max, "--%s", name);
    if (is_whole(option) && option->type->bytes == sizeof(uint32_t))
        cr_expect_leq(option->max, UINT32_MAX, "--%s", name);
    cr_expect_eq(tool_option_words(option) != NULL,
                 option->type == &tool_word || option->type == &tool_name, "--%s", name);
}

Test(option_table, each_value_fits_the_place_it_goes_to)
{
    for_each_option(expect_fit);
}

static void expect_heading(const struct option_program *tool, const struct tool_option *option)
{
    const struct tool_heading *heading = tool->program->headings;
    bool has_headings = heading->title != NULL, found = false;

    for (; heading < tool->program->headings + TOOL_HEADINGS_MAX && heading->title != NULL;
         heading++)
        found |= heading->group == option->group;
    cr_expect_eq(found, has_headings, "--%s stands under no heading of --help", option->name);
}

Test(option_table, each_option_has_a_heading)
{
    for_each_option(expect_heading);
}

Test(option_table, no_program_has_more_options_than_there_is_room_for)
{
    for (size_t i = 0; i < OPTION_PROGRAM_COUNT; i++)
        cr_expect_null(tool_option_at(option_programs[i].program, TOOL_OPTIONS_MAX));
}

/* If two rows had the same name, letter or field, the tool would find only the first of them. */
static void expect_unique(const struct option_program *tool, const struct tool_option *option)
{
    const struct tool_option *other;

    for (size_t i = 0; (other = tool_option_at(tool->program, i)) != option; i++) {
        cr_expect_str_neq(other->name, option->name);
        cr_expect(option->letter == 0 || other->letter != option->letter, "-%c", option->letter);
        cr_expect(option->field == NULL || other->field == NULL ||
                      strcmp(option->field, other->field) != 0,
                  "%s", option->field);
    }
}

Test(option_table, names_letters_and_fields_are_unique)
{
    for_each_option(expect_unique);
}

/* ---- Defaults ------------------------------------------------------------------------------ */

static void expect_default(const struct option_program *tool, const struct tool_option *option)
{
    char standard[TOOL_DEFAULT_MAX], again[TOOL_DEFAULT_MAX];
    char *options = malloc(tool->program->bytes);
    struct spead_err err = {0};

    tool_option_default(tool->program, option, standard);
    memcpy(options, tool->program->defaults, tool->program->bytes);
    if (option->type == &tool_flag || is_string(option) ||
        (option->unset != NULL && strcmp(standard, option->unset) == 0)) {
        cr_expect_eq(option->unset == NULL, standard[0] == '\0', "--%s", option->name);
    } else {
        cr_assert_eq(tool_option_take(tool->program, option, standard, options, &err), 0,
                     "--%s %s: %s", option->name, standard, err.text);
        option->type->print(option, options + option->at[tool->program->side].offset, again,
                            sizeof again);
        cr_expect_str_eq(again, standard, "--%s", option->name);
    }
    free(options);
}

Test(option_table, each_default_lies_in_its_own_range)
{
    for_each_option(expect_default);
}

/* ---- Refusals by the row ------------------------------------------------------------------- */

static void expect_refusal(const struct option_program *tool, const struct tool_option *option,
                           const char *typed, const char *says)
{
    struct program program = {0};
    char line[160], start[160], *said;

    snprintf(line, sizeof line, "%s --%s=%s", tool->arguments, option->name, typed);
    snprintf(start, sizeof start, "%s: --%s %s: %s", strrchr(tool->path, '/') + 1, option->name,
             typed, says);
    program_start(&program, tool->path, line);
    cr_expect_eq(program_wait(&program), TOOL_USAGE, "%s", line);
    said = program_err(&program);
    cr_expect_eq(strncmp(said, start, strlen(start)), 0, "\"%s\" is not \"%s\"", said, start);
    free(said);
    program_release(&program);
}

static const char *const odd_numbers[] = {"0x10", "1e3", "1.5", "1,000", "+1", "nan", "inf", "1Ki"};

/* What is said of a fraction; NULL stands for its range. */
static const struct {
    const char *typed, *says;
} odd_fractions[] = {{"1e-400", NULL},
                     {"1e400", NULL},
                     {"-1e-400", NULL},
                     {"nan", "not a number"},
                     {"inf", "not a number"},
                     {"-inf", "not a number"},
                     {"0x10", "not a number"},
                     {"+1", "not a number"},
                     {"10ms", "not a number alone: leave out \"ms\""},
                     {"1,5", "not a number alone: leave out \",5\""}};

/* Expects that the row refuses the value with this sentence. It runs no program, so it may be called often. */
static void expect_odd(const struct option_program *tool, const struct tool_option *option,
                       const char *typed, const char *says)
{
    char *options = malloc(tool->program->bytes);
    struct spead_err err = {0};

    memcpy(options, tool->program->defaults, tool->program->bytes);
    cr_expect_eq(tool_option_take(tool->program, option, typed, options, &err), -EINVAL, "--%s %s",
                 option->name, typed);
    cr_expect_eq(strncmp(err.text, says, strlen(says)), 0, "--%s %s: \"%s\" is not \"%s\"",
                 option->name, typed, err.text, says);
    free(options);
}

static void expect_range(const struct option_program *tool, const struct tool_option *option)
{
    char typed[64], words[SPEADI_RANGE_WORDS_MAX], range[TOOL_RANGE_MAX], says[96];
    bool has_max = option->max != UINT64_MAX;

    speadi_range_words(words, option->min, option->max);
    if (is_fraction(option) || is_time(option))
        option->type->range(option, range, sizeof range);
    snprintf(says, sizeof says, "must be %s",
             is_fraction(option) || is_time(option) ? range : words);
    for (size_t i = 0; is_whole(option) && i < sizeof odd_numbers / sizeof *odd_numbers; i++)
        expect_odd(tool, option, odd_numbers[i], "not a");
    if (is_whole(option) && option->min > 0) {
        snprintf(typed, sizeof typed, "%llu", (unsigned long long)option->min - 1);
        expect_refusal(tool, option, typed, says);
    }
    if (is_whole(option) && has_max) {
        snprintf(typed, sizeof typed, "%llu", (unsigned long long)option->max + 1);
        expect_refusal(tool, option, typed, says);
    }
    if (is_fraction(option)) {
        snprintf(typed, sizeof typed, "%.15g", option->least > 0 ? option->least / 2 : -1);
        expect_refusal(tool, option, typed, says);
        for (size_t i = 0; i < sizeof odd_fractions / sizeof *odd_fractions; i++)
            expect_odd(tool, option, odd_fractions[i].typed,
                       odd_fractions[i].says ? odd_fractions[i].says : says);
        snprintf(typed, sizeof typed, "%.15g", option->most * 1.5);
        expect_refusal(tool, option, typed, says);
    }
    if (is_time(option)) {
        expect_refusal(tool, option, "-1s", says);
        snprintf(typed, sizeof typed, "%.15gs", option->most * 1.5);
        expect_refusal(tool, option, typed, says);
        expect_refusal(tool, option, "2", "not a time");
        expect_odd(tool, option, "0x10s", "not a time");
        expect_odd(tool, option, "infs", "not a time");
        expect_odd(tool, option, "1e-400s", says);
        expect_odd(tool, option, "0.4ns", says);
    }
    if (tool_option_words(option) != NULL)
        expect_refusal(tool, option, "perhaps", "use one of ");
}

Test(option_table, what_is_out_of_range_is_refused_by_name)
{
    for_each_option(expect_range);
}

/* ---- What --help says ----------------------------------------------------------------------- */

/* Returns the text of --help with single blanks. Each entry of an option is one line. */
static char *help_of(const struct option_program *tool)
{
    static const char entry[] = "\n      --";
    struct program program = {0};
    char *help, *to;
    bool blank = false;

    program_start(&program, tool->path, "--help");
    cr_assert_eq(program_wait(&program), 0);
    to = help = program_out(&program);
    program_release(&program);
    for (const char *from = help; *from != '\0'; from++) {
        const bool begins = strncmp(from, entry, strlen(entry)) == 0;
        const bool space = *from == ' ' || *from == '\n';

        if (!space || !blank || begins)
            *to++ = begins ? '\n' : space ? ' ' : *from;
        blank = space;
    }
    *to = '\0';
    return help;
}

static void expect_said_range(const struct option_program *tool, const struct tool_option *option)
{
    char start[64], said[TOOL_RANGE_MAX + 8], range[TOOL_RANGE_MAX];
    char *help, *entry, *end;

    cr_expect(!is_whole(option) || option->type == &tool_cpu || option->type->range, "--%s",
              option->name);
    if (option->type->range == NULL)
        return;
    help = help_of(tool);
    snprintf(start, sizeof start, "\n--%s=", option->name);
    entry = strstr(help, start);
    cr_assert_not_null(entry, "%s", start);
    end = strchr(entry + 1, '\n');
    if (end != NULL)
        *end = '\0';
    option->type->range(option, range, sizeof range);
    snprintf(said, sizeof said, " [%s]", range);
    cr_expect_not_null(strstr(entry, said), "\"%s\" does not say \"%s\"", entry, said);
    free(help);
}

Test(option_table, help_says_the_range_of_each_number)
{
    for_each_option(expect_said_range);
}

/* ---- Refusals by the library --------------------------------------------------------------- */

static void expect_name(const struct option_program *tool, const struct tool_option *option)
{
    char text[TOOL_SENTENCE_MAX], expected[TOOL_SENTENCE_MAX];
    struct spead_err err;
    int code;

    if (option->field == NULL)
        return;
    code = speadi_err_range(&err, option->field, 70000, 56, 65507);
    snprintf(expected, sizeof expected, "--%s 70000: must be 56 to 65507", option->name);
    cr_expect_str_eq(tool_call_sentence(tool->program, code, &err, text), expected);
    cr_expect_eq(tool_option_of_field(tool->program, option->field), option, "%s", option->field);
}

Test(option_table, a_field_that_the_library_refuses_is_called_by_its_option)
{
    for_each_option(expect_name);
}

Test(option_table, what_is_no_option_is_said_as_the_library_says_it)
{
    char text[TOOL_SENTENCE_MAX];
    struct spead_err err;

    speadi_err_range(&err, "ranges_max", 0, 1, 9);
    cr_expect_str_eq(tool_call_sentence(&spead_recv_program, -EINVAL, &err, text),
                     "ranges_max 0: must be 1 to 9");
    speadi_err_set(&err, -EIO, "packet_bytes_max is no field here");
    cr_expect_str_eq(tool_call_sentence(&spead_recv_program, -EIO, &err, text),
                     "packet_bytes_max is no field here");
    speadi_err_field(&err, -EINVAL, "endpoints", " \":0\": no port");
    cr_expect_str_eq(tool_call_sentence(&spead_recv_program, -EINVAL, &err, text),
                     "\":0\": no port");
    err = (struct spead_err){0};
    cr_expect_str_eq(tool_call_sentence(&spead_recv_program, -ENOMEM, &err, text),
                     strerror(ENOMEM));
}
