/* SPDX-License-Identifier: Apache-2.0 */
/* See option_help.h. argp of the C library lays the text out. */
#include "option_help.h"

#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_exit.h"

#define ROWS_MAX (TOOL_OPTIONS_MAX + TOOL_HEADINGS_MAX + 8u) /* rows, headings, and those below */
#define HELP_MAX 480u /* the most characters in the help of an option */
/* If row number i has no letter, its key for argp is KEY_FIRST + i. */
#define KEY_FIRST 256
/* argp prints the group with this number last */
#define HELP_GROUP (-1)

/* ---- The options that each program has ------------------------------------------------------ */

static const struct {
    const char *name;
    char letter; /* 0 if there is none */
    enum tool_question question;
    const char *help;
} questions[] = {
    {"help", 'h', TOOL_ASK_HELP, "Print this list"},
    {"usage", 0, TOOL_ASK_USAGE, "Print the options in short"},
    {"version", 'V', TOOL_ASK_VERSION, "Print the version"},
};

#define QUESTION_COUNT (sizeof questions / sizeof *questions)

const char *tool_question_name(size_t index)
{
    return index < QUESTION_COUNT ? questions[index].name : NULL;
}

enum tool_question tool_question_of_name(const char *name, size_t length)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        if (strlen(questions[i].name) == length && strncmp(questions[i].name, name, length) == 0)
            return questions[i].question;
    return TOOL_ASK_NOTHING;
}

enum tool_question tool_question_of_letter(char letter)
{
    if (letter == '?')
        return TOOL_ASK_HELP;
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        if (questions[i].letter != 0 && questions[i].letter == letter)
            return questions[i].question;
    return TOOL_ASK_NOTHING;
}

/* ---- --help -------------------------------------------------------------------------------- */

struct page {
    const struct tool_program *program;
    struct argp_option rows[ROWS_MAX]; /* the rows in the form that argp reads */
    size_t count;
    char help[TOOL_OPTIONS_MAX][HELP_MAX];
};

/* Writes the words as "auto, verbs, uring or socket". Returns the length of this text. */
static size_t list_words(char *text, const char *const *words)
{
    size_t used = 0;

    for (size_t i = 0; words[i]; i++)
        used += (size_t)snprintf(text + used, HELP_MAX - used, "%s%s",
                                 i == 0          ? ""
                                 : !words[i + 1] ? " or "
                                                 : ", ",
                                 words[i]);
    return used;
}

static void write_help(char text[HELP_MAX], const struct tool_program *program,
                       const struct tool_option *option)
{
    bool other = program->side == TOOL_SEND && option->help_send;
    size_t used = option->list ? list_words(text, option->list()) : 0;
    char standard[TOOL_DEFAULT_MAX], range[TOOL_RANGE_MAX] = "";

    tool_option_default(program, option, standard);
    if (option->type->range)
        option->type->range(option, range, sizeof range);
    snprintf(text + used, HELP_MAX - used, "%s%s%s%s%s%s%s",
             other ? option->help_send : option->help, range[0] != '\0' ? " [" : "", range,
             range[0] != '\0' ? "]" : "", standard[0] != '\0' ? " (" : "", standard,
             standard[0] != '\0' ? ")" : "");
}

/* Returns the number by which argp knows the group. argp prints the groups in the order of these numbers. */
static int group_number(const struct tool_program *program, unsigned group)
{
    for (unsigned i = 0; i < TOOL_HEADINGS_MAX && program->headings[i].title; i++)
        if (program->headings[i].group == group)
            return (int)i + 1;
    return 0;
}

static void add_row(struct page *page, struct argp_option row)
{
    assert(page->count + 1 < ROWS_MAX); /* argp needs one more row, which is all zero */
    page->rows[page->count++] = row;
}

static void add_questions(struct page *page)
{
    if (page->program->headings[0].title)
        add_row(page, (struct argp_option){.doc = "Help:", .group = HELP_GROUP});
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        add_row(page, (struct argp_option){
                          .name = questions[i].name,
                          .key = questions[i].letter ? questions[i].letter
                                                     : KEY_FIRST + (int)TOOL_OPTIONS_MAX + (int)i,
                          .doc = questions[i].help,
                          .group = HELP_GROUP,
                      });
}

static void list_rows(struct page *page)
{
    const struct tool_program *program = page->program;
    const struct tool_option *option;

    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++) {
        char *help = page->help[i];

        write_help(help, program, option);
        add_row(page, (struct argp_option){
                          .name = option->name,
                          .key = option->letter ? option->letter : KEY_FIRST + (int)i,
                          .arg = option->argument,
                          .doc = help,
                          .group = group_number(program, option->group),
                      });
    }
    for (int i = 0; i < (int)TOOL_HEADINGS_MAX && program->headings[i].title; i++)
        add_row(page, (struct argp_option){.doc = program->headings[i].title, .group = i + 1});
    add_questions(page);
}

static void print_page(const struct tool_program *program, unsigned flags)
{
    static struct page page;
    const struct argp argp = {page.rows, NULL, program->arguments, program->doc, NULL, NULL, NULL};

    page = (struct page){.program = program};
    list_rows(&page);
    argp_help(&argp, stdout, flags, program_invocation_short_name);
}

void tool_question_answer(const struct tool_program *program, enum tool_question question)
{
    if (question == TOOL_ASK_VERSION)
        printf("%s (Speadline) %s\n", program_invocation_short_name, spead_version());
    else
        print_page(program, question == TOOL_ASK_USAGE ? ARGP_HELP_USAGE : ARGP_HELP_STD_HELP);
    if (fflush(stdout) == EOF || ferror(stdout))
        exit(tool_failed("cannot write to standard output: %m"));
    exit(TOOL_DONE);
}
