/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: another user cannot choose the file that a program opens for writing.
 * Method: in a new folder, the tests lay the traps that another user could lay. Some traps must belong to another user;
 * these tests need root. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <speadi/own_file.h>

#include "temp_folder.h"

#define OTHER_USER 65534u

static char folder[] = "/tmp/speadline-own-file-XXXXXX";
static struct spead_err err;

static void set_up(void)
{
    test_folder_enter(folder);
    cr_assert_eq(mkdir("real", 0755), 0);
}

static void tear_down(void)
{
    test_folder_remove(folder);
}

TestSuite(own_file, .init = set_up, .fini = tear_down, .timeout = 60);

static void expect_opens(const char *path, unsigned how)
{
    int fd = speadi_own_file_open(path, O_WRONLY, how, &err);

    cr_assert_geq(fd, 0, "%s: %s", path, err.text);
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_expect_eq(write(fd, "x", 1), 1);
    close(fd);
}

/* The refusal must name the path, because there the user looks for the cause. */
static void expect_refused(const char *path, unsigned how, int code)
{
    int ret = speadi_own_file_open(path, O_WRONLY, how, &err);

    cr_expect_eq(ret, code, "%s: %d, %s", path, ret, ret < 0 ? err.text : "");
    cr_expect(ret >= 0 || strstr(err.text, path), "%s", err.text);
}

static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

    cr_assert_geq(fd, 0);
    close(fd);
}

static void need_root(void)
{
    if (geteuid() == 0)
        return;
    tear_down(); /* Criterion does not do this for a test that is skipped */
    cr_skip_test("needs root, to make files of another user");
}

Test(own_file, a_new_file_is_made_and_opened_again)
{
    char path[80];

    expect_opens("new", 0);
    expect_opens("new", 0);
    expect_opens("real/new", 0);
    expect_opens("./real/../real//other", 0);
    snprintf(path, sizeof path, "%s/real/absolute", folder);
    expect_opens(path, 0);
}

Test(own_file, a_link_in_its_place_is_refused_and_not_followed_unless_asked)
{
    cr_assert_eq(symlink("target", "link"), 0);
    expect_refused("link", 0, -ELOOP);
    expect_refused("link", SPEADI_OWN_FILE_ANY_KIND, -ELOOP);
    cr_expect_eq(access("target", F_OK), -1, "the target was made");
    expect_opens("link", SPEADI_OWN_FILE_FOLLOW);
    cr_expect_eq(access("target", F_OK), 0);
    expect_refused("link", 0, -ELOOP);
}

Test(own_file, a_link_to_a_folder_is_followed_if_it_is_ours)
{
    cr_assert_eq(symlink("real", "ours"), 0);
    cr_assert_eq(symlink(folder, "absolute"), 0);
    expect_opens("ours/file", 0);
    expect_opens("absolute/ours/file", 0);
    cr_assert_eq(symlink("loop", "loop"), 0);
    expect_refused("loop/file", 0, -ELOOP);
}

Test(own_file, a_link_of_another_user_on_the_way_is_refused)
{
    need_root();
    cr_assert_eq(symlink("real", "theirs"), 0);
    cr_assert_eq(lchown("theirs", OTHER_USER, OTHER_USER), 0);
    expect_refused("theirs/file", 0, -ELOOP);
    cr_expect_eq(access("real/file", F_OK), -1, "the file was made");
    expect_opens("theirs/file", SPEADI_OWN_FILE_FOLLOW);
}

Test(own_file, a_file_of_another_user_is_refused)
{
    need_root();
    make_file("theirs");
    cr_assert_eq(chown("theirs", OTHER_USER, OTHER_USER), 0);
    cr_assert_eq(chmod("theirs", 0666), 0);
    expect_refused("theirs", 0, -EPERM);
    expect_refused("theirs", SPEADI_OWN_FILE_FOLLOW, -EPERM);
    expect_refused("theirs", SPEADI_OWN_FILE_ANY_KIND, -EPERM);
}

Test(own_file, a_file_that_has_another_name_elsewhere_is_refused)
{
    make_file("real/precious");
    cr_assert_eq(link("real/precious", "bait"), 0);
    expect_refused("bait", 0, -EMLINK);
    expect_opens("bait", SPEADI_OWN_FILE_FOLLOW);
}

Test(own_file, pipes_and_devices_are_opened_where_they_are_wanted)
{
    pid_t reader;

    expect_opens("/dev/null", SPEADI_OWN_FILE_ANY_KIND);
    expect_refused("/dev/null", 0, -EINVAL);
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    expect_refused("pipe", 0, -EINVAL);
    reader = fork();
    if (reader == 0) {
        char byte;
        int fd = open("pipe", O_RDONLY);

        _exit(fd >= 0 && read(fd, &byte, 1) == 1 ? 0 : 1);
    }
    expect_opens("pipe", SPEADI_OWN_FILE_ANY_KIND);
    cr_expect_eq(waitpid(reader, NULL, 0), reader);
}

Test(own_file, a_pipe_of_another_user_is_refused)
{
    need_root();
    cr_assert_eq(mkfifo("pipe", 0666), 0);
    cr_assert_eq(chown("pipe", OTHER_USER, OTHER_USER), 0);
    expect_refused("pipe", SPEADI_OWN_FILE_ANY_KIND, -EPERM);
}

Test(own_file, what_cannot_be_a_file_is_refused_by_name)
{
    expect_refused("real", 0, -EISDIR);
    expect_refused("real/", 0, -EISDIR);
    expect_refused("real/.", 0, -EISDIR);
    expect_refused("nowhere/file", 0, -ENOENT);
    expect_refused("", 0, -EISDIR);
    make_file("plain");
    expect_refused("plain/file", 0, -ENOTDIR);
}
