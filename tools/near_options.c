/* SPDX-License-Identifier: Apache-2.0 */
/* See near_options.h. */
#include "near_options.h"

#include <stdio.h>
#include <string.h>

#include "option_help.h"

#define NAME_MAX_LENGTH 32u /* longer words are near to no option */
#define EDITS_MAX       2u  /* a name that is so many letters away is near */

/* A typed name, which ends in '\0'. */
struct guess {
    char typed[NAME_MAX_LENGTH + 1];
    size_t length;
};

typedef bool near_fn(const struct guess *guess, const char *name);

/* The user has typed the first letters of the name. */
static bool begins(const struct guess *guess, const char *name)
{
    return guess->length > 0 && strncmp(name, guess->typed, guess->length) == 0;
}

/* Returns how many letters must be changed, added or left out to turn `typed` into the name. */
static unsigned edits(const char *typed, const char *name)
{
    unsigned row[NAME_MAX_LENGTH + 1];
    const size_t length = strlen(typed);

    for (unsigned i = 0; i <= length; i++)
        row[i] = i;
    for (unsigned j = 1; name[j - 1] != '\0'; j++) {
        unsigned diagonal = row[0];

        row[0] = j;
        for (size_t i = 1; i <= length; i++) {
            unsigned least = diagonal + (typed[i - 1] != name[j - 1]);

            if (row[i] + 1 < least)
                least = row[i] + 1;
            if (row[i - 1] + 1 < least)
                least = row[i - 1] + 1;
            diagonal = row[i];
            row[i] = least;
        }
    }
    return row[length];
}

/* The user has mistyped the name. In a short name one letter is much. */
static bool is_mistyped(const struct guess *guess, const char *name)
{
    const unsigned most = guess->length < 6 ? 1 : EDITS_MAX;

    return guess->length > 2 && edits(guess->typed, name) <= most;
}

/* The user has typed another part of the name than its beginning, such as "timeout". */
static bool has_part(const struct guess *guess, const char *name)
{
    return guess->length > 2 && strstr(name, guess->typed) != NULL;
}

static const char *name_at(const struct tool_program *program, size_t index)
{
    const struct tool_option *option;
    size_t count = 0;

    while ((option = tool_option_at(program, count)) != NULL)
        if (count++ == index)
            return option->name;
    return tool_question_name(index - count);
}

static unsigned list_names(const struct tool_program *program, const struct guess *guess,
                           near_fn *is_near, const char *names[TOOL_NEAR_MAX])
{
    const char *name;
    unsigned count = 0;

    for (size_t i = 0; count < TOOL_NEAR_MAX && (name = name_at(program, i)) != NULL; i++)
        if (is_near(guess, name))
            names[count++] = name;
    return count;
}

const char *tool_near_options(const struct tool_program *program, const char *typed, size_t length,
                              char text[TOOL_NEAR_TEXT])
{
    static near_fn *const ways[] = {begins, is_mistyped, has_part};
    const char *names[TOOL_NEAR_MAX];
    struct guess guess = {.length = length};
    size_t used = 0;
    unsigned count = 0;

    text[0] = '\0';
    if (length > NAME_MAX_LENGTH)
        return text;
    memcpy(guess.typed, typed, length);
    for (size_t i = 0; i < sizeof ways / sizeof *ways && count == 0; i++)
        count = list_names(program, &guess, ways[i], names);
    for (unsigned i = 0; i < count && used < TOOL_NEAR_TEXT; i++)
        used += (size_t)snprintf(text + used, TOOL_NEAR_TEXT - used, "%s--%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " or "
                                                  : ", ",
                                 names[i]);
    return text;
}
