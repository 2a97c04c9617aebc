/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: sums, differences and rates of snapshots are right, and two snapshots that do not belong together are refused.
 *
 * Method: the test makes snapshots by hand, as a stream does. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include <speadi/snapshot.h>

/* Makes a snapshot with a statistic of each mode: sum, maximum, last, level, minimum. */
static struct spead_snapshot *make(uint64_t time_ns, const uint64_t value[5])
{
    static const char *const names[] = {"sum", "maximum", "last", "level", "minimum"};
    struct spead_snapshot *snapshot = speadi_snapshot_make(8, time_ns);

    cr_assert_not_null(snapshot);
    for (unsigned i = 0; i < 5; i++)
        speadi_snapshot_put(snapshot, names[i], (enum spead_statistic_mode)i, value[i]);
    return snapshot;
}

static void expect_values(const struct spead_snapshot *snapshot, const uint64_t value[5])
{
    struct spead_statistic statistic;

    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(spead_snapshot_at(snapshot, i, &statistic), 0);
        cr_expect_eq(statistic.value, value[i], "%s is %llu", statistic.name,
                     (unsigned long long)statistic.value);
    }
}

Test(snapshot, a_sum_of_two_streams_adds_counts_and_keeps_extremes)
{
    struct spead_snapshot *a = make(100, (uint64_t[]){10, 7, 1, 3, 5});
    struct spead_snapshot *b = make(200, (uint64_t[]){1, 9, 2, 4, 0});

    cr_assert_eq(spead_snapshot_add(a, b, NULL), 0);
    expect_values(a, (uint64_t[]){11, 9, 2, 7, 5});
    cr_expect_eq(spead_snapshot_time_ns(a), 200u);
    expect_values(b, (uint64_t[]){1, 9, 2, 4, 0});
    spead_snapshot_destroy(a);
    spead_snapshot_destroy(b);
}

Test(snapshot, the_last_value_of_a_sum_is_that_of_the_later_snapshot)
{
    struct spead_snapshot *a = make(300, (uint64_t[]){0, 0, 1, 0, 8});
    struct spead_snapshot *b = make(200, (uint64_t[]){0, 0, 2, 0, 6});

    cr_assert_eq(spead_snapshot_add(a, b, NULL), 0);
    expect_values(a, (uint64_t[]){0, 0, 1, 0, 6});
    spead_snapshot_destroy(a);
    spead_snapshot_destroy(b);
}

Test(snapshot, a_difference_subtracts_counts_only)
{
    struct spead_snapshot *before = make(100, (uint64_t[]){10, 7, 1, 3, 5});
    struct spead_snapshot *after = make(200, (uint64_t[]){25, 9, 2, 1, 4});

    cr_assert_eq(spead_snapshot_subtract(after, before, NULL), 0);
    expect_values(after, (uint64_t[]){15, 9, 2, 1, 4});
    spead_snapshot_destroy(before);
    spead_snapshot_destroy(after);
}

static void expect_mismatch(const struct spead_snapshot *a, const struct spead_snapshot *b,
                            const char *words)
{
    struct spead_snapshot *sum;
    struct spead_err err = {0};
    double rate = -5;

    cr_assert_eq(spead_snapshot_copy(&sum, a), 0);
    cr_expect_eq(spead_snapshot_add(sum, b, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, words), "%s", err.text);
    cr_expect_eq(spead_snapshot_subtract(sum, b, NULL), -EINVAL);
    cr_expect_eq(spead_snapshot_rate(a, b, 0, &rate, NULL), -EINVAL);
    cr_expect_eq(rate, -5);
    cr_expect_eq(sum->statistic[0].value, a->statistic[0].value, "nothing has changed");
    spead_snapshot_destroy(sum);
}

Test(snapshot, snapshots_with_different_statistics_are_refused)
{
    struct spead_snapshot *a = make(100, (uint64_t[]){1, 2, 3, 4, 5});
    struct spead_snapshot *more = make(200, (uint64_t[]){1, 2, 3, 4, 5});
    struct spead_snapshot *other = make(300, (uint64_t[]){1, 2, 3, 4, 5});
    struct spead_snapshot *mode = make(400, (uint64_t[]){1, 2, 3, 4, 5});

    speadi_snapshot_put_copy(more, "extra", SPEAD_STATISTIC_SUM, 6);
    other->statistic[2].name = "another";
    mode->statistic[1].mode = SPEAD_STATISTIC_SUM;
    expect_mismatch(a, more, "\"extra\"");
    expect_mismatch(more, a, "\"extra\"");
    expect_mismatch(a, other, "\"another\"");
    expect_mismatch(a, mode, "\"maximum\"");
    spead_snapshot_destroy(a);
    spead_snapshot_destroy(more);
    spead_snapshot_destroy(other);
    spead_snapshot_destroy(mode);
}

Test(snapshot, a_rate_is_the_difference_by_the_seconds_between)
{
    struct spead_snapshot *before = make(1000000000, (uint64_t[]){100, 0, 0, 0, 0});
    struct spead_snapshot *after = make(3000000000, (uint64_t[]){700, 0, 0, 0, 0});
    struct spead_err err = {0};
    double rate = 0;

    cr_assert_eq(spead_snapshot_rate(before, after, 0, &rate, NULL), 0);
    cr_expect_float_eq(rate, 300.0, 1e-9);
    after->statistic[0].value = 50; /* a count of what is missing can fall */
    cr_assert_eq(spead_snapshot_rate(before, after, 0, &rate, NULL), 0);
    cr_expect_float_eq(rate, -25.0, 1e-9);
    cr_expect_eq(spead_snapshot_rate(before, after, 3, &rate, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "\"level\" has no rate"), "%s", err.text);
    cr_expect_eq(spead_snapshot_rate(after, before, 0, &rate, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "no time"), "%s", err.text);
    cr_expect_eq(spead_snapshot_rate(before, after, 5, &rate, &err), -ERANGE);
    spead_snapshot_destroy(before);
    spead_snapshot_destroy(after);
}

Test(snapshot, json_has_every_statistic_and_text_has_those_that_are_not_zero)
{
    struct spead_snapshot *snapshot = make(1, (uint64_t[]){1, 0, 3, 0, 5});
    char text[200], little[8];
    int length;

    snapshot->statistic[0].value = (uint64_t)-2;
    length = spead_snapshot_json(snapshot, text, sizeof text);
    cr_expect_str_eq(text,
                     "{\"sum\": -2, \"maximum\": 0, \"last\": 3, \"level\": 0, \"minimum\": 5}");
    cr_expect_eq(length, (int)strlen(text));
    cr_expect_eq(spead_snapshot_json(snapshot, little, sizeof little), length);
    cr_expect_str_eq(little, "{\"sum\":");
    cr_expect_eq(spead_snapshot_text(snapshot, text, sizeof text), (int)strlen(text));
    cr_expect_str_eq(text, "sum -2\nlast 3\nminimum 5\n");
    cr_expect_eq(spead_snapshot_json(snapshot, NULL, 0), length);
    spead_snapshot_destroy(snapshot);
}

Test(snapshot, every_counter_of_a_receive_stream_has_a_name_of_its_own)
{
    for (size_t i = 0; i < SPEADI_RECV_STATISTIC_ROWS; i++) {
        cr_assert_not_null(speadi_recv_statistic_rows[i].name, "counter %zu has no name", i);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(speadi_recv_statistic_rows[i].name,
                              speadi_recv_statistic_rows[k].name);
    }
}
