/* SPDX-License-Identifier: Apache-2.0 */
/* The literals of numpy headers. */
#include "numpy_literal.h"

#include <errno.h>
#include <string.h>

#include <speadi/err.h>

#define EXCERPT_BYTES 20 /* how much of the text a sentence quotes */

static void skip_space(struct speadi_literal *text)
{
    while (text->at < text->end &&
           (*text->at == ' ' || *text->at == '\n' || *text->at == '\t' || *text->at == '\r'))
        text->at++;
}

int speadi_literal_expected(const struct speadi_literal *text, const char *what)
{
    char excerpt[EXCERPT_BYTES + 1];
    size_t bytes = 0;

    if (text->at == text->end)
        return speadi_err_set(text->err, -EBADMSG, "expected %s at its end", what);
    for (; bytes < EXCERPT_BYTES && text->at + bytes < text->end; bytes++) {
        char c = text->at[bytes];

        excerpt[bytes] = c;
        if (c < ' ' || c > '~')
            excerpt[bytes] = '?';
    }
    excerpt[bytes] = 0;
    return speadi_err_set(text->err, -EBADMSG, "expected %s at byte %zu, but there is `%s`", what,
                          (size_t)(text->at - text->begin), excerpt);
}

bool speadi_literal_sees(struct speadi_literal *text, char sign)
{
    skip_space(text);
    return text->at < text->end && *text->at == sign;
}

bool speadi_literal_takes(struct speadi_literal *text, char sign)
{
    if (!speadi_literal_sees(text, sign))
        return false;
    text->at++;
    return true;
}

int speadi_literal_needs(struct speadi_literal *text, char sign)
{
    const char what[] = {'"', sign, '"', 0};

    return speadi_literal_takes(text, sign) ? 0 : speadi_literal_expected(text, what);
}

/* Returns the number of characters before the quotation mark: 0, or 1 for Python's u'' and b''. */
static int prefix_of_string(struct speadi_literal *text)
{
    const char *at = text->at;
    int prefix = at < text->end && (*at == 'u' || *at == 'b');

    return at + prefix < text->end && (at[prefix] == '\'' || at[prefix] == '"') ? prefix : -1;
}

bool speadi_literal_sees_string(struct speadi_literal *text)
{
    skip_space(text);
    return prefix_of_string(text) >= 0;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads one character of a string, which may be an escape. Returns the character, or -1. */
static int take_character(struct speadi_literal *text)
{
    static const char letters[] = "\\'\"nrt", meant[] = "\\'\"\n\r\t";
    const char *letter;
    int high, low;

    if (*text->at != '\\')
        return (unsigned char)*text->at++;
    if (++text->at == text->end || *text->at == 0)
        return -1;
    letter = strchr(letters, *text->at);
    if (letter) {
        text->at++;
        return meant[letter - letters];
    }
    if (*text->at != 'x' || text->end - text->at < 3)
        return -1;
    high = digit_of(text->at[1]);
    low = digit_of(text->at[2]);
    if (high < 0 || low < 0)
        return -1;
    text->at += 3;
    return high * 16 + low;
}

int speadi_literal_string(struct speadi_literal *text, const char *what, char *to, size_t size)
{
    size_t bytes = 0;
    char mark;

    if (!speadi_literal_sees_string(text))
        return speadi_literal_expected(text, what);
    text->at += prefix_of_string(text);
    mark = *text->at++;
    while (text->at < text->end && *text->at != mark) {
        int c = take_character(text);

        if (c < 0)
            return speadi_literal_expected(text,
                                           "one of the escapes \\\\ \\' \\\" \\n \\r \\t \\x");
        if (c < ' ' || c > '~')
            return speadi_err_set(text->err, -EBADMSG,
                                  "%s has the byte 0x%02x, which is no printable ASCII character",
                                  what, (unsigned)c);
        if (bytes + 1 >= size)
            return speadi_err_set(text->err, -EBADMSG, "%s has more than %zu characters", what,
                                  size - 1);
        to[bytes++] = (char)c;
    }
    to[bytes] = 0;
    return speadi_literal_needs(text, mark);
}

int speadi_literal_number(struct speadi_literal *text, const char *what, uint64_t *value)
{
    uint64_t number = 0;

    skip_space(text);
    if (text->at == text->end || *text->at < '0' || *text->at > '9')
        return speadi_literal_expected(text, what);
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++) {
        if (number > (1ull << 62) / 10)
            return speadi_err_set(text->err, -EBADMSG, "%s is larger than 2^62", what);
        number = number * 10 + (uint64_t)(*text->at - '0');
    }
    if (text->at < text->end && *text->at == 'L') /* as Python 2 wrote long numbers */
        text->at++;
    *value = number;
    return 0;
}

int speadi_literal_bool(struct speadi_literal *text, const char *what, bool *value)
{
    size_t left;

    skip_space(text);
    left = (size_t)(text->end - text->at);
    *value = left >= 4 && memcmp(text->at, "True", 4) == 0;
    if (!*value && (left < 5 || memcmp(text->at, "False", 5) != 0))
        return speadi_literal_expected(text, what);
    text->at += *value ? 4 : 5;
    return 0;
}

int speadi_literal_shape(struct speadi_literal *text, uint64_t *shape, uint32_t max,
                         uint32_t *count)
{
    uint32_t found = 0;
    bool comma = true;

    if (!speadi_literal_takes(text, '('))
        return speadi_literal_expected(text, "a shape, which is a tuple of whole numbers,");
    while (!speadi_literal_takes(text, ')')) {
        if (!comma)
            return speadi_literal_expected(text, "\",\" or \")\"");
        if (found == max)
            return speadi_err_set(text->err, -EBADMSG, "there are more than %u dimensions", max);
        if (speadi_literal_number(text, "a whole number from 0 on", &shape[found]) < 0)
            return -EBADMSG;
        found++;
        comma = speadi_literal_takes(text, ',');
    }
    if (found == 1 && !comma)
        return speadi_err_set(text->err, -EBADMSG,
                              "a shape of one dimension needs a comma: (%llu,)",
                              (unsigned long long)shape[0]);
    *count = found;
    return 0;
}

int speadi_literal_ends(struct speadi_literal *text)
{
    skip_space(text);
    return text->at == text->end ? 0 : speadi_literal_expected(text, "nothing more");
}
