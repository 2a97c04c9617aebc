/* SPDX-License-Identifier: Apache-2.0 */
/* See option_table.h. */
#include "option_table.h"

#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_exit.h"

#define OPTIONS_MAX 96u  /* the most rows and headings that a program can have */
#define HELP_MAX    400u /* the most characters in the help of an option */
/* If row number i has no letter, its key for argp is KEY_FIRST + i. */
#define KEY_FIRST 256

/* ---- Rows ---------------------------------------------------------------------------------- */

const struct tool_option *tool_option_at(const struct tool_program *program, size_t index)
{
    for (size_t i = 0; i < TOOL_TABLES_MAX && program->tables[i]; i++) {
        if (index < program->tables[i]->count)
            return &program->tables[i]->rows[index];
        index -= program->tables[i]->count;
    }
    return NULL;
}

const struct tool_option *tool_option_of_field(const struct tool_program *program,
                                               const char *field)
{
    const struct tool_option *option;

    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++)
        if (option->field && strcmp(option->field, field) == 0)
            return option;
    return NULL;
}

const char *const *tool_option_words(const struct tool_option *option)
{
    return option->list ? option->list() : option->words;
}

int tool_option_take(const struct tool_program *program, const struct tool_option *option,
                     const char *typed, void *options, struct spead_err *err)
{
    char *to = (char *)options + option->at[program->side].offset;

    return option->type->parse(option, typed, to, err);
}

const char *tool_option_default(const struct tool_program *program,
                                const struct tool_option *option, char text[TOOL_DEFAULT_MAX])
{
    const char *from = (const char *)program->defaults + option->at[program->side].offset;

    option->type->print(option, from, text, TOOL_DEFAULT_MAX);
    if (text[0] == '\0' && option->unset)
        snprintf(text, TOOL_DEFAULT_MAX, "%s", option->unset);
    return text;
}

/* ---- --help -------------------------------------------------------------------------------- */

/* The state of one call of tool_options_parse(). */
struct parsing {
    const struct tool_program *program;
    void *options;
    struct argp_option rows[OPTIONS_MAX]; /* the rows in the form that argp reads */
    size_t count;
    char help[OPTIONS_MAX][HELP_MAX];
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
    char standard[TOOL_DEFAULT_MAX];

    tool_option_default(program, option, standard);
    snprintf(text + used, HELP_MAX - used, "%s%s%s%s", other ? option->help_send : option->help,
             standard[0] != '\0' ? " (" : "", standard, standard[0] != '\0' ? ")" : "");
}

/* Returns the number by which argp knows the group. argp prints the groups in the order of these numbers. Number -1 is
 * for the options of argp itself, such as --help. */
static int group_number(const struct tool_program *program, unsigned group)
{
    for (unsigned i = 0; i < TOOL_HEADINGS_MAX && program->headings[i].title; i++)
        if (program->headings[i].group == group)
            return (int)i + 1;
    return 0;
}

static void add_row(struct parsing *parsing, struct argp_option row)
{
    assert(parsing->count + 1 < OPTIONS_MAX); /* argp needs one more row, which is all zero */
    parsing->rows[parsing->count++] = row;
}

static void list_rows(struct parsing *parsing)
{
    const struct tool_program *program = parsing->program;
    const struct tool_option *option;

    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++) {
        char *help = parsing->help[i];

        write_help(help, program, option);
        add_row(parsing, (struct argp_option){
                             .name = option->name,
                             .key = option->letter ? option->letter : KEY_FIRST + (int)i,
                             .arg = option->argument,
                             .doc = help,
                             .group = group_number(program, option->group),
                         });
    }
    for (int i = 0; i < (int)TOOL_HEADINGS_MAX && program->headings[i].title; i++)
        add_row(parsing, (struct argp_option){.doc = program->headings[i].title, .group = i + 1});
    if (program->headings[0].title)
        add_row(parsing, (struct argp_option){.doc = "Help:", .group = -1});
}

/* ---- The command line ---------------------------------------------------------------------- */

static const struct tool_option *option_of_key(const struct tool_program *program, int key)
{
    const struct tool_option *option;

    if (key >= KEY_FIRST)
        return tool_option_at(program, (size_t)(key - KEY_FIRST));
    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++)
        if (option->letter == key)
            return option;
    return NULL;
}

static void take_option(const struct parsing *parsing, const struct tool_option *option,
                        const char *typed)
{
    struct spead_err err;

    if (tool_option_take(parsing->program, option, typed, parsing->options, &err) < 0)
        tool_usage("--%s %s: %s", option->name, typed[0] != '\0' ? typed : "\"\"", err.text);
}

static error_t take_key(int key, char *argument, struct argp_state *state)
{
    struct parsing *parsing = state->input;
    const struct tool_option *option;

    switch (key) {
    case ARGP_KEY_ARG:
        parsing->program->take_argument(parsing->options, argument);
        return 0;
    case ARGP_KEY_INIT:
        /* getopt already prints a line that names a wrong option. argp would then print a second line ("Try ...").
         * Without an err_stream it prints none. */
        state->err_stream = NULL;
        return 0;
    default:
        break;
    }
    option = option_of_key(parsing->program, key);
    if (!option)
        return ARGP_ERR_UNKNOWN;
    take_option(parsing, option, argument);
    return 0;
}

static void print_version(FILE *stream, struct argp_state *state)
{
    fprintf(stream, "%s (Speadline) %s\n", state->name, spead_version());
}

/* getopt prints the name of an unknown option as it is. So a name with control characters must not reach getopt. */
static void refuse_control_characters(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t length = strcspn(argv[i], "=");

        for (size_t k = 0; argv[i][0] == '-' && k < length; k++)
            if (tool_is_control(argv[i][k]))
                tool_usage("unrecognized option '%.*s'", (int)length, argv[i]);
    }
}

void tool_options_parse(const struct tool_program *program, int argc, char **argv, void *options)
{
    struct parsing parsing = {.program = program, .options = options};
    const struct argp argp = {parsing.rows, take_key, program->arguments, program->doc, NULL,
                              NULL,         NULL};

    refuse_control_characters(argc, argv);
    list_rows(&parsing);
    memcpy(options, program->defaults, program->bytes);
    argp_program_version_hook = print_version;
    argp_err_exit_status = TOOL_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &parsing) != 0)
        exit(TOOL_USAGE);
}

/* ---- What the library refused -------------------------------------------------------------- */

/* The library begins a sentence about a field with the name of the field. This function replaces that name by the name
 * of the option. */
const char *tool_call_sentence(const struct tool_program *program, int code,
                               const struct spead_err *err, char text[TOOL_SENTENCE_MAX])
{
    const struct tool_option *option =
        err->field ? tool_option_of_field(program, err->field) : NULL;
    const char *rest = err->text + (err->field ? strlen(err->field) : 0);

    if (err->text[0] == '\0')
        snprintf(text, TOOL_SENTENCE_MAX, "%s", strerror(-code));
    else if (option)
        snprintf(text, TOOL_SENTENCE_MAX, "--%s%s", option->name, rest);
    else if (err->field && strcmp(err->field, program->arguments_field) == 0)
        snprintf(text, TOOL_SENTENCE_MAX, "%s", rest + strspn(rest, ": "));
    else
        snprintf(text, TOOL_SENTENCE_MAX, "%s", err->text);
    return text;
}

/* Returns true if the command line is wrong. That is also so where it names a file that cannot be written because of its
 * kind: a link, a folder, a device, or a file with several names. */
static bool is_wrong_use(int code)
{
    return code == -EINVAL || code == -ELOOP || code == -EISDIR || code == -EMLINK;
}

int tool_failed_call(const struct tool_program *program, int code, const struct spead_err *err)
{
    char text[TOOL_SENTENCE_MAX];

    tool_failed("%s", tool_call_sentence(program, code, err, text));
    return is_wrong_use(code) ? TOOL_USAGE : TOOL_FAILED;
}
