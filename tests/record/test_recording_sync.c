/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a heap is acknowledged only when its payload and its line were synced; a slow sync delays nothing; a failed
 * sync names what it took back. Method: the test replaces fdatasync() (sync_seam.h), so no test depends on how fast a
 * disk is. Of each sync of a writer, the first call is for the data file and the second one for the index. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "recording_rig.h"
#include "sync_seam.h"

TestSuite(recording_sync, .init = rig_begin, .fini = rig_end, .timeout = 60);

Test(recording_sync, a_line_is_written_only_after_the_payload_was_synced)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer = rig_open(&config);

    sync_seam_hold = 1;
    cr_assert_eq(rig_write(writer, 1, 1, 1000), 0);
    sync_seam_await(1);
    cr_expect_eq(rig_bytes(rig_path), 1000);
    cr_expect_eq(rig_bytes(rig_index), 0);
    cr_expect_eq(rig_stats(writer).heaps_synced, 0);
    sync_seam_hold = 0;
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 1);
}

/* The heaps are taken while the sync of the first one has not returned. */
Test(recording_sync, a_sync_that_does_not_return_delays_no_heap)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer = rig_open(&config);

    sync_seam_hold = 1;
    cr_assert_eq(rig_write(writer, 1, 1, 1000), 0);
    sync_seam_await(1);
    cr_assert_eq(rig_write(writer, 2, 5000, 1000), 0);
    cr_expect_eq(rig_stats(writer).heaps_waiting, 5001);
    cr_expect_eq(sync_seam_calls(), 1);
    sync_seam_hold = 0;
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 5001);
}

Test(recording_sync, what_is_acknowledged_is_counted)
{
    struct spead_recording_writer_config config = rig_config(3);
    struct spead_recording_writer *writer = rig_open(&config);

    cr_assert_eq(rig_write(writer, 1, 3, 1000), 0);
    while (rig_stats(writer).heaps_synced < 3)
        ;
    cr_expect_eq(rig_stats(writer).syncs, 1);
    cr_assert_eq(rig_write(writer, 4, 2, 1000), 0);
    cr_expect_eq(rig_stats(writer).heaps_synced, 3);
    cr_expect_eq(rig_stats(writer).heaps_waiting, 2);
    cr_assert_eq(spead_recording_writer_finish(writer, NULL), 0);
    cr_expect_eq(rig_stats(writer).heaps_synced, 5);
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 5);
}

Test(recording_sync, the_time_of_a_sync_passes_without_another_heap)
{
    struct spead_recording_writer_config config = rig_config(0);
    struct spead_recording_writer *writer;

    config.sync_ns = 1000000;
    writer = rig_open(&config);
    cr_assert_eq(rig_write(writer, 1, 1, 1000), 0);
    while (rig_stats(writer).heaps_synced < 1)
        ;
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 1);
}

/* Writes and syncs 3 heaps. Then writes 3 more, and call number `call` of their sync fails. */
static void fail_second_sync(int call)
{
    struct spead_recording_writer_config config = rig_config(3);
    struct spead_recording_writer *writer = rig_open(&config);
    struct spead_recording_writer_stats stats;
    struct spead_err err;

    cr_assert_eq(rig_write(writer, 11, 3, 1000), 0);
    while (rig_stats(writer).heaps_synced < 3)
        ;
    sync_seam_fail_from = 2 + call;
    rig_write(writer, 14, 3, 1000);
    while (spead_recording_writer_error(writer) == 0)
        ;
    cr_expect_eq(rig_write(writer, 17, 1, 1000), -EIO, "no heap is taken after a failed sync");
    cr_expect_eq(spead_recording_writer_finish(writer, &err), -EIO);
    cr_expect_not_null(strstr(err.text, "heaps 4 to 6 (counters 14 to 16) are lost, the 3 before "
                                        "are safe: cannot sync "),
                       "%s", err.text);
    cr_expect_not_null(strstr(err.text, call == 1 ? rig_path : rig_index), "%s", err.text);
    stats = rig_stats(writer);
    cr_expect_eq(stats.heaps, 3);
    cr_expect_eq(stats.heaps_lost, 3);
    cr_expect_eq(stats.heaps_waiting, 0);
    rig_finish(writer, -EIO, NULL);
    cr_expect_eq(rig_check(11), 3);
}

Test(recording_sync, a_failed_sync_of_the_data_names_the_lost_heaps)
{
    fail_second_sync(1);
}

Test(recording_sync, a_failed_sync_of_the_index_names_the_lost_heaps)
{
    fail_second_sync(2);
}

Test(recording_sync, a_failed_sync_at_the_end_is_an_error)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer;
    struct spead_err err;

    config.sync = SPEAD_RECORDING_SYNC_END;
    writer = rig_open(&config);
    sync_seam_fail_from = 1;
    cr_assert_eq(rig_write(writer, 1, 4, 1000), 0);
    cr_expect_eq(rig_stats(writer).heaps, 4);
    cr_expect_eq(rig_stats(writer).heaps_synced, 0);
    rig_finish(writer, -EIO, &err);
    cr_expect_not_null(strstr(err.text, "heaps 1 to 4 (counters 1 to 4) are lost"), "%s", err.text);
    cr_expect_eq(rig_check(1), 0);
}

/* A writer that was killed may have left lines that only the page cache has. */
Test(recording_sync, what_an_earlier_writer_left_is_synced_without_a_further_heap)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer;

    config.sync = SPEAD_RECORDING_SYNC_NEVER;
    writer = rig_open(&config);
    cr_assert_eq(rig_write(writer, 1, 3, 1000), 0);
    rig_finish(writer, 0, NULL);
    cr_assert_eq(sync_seam_calls(), 0);
    config.sync = SPEAD_RECORDING_SYNC_INTERVAL;
    writer = rig_open(&config);
    sync_seam_await(2);
    rig_finish(writer, 0, NULL);
    cr_expect_eq(sync_seam_calls(), 2, "the data file and the index, once");
    config.sync = SPEAD_RECORDING_SYNC_END;
    rig_finish(rig_open(&config), 0, NULL);
    cr_expect_eq(sync_seam_calls(), 4);
    cr_expect_eq(rig_check(1), 3);
}

Test(recording_sync, what_an_earlier_writer_left_and_the_disk_did_not_keep_is_an_error)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer;
    struct spead_err err;

    rig_make(3, 1000);
    sync_seam_fail_from = sync_seam_calls() + 1;
    writer = rig_open(&config);
    rig_finish(writer, -EIO, &err);
    cr_expect_not_null(strstr(err.text, "heaps of earlier runs may be lost: cannot sync "), "%s",
                       err.text);
    cr_expect_eq(rig_check(1), 3, "nothing was cut off");
}

Test(recording_sync, never_means_never)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer;

    config.sync = SPEAD_RECORDING_SYNC_NEVER;
    writer = rig_open(&config);
    cr_assert_eq(rig_write(writer, 1, 4, 1000), 0);
    cr_expect_eq(rig_stats(writer).heaps, 4, "lines are written at once");
    rig_finish(writer, 0, NULL);
    cr_expect_eq(sync_seam_calls(), 0);
    cr_expect_eq(rig_check(1), 4);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The heaps before the one that found no room are synced and indexed, although no sync was due. */
Test(recording_sync, on_a_full_disk_the_heaps_before_are_acknowledged)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer = rig_open(&config);
    struct spead_err err;

    limit_files(7 * 10000 + 4321);
    cr_expect_eq(rig_write(writer, 1, 20, 10000), -EFBIG);
    cr_expect_eq(spead_recording_writer_finish(writer, &err), -EFBIG);
    cr_expect_not_null(strstr(err.text, "(heaps before this are whole)"), "%s", err.text);
    cr_expect_eq(rig_stats(writer).heaps_synced, 7);
    rig_finish(writer, -EFBIG, NULL);
    cr_expect_eq(rig_check(1), 7);
}

Test(recording_sync, a_full_disk_for_the_index_takes_back_the_heaps_without_lines)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer = rig_open(&config);
    struct spead_err err;
    unsigned count;

    limit_files(2000);
    cr_assert_eq(rig_write(writer, 1, 60, 10), 0);
    rig_finish(writer, -EFBIG, &err);
    cr_expect_not_null(strstr(err.text, rig_index), "%s", err.text);
    count = rig_check(1);
    cr_expect_gt(count, 3);
    cr_expect_lt(count, 60);
}
