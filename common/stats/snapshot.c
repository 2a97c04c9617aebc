/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: the list of statistics, and how to find one of them. */
#include <speadi/snapshot.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

/* ---- Making -------------------------------------------------------------------------------- */

struct spead_snapshot *speadi_snapshot_make(uint32_t count_max, uint64_t time_ns)
{
    struct spead_snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (!snapshot)
        return NULL;
    snapshot->time_ns = time_ns;
    snapshot->count_max = count_max;
    snapshot->statistic = calloc(count_max, sizeof *snapshot->statistic);
    snapshot->name = calloc(count_max, sizeof *snapshot->name);
    if (snapshot->statistic && snapshot->name)
        return snapshot;
    spead_snapshot_destroy(snapshot);
    return NULL;
}

void spead_snapshot_destroy(struct spead_snapshot *snapshot)
{
    if (!snapshot)
        return;
    free(snapshot->statistic);
    free(snapshot->name);
    free(snapshot);
}

void speadi_snapshot_put(struct spead_snapshot *snapshot, const char *name,
                         enum spead_statistic_mode mode, uint64_t value)
{
    assert(snapshot->count < snapshot->count_max);
    snapshot->statistic[snapshot->count++] =
        (struct spead_statistic){.name = name, .mode = mode, .value = value};
}

void speadi_snapshot_put_copy(struct spead_snapshot *snapshot, const char *name,
                              enum spead_statistic_mode mode, uint64_t value)
{
    char *copy = snapshot->name[snapshot->count];

    snprintf(copy, SPEAD_STATISTIC_NAME_MAX, "%s", name);
    speadi_snapshot_put(snapshot, copy, mode, value);
}

static void put_count(struct spead_snapshot *snapshot, const char *name,
                      enum spead_statistic_mode mode, const struct spead_count *count)
{
    char text[SPEAD_STATISTIC_NAME_MAX];

    snprintf(text, sizeof text, "%s.packets", name);
    speadi_snapshot_put_copy(snapshot, text, mode, count->packets);
    snprintf(text, sizeof text, "%s.bytes", name);
    speadi_snapshot_put_copy(snapshot, text, mode, count->bytes);
}

void speadi_snapshot_put_ledger(struct spead_snapshot *snapshot, const struct spead_count *seen,
                                const struct spead_count *bucket, uint32_t bucket_count,
                                const char *(*names)(unsigned))
{
    put_count(snapshot, "seen", SPEAD_STATISTIC_SUM, seen);
    for (uint32_t i = 0; i < bucket_count; i++)
        put_count(snapshot, names(i), SPEAD_STATISTIC_SUM, &bucket[i]);
}

int spead_snapshot_copy(struct spead_snapshot **out, const struct spead_snapshot *from)
{
    struct spead_snapshot *copy = speadi_snapshot_make(from->count, from->time_ns);

    if (!copy)
        return -ENOMEM;
    for (uint32_t i = 0; i < from->count; i++) {
        const struct spead_statistic *s = &from->statistic[i];

        speadi_snapshot_put_copy(copy, s->name, s->mode, s->value);
    }
    *out = copy;
    return 0;
}

/* ---- Reading ------------------------------------------------------------------------------- */

uint32_t spead_snapshot_count(const struct spead_snapshot *snapshot)
{
    return snapshot->count;
}

uint64_t spead_snapshot_time_ns(const struct spead_snapshot *snapshot)
{
    return snapshot->time_ns;
}

int spead_snapshot_at(const struct spead_snapshot *snapshot, uint32_t index,
                      struct spead_statistic *statistic)
{
    if (index >= snapshot->count)
        return -ERANGE;
    *statistic = snapshot->statistic[index];
    return 0;
}

int spead_snapshot_find(const struct spead_snapshot *snapshot, const char *name)
{
    for (uint32_t i = 0; i < snapshot->count; i++)
        if (strcmp(snapshot->statistic[i].name, name) == 0)
            return (int)i;
    return -ENOENT;
}

int spead_snapshot_value(const struct spead_snapshot *snapshot, const char *name, uint64_t *value,
                         struct spead_err *err)
{
    int index = spead_snapshot_find(snapshot, name);

    if (index < 0)
        return speadi_err_set(err, -ENOENT,
                              "there is no statistic \"%s\" among the %u of this snapshot: "
                              "spead_snapshot_at() lists their names",
                              name, snapshot->count);
    *value = snapshot->statistic[index].value;
    return 0;
}
