/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a writer goes on behind one that did not end in order, and says what it cut off; it refuses files that do not
 * belong together, and leaves them as they are. Method: the test damages the files of a recording of three heaps. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "recording_rig.h"

#define TORN "{\"counter\":4,\"offset\":3000,\"by"

TestSuite(recording_recovery, .init = rig_begin, .fini = rig_end, .timeout = 60);

/* Goes on with the recording: adds the heaps 4 and 5. Expects `said` in the log; an empty text means an empty log. */
static void go_on(const char *said)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer = rig_open(&config);

    if (*said == '\0')
        cr_expect_str_empty(rig_log);
    else
        cr_expect_not_null(strstr(rig_log, said), "%s", rig_log);
    cr_assert_eq(rig_write(writer, 4, 2, 1000), 0);
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 5);
}

/* Expects that a writer refuses the files with such a sentence, and changes nothing. */
static void expect_refusal(const char *said)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer = NULL;
    struct spead_err err = {0};
    off_t data = access(rig_path, F_OK) == 0 ? rig_bytes(rig_path) : -1;
    off_t index = access(rig_index, F_OK) == 0 ? rig_bytes(rig_index) : -1;

    cr_expect_eq(spead_recording_writer_create(&writer, &config, &err), -EINVAL, "%s", err.text);
    cr_expect_not_null(strstr(err.text, said), "%s", err.text);
    cr_expect_eq(access(rig_path, F_OK) == 0 ? rig_bytes(rig_path) : -1, data);
    cr_expect_eq(access(rig_index, F_OK) == 0 ? rig_bytes(rig_index) : -1, index);
    cr_expect_str_empty(rig_log);
}

Test(recording_recovery, a_whole_recording_is_continued_without_a_word)
{
    rig_make(3, 1000);
    go_on("");
}

Test(recording_recovery, a_torn_line_is_dropped_and_said)
{
    rig_make(3, 1000);
    rig_append(rig_index, TORN, sizeof TORN - 1);
    go_on("ended with a torn line of 30 bytes, which was cut off");
}

Test(recording_recovery, a_torn_line_goes_with_the_payload_that_it_describes)
{
    char payload[1000] = {0};

    rig_make(3, 1000);
    rig_append(rig_index, TORN, sizeof TORN - 1);
    rig_append(rig_path, payload, sizeof payload);
    go_on("had 1000 bytes behind the last heap of its index, which were cut off");
}

/* A file system may know the new length of a file after a power cut, and not its content. */
Test(recording_recovery, zeros_at_the_end_of_the_index_are_a_torn_line)
{
    char zeros[5000] = {0};

    rig_make(3, 1000);
    rig_append(rig_index, zeros, sizeof zeros);
    rig_append(rig_index, "\n{}\n", 4);
    go_on("ended with a torn line of 5004 bytes");
}

Test(recording_recovery, a_writer_that_was_killed_before_its_first_sync_leaves_no_obstacle)
{
    rig_append(rig_index, "", 0);
    rig_append(rig_path, "payload", 7);
    rig_make(5, 1000);
    cr_expect_not_null(strstr(rig_log, "had 7 bytes behind the last heap"), "%s", rig_log);
    cr_expect_eq(rig_check(1), 5);
}

Test(recording_recovery, a_data_file_that_is_shorter_than_its_index_is_refused)
{
    rig_make(3, 1000);
    cr_assert_eq(truncate(rig_path, 2999), 0);
    expect_refusal("has 2999 bytes, and ");
}

Test(recording_recovery, a_data_file_that_was_moved_away_is_refused)
{
    rig_make(3, 1000);
    cr_assert_eq(unlink(rig_path), 0);
    expect_refusal("is not there, and ");
}

Test(recording_recovery, an_index_that_was_moved_away_is_refused)
{
    rig_make(3, 1000);
    cr_assert_eq(unlink(rig_index), 0);
    expect_refusal("is not there: move it back, or move the data away too");
}

Test(recording_recovery, a_data_file_with_other_heaps_is_refused)
{
    char other[3000];

    memset(other, 'x', sizeof other);
    rig_make(3, 1000);
    cr_assert_eq(unlink(rig_path), 0);
    rig_append(rig_path, other, sizeof other);
    expect_refusal("holds other heaps than");
}

Test(recording_recovery, an_index_that_is_no_index_is_refused)
{
    rig_append(rig_path, "abcd", 4);
    rig_append(rig_index, "{\"name\":\"a file of somebody else\"}\n", 35);
    expect_refusal("describes no heap");
}

/* A writer cuts the data file behind the last heap of the index. It must not cut off heaps that other lines describe. */
Test(recording_recovery, a_last_line_whose_heap_lies_before_other_heaps_is_refused)
{
    static const char line[] = "{\"counter\":1,\"offset\":0,\"bytes\":0}\n";

    rig_make(3, 1000);
    rig_append(rig_index, line, sizeof line - 1);
    expect_refusal("describes a heap at 0, and the heaps before it end at 3000");
}

Test(recording_recovery, a_last_line_whose_heap_lies_behind_a_gap_of_the_file_is_refused)
{
    static const char line[] = "{\"counter\":4,\"offset\":3001,\"bytes\":0}\n";

    rig_make(3, 1000);
    rig_append(rig_path, "x", 1);
    rig_append(rig_index, line, sizeof line - 1);
    expect_refusal("describes a heap at 3001, and the heaps before it end at 3000");
}

/* spead-info looks at recordings at any time, also when a writer starts. */
Test(recording_recovery, a_program_that_locks_the_file_to_read_it_keeps_no_writer_away)
{
    int reader;

    rig_make(3, 1000);
    reader = open(rig_path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(flock(reader, LOCK_SH), 0);
    go_on("");
    close(reader);
}

/* What earlier versions wrote has no samples. */
Test(recording_recovery, an_index_without_samples_is_continued)
{
    struct spead_recording_writer_config config = rig_config(1);

    rig_append(rig_path, "abcd", 4);
    rig_append(rig_index, "{\"counter\": 1, \"offset\": 0, \"bytes\": 4}\n", 40);
    rig_finish(rig_open(&config), 0, NULL);
    cr_expect_str_empty(rig_log);
    cr_expect_eq(rig_bytes(rig_path), 4);
}

Test(recording_recovery, two_writers_of_one_recording_are_one_too_many)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer = rig_open(&config), *second = NULL;
    struct spead_err err;

    cr_expect_eq(spead_recording_writer_create(&second, &config, &err), -EBUSY);
    cr_expect_not_null(strstr(err.text, rig_path), "%s", err.text);
    rig_finish(writer, 0, NULL);
}
