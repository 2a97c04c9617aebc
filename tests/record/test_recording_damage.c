/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if another program cuts, removes or moves a file while a writer has it open, the writer says so and does not
 * end with success. Method: the test plays the other program, between two heaps or before finish(). */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "recording_rig.h"

TestSuite(recording_damage, .init = rig_begin, .fini = rig_end, .timeout = 60);

/* Opens a writer, and waits until two heaps are acknowledged. */
static struct spead_recording_writer *begin(void)
{
    struct spead_recording_writer_config config = rig_config(2);
    struct spead_recording_writer *writer = rig_open(&config);

    cr_assert_eq(rig_write(writer, 1, 2, 1000), 0);
    while (rig_stats(writer).heaps_synced < 2)
        ;
    return writer;
}

/* Expects that finish() fails with a sentence that names the file and has this text. */
static void expect_failure(struct spead_recording_writer *writer, const char *file,
                           const char *said)
{
    struct spead_err err = {0};

    rig_finish(writer, -ESTALE, &err);
    cr_expect_not_null(strstr(err.text, file), "%s", err.text);
    cr_expect_not_null(strstr(err.text, said), "%s", err.text);
}

Test(recording_damage, a_data_file_that_is_cut_takes_no_further_heap)
{
    struct spead_recording_writer *writer = begin();

    cr_assert_eq(truncate(rig_path, 500), 0);
    cr_expect_eq(rig_write(writer, 3, 1, 1000), -ESTALE);
    expect_failure(writer, rig_path, "to 500 bytes while it was written");
    cr_expect_eq(rig_bytes(rig_path), 500, "the length of the file shows what is not there");
}

Test(recording_damage, a_data_file_that_is_cut_after_the_last_heap_is_said_at_the_end)
{
    struct spead_recording_writer *writer = begin();

    cr_assert_eq(truncate(rig_path, 500), 0);
    expect_failure(writer, rig_path, "to 500 bytes while it was written");
}

Test(recording_damage, an_index_that_is_cut_gets_no_further_line)
{
    struct spead_recording_writer *writer = begin();

    cr_assert_eq(truncate(rig_index, 0), 0);
    cr_expect_eq(rig_write(writer, 3, 1, 1000), 0);
    expect_failure(writer, rig_index, "to 0 bytes while it was written");
    cr_expect_eq(rig_bytes(rig_index), 0, "a line behind a hole could not be read");
}

Test(recording_damage, a_data_file_that_is_removed_takes_no_further_heap)
{
    struct spead_recording_writer *writer = begin();

    cr_assert_eq(unlink(rig_path), 0);
    cr_expect_eq(rig_write(writer, 3, 1, 1000), -ESTALE);
    expect_failure(writer, rig_path, "was removed while it was written");
}

Test(recording_damage, an_index_that_is_removed_is_said)
{
    struct spead_recording_writer *writer = begin();

    cr_assert_eq(unlink(rig_index), 0);
    expect_failure(writer, rig_index, "was removed while it was written");
}

/* The heaps are all there, under another name. */
Test(recording_damage, a_file_that_is_moved_is_said_at_the_end_and_takes_all_heaps)
{
    struct spead_recording_writer *writer = begin();
    char other[80];

    snprintf(other, sizeof other, "%s-moved", rig_path);
    cr_assert_eq(rename(rig_path, other), 0);
    cr_expect_eq(rig_write(writer, 3, 1, 1000), 0);
    expect_failure(writer, rig_path, other);
    cr_assert_eq(rename(other, rig_path), 0);
    cr_expect_eq(rig_check(1), 3);
}

/* Other programs may only have added bytes: these are cut off, and nothing is lost. */
Test(recording_damage, bytes_of_another_program_behind_the_last_heap_are_cut_off)
{
    struct spead_recording_writer *writer = begin();

    rig_append(rig_path, "more", 4);
    rig_append(rig_index, "more\n", 5);
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 2);
}

/* A program may change its folder while it records. */
Test(recording_damage, a_relative_path_is_no_moved_file_when_the_program_changes_its_folder)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer;
    char folder[80];

    snprintf(folder, sizeof folder, "%s", rig_path);
    *strrchr(folder, '/') = '\0';
    cr_assert_eq(chdir(folder), 0);
    config.path = "night";
    writer = rig_open(&config);
    cr_assert_eq(rig_write(writer, 1, 1, 1000), 0);
    cr_assert_eq(chdir("/"), 0);
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 1);
}
