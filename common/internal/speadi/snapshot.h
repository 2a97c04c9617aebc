/* SPDX-License-Identifier: Apache-2.0 */
/* How a stream makes a snapshot of its statistics. Control plane. */
#ifndef SPEADI_SNAPSHOT_H
#define SPEADI_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/snapshot.h>
#include <speadline/stats.h>

struct spead_snapshot {
    uint64_t time_ns;
    uint32_t count, count_max;
    struct spead_statistic *statistic; /* array [count_max] */
    /* array [count_max][SPEAD_STATISTIC_NAME_MAX]: the names that are not constants of the library */
    char (*name)[SPEAD_STATISTIC_NAME_MAX];
};

/* Makes a snapshot without statistics, with room for count_max of them. Returns NULL if there is no memory. */
struct spead_snapshot *speadi_snapshot_make(uint32_t count_max, uint64_t time_ns);

/* Adds a statistic. `name` has static storage. The caller must not add more than count_max statistics. */
void speadi_snapshot_put(struct spead_snapshot *snapshot, const char *name,
                         enum spead_statistic_mode mode, uint64_t value);

/* Adds a statistic, and copies its name. */
void speadi_snapshot_put_copy(struct spead_snapshot *snapshot, const char *name,
                              enum spead_statistic_mode mode, uint64_t value);

/* Adds the ledger: "seen.packets", "seen.bytes", and the same for each bucket of `names`. */
void speadi_snapshot_put_ledger(struct spead_snapshot *snapshot, const struct spead_count *seen,
                                const struct spead_count *bucket, uint32_t bucket_count,
                                const char *(*names)(unsigned));

/* A word of a struct of counters: its name, which is the name of its field, and its mode. */
struct speadi_statistic_row {
    const char *name;
    enum spead_statistic_mode mode;
};

/* The statistics of a receive stream besides its ledger: first a row for each word of struct spead_recv_counters, in the
 * order of the words, and then hand_over_high_water. */
#define SPEADI_RECV_COUNTERS       (sizeof(struct spead_recv_counters) / sizeof(uint64_t))
#define SPEADI_RECV_STATISTIC_ROWS (SPEADI_RECV_COUNTERS + 1)
extern const struct speadi_statistic_row speadi_recv_statistic_rows[SPEADI_RECV_STATISTIC_ROWS];

/* ---- Custom counters ----------------------------------------------------------------------- */

/* Checks the custom counters of a configuration: names, modes and number. `rows` are the names of the library that they
 * must not have. Returns 0 or -EINVAL; err names the field. */
int speadi_custom_counters_check(const struct spead_custom_counter *counters, uint32_t count,
                                 const struct speadi_statistic_row *rows, size_t row_count,
                                 struct spead_err *err);

/* Notes a value in the word of a custom counter. */
static inline void speadi_custom_counter_note(uint64_t *word, enum spead_statistic_mode mode,
                                              uint64_t value)
{
    switch (mode) {
    case SPEAD_STATISTIC_SUM:
        *word += value;
        break;
    case SPEAD_STATISTIC_MAXIMUM:
        if (value > *word)
            *word = value;
        break;
    case SPEAD_STATISTIC_MINIMUM:
        if (*word == 0 || value < *word)
            *word = value;
        break;
    case SPEAD_STATISTIC_LAST:
    case SPEAD_STATISTIC_LEVEL:
        *word = value;
        break;
    }
}

#endif
