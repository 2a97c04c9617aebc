/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the JSON of one line, value by value, without copying it and without memory of its own. The text is data from
 * outside: a wrong text makes the scan fail, and a scan that has failed finds nothing more. */
#ifndef SPEADI_LINE_SCAN_H
#define SPEADI_LINE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct speadi_line_scan {
    const char *at, *end; /* the text that is not read yet */
    bool failed;
};

/* A string of the text, without its quotes and with its escapes. */
struct speadi_scan_string {
    const char *text; /* not terminated */
    size_t bytes;
};

/* Makes the scan fail. Returns false. */
bool speadi_scan_fail(struct speadi_line_scan *scan);

/* Reads a bracket or a comma, after any spaces. Returns false and reads nothing if another character comes. */
bool speadi_scan_char(struct speadi_line_scan *scan, char expected);

/* speadi_scan_open() begins an object or an array; speadi_scan_next() says whether another member or element comes, and
 * reads the comma before it. It reads the closing bracket if none comes. `first` must be true at the first call. */
bool speadi_scan_open(struct speadi_line_scan *scan, char bracket);
bool speadi_scan_next(struct speadi_line_scan *scan, char closing, bool first);

/* Reads a key and its colon. */
struct speadi_scan_string speadi_scan_key(struct speadi_line_scan *scan);

/* These functions read a value of one kind; any other value fails. A number must be 0 to 2^64-1, without a fraction. A
 * string that is null becomes a text that is NULL. */
uint64_t speadi_scan_number(struct speadi_line_scan *scan);
/* Reads such a number that is written as a number or as a string of its decimal digits. */
uint64_t speadi_scan_digits(struct speadi_line_scan *scan);
bool speadi_scan_bool(struct speadi_line_scan *scan);
struct speadi_scan_string speadi_scan_string_or_null(struct speadi_line_scan *scan);
/* Reads "null". Returns false and reads nothing if another value comes. */
bool speadi_scan_null(struct speadi_line_scan *scan);

/* Reads any value and forgets it. Objects and arrays may be 16 deep. */
void speadi_scan_skip(struct speadi_line_scan *scan);

/* Returns true if nothing but spaces is left, and nothing has failed. */
bool speadi_scan_done(struct speadi_line_scan *scan);

bool speadi_scan_is(struct speadi_scan_string string, const char *text);

/* Returns the index of the string among the words (NULL ends them), or -1. */
int speadi_scan_word(struct speadi_scan_string string, const char *const *words);

/* Reads "0x1f" or decimal digits out of a string. Fails like the functions above. */
uint64_t speadi_scan_hex(struct speadi_line_scan *scan, struct speadi_scan_string string);

/* Writes the string without its escapes into `to`, which has string.bytes + 1 bytes, and a zero byte behind it. Returns
 * `to`. */
char *speadi_scan_unescape(struct speadi_scan_string string, char *to);

#endif
