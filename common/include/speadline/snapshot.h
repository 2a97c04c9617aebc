/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: all statistics of a stream at one moment, each with a name.
 *
 * A statistic is one number of a stream: a count of the ledger ("delivered.packets"), a counter of the library
 * ("heaps_complete"), or a custom counter, which the user names and counts. struct spead_recv_stats has the first two
 * kinds as fields. A snapshot has all three in one list, so that a program can print, store and compare statistics that
 * it does not know.
 *
 * Names:   A statistic is found by its name or by its index (0, 1, ...). The library's names never change their
 *          meaning. A newer library may have more of them, so the index of a name is the same only in snapshots of
 *          streams of one library. The custom counters stand behind the library's statistics, in their own order.
 * Sums:    Two snapshots of one stream have a difference: what happened between them. Snapshots of several streams have
 *          a sum. Both need snapshots with the same statistics: streams of the same module whose custom counters have
 *          the same names and modes.
 * Threads: A snapshot is a copy that belongs to the caller, and it may outlive the stream. One thread at a time may
 *          change it; any number of threads may read it. Functions without another word may be called by any thread. */
#ifndef SPEADLINE_SNAPSHOT_H
#define SPEADLINE_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a statistic is counted, and what it is in a sum and in a difference. */
enum spead_statistic_mode {
    /* It counts things. In a sum it is added, in a difference it is subtracted. Only such a statistic has a rate. */
    SPEAD_STATISTIC_SUM = 0,
    /* The largest value so far. In a sum it is the larger one. In a difference it is the one of the later snapshot: how
     * large the values between two snapshots were is not known. */
    SPEAD_STATISTIC_MAXIMUM = 1,
    /* The value that was noted last. In a sum it is the one of the later snapshot, and so it is in a difference. */
    SPEAD_STATISTIC_LAST = 2,
    /* An amount that is there at the moment, such as live heaps. In a sum it is added. In a difference it is the one of
     * the later snapshot. */
    SPEAD_STATISTIC_LEVEL = 3,
    /* The smallest value so far; 0 means that there is none. In a sum it is the smaller one, in a difference the one of
     * the later snapshot. */
    SPEAD_STATISTIC_MINIMUM = 4,
};

#define SPEAD_STATISTIC_NAME_MAX 64 /* bytes of the longest name, with the final 0 */

/* A counter that the user names. The struct never changes. */
struct spead_custom_counter {
    /* 1 to 63 letters, digits, dots, underscores and hyphens. It is the name in snapshots, in JSON and in text, so it
     * must not be the name of another statistic of the stream. Borrowed. */
    const char *name;
    enum spead_statistic_mode mode;
    uint32_t reserved; /* 0 */
};

#define SPEAD_CUSTOM_COUNTERS_MAX 256 /* the most custom counters of a stream */

/* One statistic of a snapshot. The struct never changes. `name` lives as long as the snapshot. */
struct spead_statistic {
    const char *name;
    enum spead_statistic_mode mode;
    uint32_t reserved;
    uint64_t value;
};

/* A snapshot is opaque; spead_recv_stream_snapshot() makes one. */
struct spead_snapshot;

/* Frees the snapshot. NULL is ignored. */
void spead_snapshot_destroy(struct spead_snapshot *snapshot);

/* Makes a copy. Returns 0 and gives *out to the caller, or -ENOMEM. */
int spead_snapshot_copy(struct spead_snapshot **out, const struct spead_snapshot *from);

/* Returns the number of statistics. */
uint32_t spead_snapshot_count(const struct spead_snapshot *snapshot);

/* Returns the time of the snapshot by CLOCK_MONOTONIC, in nanoseconds. In a sum and in a difference it is the time of
 * the later one. */
uint64_t spead_snapshot_time_ns(const struct spead_snapshot *snapshot);

/* Fills *statistic with the statistic of this index. Returns 0, or -ERANGE if the index is past the last statistic; then
 * *statistic is unchanged. */
int spead_snapshot_at(const struct spead_snapshot *snapshot, uint32_t index,
                      struct spead_statistic *statistic);

/* Returns the index of the statistic with this name, or -ENOENT. */
int spead_snapshot_find(const struct spead_snapshot *snapshot, const char *name);

/* Sets *value to the value of the statistic with this name. Returns 0, or -ENOENT with a sentence in err; then *value is
 * unchanged. err may be NULL. */
int spead_snapshot_value(const struct spead_snapshot *snapshot, const char *name, uint64_t *value,
                         struct spead_err *err);

/* Adds `more` to *sum. Returns 0, or -EINVAL if the two do not have the same statistics; err says which differs, and
 * *sum is unchanged. err may be NULL. */
int spead_snapshot_add(struct spead_snapshot *sum, const struct spead_snapshot *more,
                       struct spead_err *err);

/* Subtracts `before` from *after, so that *after holds what happened between the two. A statistic of the mode SUM can
 * fall ("missing_packets", when a packet comes late); its difference is then the number below 0 as a signed 64-bit
 * number. Returns 0 or -EINVAL, as spead_snapshot_add() does. */
int spead_snapshot_subtract(struct spead_snapshot *after, const struct spead_snapshot *before,
                            struct spead_err *err);

/* Sets *per_second to the rate of the statistic of this index: its difference between the two snapshots divided by the
 * seconds between them. It is below 0 if the statistic has fallen. Returns 0; -ERANGE if the index is past the last
 * statistic; or -EINVAL if the snapshots do not have the same statistics, if `after` is not later than `before`, or if
 * the mode is not SUM. err may be NULL. */
int spead_snapshot_rate(const struct spead_snapshot *before, const struct spead_snapshot *after,
                        uint32_t index, double *per_second, struct spead_err *err);

/* Writes the snapshot into `text`, of which `max` bytes may be written: as JSON an object with a member for each
 * statistic, as text a line for each statistic whose value is not 0. Like snprintf(), it cuts a text that is too long,
 * and returns the length of the whole text; or -EOVERFLOW if that does not fit an int. */
int spead_snapshot_json(const struct spead_snapshot *snapshot, char *text, size_t max);
int spead_snapshot_text(const struct spead_snapshot *snapshot, char *text, size_t max);

#ifdef __cplusplus
}
#endif
#endif
