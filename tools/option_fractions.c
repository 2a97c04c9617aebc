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

/* Returns true if the row accepts the number. The range of the row is in units of the number times `scale`. */
static bool is_in_range(const struct tool_option *row, double number, double scale)
{
    return (number >= row->least * scale && number <= row->most * scale) ||
           (row->or_zero && number == 0);
}

static int refuse_range(const struct tool_option *row, struct spead_err *err)
{
    char range[TOOL_RANGE_MAX];

    row->type->range(row, range, sizeof range);
    return speadi_err_set(err, -EINVAL, "must be %s", range);
}

static int parse_fraction(const struct tool_option *row, const char *text, double *value,
                          struct spead_err *err)
{
    double number = 0;
    int ret = tool_parse_real(&number, text, -HUGE_VAL, HUGE_VAL, err);

    if (ret < 0)
        return ret;
    if (!is_in_range(row, number, 1))
        return refuse_range(row, err);
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

/* Rounds the time to whole ns. A time of the range of a row is 1 ns at least, or 0. So no other time becomes 0, which
 * often means "never". */
static uint64_t to_ns(double ns)
{
    return (uint64_t)(ns + 0.5);
}

static int parse_ns(const struct tool_option *row, const char *text, void *to,
                    struct spead_err *err)
{
    double number = 0;
    int ret = parse_fraction(row, text, &number, err);

    if (ret == 0)
        *(uint64_t *)to = to_ns(number * row->unit);
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

static void range_of_fraction(const struct tool_option *row, char *text, size_t room)
{
    char words[SPEADI_RANGE_WORDS_MAX];

    snprintf(text, room, "%s%s", speadi_range_words_real(words, row->least, row->most),
             row->or_zero ? ", or 0" : "");
}

const struct tool_type tool_real = {sizeof(double), parse_double, print_double, range_of_fraction};
const struct tool_type tool_ns = {sizeof(uint64_t), parse_ns, print_ns, range_of_fraction};

/* ---- Times with a unit ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    double ns;
} units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};

#define UNIT_COUNT (sizeof units / sizeof *units)

/* Splits "10ms" into its number and the ns of its unit. Returns false if the text is not a time. */
static bool split_time(const char *text, double *number, double *unit_ns)
{
    const char *end = tool_decimal(text, number);

    *unit_ns = 1;
    if (!end)
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
    double number, unit_ns;

    if (!split_time(text, &number, &unit_ns))
        return speadi_err_set(err, -EINVAL, "not a time (like 2s, 10ms, 50us or 0)");
    if (!is_in_range(row, number * unit_ns, 1e9))
        return refuse_range(row, err);
    *(uint64_t *)to = to_ns(number * unit_ns);
    return 0;
}

static void write_time(double ns, char *text, size_t room)
{
    size_t unit = 0;

    while (unit + 1 < UNIT_COUNT && ns < units[unit].ns)
        unit++;
    if (ns > 0)
        snprintf(text, room, "%.15g%s", ns / units[unit].ns, units[unit].name);
    else
        snprintf(text, room, "0");
}

static void print_time(const struct tool_option *row, const void *from, char *text, size_t room)
{
    (void)row;
    write_time((double)*(const uint64_t *)from, text, room);
}

static void range_of_time(const struct tool_option *row, char *text, size_t room)
{
    char least[32], most[32];

    write_time(row->least * 1e9, least, sizeof least);
    write_time(row->most * 1e9, most, sizeof most);
    snprintf(text, room, "%s to %s%s", least, most, row->or_zero ? ", or 0" : "");
}

const struct tool_type tool_time = {sizeof(uint64_t), parse_time, print_time, range_of_time};
