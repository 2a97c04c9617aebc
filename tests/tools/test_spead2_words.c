/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a user who types an option of spead2's tools gets what it means, or a sentence that names our option. The page
 * docs/from-spead2.md has a line for each of these options. Method: the test runs the built programs with each row of
 * the table, and compares the page with the rows. The interop test compares the page with spead2's --help. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option_rows.h"
#include "spead2_words.h"
#include "tool_engines.h"
#include "tool_run.h"

#define LINE_MAX 400u

TestSuite(spead2_words, .timeout = 240);

static const struct option_program *tool_of(const struct tool_spead2_word *row)
{
    return row->side == TOOL_RECV ? &option_programs[0] : &option_programs[1];
}

static const struct tool_option *ours_of(const struct tool_spead2_word *row)
{
    const struct tool_program *program = tool_of(row)->program;

    return tool_option_at(program, tool_option_find(program, row->ours, strlen(row->ours)));
}

static void for_each_row(void (*check)(const struct tool_spead2_word *row))
{
    const struct tool_spead2_word *row;

    for (size_t i = 0; (row = tool_spead2_word_at(i)) != NULL; i++)
        check(row);
}

/* ---- Rows ---------------------------------------------------------------------------------- */

static void expect_true(const struct tool_spead2_word *row)
{
    const struct tool_program *program = tool_of(row)->program;
    bool is_ours =
        tool_option_at(program, tool_option_find(program, row->word, strlen(row->word))) != NULL;

    cr_expect_eq(tool_spead2_word_find(row->side, row->word, strlen(row->word)), row,
                 "--%s has two rows", row->word);
    cr_expect_eq(is_ours, row->ours && strcmp(row->ours, row->word) == 0, "--%s", row->word);
    if (!row->ours) {
        cr_expect_not_null(row->differs, "--%s", row->word);
        return;
    }
    cr_assert_not_null(ours_of(row), "--%s", row->ours);
    cr_expect_eq(ours_of(row)->argument != NULL, row->argument || row->value, "--%s", row->word);
}

Test(spead2_words, each_row_is_true)
{
    for_each_row(expect_true);
}

/* ---- What a user gets ----------------------------------------------------------------------- */

/* Finds a value that a user of spead2 may have typed: the default of spead2, or else ours, or 1. */
static const char *value_of(const struct tool_spead2_word *row, char text[TOOL_DEFAULT_MAX])
{
    const struct tool_program *program = tool_of(row)->program;
    char *options = malloc(program->bytes);

    memcpy(options, program->defaults, program->bytes);
    snprintf(text, TOOL_DEFAULT_MAX, "%s", row->standard);
    if (tool_option_take(program, ours_of(row), text, options, NULL) < 0)
        tool_option_default(program, ours_of(row), text);
    if (tool_option_take(program, ours_of(row), text, options, NULL) < 0)
        snprintf(text, TOOL_DEFAULT_MAX, "1");
    if (ours_of(row)->type == &tool_string && row->standard[0] == '\0')
        snprintf(text, TOOL_DEFAULT_MAX, "127.0.0.1");
    free(options);
    return text;
}

/* Returns what the command line needs so that the option has an effect. */
static const char *rest_of(const struct tool_spead2_word *row)
{
    if (strcmp(row->word, "ttl") == 0)
        return "239.1.2.3:7148 --bind lo --plan";
    if (strcmp(row->word, "dtype") == 0)
        return "127.0.0.1:7148 --descriptors first --plan";
    return strncmp(row->word, "burst", 5) == 0 ? "127.0.0.1:7148 --plan --rate 1"
                                               : "127.0.0.1:7148 --plan";
}

/* Runs the program. Returns what it says on stderr; the caller must free() it. */
static char *run_line(const struct tool_spead2_word *row, const char *line, int *status)
{
    struct program program = {0};
    char *said;

    program_start(&program, tool_of(row)->path, line);
    *status = program_wait(&program);
    said = program_err(&program);
    program_release(&program);
    return said;
}

/* Expects that the word with its value does exactly what our option does. */
static void expect_same(const struct tool_spead2_word *row)
{
    char theirs[LINE_MAX], ours[LINE_MAX], value[TOOL_DEFAULT_MAX] = "", *said, *ours_said;
    int status, ours_status;

    if (row->argument)
        value_of(row, value);
    snprintf(theirs, sizeof theirs, "%s --%s%s%s", rest_of(row), row->word,
             row->argument ? "=" : "", value);
    snprintf(ours, sizeof ours, "%s --%s%s%s", rest_of(row), row->ours,
             row->argument || row->value ? "=" : "", row->value ? row->value : value);
    said = run_line(row, theirs, &status);
    ours_said = run_line(row, ours, &ours_status);
    cr_expect_eq(status, ours_status, "%s: %d: %s", theirs, status, said);
    cr_expect_str_eq(said, ours_said);
    /* perhaps this machine has no device for --engine verbs */
    cr_expect(status == 0 || row->value, "%s: %d: %s", theirs, status, said);
    free(said);
    free(ours_said);
}

static void expect_sentence(const struct tool_spead2_word *row)
{
    char line[LINE_MAX], says[LINE_MAX], *said;
    int status;

    snprintf(line, sizeof line, "127.0.0.1:7148 --plan --%s%s%s", row->word,
             row->argument ? " " : "",
             !row->argument     ? ""
             : row->standard[0] ? row->standard
                                : "1");
    snprintf(says, sizeof says, "%s: spead2's --%s%s%s %s\n", strrchr(tool_of(row)->path, '/') + 1,
             row->word, row->argument ? " " : "", row->argument ? row->argument : "", row->differs);
    said = run_line(row, line, &status);
    cr_expect_eq(status, 2, "%s", line);
    cr_expect_str_eq(said, says);
    free(said);
}

static void run_row(const struct tool_spead2_word *row)
{
    if (row->ours)
        expect_same(row);
    else
        expect_sentence(row);
}

Test(spead2_words, each_word_means_the_same_or_the_error_says_what_it_is_here)
{
    tool_enter();
    for_each_row(run_row);
}

static bool has_engine_verbs(void)
{
    const char *const *name = tool_recv_engine_names();

    while (*name && strcmp(*name, "verbs") != 0)
        name++;
    return *name != NULL;
}

Test(spead2_words, an_alias_takes_the_place_of_our_option)
{
    char *recv[] = {"spead-recv", ":7148", "--ibv", "--ibv-vector=-1", NULL};
    char *send[] = {"spead-send", "192.0.2.1:7148", "--ibv-max-poll", "7", NULL};
    struct spead_recv_tool_options receives;
    struct spead_send_tool_options sends;

    spead_send_options_parse(&sends, 4, send);
    cr_expect_eq(sends.verbs.max_poll, 7);
    if (!has_engine_verbs())
        cr_skip_test("this build has no engine verbs");
    spead_recv_options_parse(&receives, 4, recv);
    cr_expect_str_eq(receives.stream.engine, "verbs");
    cr_expect_eq(receives.verbs.comp_vector, -1);
}

/* ---- The page ------------------------------------------------------------------------------- */

static char *page;

static void read_page(void)
{
    FILE *file = fopen(FROM_SPEAD2, "re");
    size_t bytes;

    cr_assert_not_null(file, "%s", FROM_SPEAD2);
    page = calloc(1, 1u << 20);
    bytes = fread(page, 1, (1u << 20) - 1, file);
    cr_assert_gt(bytes, 0);
    fclose(file);
}

/* Appends a cell of a table. `format` has one %s. */
static void add_cell(char line[LINE_MAX], const char *before, const char *text, const char *behind)
{
    const size_t used = strlen(line);

    snprintf(line + used, LINE_MAX - used, text[0] != '\0' ? " %s%s%s |" : " |", before, text,
             behind);
}

/* Writes the line of the page for this row. */
static void write_line(char line[LINE_MAX], const struct tool_spead2_word *row)
{
    char words[128], standard[TOOL_DEFAULT_MAX] = "";

    snprintf(line, LINE_MAX, "|");
    snprintf(words, sizeof words, "--%s%s%s", row->word, row->argument ? " " : "",
             row->argument ? row->argument : "");
    add_cell(line, "`", words, "`");
    add_cell(line, "`", row->standard, "`");
    words[0] = '\0';
    if (row->ours) {
        const char *value = row->value ? row->value : ours_of(row)->argument;

        snprintf(words, sizeof words, "--%s%s%s", row->ours, value ? " " : "", value ? value : "");
        tool_option_default(tool_of(row)->program, ours_of(row), standard);
    }
    add_cell(line, "`", words, "`");
    add_cell(line, "`", standard, "`");
    add_cell(line, "", row->differs ? row->differs : "", "");
    snprintf(line + strlen(line), LINE_MAX - strlen(line), "\n");
}

static void expect_line(const struct tool_spead2_word *row)
{
    char line[LINE_MAX];

    write_line(line, row);
    cr_expect_not_null(strstr(page, line), "docs/from-spead2.md lacks this line:\n%s", line);
}

/* Counts the lines of the two tables that look like a row. */
static size_t lines_of_words(void)
{
    const char *end = strstr(page, "\n## The statistics"), *at = strstr(page, "\n| `spead2_recv`");
    size_t count = 0;

    cr_assert(at && end);
    for (; (at = strstr(at, "\n| `--")) != NULL && at < end; at++)
        count++;
    return count;
}

Test(spead2_words, the_page_has_each_word_with_its_default_and_its_word_here)
{
    size_t count = 0;

    read_page();
    for_each_row(expect_line);
    while (tool_spead2_word_at(count) != NULL)
        count++;
    cr_expect_eq(lines_of_words(), count, "the page has a line that no row has");
    free(page);
}
