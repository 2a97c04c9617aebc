/* SPDX-License-Identifier: Apache-2.0 */
/* See option_effect.h. */
#include "option_effect.h"

#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#include "tool_exit.h"

/* ---- Pairs --------------------------------------------------------------------------------- */

static const struct tool_option *option_named(const struct tool_program *program, const char *name)
{
    return tool_option_at(program, tool_option_find(program, name, strlen(name)));
}

/* Returns true if the option has this value. See struct tool_pair for the values. */
static bool has_value(const struct tool_program *program, const void *options, const char *name,
                      const char *value)
{
    const struct tool_option *option = option_named(program, name);
    const char *from = (const char *)options + option->at[program->side].offset;
    char text[TOOL_DEFAULT_MAX];

    option->type->print(option, from, text, sizeof text);
    if (option->type == &tool_flag && *(const bool *)from)
        snprintf(text, sizeof text, "on");
    return value ? strcmp(text, value) == 0 : text[0] != '\0';
}

static bool takes_effect_away(const struct tool_program *program, const void *options,
                              const struct tool_pair *pair)
{
    if (pair->value && !has_value(program, options, pair->option, pair->value))
        return false;
    if (pair->but && has_value(program, options, pair->but, pair->but_value))
        return false;
    return has_value(program, options, pair->other, pair->other_value) != pair->unless;
}

/* Prints "--burst 32K has no effect without --rate: ..." and exits. */
__attribute__((noreturn)) static void refuse_pair(const struct tool_program *program,
                                                  const struct tool_given *given,
                                                  const struct tool_pair *pair)
{
    const char *typed = tool_given_value(program, given, pair->option);
    const char *other = tool_given_value(program, given, pair->other);

    tool_usage("--%s%s%s has no effect %s --%s%s%s: %s", pair->option, typed[0] ? " " : "", typed,
               other ? "with" : "without", pair->other, other && other[0] ? " " : "",
               other ? other : "", pair->why);
}

/* ---- Engines ------------------------------------------------------------------------------- */

/* Returns the number of letters of the engine's name if the option belongs to an engine, else 0. The field of such an
 * option is called "verbs.mprq", for example. */
static size_t engine_letters(const struct tool_option *option)
{
    const char *dot = option->field ? strchr(option->field, '.') : NULL;

    return dot ? (size_t)(dot - option->field) : 0;
}

static bool is_of_other_engine(const struct tool_option *option, const char *engine)
{
    const size_t letters = engine_letters(option);

    return letters > 0 &&
           (strlen(engine) != letters || strncmp(engine, option->field, letters) != 0);
}

static void check_engines(const struct tool_program *program, const struct tool_given *given)
{
    const char *engine = tool_given_value(program, given, "engine");
    const struct tool_option *option;

    if (!engine || strcmp(engine, "auto") == 0)
        return;
    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++)
        if (given->typed[i] && is_of_other_engine(option, engine))
            tool_usage("--%s %s has no effect with --engine %s: it is an option of engine %.*s",
                       option->name, given->typed[i], engine, (int)engine_letters(option),
                       option->field);
}

void tool_effects_check(const struct tool_program *program, const void *options,
                        const struct tool_given *given)
{
    check_engines(program, given);
    for (const struct tool_pair *pair = program->pairs; pair && pair->option; pair++)
        if (tool_given_value(program, given, pair->option) &&
            takes_effect_away(program, options, pair))
            refuse_pair(program, given, pair);
}

void tool_effects_warn(const struct tool_program *program, const struct tool_given *given,
                       const char *engine, const struct spead_log *log)
{
    const struct tool_option *option, *last = NULL;
    char names[256] = "";
    size_t used = 0;

    for (size_t i = 0; (option = tool_option_at(program, i)) != NULL; i++) {
        if (!given->typed[i] || !is_of_other_engine(option, engine))
            continue;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s--%s", last ? ", " : "",
                                     option->name);
        last = option;
    }
    if (last)
        speadi_log_line(log, SPEAD_LOG_WARNING,
                        "no effect: %s; engine auto took %s, and they are for engine %.*s", names,
                        engine, (int)engine_letters(last), last->field);
}
