/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows at its end: lines of the index. */
#ifndef SPEADI_LINE_TEXT_H
#define SPEADI_LINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct speadi_line_text {
    char *text; /* owned; not terminated */
    size_t bytes, room;
    bool failed; /* true after an allocation has failed; what was added later is not there */
};

/* These functions add to the end of the text: bytes, a string, a number in decimal digits, a number as "0x1f", and a
 * JSON string with its quotes. */
void speadi_line_add(struct speadi_line_text *line, const char *bytes, size_t count);
void speadi_line_add_text(struct speadi_line_text *line, const char *text);
void speadi_line_add_number(struct speadi_line_text *line, uint64_t number);
void speadi_line_add_hex(struct speadi_line_text *line, uint64_t number);
void speadi_line_add_quoted(struct speadi_line_text *line, const char *text);

/* Frees the text. */
void speadi_line_text_release(struct speadi_line_text *line);

#endif
