/* SPDX-License-Identifier: Apache-2.0 */
/* See line_text.h. */
#include "line_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 4096u

static bool make_room(struct speadi_line_text *line, size_t count)
{
    size_t room = line->room > 0 ? line->room : ROOM_MIN;
    char *text;

    if (line->failed)
        return false;
    if (line->room - line->bytes >= count)
        return true;
    while (room - line->bytes < count)
        room *= 2;
    text = realloc(line->text, room);
    line->failed = !text;
    if (!text)
        return false;
    line->text = text;
    line->room = room;
    return true;
}

void speadi_line_add(struct speadi_line_text *line, const char *bytes, size_t count)
{
    if (!make_room(line, count))
        return;
    memcpy(line->text + line->bytes, bytes, count);
    line->bytes += count;
}

void speadi_line_add_text(struct speadi_line_text *line, const char *text)
{
    speadi_line_add(line, text, strlen(text));
}

void speadi_line_add_number(struct speadi_line_text *line, uint64_t number)
{
    char digits[20];
    size_t first = sizeof digits;

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    speadi_line_add(line, digits + first, sizeof digits - first);
}

void speadi_line_add_hex(struct speadi_line_text *line, uint64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "0x%" PRIx64, number);

    speadi_line_add(line, text, (size_t)length);
}

void speadi_line_add_quoted(struct speadi_line_text *line, const char *text)
{
    const char *plain = text; /* the first character that is not in the line yet */
    char escape[8];

    speadi_line_add(line, "\"", 1);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= ' ' && c != 0x7f && c != '"' && c != '\\')
            continue;
        speadi_line_add(line, plain, (size_t)(text - plain));
        plain = text + 1;
        snprintf(escape, sizeof escape, c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);
        speadi_line_add_text(line, escape);
    }
    speadi_line_add(line, plain, (size_t)(text - plain));
    speadi_line_add(line, "\"", 1);
}

void speadi_line_text_release(struct speadi_line_text *line)
{
    free(line->text);
    *line = (struct speadi_line_text){0};
}
