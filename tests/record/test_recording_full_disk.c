/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: on a disk that is really full, every heap that fitted has its line. Method: a file system of 2 MiB in memory,
 * in a mount namespace of the test. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "recording_rig.h"

static void begin(void)
{
    rig_begin();
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        cr_skip_test("no mount namespace: %s", strerror(errno));
    *strrchr(rig_path, '/') = '\0';
    cr_assert_eq(mount("none", rig_path, "tmpfs", 0, "size=2m"), 0, "%s", strerror(errno));
    strcat(rig_path, "/night");
}

static void end(void)
{
    char folder[sizeof rig_path];

    strcpy(folder, rig_path);
    *strrchr(folder, '/') = '\0';
    umount2(folder, MNT_DETACH);
    rig_end();
}

TestSuite(recording_full_disk, .init = begin, .fini = end, .timeout = 60);

/* Heaps of whole pages: the last one that does not fit leaves no room behind when it is cut off. */
static void fill(size_t heap_bytes)
{
    struct spead_recording_writer_config config = rig_config(100000);
    struct spead_recording_writer *writer = rig_open(&config);
    struct spead_err err;
    unsigned count;

    cr_expect_eq(rig_write(writer, 1, 3000, heap_bytes), -ENOSPC);
    cr_expect_eq(spead_recording_writer_finish(writer, &err), -ENOSPC);
    cr_expect_not_null(strstr(err.text, "(heaps before this are whole)"), "%s", err.text);
    count = rig_check(1);
    cr_expect_eq(rig_stats(writer).heaps_synced, count);
    cr_expect_geq(count * heap_bytes, (2u << 20) - (512u << 10) - heap_bytes,
                  "only %u heaps of %zu bytes", count, heap_bytes);
    rig_finish(writer, -ENOSPC, NULL);
}

Test(recording_full_disk, every_large_heap_that_fitted_has_its_line)
{
    fill(65536);
}

Test(recording_full_disk, every_small_heap_that_fitted_has_its_line)
{
    fill(4096);
}
