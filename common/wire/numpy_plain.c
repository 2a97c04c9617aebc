/* SPDX-License-Identifier: Apache-2.0 */
/* Plain types of numpy. */
#include "numpy_plain.h"

#include <string.h>

#define BYTES_MAX (1ull << 31) /* the largest number in a word */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#    define NATIVE_ORDER '<'
#else
#    define NATIVE_ORDER '>'
#endif

/* Reads what stands in the brackets behind a time: the unit. */
static int read_unit(const char *at, struct speadi_numpy_plain *plain)
{
    size_t bytes = strlen(at);

    if (bytes == 0)
        return 0;
    if (at[0] != '[' || bytes < 3 || at[bytes - 1] != ']')
        return -1;
    for (size_t i = 1; i + 1 < bytes; i++) {
        char c = at[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '/')
            return -1;
        plain->unit[i - 1] = c;
    }
    plain->unit[bytes - 2] = 0;
    return 0;
}

static bool is_one_of(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return number == a || number == b || number == c || number == d;
}

/* Finds the kind and the size of a type by its letter and its number. Returns 0, or -1 if numpy has no such type, or
 * only on some machines. */
static int find_kind(struct speadi_numpy_plain *plain)
{
    uint64_t n = plain->number;

    plain->bytes = n;
    switch (plain->letter) {
    case '?':
        plain->letter = 'b';
        plain->number = plain->bytes = 1;
        plain->kind = SPEAD_KIND_BOOL;
        return n == 0 ? 0 : -1;
    case 'b':
        plain->kind = SPEAD_KIND_BOOL;
        return n == 1 ? 0 : -1;
    case 'i':
        plain->kind = SPEAD_KIND_SIGNED;
        return is_one_of(n, 1, 2, 4, 8) ? 0 : -1;
    case 'u':
        plain->kind = SPEAD_KIND_UNSIGNED;
        return is_one_of(n, 1, 2, 4, 8) ? 0 : -1;
    case 'f':
        plain->kind = SPEAD_KIND_FLOAT;
        return is_one_of(n, 2, 4, 8, 16) ? 0 : -1;
    case 'c':
        plain->kind = SPEAD_KIND_COMPLEX;
        return is_one_of(n, 8, 16, 32, 8) ? 0 : -1;
    case 'M':
        plain->kind = SPEAD_KIND_DATETIME;
        return n == 8 ? 0 : -1;
    case 'm':
        plain->kind = SPEAD_KIND_TIMEDELTA;
        return n == 8 ? 0 : -1;
    case 'V':
        plain->kind = SPEAD_KIND_OPAQUE;
        return 0;
    case 'U':
        plain->kind = SPEAD_KIND_UNICODE;
        plain->bytes = 4 * n;
        return 0;
    case 'a':
        plain->letter = 'S'; /* the old letter */ /* fall through */
    case 'S':
        plain->kind = SPEAD_KIND_BYTES;
        return 0;
    default:
        return -1;
    }
}

static bool has_order(const struct speadi_numpy_plain *plain)
{
    return plain->kind != SPEAD_KIND_BYTES && plain->kind != SPEAD_KIND_OPAQUE && plain->bytes > 1;
}

int speadi_numpy_plain_read(struct speadi_numpy_plain *plain, const char *word, bool swap)
{
    *plain = (struct speadi_numpy_plain){.order = NATIVE_ORDER};
    if (*word == '<' || *word == '>')
        plain->order = *word++;
    else if (*word == '=' || *word == '|')
        word++;
    plain->letter = *word;
    if (*word == 0)
        return -1;
    for (word++; *word >= '0' && *word <= '9'; word++) {
        plain->number = plain->number * 10 + (uint64_t)(*word - '0');
        if (plain->number > BYTES_MAX)
            return -1;
    }
    if (find_kind(plain) < 0)
        return -1;
    if (plain->kind == SPEAD_KIND_DATETIME || plain->kind == SPEAD_KIND_TIMEDELTA
            ? read_unit(word, plain) < 0
            : *word != 0)
        return -1;
    if (!has_order(plain))
        plain->order = '|';
    else if (swap)
        plain->order = plain->order == '<' ? '>' : '<';
    return 0;
}

bool speadi_numpy_plain_is_object(const char *word)
{
    if (*word && strchr("<>=|", *word))
        word++;
    return *word == 'O' || *word == 'T';
}
