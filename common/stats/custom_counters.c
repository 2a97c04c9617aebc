/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the custom counters of a configuration. */
#include <speadi/snapshot.h>

#include <errno.h>
#include <string.h>

#include <speadi/err.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static const char field[] = "custom_counters";

/* Returns true if the text is `name`, then ".packets" or ".bytes": a count of the ledger. */
static bool is_count(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot && (strcmp(dot, ".packets") == 0 || strcmp(dot, ".bytes") == 0);
}

static int check_name(const struct spead_custom_counter *counters, uint32_t at,
                      const struct speadi_statistic_row *rows, size_t row_count,
                      struct spead_err *err)
{
    const char *name = counters[at].name;
    size_t length = name ? strlen(name) : 0;

    if (length == 0 || length >= SPEAD_STATISTIC_NAME_MAX || strspn(name, NAME_LETTERS) != length)
        return speadi_err_field(err, -EINVAL, field,
                                ": the name of counter %u must be 1 to %u letters, digits, dots, "
                                "underscores or hyphens",
                                at, SPEAD_STATISTIC_NAME_MAX - 1);
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(counters[i].name, name) == 0)
            return speadi_err_field(err, -EINVAL, field,
                                    ": counters %u and %u have the same name \"%s\"", i, at, name);
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return speadi_err_field(err, -EINVAL, field,
                                    ": counter %u must have another name than \"%s\", which is a "
                                    "statistic of the library",
                                    at, name);
    if (is_count(name))
        return speadi_err_field(err, -EINVAL, field,
                                ": the name \"%s\" must not end in .packets or .bytes, as the "
                                "counts of the ledger do",
                                name);
    return 0;
}

int speadi_custom_counters_check(const struct spead_custom_counter *counters, uint32_t count,
                                 const struct speadi_statistic_row *rows, size_t row_count,
                                 struct spead_err *err)
{
    if (count > SPEAD_CUSTOM_COUNTERS_MAX)
        return speadi_err_range(err, "custom_counter_count", count, 0, SPEAD_CUSTOM_COUNTERS_MAX);
    if (speadi_err_array(err, field, counters, count) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        if ((unsigned)counters[i].mode > SPEAD_STATISTIC_MINIMUM)
            return speadi_err_field(err, -EINVAL, field,
                                    ": counter %u has the mode %u: must be 0 to %u", i,
                                    (unsigned)counters[i].mode, SPEAD_STATISTIC_MINIMUM);
        if (check_name(counters, i, rows, row_count, err) < 0)
            return -EINVAL;
    }
    return 0;
}
