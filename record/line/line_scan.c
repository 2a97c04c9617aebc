/* SPDX-License-Identifier: Apache-2.0 */
/* See line_scan.h. */
#include "line_scan.h"

#include <string.h>

#define DEPTH_MAX 16u

static void skip_spaces(struct speadi_line_scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

bool speadi_scan_fail(struct speadi_line_scan *scan)
{
    scan->failed = true;
    scan->at = scan->end;
    return false;
}

bool speadi_scan_char(struct speadi_line_scan *scan, char expected)
{
    skip_spaces(scan);
    if (scan->at == scan->end || *scan->at != expected)
        return false;
    scan->at++;
    return true;
}

static bool must_char(struct speadi_line_scan *scan, char expected)
{
    return speadi_scan_char(scan, expected) || speadi_scan_fail(scan);
}

bool speadi_scan_open(struct speadi_line_scan *scan, char bracket)
{
    return must_char(scan, bracket);
}

bool speadi_scan_next(struct speadi_line_scan *scan, char closing, bool first)
{
    if (scan->failed || speadi_scan_char(scan, closing))
        return false;
    return first || must_char(scan, ',');
}

static struct speadi_scan_string scan_string(struct speadi_line_scan *scan)
{
    struct speadi_scan_string string = {NULL, 0};

    if (!must_char(scan, '"'))
        return string;
    string.text = scan->at;
    while (scan->at < scan->end && *scan->at != '"')
        scan->at += *scan->at == '\\' && scan->end - scan->at > 1 ? 2 : 1;
    if (scan->at == scan->end) {
        speadi_scan_fail(scan);
        return (struct speadi_scan_string){NULL, 0};
    }
    string.bytes = (size_t)(scan->at - string.text);
    scan->at++;
    return string;
}

struct speadi_scan_string speadi_scan_key(struct speadi_line_scan *scan)
{
    struct speadi_scan_string key = scan_string(scan);

    must_char(scan, ':');
    return key;
}

static bool is_digit(const struct speadi_line_scan *scan)
{
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

uint64_t speadi_scan_number(struct speadi_line_scan *scan)
{
    uint64_t number = 0;

    skip_spaces(scan);
    if (!is_digit(scan))
        return speadi_scan_fail(scan);
    for (; is_digit(scan); scan->at++) {
        uint64_t digit = (uint64_t)(*scan->at - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return speadi_scan_fail(scan);
        number = number * 10 + digit;
    }
    if (scan->at < scan->end && (*scan->at == '.' || *scan->at == 'e' || *scan->at == 'E'))
        return speadi_scan_fail(scan);
    return number;
}

uint64_t speadi_scan_digits(struct speadi_line_scan *scan)
{
    bool quoted = speadi_scan_char(scan, '"');
    uint64_t number;

    if (!quoted)
        return speadi_scan_number(scan);
    if (!is_digit(scan)) /* speadi_scan_number() would pass over spaces */
        return speadi_scan_fail(scan);
    number = speadi_scan_number(scan);
    return scan->at < scan->end && *scan->at++ == '"' ? number : speadi_scan_fail(scan);
}

/* Reads this word, such as "true". Returns false and reads nothing if another text comes. */
static bool scan_literal(struct speadi_line_scan *scan, const char *word)
{
    size_t bytes = strlen(word);

    skip_spaces(scan);
    if ((size_t)(scan->end - scan->at) < bytes || memcmp(scan->at, word, bytes) != 0)
        return false;
    scan->at += bytes;
    return true;
}

bool speadi_scan_bool(struct speadi_line_scan *scan)
{
    if (scan_literal(scan, "true"))
        return true;
    return scan_literal(scan, "false") ? false : speadi_scan_fail(scan);
}

bool speadi_scan_null(struct speadi_line_scan *scan)
{
    return scan_literal(scan, "null");
}

struct speadi_scan_string speadi_scan_string_or_null(struct speadi_line_scan *scan)
{
    if (speadi_scan_null(scan))
        return (struct speadi_scan_string){NULL, 0};
    return scan_string(scan);
}

static void skip_plain(struct speadi_line_scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};

    for (unsigned i = 0; i < 3; i++)
        if (scan_literal(scan, words[i]))
            return;
    skip_spaces(scan);
    if (scan->at < scan->end && *scan->at == '"') {
        scan_string(scan);
        return;
    }
    if (!is_digit(scan) && (scan->at == scan->end || *scan->at != '-')) {
        speadi_scan_fail(scan);
        return;
    }
    while (scan->at < scan->end && strchr("+-.eE0123456789", *scan->at) && *scan->at != '\0')
        scan->at++;
}

/* Begins the value that comes: reads an opening bracket onto the stack of closing brackets, or a whole plain value. */
static void begin_value(struct speadi_line_scan *scan, char *closing, unsigned *depth, bool *first)
{
    bool object = speadi_scan_char(scan, '{');

    *first = object || speadi_scan_char(scan, '[');
    if (!*first)
        skip_plain(scan);
    else if (*depth == DEPTH_MAX)
        speadi_scan_fail(scan);
    else
        closing[(*depth)++] = object ? '}' : ']';
}

void speadi_scan_skip(struct speadi_line_scan *scan)
{
    char closing[DEPTH_MAX];
    unsigned depth = 0;
    bool first;

    begin_value(scan, closing, &depth, &first);
    while (depth > 0 && !scan->failed) {
        if (!speadi_scan_next(scan, closing[depth - 1], first)) {
            depth--;
            first = false;
            continue;
        }
        if (closing[depth - 1] == '}')
            speadi_scan_key(scan);
        begin_value(scan, closing, &depth, &first);
    }
}

bool speadi_scan_done(struct speadi_line_scan *scan)
{
    skip_spaces(scan);
    return !scan->failed && scan->at == scan->end;
}

bool speadi_scan_is(struct speadi_scan_string string, const char *text)
{
    return string.text && string.bytes == strlen(text) &&
           memcmp(string.text, text, string.bytes) == 0;
}

int speadi_scan_word(struct speadi_scan_string string, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (speadi_scan_is(string, words[i]))
            return i;
    return -1;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

uint64_t speadi_scan_hex(struct speadi_line_scan *scan, struct speadi_scan_string string)
{
    uint64_t number = 0;

    if (string.bytes < 3 || string.bytes > 18 || memcmp(string.text, "0x", 2) != 0)
        return speadi_scan_fail(scan);
    for (size_t i = 2; i < string.bytes; i++) {
        int digit = hex_digit(string.text[i]);

        if (digit < 0)
            return speadi_scan_fail(scan);
        number = number << 4 | (unsigned)digit;
    }
    return number;
}

/* Writes the character of "\u00e9" in UTF-8 to *to, and moves *to behind it. Halves of a pair become '?'. */
static void put_unicode(unsigned code, char **to)
{
    if (code >= 0xd800 && code < 0xe000)
        code = '?';
    if (code < 0x80) {
        *(*to)++ = (char)code;
    } else if (code < 0x800) {
        *(*to)++ = (char)(0xc0 | code >> 6);
        *(*to)++ = (char)(0x80 | (code & 0x3f));
    } else {
        *(*to)++ = (char)(0xe0 | code >> 12);
        *(*to)++ = (char)(0x80 | (code >> 6 & 0x3f));
        *(*to)++ = (char)(0x80 | (code & 0x3f));
    }
}

/* Writes what the escape at `at` means. Returns the text behind the escape. */
static const char *unescape_one(const char *at, const char *end, char **to)
{
    static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
    const char *found = strchr(from, *at);
    unsigned code = 0;

    if (*at != 'u' || end - at < 5) {
        *(*to)++ = found && *at != '\0' ? into[found - from] : *at;
        return at + 1;
    }
    for (unsigned i = 1; i < 5; i++) {
        int digit = hex_digit((char)(at[i] | (at[i] >= 'A' && at[i] <= 'F' ? 0x20 : 0)));

        code = code << 4 | (digit < 0 ? 0 : (unsigned)digit);
    }
    put_unicode(code, to);
    return at + 5;
}

char *speadi_scan_unescape(struct speadi_scan_string string, char *to)
{
    const char *at = string.text, *end = string.text + string.bytes;
    char *next = to;

    while (at < end) {
        if (*at == '\\' && end - at > 1)
            at = unescape_one(at + 1, end, &next);
        else
            *next++ = *at++;
    }
    *next = '\0';
    return to;
}
