/* SPDX-License-Identifier: Apache-2.0 */
/* See option_types.h. */
#include "option_types.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cpus.h>
#include <speadi/err.h>

#include "option_table.h"

/* ---- Text to numbers and words ------------------------------------------------------------- */

static unsigned suffix_shift(char suffix)
{
    switch (suffix) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    case 't':
    case 'T':
        return 40;
    default:
        return 0;
    }
}

static int parse_number(uint64_t *value, const char *text, bool suffixes, uint64_t min,
                        uint64_t max, struct spead_err *err)
{
    char *end, words[SPEADI_RANGE_WORDS_MAX];
    uint64_t number, scaled;
    unsigned shift;

    if (*text == '-' && text[1] >= '0' && text[1] <= '9')
        return speadi_err_set(err, -EINVAL, "must be %s", speadi_range_words(words, min, max));
    /* strtoull() would read " -1" as a very large number. So the text must begin with a digit. */
    if (*text < '0' || *text > '9')
        return speadi_err_set(err, -EINVAL, "not a number");
    errno = 0;
    number = strtoull(text, &end, 10);
    shift = suffixes ? suffix_shift(*end) : 0;
    end += shift != 0;
    if (*end != '\0')
        return speadi_err_set(err, -EINVAL,
                              suffixes ? "not a size (like 65536, 64K, 4M or 1G)"
                                       : "not a whole number");
    scaled = number << shift;
    if (errno == ERANGE || scaled >> shift != number || scaled > max || scaled < min)
        return speadi_err_set(err, -EINVAL, "must be %s", speadi_range_words(words, min, max));
    *value = scaled;
    return 0;
}

int tool_parse_count(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                     struct spead_err *err)
{
    return parse_number(value, text, false, min, max, err);
}

int tool_parse_size(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                    struct spead_err *err)
{
    return parse_number(value, text, true, min, max, err);
}

const char *tool_decimal(const char *text, double *value)
{
    const size_t decimal = strspn(text, "+-.0123456789eE");
    char *end;

    /* strtod() would also read blanks, "inf", "nan" and "0x10". */
    if (*text != '-' && *text != '.' && (*text < '0' || *text > '9'))
        return NULL;
    errno = 0;
    *value = strtod(text, &end);
    if (end == text || end > text + decimal)
        return NULL;
    /* strtod() returns 0 for a number that is too close to 0 for a double. For many options 0 has a meaning of its
     * own. */
    if (*value == 0 && errno == ERANGE)
        *value = copysign(DBL_TRUE_MIN, *value);
    return end;
}

int tool_parse_real(double *value, const char *text, double min, double max, struct spead_err *err)
{
    char words[SPEADI_RANGE_WORDS_MAX];
    double number;
    const char *end = tool_decimal(text, &number);

    if (!end)
        return speadi_err_set(err, -EINVAL, "not a number");
    if (*end != '\0')
        return speadi_err_set(err, -EINVAL, "not a number alone: leave out \"%s\"", end);
    if (number < min || number > max)
        return speadi_err_set(err, -EINVAL, "must be %s", speadi_range_words_real(words, min, max));
    *value = number;
    return 0;
}

int tool_parse_choice(int *index, const char *text, const char *const *words, struct spead_err *err)
{
    char list[128] = "";

    for (int i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return 0;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i == 0 ? "" : ", ",
                 words[i]);
    }
    return speadi_err_set(err, -EINVAL, "use one of %s", list);
}

/* ---- Flags and whole numbers --------------------------------------------------------------- */

static int parse_flag(const struct tool_option *row, const char *text, void *to,
                      struct spead_err *err)
{
    (void)row, (void)text, (void)err;
    *(bool *)to = true;
    return 0;
}

static void print_flag(const struct tool_option *row, const void *from, char *text, size_t room)
{
    (void)row, (void)from, (void)room;
    text[0] = '\0';
}

const struct tool_type tool_flag = {sizeof(bool), parse_flag, print_flag, NULL};

static int parse_whole(const struct tool_option *row, const char *text, bool suffixes,
                       uint64_t *value, struct spead_err *err)
{
    uint64_t number = 0;
    int ret = parse_number(&number, text, suffixes, row->min, row->max, err);

    if (ret < 0)
        return ret;
    if (row->power_of_two && (number & (number - 1)) != 0)
        return speadi_err_set(err, -EINVAL, "not a power of two");
    *value = number;
    return 0;
}

static int parse_whole32(const struct tool_option *row, const char *text, bool suffixes, void *to,
                         struct spead_err *err)
{
    uint64_t number = 0;
    int ret = parse_whole(row, text, suffixes, &number, err);

    if (ret == 0)
        /* The number fits into 32 bits, because row->max does. test_option_table.c checks every row. */
        *(uint32_t *)to = (uint32_t)number;
    return ret;
}

static int parse_u32(const struct tool_option *row, const char *text, void *to,
                     struct spead_err *err)
{
    return parse_whole32(row, text, false, to, err);
}

static int parse_bytes32(const struct tool_option *row, const char *text, void *to,
                         struct spead_err *err)
{
    return parse_whole32(row, text, true, to, err);
}

static int parse_u64(const struct tool_option *row, const char *text, void *to,
                     struct spead_err *err)
{
    return parse_whole(row, text, false, to, err);
}

static int parse_bytes64(const struct tool_option *row, const char *text, void *to,
                         struct spead_err *err)
{
    return parse_whole(row, text, true, to, err);
}

static void print_whole(const struct tool_option *row, uint64_t number, bool suffixes, char *text,
                        size_t room)
{
    static const char suffix[] = {'\0', 'K', 'M', 'G', 'T'};
    unsigned power = 0;

    for (; suffixes && power + 1 < sizeof suffix && number != 0 && number % 1024 == 0; power++)
        number /= 1024;
    if (number == 0 && row->unset)
        text[0] = '\0';
    else
        snprintf(text, room, "%" PRIu64 "%.1s", number, &suffix[power]);
}

static void print_u32(const struct tool_option *row, const void *from, char *text, size_t room)
{
    print_whole(row, *(const uint32_t *)from, false, text, room);
}

static void print_bytes32(const struct tool_option *row, const void *from, char *text, size_t room)
{
    print_whole(row, *(const uint32_t *)from, true, text, room);
}

static void print_u64(const struct tool_option *row, const void *from, char *text, size_t room)
{
    print_whole(row, *(const uint64_t *)from, false, text, room);
}

static void print_bytes64(const struct tool_option *row, const void *from, char *text, size_t room)
{
    print_whole(row, *(const uint64_t *)from, true, text, room);
}

static void range_of_numbers(const struct tool_option *row, char *text, size_t room)
{
    char words[SPEADI_RANGE_WORDS_MAX];

    snprintf(text, room, "%s", speadi_range_words(words, row->min, row->max));
}

void tool_range_of_bytes(uint64_t min, uint64_t max, char *text, size_t room)
{
    static const struct tool_option no_word;
    char least[32], most[32];

    print_whole(&no_word, min, true, least, sizeof least);
    print_whole(&no_word, max, true, most, sizeof most);
    snprintf(text, room, "%s to %s", least, most);
}

static void range_of_bytes(const struct tool_option *row, char *text, size_t room)
{
    tool_range_of_bytes(row->min, row->max, text, room);
}

const struct tool_type tool_u32 = {sizeof(uint32_t), parse_u32, print_u32, range_of_numbers};
const struct tool_type tool_u64 = {sizeof(uint64_t), parse_u64, print_u64, range_of_numbers};
const struct tool_type tool_bytes32 = {sizeof(uint32_t), parse_bytes32, print_bytes32,
                                       range_of_bytes};
const struct tool_type tool_bytes64 = {sizeof(uint64_t), parse_bytes64, print_bytes64,
                                       range_of_bytes};

static int parse_log2(const struct tool_option *row, const char *text, void *to,
                      struct spead_err *err)
{
    uint64_t power = 0;
    int ret = parse_whole(row, text, true, &power, err);

    if (ret == 0)
        *(uint32_t *)to = (uint32_t)__builtin_ctzll(power);
    return ret;
}

static void print_log2(const struct tool_option *row, const void *from, char *text, size_t room)
{
    uint32_t log = *(const uint32_t *)from;

    print_whole(row, log == 0 ? 0 : 1ull << log, true, text, room);
}

const struct tool_type tool_log2 = {sizeof(uint32_t), parse_log2, print_log2, range_of_bytes};

/* ---- How many senders must stop --------------------------------------------------------------- */

static int parse_stops(const struct tool_option *row, const char *text, void *to,
                       struct spead_err *err)
{
    uint64_t count = 0;
    int ret = 0;

    if (strcmp(text, "any") == 0)
        count = 1;
    else if (strcmp(text, "all") != 0)
        ret = tool_parse_count(&count, text, row->min, row->max, err);
    if (ret < 0)
        return speadi_err_add(err, ret, "; or any, or all");
    *(uint32_t *)to = (uint32_t)count;
    return 0;
}

static void print_stops(const struct tool_option *row, const void *from, char *text, size_t room)
{
    uint32_t count = *(const uint32_t *)from;

    (void)row;
    if (count > 1)
        snprintf(text, room, "%" PRIu32, count);
    else
        snprintf(text, room, "%s", count == 0 ? "all" : "any");
}

const struct tool_type tool_stops = {sizeof(uint32_t), parse_stops, print_stops, range_of_numbers};

/* ---- Words ---------------------------------------------------------------------------------- */

static int parse_word(const struct tool_option *row, const char *text, void *to,
                      struct spead_err *err)
{
    return tool_parse_choice(to, text, tool_option_words(row), err);
}

static void print_word(const struct tool_option *row, const void *from, char *text, size_t room)
{
    snprintf(text, room, "%s", tool_option_words(row)[*(const int *)from]);
}

const struct tool_type tool_word = {sizeof(int), parse_word, print_word, NULL};

static int parse_name(const struct tool_option *row, const char *text, void *to,
                      struct spead_err *err)
{
    const char *const *words = tool_option_words(row);
    int index = 0, ret = tool_parse_choice(&index, text, words, err);

    if (ret == 0)
        *(const char **)to = words[index];
    return ret;
}

static int parse_string(const struct tool_option *row, const char *text, void *to,
                        struct spead_err *err)
{
    (void)row;
    if (text[0] == '\0')
        return speadi_err_set(err, -EINVAL, "must not be empty");
    *(const char **)to = text;
    return 0;
}

static void print_string(const struct tool_option *row, const void *from, char *text, size_t room)
{
    const char *string = *(const char *const *)from;

    (void)row;
    snprintf(text, room, "%s", string ? string : "");
}

const struct tool_type tool_name = {sizeof(char *), parse_name, print_string, NULL};
const struct tool_type tool_string = {sizeof(char *), parse_string, print_string, NULL};

/* ---- CPUs and completion vectors ------------------------------------------------------------ */

static int parse_cpu(const struct tool_option *row, const char *text, void *to,
                     struct spead_err *err)
{
    uint64_t cpu = 0;
    int ret = tool_parse_count(&cpu, text, row->min, row->max, err);

    if (ret < 0)
        return ret;
    ret = speadi_cpu_try((int)cpu, err);
    if (ret == 0)
        *(int *)to = (int)cpu;
    return ret;
}

static void print_cpu(const struct tool_option *row, const void *from, char *text, size_t room)
{
    int cpu = *(const int *)from;

    (void)row;
    text[0] = '\0';
    if (cpu >= 0)
        snprintf(text, room, "%d", cpu);
}

const struct tool_type tool_cpu = {sizeof(int), parse_cpu, print_cpu, NULL};

static int parse_vector(const struct tool_option *row, const char *text, void *to,
                        struct spead_err *err)
{
    uint64_t vector = 0;
    int ret;

    if (strcmp(text, "poll") == 0 || strcmp(text, "-1") == 0) {
        *(int32_t *)to = -1;
        return 0;
    }
    ret = tool_parse_count(&vector, text, row->min, row->max, err);
    if (ret < 0)
        return speadi_err_add(err, ret, "; or \"poll\"");
    *(int32_t *)to = (int32_t)vector;
    return 0;
}

static void print_vector(const struct tool_option *row, const void *from, char *text, size_t room)
{
    int32_t vector = *(const int32_t *)from;

    (void)row;
    if (vector < 0)
        snprintf(text, room, "poll");
    else
        snprintf(text, room, "%" PRId32, vector);
}

const struct tool_type tool_vector = {sizeof(int32_t), parse_vector, print_vector,
                                      range_of_numbers};
