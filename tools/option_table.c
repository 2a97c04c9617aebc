/* SPDX-License-Identifier: Apache-2.0 */
/* See option_table.h. */
#include "option_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tool_exit.h"

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

size_t tool_option_find(const struct tool_program *program, const char *name, size_t length)
{
    const struct tool_option *option;
    size_t i = 0;

    for (; (option = tool_option_at(program, i)) != NULL; i++)
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0)
            break;
    return i;
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
