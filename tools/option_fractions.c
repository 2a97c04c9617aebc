/* SPDX-License-Identifier: Apache-2.0 */
/* The types of options that are fractions or times. See option_types.h. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "option_table.h"
#include "option_types.h"

/* ---- Fractions ------------------------------------------------------------------------------ */

static int parse_fraction(const struct tool_option *row, const char *text, double *value,
                          struct spead_err *err)
{
    double number = -1;
    int ret;

    if (row->or_zero && tool_parse_real(&number, text, 0, 0, NULL) == 0) {
        *value = 0;
        return 0;
    }
    ret = tool_parse_real(&number, text, row->least, row->most, err);
    /* For a number outside the range, the sentence adds that 0 is allowed too. For a text that is not a number, the
     * sentence says nothing about 0. */
    if (ret < 0)
        return row->or_zero && tool_parse_real(&number, text, -HUGE_VAL, HUGE_VAL, NULL) == 0
                   ? speadi_err_add(err, ret, ", or 0")
                   : ret;
    *value = number;
    return 0;
}

static int parse_double(const struct tool_option *row, const char *text, void *to,
                        struct spead_err *err)
{
    double number = 0;
    int ret = parse_fraction(row, text, &number, err);

    if (ret == 0)
        *(double *)to = number * row->unit;
    return ret;
}

/* Returns the time as a whole number of ns. A time that is not 0 is 1 ns at least, because 0 has its own meaning. */
static uint64_t at_least_1(double ns)
{
    return ns > 0 && ns < 1 ? 1 : (uint64_t)ns;
}

static int parse_ns(const struct tool_option *row, const char *text, void *to,
                    struct spead_err *err)
{
    double number = 0;
    int ret = parse_fraction(row, text, &number, err);

    if (ret == 0)
        *(uint64_t *)to = at_least_1(number * row->unit);
    return ret;
}

static void print_fraction(const struct tool_option *row, double stored, char *text, size_t room)
{
    if (stored > 0 || !row->unset)
        snprintf(text, room, "%g", stored / row->unit);
    else
        text[0] = '\0';
}

static void print_double(const struct tool_option *row, const void *from, char *text, size_t room)
{
    print_fraction(row, *(const double *)from, text, room);
}

static void print_ns(const struct tool_option *row, const void *from, char *text, size_t room)
{
    print_fraction(row, (double)*(const uint64_t *)from, text, room);
}

const struct tool_type tool_real = {sizeof(double), parse_double, print_double};
const struct tool_type tool_ns = {sizeof(uint64_t), parse_ns, print_ns};

/* ---- Times with a unit ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    double ns;
} units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};

#define UNIT_COUNT (sizeof units / sizeof *units)

/* Splits "10ms" into its number and the ns of its unit. Returns false if the text is not a time. */
static bool split_time(const char *text, double *number, double *unit_ns)
{
    char *end;

    *number = strtod(text, &end);
    *unit_ns = 1;
    if (end == text || !isfinite(*number))
        return false;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(end, units[i].name) == 0) {
            *unit_ns = units[i].ns;
            return true;
        }
    }
    return *end == '\0' && *number == 0;
}

static int parse_time(const struct tool_option *row, const char *text, void *to,
                      struct spead_err *err)
{
    char words[SPEADI_RANGE_WORDS_MAX];
    double number, unit_ns;

    if (!split_time(text, &number, &unit_ns))
        return speadi_err_set(err, -EINVAL, "not a time (like 2s, 10ms, 50us or 0)");
    if (number * unit_ns < row->least * 1e9 || number * unit_ns > row->most * 1e9)
        return speadi_err_set(err, -EINVAL, "must be %s s",
                              speadi_range_words_real(words, row->least, row->most));
    *(uint64_t *)to = at_least_1(number * unit_ns);
    return 0;
}

static void print_time(const struct tool_option *row, const void *from, char *text, size_t room)
{
    double ns = (double)*(const uint64_t *)from;
    size_t unit = 0;

    (void)row;
    while (unit + 1 < UNIT_COUNT && ns < units[unit].ns)
        unit++;
    if (ns > 0)
        snprintf(text, room, "%g%s", ns / units[unit].ns, units[unit].name);
    else
        snprintf(text, room, "0");
}

const struct tool_type tool_time = {sizeof(uint64_t), parse_time, print_time};
