/* SPDX-License-Identifier: Apache-2.0 */
/* Sums, differences and rates of snapshots. */
#include <speadi/snapshot.h>

#include <errno.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#define NS_PER_S 1e9

/* Returns 0 if the snapshots have the same statistics, or -EINVAL with a sentence. */
static int check_same(const struct spead_snapshot *a, const struct spead_snapshot *b,
                      struct spead_err *err)
{
    for (uint32_t i = 0; i < a->count && i < b->count; i++) {
        const struct spead_statistic *one = &a->statistic[i], *other = &b->statistic[i];

        if (strcmp(one->name, other->name) != 0)
            return speadi_err_set(err, -EINVAL,
                                  "the snapshots have different statistics: number %u is \"%s\" in "
                                  "the first and \"%s\" in the second",
                                  i, one->name, other->name);
        if (one->mode != other->mode)
            return speadi_err_set(err, -EINVAL,
                                  "the snapshots count \"%s\" differently: the mode is %u in the "
                                  "first and %u in the second",
                                  one->name, one->mode, other->mode);
    }
    if (a->count == b->count)
        return 0;
    return speadi_err_set(
        err, -EINVAL,
        "the snapshots have different statistics: the first has %u, the second "
        "has %u, and only one has \"%s\"",
        a->count, b->count,
        (a->count > b->count ? a : b)->statistic[speadi_min_u32(a->count, b->count)].name);
}

/* 0 means that there is no smallest value. */
static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint64_t sum(const struct spead_statistic *a, const struct spead_statistic *b,
                    bool b_is_later)
{
    switch (a->mode) {
    case SPEAD_STATISTIC_SUM:
    case SPEAD_STATISTIC_LEVEL:
        return a->value + b->value;
    case SPEAD_STATISTIC_MAXIMUM:
        return speadi_max_u64(a->value, b->value);
    case SPEAD_STATISTIC_MINIMUM:
        return smaller(a->value, b->value);
    case SPEAD_STATISTIC_LAST:
        break;
    }
    return b_is_later ? b->value : a->value;
}

int spead_snapshot_add(struct spead_snapshot *to, const struct spead_snapshot *more,
                       struct spead_err *err)
{
    bool later = more->time_ns > to->time_ns;

    if (check_same(to, more, err) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < to->count; i++)
        to->statistic[i].value = sum(&to->statistic[i], &more->statistic[i], later);
    to->time_ns = speadi_max_u64(to->time_ns, more->time_ns);
    return 0;
}

int spead_snapshot_subtract(struct spead_snapshot *after, const struct spead_snapshot *before,
                            struct spead_err *err)
{
    if (check_same(after, before, err) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < after->count; i++)
        if (after->statistic[i].mode == SPEAD_STATISTIC_SUM)
            after->statistic[i].value -= before->statistic[i].value;
    return 0;
}

int spead_snapshot_rate(const struct spead_snapshot *before, const struct spead_snapshot *after,
                        uint32_t index, double *per_second, struct spead_err *err)
{
    const struct spead_statistic *statistic;

    if (check_same(before, after, err) < 0)
        return -EINVAL;
    if (index >= after->count)
        return speadi_err_set(err, -ERANGE, "there is no statistic number %u: the last is %u",
                              index, after->count - 1);
    statistic = &after->statistic[index];
    if (statistic->mode != SPEAD_STATISTIC_SUM)
        return speadi_err_set(err, -EINVAL, "\"%s\" has no rate: it does not count things",
                              statistic->name);
    if (after->time_ns <= before->time_ns)
        return speadi_err_set(err, -EINVAL,
                              "there is no time between the snapshots: the second must be the "
                              "later one");
    *per_second = (double)(int64_t)(statistic->value - before->statistic[index].value) * NS_PER_S /
                  (double)(after->time_ns - before->time_ns);
    return 0;
}
