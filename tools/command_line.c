/* SPDX-License-Identifier: Apache-2.0 */
/* See command_line.h. */
#include "command_line.h"

#include <errno.h>
#include <string.h>

#include "near_options.h"
#include "option_help.h"
#include "spead2_words.h"
#include "tool_exit.h"

/* The state of one call of tool_command_line_read(). */
struct reading {
    const struct tool_program *program;
    void *options;
    struct tool_given *given;
    char **next;         /* the next word of argv; NULL ends the words */
    bool only_arguments; /* true behind the word "--" */
};

/* A word such as "--packet=9000", taken apart. */
struct option_word {
    const char *name;
    size_t length;      /* the characters of the name */
    const char *behind; /* the text behind '=', or NULL */
};

/* ---- Values -------------------------------------------------------------------------------- */

static const char *quoted(const char *typed)
{
    return typed[0] != '\0' ? typed : "\"\"";
}

/* Takes the value of the option. `typed` is "" for a flag. */
static void take_value(struct reading *reading, size_t number, const char *typed)
{
    const struct tool_option *option = tool_option_at(reading->program, number);
    const char **before = &reading->given->typed[number];
    struct spead_err err;

    if (*before && option->argument)
        tool_usage("--%s is given twice, as %s and as %s: give it once", option->name,
                   quoted(*before), quoted(typed));
    *before = typed;
    if (tool_option_take(reading->program, option, typed, reading->options, &err) < 0)
        tool_usage("--%s %s: %s%s%s", option->name, quoted(typed), err.text,
                   option->unset ? "; without the option: " : "",
                   option->unset ? option->unset : "");
}

/* Returns the value of the option: the text behind '=', or the next word. A next word that begins with "--" is an
 * option that somebody has typed behind an option without its value. */
static const char *value_of(struct reading *reading, const struct tool_option *option,
                            const char *behind)
{
    if (behind)
        return behind;
    if (!*reading->next || strncmp(*reading->next, "--", 2) == 0)
        tool_usage("--%s needs a value: --%s %s", option->name, option->name, option->argument);
    return *reading->next++;
}

/* ---- Words --------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void refuse_unknown(const struct reading *reading,
                                                     const char *dashes, const char *name,
                                                     size_t length)
{
    char near[TOOL_NEAR_TEXT];

    tool_near_options(reading->program, name, length, near);
    if (near[0] != '\0')
        tool_usage("unknown option %s%.*s; did you mean %s?", dashes, (int)length, name, near);
    tool_usage("unknown option %s%.*s; %s --help lists all options", dashes, (int)length, name,
               program_invocation_short_name);
}

/* Takes an option of spead2 that has another name here. */
static void take_spead2_word(struct reading *reading, const struct option_word *word,
                             const struct tool_spead2_word *row)
{
    const size_t number =
        row->ours ? tool_option_find(reading->program, row->ours, strlen(row->ours)) : 0;
    const struct tool_option *option = tool_option_at(reading->program, number);

    if (!row->ours)
        tool_usage("spead2's --%s%s%s %s", row->word, row->argument ? " " : "",
                   row->argument ? row->argument : "", row->differs);
    if ((row->value || !option->argument) && word->behind)
        tool_usage("--%s: this option has no value; give --%s alone", word->name, row->word);
    if (row->value)
        take_value(reading, number, row->value);
    else
        take_value(reading, number,
                   option->argument ? value_of(reading, option, word->behind) : "");
}

static void take_long(struct reading *reading, const char *text)
{
    const struct option_word word = {
        .name = text,
        .length = strcspn(text, "="),
        .behind = strchr(text, '=') ? strchr(text, '=') + 1 : NULL,
    };
    const size_t number = tool_option_find(reading->program, word.name, word.length);
    const struct tool_option *option = tool_option_at(reading->program, number);
    const struct tool_spead2_word *row =
        tool_spead2_word_find(reading->program->side, word.name, word.length);
    const enum tool_question question = tool_question_of_name(word.name, word.length);

    if (!option && row) {
        take_spead2_word(reading, &word, row);
        return;
    }
    if (!option && question == TOOL_ASK_NOTHING)
        refuse_unknown(reading, "--", word.name, word.length);
    if (word.behind && (!option || !option->argument))
        tool_usage("--%s: this option has no value; give --%.*s alone", text, (int)word.length,
                   word.name);
    if (!option)
        tool_question_answer(reading->program, question);
    take_value(reading, number, option->argument ? value_of(reading, option, word.behind) : "");
}

/* Returns the number of the option with this letter, or the number past the last option. */
static size_t number_of_letter(const struct tool_program *program, char letter)
{
    const struct tool_option *option;
    size_t i = 0;

    for (; (option = tool_option_at(program, i)) != NULL; i++)
        if (option->letter == letter)
            break;
    return i;
}

/* Takes a word such as "-p9000", "-p 9000" or "-h". */
static void take_letter(struct reading *reading, const char *text)
{
    const size_t number = number_of_letter(reading->program, text[0]);
    const struct tool_option *option = tool_option_at(reading->program, number);
    const char *behind = text[1] != '\0' ? text + 1 : NULL;

    if (!option && !behind && tool_question_of_letter(text[0]) != TOOL_ASK_NOTHING)
        tool_question_answer(reading->program, tool_question_of_letter(text[0]));
    if (!option || (behind && !option->argument))
        refuse_unknown(reading, "-", text, strcspn(text, "="));
    take_value(reading, number, option->argument ? value_of(reading, option, behind) : "");
}

static void take_word(struct reading *reading)
{
    const char *word = *reading->next++;

    if (reading->only_arguments || word[0] != '-' || word[1] == '\0')
        reading->program->take_argument(reading->options, word);
    else if (strcmp(word, "--") == 0)
        reading->only_arguments = true;
    else if (word[1] == '-')
        take_long(reading, word + 2);
    else
        take_letter(reading, word + 1);
}

static void refuse_control_characters(char **argv)
{
    for (; *argv; argv++)
        for (const char *at = *argv; *at != '\0'; at++)
            if (tool_control_bytes(at) > 0)
                tool_usage("\"%s\" has a control character", *argv);
}

void tool_command_line_read(const struct tool_program *program, int argc, char **argv,
                            void *options, struct tool_given *given)
{
    struct reading reading = {.program = program, .options = options, .given = given};

    memcpy(options, program->defaults, program->bytes);
    *given = (struct tool_given){0};
    if (argc < 1)
        return;
    reading.next = argv + 1;
    refuse_control_characters(reading.next);
    while (*reading.next)
        take_word(&reading);
}

const char *tool_given_value(const struct tool_program *program, const struct tool_given *given,
                             const char *name)
{
    const size_t number = tool_option_find(program, name, strlen(name));

    return number < TOOL_OPTIONS_MAX ? given->typed[number] : NULL;
}

/* Returns true if the text ends with a colon and a number, as an endpoint does. */
static bool looks_like_endpoint(const char *text)
{
    const char *colon = strrchr(text, ':');

    return colon && colon[1] != '\0' && colon[1 + strspn(colon + 1, "0123456789")] == '\0';
}

_Noreturn void tool_no_endpoint(const struct tool_program *program, const struct tool_given *given,
                                const char *sentence)
{
    const struct tool_option *option;

    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++)
        if (given->typed[i] && looks_like_endpoint(given->typed[i]))
            tool_usage("%s. --%s has taken \"%s\" as its %s", sentence, option->name,
                       given->typed[i], option->argument);
    tool_usage("%s", sentence);
}
