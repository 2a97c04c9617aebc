/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a manual page has an entry for each option of its program and for no other option. The entry gives the
 * argument, the words, the range and the default of the option. Method: the test compares the entries ".It Fl -NAME
 * ..." of the page with the rows of the option table. The default of an entry is in a line "Default: VALUE.", and the
 * range in a line "Range: VALUE.". */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option_rows.h"

#define ENTRIES_MAX 96u
#define DEFAULT     "Default: "

/* The entry of one option in a manual page. */
struct entry {
    char head[512]; /* the text behind ".It Fl -", such as "packet Ar n" */
    char text[4096];
    /* The value in the line "Default: VALUE.", without the full stop. It is "" if there is no such line. */
    char standard[TOOL_DEFAULT_MAX];
    unsigned standards; /* number of lines "Default: VALUE." */
};

struct page {
    struct entry entry[ENTRIES_MAX];
    unsigned count;
};

static struct page page;

static void take_line(struct entry *entry, const char *line)
{
    size_t used = strlen(entry->text), length = strlen(line);

    snprintf(entry->text + used, sizeof entry->text - used, "%s\n", line);
    if (strncmp(line, DEFAULT, strlen(DEFAULT)) != 0)
        return;
    cr_assert_eq(line[length - 1], '.', "%s: \"%s\" has no full stop", entry->head, line);
    entry->standards++;
    snprintf(entry->standard, sizeof entry->standard, "%.*s", (int)(length - strlen(DEFAULT) - 1),
             line + strlen(DEFAULT));
}

static void read_page(const char *manual)
{
    static const char item[] = ".It Fl -";
    struct entry *entry = NULL;
    char path[512], line[512];
    FILE *file;

    page = (struct page){.count = 0};
    snprintf(path, sizeof path, "%s/%s", MAN_PAGES, manual);
    file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, item, strlen(item)) == 0) {
            cr_assert_lt(page.count, ENTRIES_MAX);
            entry = &page.entry[page.count++];
            snprintf(entry->head, sizeof entry->head, "%s", line + strlen(item));
        } else if (strncmp(line, ".It", 3) == 0 || strncmp(line, ".El", 3) == 0) {
            entry = NULL;
        } else if (entry != NULL) {
            take_line(entry, line);
        }
    }
    fclose(file);
}

static bool is_of(const struct entry *entry, const char *name)
{
    size_t length = strlen(name);

    return strncmp(entry->head, name, length) == 0 &&
           (entry->head[length] == ' ' || entry->head[length] == '\0');
}

/* Returns the entry of an option. Asserts that there is exactly one entry. */
static const struct entry *entry_of(const struct option_program *tool, const char *name)
{
    const struct entry *found = NULL;

    for (unsigned i = 0; i < page.count; i++) {
        if (!is_of(&page.entry[i], name))
            continue;
        cr_assert_null(found, "%s has --%s twice", tool->manual, name);
        found = &page.entry[i];
    }
    cr_assert_not_null(found, "%s lacks --%s", tool->manual, name);
    return found;
}

/* ---- What each entry says ------------------------------------------------------------------- */

/* Reads the default in the manual page as if a user had typed it, then prints the value as the program prints a
 * default. So "64K" and "65536" give the same text. */
static const char *read_as_typed(const struct option_program *tool,
                                 const struct tool_option *option, const char *typed,
                                 char text[TOOL_DEFAULT_MAX])
{
    char *options = malloc(tool->program->bytes);
    struct spead_err err = {0};

    memcpy(options, tool->program->defaults, tool->program->bytes);
    cr_assert_eq(tool_option_take(tool->program, option, typed, options, &err), 0,
                 "%s: the default of --%s, \"%s\": %s", tool->manual, option->name, typed,
                 err.text);
    option->type->print(option, options + option->at[tool->program->side].offset, text,
                        TOOL_DEFAULT_MAX);
    free(options);
    return text;
}

static void expect_default(const struct option_program *tool, const struct tool_option *option,
                           const struct entry *entry)
{
    char ours[TOOL_DEFAULT_MAX], theirs[TOOL_DEFAULT_MAX];

    tool_option_default(tool->program, option, ours);
    cr_expect_eq(entry->standards, ours[0] != '\0' ? 1 : 0,
                 "%s: --%s has %u lines \"Default: ...\"; the default is \"%s\"", tool->manual,
                 option->name, entry->standards, ours);
    if (entry->standards == 0 || strcmp(entry->standard, ours) == 0)
        return;
    cr_expect_str_eq(read_as_typed(tool, option, entry->standard, theirs), ours,
                     "%s: --%s has the default %s, not %s", tool->manual, option->name, ours,
                     entry->standard);
}

/* The range of --memory begins with a number that depends on the pages of the machine. */
static bool has_fixed_range(const struct tool_option *option)
{
    return option->type->range && strcmp(option->name, "memory") != 0;
}

static void expect_range(const struct option_program *tool, const struct tool_option *option,
                         const struct entry *entry)
{
    char range[TOOL_RANGE_MAX], line[TOOL_RANGE_MAX + 16];

    if (!has_fixed_range(option))
        return;
    option->type->range(option, range, sizeof range);
    snprintf(line, sizeof line, "\nRange: %s.\n", range);
    cr_expect_not_null(strstr(entry->text, line), "%s: --%s lacks the line \"%s\"", tool->manual,
                       option->name, line + 1);
}

static void expect_entry(const struct option_program *tool, const struct tool_option *option)
{
    const char *const *words = tool_option_words(option);
    const struct entry *entry;

    read_page(tool->manual);
    entry = entry_of(tool, option->name);
    cr_expect_eq(entry->head[strlen(option->name)] != '\0', option->argument != NULL,
                 "%s: \"%s\" and the argument of --%s", tool->manual, entry->head, option->name);
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        cr_expect(strstr(entry->head, words[i]) != NULL || strstr(entry->text, words[i]) != NULL,
                  "%s: --%s lacks the word %s", tool->manual, option->name, words[i]);
    expect_default(tool, option, entry);
    expect_range(tool, option, entry);
}

Test(man_pages, each_option_is_there_with_its_argument_words_and_default)
{
    for_each_option(expect_entry);
}

/* ---- Entries without an option --------------------------------------------------------------- */

static bool has_option(const struct tool_program *program, const struct entry *entry)
{
    const struct tool_option *option;

    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++)
        if (is_of(entry, option->name))
            return true;
    return is_of(entry, "help"); /* argp, not the option table, defines this option */
}

Test(man_pages, no_option_is_there_that_the_program_lacks)
{
    for (size_t i = 0; i < OPTION_PROGRAM_COUNT; i++) {
        read_page(option_programs[i].manual);
        cr_assert_gt(page.count, 2, "%s", option_programs[i].manual);
        for (unsigned j = 0; j < page.count; j++)
            cr_expect(has_option(option_programs[i].program, &page.entry[j]),
                      "%s has --%s, which there is not", option_programs[i].manual,
                      page.entry[j].head);
    }
}
