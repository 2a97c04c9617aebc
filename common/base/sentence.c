/* SPDX-License-Identifier: Apache-2.0 */
/* See sentence.h. */
#include <speadi/sentence.h>

#include <stdio.h>
#include <string.h>

/* Replaces control characters in the text by '?', so that the text stays one line. The text can contain an option or a
 * file name that a user gave. */
static void keep_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static const char cut_mark[] = "...";

/* Returns true if a clause ends before text[at]: there is "; ", ": ", ", " or " (". */
static bool clause_ends(const char *text, size_t at)
{
    return (strchr(";:,", text[at]) && text[at + 1] == ' ') ||
           (text[at] == ' ' && text[at + 1] == '(');
}

/* Returns where a text of `length` bytes that goes on must be cut. A remedy or a bracket must not be cut in its middle,
 * because a user could take the first half for the whole. A user may paste a remedy, which stands between backticks.
 * So the text is cut at the end of a clause, outside backticks and brackets, if the rest has at least half of the
 * length, or if the cut would be inside backticks. Returns `length` if there is no such place. */
static size_t place_to_cut(const char *text, size_t length)
{
    bool quoted = false;
    unsigned depth = 0;
    size_t place = 0;

    for (size_t i = 0; i < length; i++) {
        if (!quoted && depth == 0 && text[i] != '\0' && clause_ends(text, i))
            place = i;
        if (text[i] == '`')
            quoted = !quoted;
        else if (!quoted && text[i] == '(')
            depth++;
        else if (!quoted && text[i] == ')' && depth > 0)
            depth--;
    }
    return place > 0 && (quoted || place >= length / 2) ? place : length;
}

void speadi_sentence_write(char *text, size_t room, const char *format, va_list arguments)
{
    int length = vsnprintf(text, room, format, arguments);

    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= room)
        memcpy(text + place_to_cut(text, room - sizeof cut_mark), cut_mark, sizeof cut_mark);
    keep_one_line(text);
}

bool speadi_sentence_vadd(char *text, size_t room, const char *format, va_list arguments)
{
    size_t used = strlen(text);
    int length = vsnprintf(text + used, room - used, format, arguments);
    bool fits = length >= 0 && (size_t)length < room - used;

    if (!fits)
        text[used] = '\0';
    keep_one_line(text + used);
    return fits;
}

bool speadi_sentence_add(char *text, size_t room, const char *format, ...)
{
    va_list arguments;
    bool fits;

    va_start(arguments, format);
    fits = speadi_sentence_vadd(text, room, format, arguments);
    va_end(arguments);
    return fits;
}
